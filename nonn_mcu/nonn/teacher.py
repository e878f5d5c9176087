"""The teacher: a network whose last feature map is observed, channel by channel, while it classifies.

The map is rectified before anything is made of it: that is what the classifier of a pre-activation network
sees of it (a wide ResNet's last batch norm), and it changes nothing where a ReLU came before.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import InputSpec, Student, first_line

if TYPE_CHECKING:
    from torch import Tensor, nn

_BATCH = 64
_WRAPPERS = ("module.", "_orig_mod.")  # DataParallel's and torch.compile's names for what they wrap
_LIKE = 4  # names that a message about an unknown layer lists


@dataclass(frozen=True, eq=False)
class Teacher:
    """A classifier on the CPU in eval mode; its knowledge is in the ``channels`` of the map of ``layer``.

    ``layer`` is a module's dotted name; its output is NCHW, and of several calls in one inference the last
    counts. ``sha256`` digests the weights, whatever file they came in.
    """

    name: str
    module: nn.Module
    layer: str
    channels: int
    sha256: str
    input: InputSpec


class Outputs(NamedTuple):
    """What a teacher says of a batch: all float32.

    ``logits`` ``(N, classes)``; ``pooled`` ``(N, channels)``, the spatial means of the rectified map;
    ``attention`` ``(N, H, W)``, the mean over channels of its square (Zagoruyko & Komodakis 2017).
    """

    logits: Tensor
    pooled: Tensor
    attention: Tensor


def of(student: Student, layer: str | None = None) -> Teacher:
    """Make a teacher of a loaded network, observing ``layer`` or else the last feature map.

    The last map is the last 4-D output of a module at or after the last convolution. Where that is 1x1 and
    only holds the means of a larger map before it, it is the larger one.

    Raises :class:`BadInput` for a network that is no ``nn.Module``, has no convolution or gives no logits
    ``(N, classes)``, and for a ``layer`` that does not exist, does not run or is not 4-D.
    """
    if student.kind != "module":
        raise BadInput(
            f"{student.name}: layers of a {student.kind} file cannot be observed; "
            "give a checkpoint or a state_dict with --arch"
        )
    import torch

    module: nn.Module = student.model.eval()
    # standard normal, not zeros: means of constant maps would agree by accident
    probe = torch.from_numpy(_probe(student.input, 2))
    found = _last_map(student.name, module, probe) if layer is None else layer
    digest = weights_sha256(module)
    teacher = Teacher(student.name, module, found, 0, digest, student.input)
    shape = _map(teacher, probe)[1].shape
    if layer is not None and (len(shape) != 4 or shape[0] != len(probe)):
        raise BadInput(
            f"{student.name}: layer {layer!r} gives {tuple(shape)}; give one whose output is (N, C, H, W)"
        )
    return Teacher(student.name, module, found, int(shape[1]), digest, student.input)


def outputs(teacher: Teacher, x: Tensor) -> Outputs:
    """Run the teacher on ``x``, float32 ``(N, *teacher.input.shape)`` on the device of its weights.

    Differentiable with respect to ``x``; the weights need no gradient.
    """
    logits, observed = _map(teacher, x)
    rectified = observed.relu()
    return Outputs(logits, rectified.mean((2, 3)), rectified.square().mean(1))


def activations(
    teacher: Teacher, x: np.ndarray, progress: Callable[[int, int], None] = lambda done, total: None
) -> np.ndarray:
    """Spatial means of the rectified map, float32 ``(N, channels)``, of ``x``, float32 ``(N, *shape)``.

    ``progress`` is told how many of all samples are done. Raises :class:`BadInput` for NaN or Inf.
    """
    import torch

    parts = []
    with torch.no_grad():
        for start in range(0, len(x), _BATCH):
            batch = torch.from_numpy(np.ascontiguousarray(x[start : start + _BATCH]))
            parts.append(outputs(teacher, batch).pooled.numpy())
            progress(start + len(batch), len(x))
    pooled = np.concatenate(parts)
    if not np.isfinite(pooled).all():
        raise BadInput(f"{teacher.name}: layer {teacher.layer} gives NaN or Inf; check the weights")
    return pooled


def classifier(teacher: Teacher) -> tuple[Tensor, Tensor] | None:
    """Weight ``(classes, channels)`` and bias ``(classes,)`` of the last linear layer, as copies.

    None unless the logits are that layer's output for the pooled channels, to 1e-4 of the largest logit on
    random inputs.
    """
    import torch
    from torch import nn

    linears: list[nn.Linear] = []
    handles = [
        module.register_forward_hook(lambda module, *_: linears.append(module))
        for module in teacher.module.modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        with torch.no_grad():
            seen = outputs(teacher, torch.from_numpy(_probe(teacher.input, 8)))
            if not linears or linears[-1].in_features != teacher.channels:
                return None
            weight = linears[-1].weight.detach().clone()
            bias = torch.zeros(len(weight)) if linears[-1].bias is None else linears[-1].bias.detach().clone()
            rebuilt = nn.functional.linear(seen.pooled, weight, bias)
    finally:
        for handle in handles:
            handle.remove()
    if rebuilt.shape != seen.logits.shape:
        return None
    error = (rebuilt - seen.logits).abs().max()
    return (weight, bias) if error <= 1e-4 * seen.logits.abs().max() else None


def weights_sha256(module: nn.Module) -> str:
    """Digest the weights: names, types, shapes and bytes of the state_dict in the order of names.

    Wrappers' prefixes and the counters of batch norms, which inference does not read, leave it unchanged.
    """
    import torch

    state = module.state_dict()
    for prefix in _WRAPPERS:
        if all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    digest = hashlib.sha256()
    for name in sorted(state):
        if not name.endswith("num_batches_tracked"):
            tensor = state[name].detach().cpu().contiguous()
            digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
            digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _probe(spec: InputSpec, count: int) -> np.ndarray:
    return np.random.RandomState(0).standard_normal((count, *spec.shape)).astype(np.float32)


def _map(teacher: Teacher, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and the output of the layer. Raises :class:`BadInput` where either is not what it must be."""
    import torch

    try:
        observed = teacher.module.get_submodule(teacher.layer)
    except AttributeError:
        raise BadInput(
            f"{teacher.name}: has no layer {teacher.layer!r}; {_names_like(teacher.layer, teacher.module)}"
        ) from None
    kept: list[object] = []
    handle = observed.register_forward_hook(lambda module, inputs, output: kept.append(output))
    try:
        logits = teacher.module(x)
    except Exception as error:  # whatever a user's network raises
        raise BadInput(
            f"{teacher.name}: the network fails on {tuple(x.shape)}: {first_line(error)}"
        ) from None
    finally:
        handle.remove()
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or len(logits) != len(x):
        raise BadInput(f"{teacher.name}: is no classifier; its output must be one tensor (N, classes)")
    if not kept or not isinstance(kept[-1], torch.Tensor):
        raise BadInput(f"{teacher.name}: layer {teacher.layer!r} gives no tensor; choose another")
    return logits, kept[-1]


def _run(name: str, module: nn.Module, x: Tensor) -> object:
    try:
        return module(x)
    except Exception as error:  # whatever a user's network raises
        raise BadInput(f"{name}: the network fails on {tuple(x.shape)}: {first_line(error)}") from None


def _names_like(layer: str, module: nn.Module) -> str:
    names = [name for name, _ in module.named_modules() if name]
    near = difflib.get_close_matches(layer, names, _LIKE)
    return f"near it are {', '.join(near)}" if near else f"the last are {', '.join(names[-_LIKE:])}"


def _last_map(name: str, module: nn.Module, x: Tensor) -> str:
    """Find the layer that :func:`of` describes. Raises :class:`BadInput` if there is no convolution."""
    import torch
    from torch import nn

    maps: list[tuple[str, Tensor]] = []  # from the last convolution on, in order of execution
    convolutions = 0

    def observe(layer: str) -> Callable[[nn.Module, object, object], None]:
        def hook(observed: nn.Module, inputs: object, output: object) -> None:
            nonlocal convolutions
            if isinstance(observed, nn.Conv2d):
                convolutions += 1
                maps.clear()
            if not isinstance(output, torch.Tensor) or output.ndim != 4 or len(output) != len(x):
                return
            # a container that hands on its last child's output
            if maps and maps[-1][1] is output and maps[-1][0].startswith(f"{layer}."):
                return
            maps.append((layer, output))

        return hook

    handles = [
        child.register_forward_hook(observe(layer)) for layer, child in module.named_modules() if layer
    ]
    try:
        with torch.no_grad():
            _run(name, module, x)
    finally:
        for handle in handles:
            handle.remove()
    if not convolutions:
        raise BadInput(
            f"{name}: has no convolution (nn.Conv2d); a teacher's knowledge is in its feature maps"
        )
    layer, last = maps[-1]
    larger = next(((one, it) for one, it in reversed(maps) if it.shape[2:] != (1, 1)), None)
    if last.shape[2:] == (1, 1) and larger is not None and larger[1].shape[1] == last.shape[1]:
        means = larger[1].relu().mean((2, 3), keepdim=True)
        layer = larger[0] if torch.allclose(means, last.relu(), rtol=1e-4, atol=1e-6) else layer
    return layer
