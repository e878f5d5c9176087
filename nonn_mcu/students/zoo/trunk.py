"""A network of the zoo without its classifier: what a student of a network of neural networks begins with."""

from __future__ import annotations

import inspect

import torch
from torch import nn

from nonn_mcu.errors import BadInput
from nonn_mcu.students import zoo


def build_trunk(name: str, shape: tuple[int, ...], **args: int) -> tuple[nn.Module, int]:
    """Build a network by name and drop its classifier; give it and the channels of its last maps.

    The module has ``maps``: (N, *shape) to (N, C, H', W'). ``shape`` is CHW; where ``args`` does not say
    ``channels``, they are the shape's. Raises :class:`BadInput` where the network has no convolution or
    does not take the shape.
    """
    family, _ = zoo.parse(name)
    if len(shape) != 3:
        raise BadInput(f"arch {name}: its input has shape {shape}; students take images, CHW")
    if "channels" in inspect.signature(zoo.maker(family)).parameters:
        args.setdefault("channels", shape[0])
    net = zoo.build(name, **args)
    if not hasattr(net, "maps"):
        raise BadInput(f"arch {name}: has no convolution, and a student's features come from one")
    # every family defines its classifier last
    delattr(net, [key for key, _ in net.named_children()][-1])
    try:
        with torch.no_grad():
            width = net.maps(torch.zeros(1, *shape)).shape[1]
    except RuntimeError as error:
        raise BadInput(
            f"arch {name}: does not take an input of {shape} ({str(error).splitlines()[0]})"
        ) from None
    return net, width
