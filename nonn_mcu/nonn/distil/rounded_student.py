"""A student whose weights and activations are rounded as on the device, so that training can see it.

What the device rounds is rounded here, with gradients that go straight through (B. Jacob et al.,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018).
Weights are torch's affair, which folds batch norms into them first; where activations are rounded is a table
here, since torch rounds by the rules of other devices.
"""

from __future__ import annotations

import operator
import warnings
from collections import Counter
from typing import Any

import torch
import torch.ao.nn.intrinsic as fused
import torch.ao.nn.intrinsic.qat as fused_rounded
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn
from torch.ao.nn import qat as rounded
from torch.ao.quantization import (
    FakeQuantize,
    MinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    PlaceholderObserver,
    QConfig,
    QConfigMapping,
)
from torch.ao.quantization.quantize_fx import prepare_qat_fx
from torch.fx import GraphModule, Node

from nonn_mcu.nonn.model import FeatureNet

Range = tuple[float, float]

_TINY = 1e-12

# As the device: weights symmetric, their range always that of this moment; activations affine, their range
# that of an epoch. An average over batches, as one finds elsewhere, saturates on the device what it left out.
_WEIGHTS = FakeQuantize.with_args(
    observer=MovingAveragePerChannelMinMaxObserver,
    averaging_constant=1.0,
    quant_min=-127,
    quant_max=127,
    dtype=torch.qint8,
    qscheme=torch.per_channel_symmetric,
)
_ACTIVATIONS = FakeQuantize.with_args(
    observer=MinMaxObserver,
    quant_min=-128,
    quant_max=127,
    dtype=torch.qint8,
    qscheme=torch.per_tensor_affine,
)

# What rounds its output on the device, and the ONNX operator that it is there. All else moves values.
_KINDS: dict[Any, str] = {
    rounded.Conv2d: "Conv",
    fused_rounded.ConvBn2d: "Conv",
    fused_rounded.ConvReLU2d: "Conv",
    fused_rounded.ConvBnReLU2d: "Conv",
    nn.BatchNorm2d: "Conv",
    fused.BNReLU2d: "Conv",
    operator.add: "Add",
    torch.add: "Add",
    F.adaptive_avg_pool2d: "GlobalAveragePool",
}
# On top of one of those they are part of it.
_ACTIVE = {F.relu, torch.relu, nn.ReLU, nn.ReLU6}


class RoundedStudent(nn.Module):
    """A student whose weights and activations are rounded as on the device; it shares its parameters.

    ``moving`` says what follows the images in training: the "statistics" of batch norms, and the "ranges".
    """

    def __init__(self, student: FeatureNet) -> None:
        super().__init__()
        self.moving = {"statistics", "ranges"}
        for part in student.modules():
            if isinstance(part, nn.BatchNorm2d):  # torch divides by what it folds into the weights
                part.weight.data[part.weight == 0] = _TINY
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's words to those who quantise for its own devices
            weights_alone = QConfigMapping().set_global(QConfig(PlaceholderObserver, _WEIGHTS))
            self.net = prepare_qat_fx(_Both(student).train(), weights_alone, ())
        self._places = _round_activations(self.net)
        originals = {id(value): key for key, value in student.state_dict(keep_vars=True).items()}
        mine = self.state_dict(keep_vars=True).items()
        self._keys = {originals[id(value)]: key for key, value in mine if id(value) in originals}
        assert set(self._keys) == set(originals.values())

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`FeatureNet.both`."""
        features, maps = self.net(x)
        return features, maps

    def forward(self, x: Tensor) -> Tensor:
        """(N, *shape) to features (N, group)."""
        return self.both(x)[0]

    def train(self, mode: bool = True) -> RoundedStudent:
        """Let move what moves in training; in evaluation nothing does."""
        super().train(mode)
        for part in self.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.train(mode and "statistics" in self.moving)
        for place in self._places.values():
            self._rounding(place).enable_observer(mode and "ranges" in self.moving)
        return self

    def forget_ranges(self) -> None:
        """Begin anew to see what the ranges are."""
        for place in self._places.values():
            self._rounding(place).activation_post_process.reset_min_max_vals()

    def floats(self) -> dict[str, Tensor]:
        """Give the state_dict of the float student, its weights those that were rounded to.

        Rounded anew, on the device, they stay as they are: the float network answers as this one does, but
        for activations.
        """
        mine = self.state_dict()
        for name, part in self.net.named_modules():
            if hasattr(part, "weight_fake_quant"):
                mine[f"net.{name}.weight"] = _on_the_grid(part)
        return {original: mine[key] for original, key in self._keys.items()}

    def ranges(self) -> dict[str, Range]:
        """Give the range of every activation but the input, by the name of its tensor in conversion."""
        found = {}
        for name, place in self._places.items():
            rounding = self._rounding(place)
            steps = torch.tensor([rounding.quant_min, rounding.quant_max]) - rounding.zero_point.cpu()
            low, high = (steps.double() * rounding.scale.cpu().double()).tolist()
            found[name] = (low, high)
        del found["input"]
        return found

    def _rounding(self, place: str) -> Any:
        return self.net.get_submodule(place)


class _Both(nn.Module):
    """A student that gives its last maps, too, when it is called: tracing looks at ``forward``."""

    def __init__(self, student: FeatureNet) -> None:
        super().__init__()
        self.student = student

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.student.both(x)


def _round_activations(net: GraphModule) -> dict[str, str]:
    """Round in the graph what the device rounds; give the submodule that does it by the tensor's name."""
    places: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for node in list(net.graph.nodes):
        if node.op == "placeholder":
            name = "input"
        elif (kind := _KINDS.get(_what(net, node))) is not None:
            base = f"{_scope(node)}/{kind}"
            name = base if not seen[base] else f"{base}_{seen[base]}"
            seen[base] += 1
        else:
            continue
        places[name] = f"round_{node.name}"
        net.add_submodule(places[name], _ACTIVATIONS())
        last = _activated(net, node)
        with net.graph.inserting_after(last):
            rounding = net.graph.call_module(places[name], (last,))
        last.replace_all_uses_with(rounding, lambda user, rounding=rounding: user is not rounding)
    net.recompile()
    return places


@torch.no_grad()
def _on_the_grid(layer: Any) -> Tensor:
    """Give weights that are rounded to themselves once the batch norm behind the layer is folded in."""
    weight: Tensor = layer.weight
    factor = torch.ones(len(weight), device=weight.device)
    if hasattr(layer, "bn"):
        factor = layer.bn.weight / torch.sqrt(layer.bn.running_var + layer.bn.eps)
    factor = factor.reshape(-1, *(1,) * (weight.ndim - 1))
    rounded_to: Tensor = layer.weight_fake_quant(weight * factor) / factor
    return rounded_to


def _what(net: GraphModule, node: Node) -> Any:
    """Give the function that a node calls, or the class of its module."""
    return type(net.get_submodule(str(node.target))) if node.op == "call_module" else node.target


def _activated(net: GraphModule, node: Node) -> Node:
    users = list(node.users)
    return users[0] if len(users) == 1 and _what(net, users[0]) in _ACTIVE else node


def _scope(node: Node) -> str:
    """Name the modules that a node lies in as the export to ONNX does: numbers keep the name before them.

    ``layer1``, ``layer1.0``, ``layer1.0.conv1`` become ``/layer1/layer1.0/conv1``.
    """
    scope = ""
    for path in node.meta.get("nn_module_stack", ()):
        parts = path.split(".")
        start = max((n for n, part in enumerate(parts) if not part.isdigit()), default=0)
        scope += "/" + ".".join(parts[start:])
    return scope
