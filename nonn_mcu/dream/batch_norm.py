"""How far a batch lies from what a network's batch norms saw in training.

A batch norm keeps the mean and the variance of every channel over the training data. Inputs that give a
network these statistics again drive its layers as the training data did, whatever they look like: Y. Cai et
al., "ZeroQ: A Novel Zero Shot Quantization Framework", CVPR 2020 (arXiv 2001.00281); H. Yin et al.,
"Dreaming to Distill", CVPR 2020 (arXiv 1912.08795).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from torch import Tensor, nn

Distance = Callable[[], "Tensor"]


def layers(module: nn.Module, name: str) -> list[Any]:
    """Give the batch norms that have running statistics; ``name`` is the network's, for messages.

    Raises :class:`BadInput` for statistics that are not finite or a variance below zero.
    """
    from torch.nn.modules.batchnorm import _BatchNorm

    found = []
    for place, layer in module.named_modules():
        if isinstance(layer, _BatchNorm) and layer.running_mean is not None:
            mean, variance = layer.running_mean, layer.running_var
            if not (mean.isfinite().all() and variance.isfinite().all() and (variance >= 0).all()):
                raise BadInput(
                    f"{name}: batch norm {place!r} holds statistics that are NaN, infinite or below zero; "
                    "train the network again or give samples with --calib"
                )
            found.append(layer)
    return found


@contextmanager
def watch(module: nn.Module, name: str) -> Iterator[Distance]:
    """Let ``module``, in eval mode, tell after each forward pass how far the batch's statistics were off.

    The distance is a scalar, differentiable with respect to the inputs: over all batch norms that ran, the
    mean of ``(m - mean)^2 / v + (s / sqrt(v) - 1)^2`` over channels, with ``m`` and ``s`` the mean and
    standard deviation of what came in (over all axes but the channels') and ``v`` the running variance plus
    the layer's epsilon. Call it once after each pass. Raises as :func:`layers`, and :class:`BadInput` where
    there is no batch norm.
    """
    watched = layers(module, name)
    if not watched:
        raise BadInput(f"{name}: has no batch norm with statistics of its training data")
    terms: list[Tensor] = []

    def look(layer: Any, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].transpose(0, 1).flatten(1)
        variance = layer.running_var + layer.eps
        means = (values.mean(1) - layer.running_mean).square() / variance
        spread = (values.var(1, correction=0) + layer.eps).sqrt() / variance.sqrt() - 1
        terms.append((means + spread.square()).mean())

    def distance() -> Tensor:
        import torch

        total = torch.stack(terms).mean()
        terms.clear()
        return total

    handles = [layer.register_forward_pre_hook(look) for layer in watched]
    try:
        yield distance
    finally:
        for handle in handles:
            handle.remove()
