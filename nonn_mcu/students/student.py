"""The student: one float network on the CPU together with what it expects to be fed.

A plain value. Whatever the file was (``nonn_mcu.students.load``), :func:`forward` is the float reference
that conversion and verification are judged against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from nonn_mcu.errors import BadInput

Kind = Literal["module", "torchscript", "exported", "onnx", "tflite"]
Layout = Literal["CHW", "HWC", "FLAT"]

# A module takes any batch; the other kinds may have batch 1 written into their graph.
_BATCH = 64

MAX_INPUT = 1 << 22


@dataclass(frozen=True)
class InputSpec:
    """What the network is fed: float32 of ``shape`` (no batch), in the network's own order of axes.

    ``layout`` says where the channels are: "CHW" and "HWC" for images (three axes), "FLAT" for anything
    without a channel axis (one to three axes, one mean and one std). A pixel p in 0..255 becomes
    ``(p / 255 - mean[c]) / std[c]``. ``labels`` names the classes or is empty.
    Raises :class:`BadInput` when these do not fit together.
    """

    shape: tuple[int, ...]
    layout: Layout
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.layout not in ("CHW", "HWC", "FLAT"):
            raise BadInput(f"input layout {self.layout!r}: give CHW, HWC or FLAT")
        if not self.shape or any(extent < 1 for extent in self.shape):
            raise BadInput(f"input shape {self.shape}: give the sizes without batch, such as 3,32,32")
        if len(self.shape) > 3 or math.prod(self.shape) > MAX_INPUT:
            raise BadInput(
                f"input shape {self.shape}: at most 3 axes and {MAX_INPUT:,} values without batch; "
                "no microcontroller takes more"
            )
        if self.layout != "FLAT" and len(self.shape) != 3:
            raise BadInput(
                f"input shape {self.shape} has {len(self.shape)} axes, {self.layout} needs 3; "
                "give another shape or layout FLAT"
            )
        for what, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != self.channels:
                raise BadInput(
                    f"input {what} has {len(values)} values for {self.channels} channels of {self.layout} "
                    f"{self.shape}; give one per channel"
                )
            if not all(math.isfinite(value) for value in values):
                raise BadInput(f"input {what} {values} is not finite")
        if not all(value > 0 for value in self.std):
            raise BadInput(f"input std {self.std} must be above zero")

    @property
    def channels(self) -> int:
        """Number of channels; 1 for FLAT."""
        return channels(self.shape, self.layout)


def channels(shape: tuple[int, ...], layout: str) -> int:
    """Count the channels of an input of this shape (no batch) and layout."""
    return {"CHW": shape[0], "HWC": shape[-1]}.get(layout, 1) if shape else 1


def input_spec(
    shape: tuple[int, ...],
    layout: Layout | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    labels: tuple[str, ...] = (),
) -> InputSpec:
    """Build an :class:`InputSpec`, filling in what is not given.

    Layout: CHW for three axes (PyTorch's order), else FLAT. Mean 0 and std 1, never those of some data
    set; a single value serves all channels. Raises :class:`BadInput`.
    """
    layout = layout or ("CHW" if len(shape) == 3 else "FLAT")
    count = channels(shape, layout)

    def per_channel(values: tuple[float, ...] | None, default: float) -> tuple[float, ...]:
        values = (default,) if values is None else tuple(float(value) for value in values)
        return values * count if len(values) == 1 else values

    return InputSpec(tuple(shape), layout, per_channel(mean, 0.0), per_channel(std, 1.0), tuple(labels))


@dataclass(frozen=True, eq=False)
class Student:
    """A loaded network.

    ``name`` is a lower-case C identifier of at most 47 characters. ``model`` is, by ``kind``: an
    ``nn.Module`` in eval mode on the CPU; a ``ScriptModule`` likewise; an ``ExportedProgram`` of batch 1;
    an ONNX ``ModelProto`` of batch 1 with its weights inside; the bytes of a ``.tflite``.
    ``calibration`` names the source of its calibration samples (``nonn_mcu.calib.load``) or is None.
    ``model_input`` is what ``model`` takes where that differs from ``input``, in mean and std alone:
    :func:`forward` makes one of the other.
    """

    name: str
    kind: Kind
    model: Any
    input: InputSpec
    calibration: str | None = None
    model_input: InputSpec | None = None


def affine_between(of: InputSpec, to: InputSpec) -> tuple[np.ndarray, np.ndarray]:
    """Give factor and offset, float64 ``(C,)``, from a pixel as ``of`` has it to one as ``to`` has it."""
    ours, theirs = ((np.array(spec.mean), np.array(spec.std)) for spec in (of, to))
    return ours[1] / theirs[1], (ours[0] - theirs[0]) / theirs[1]


def renormalised(x: np.ndarray, of: InputSpec, to: InputSpec) -> np.ndarray:
    """Give samples ``(N, *shape)`` that are normalised as ``of`` says as ``to`` says: float32."""
    factor, offset = (_along_channels(values, of) for values in affine_between(of, to))
    return (x * factor + offset).astype(np.float32)


def limits(spec: InputSpec) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of a sample, float32, of a shape that broadcasts against ``(N, *shape)``.

    Those of normalised pixels; unbounded for a FLAT input that is taken as it is (mean 0, std 1).
    """
    mean, std = np.array(spec.mean), np.array(spec.std)
    if spec.layout == "FLAT" and set(spec.mean) == {0.0} and set(spec.std) == {1.0}:
        return np.array(-np.inf, np.float32), np.array(np.inf, np.float32)
    low, high = (_along_channels((edge - mean) / std, spec).astype(np.float32) for edge in (0, 1))
    return low, high


def _along_channels(values: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Shape one value per channel ``(C,)`` so that it broadcasts against samples ``(N, *spec.shape)``."""
    return values.reshape((-1, 1, 1) if spec.layout == "CHW" else (-1,))


def forward(student: Student, x: np.ndarray) -> list[np.ndarray]:
    """Run the float reference on ``x``, float32 ``(N, *student.input.shape)``.

    Returns one float32 array ``(N, ...)`` per output of the network, in its order of axes. The same input
    gives the same bytes. Raises :class:`BadInput` on a wrong shape or dtype, on a ``.tflite`` (it has no
    float reference), and when the network fails or does not keep the batch axis first.
    """
    if x.dtype != np.float32 or x.shape[1:] != student.input.shape or not len(x):
        raise BadInput(f"{student.name}: takes float32 (N, *{student.input.shape}), not {x.dtype} {x.shape}")
    if student.kind == "tflite":
        raise BadInput(f"{student.name}: a .tflite has no float reference")
    if student.model_input is not None:
        x = renormalised(x, student.input, student.model_input)
    run = _onnx_runner(student) if student.kind == "onnx" else _torch_runner(student)
    step = _BATCH if student.kind == "module" else 1
    parts = []
    for start in range(0, len(x), step):
        batch = np.ascontiguousarray(x[start : start + step])
        try:
            outputs = run(batch)
        except Exception as error:  # whatever a user's network raises
            raise BadInput(
                f"{student.name}: the network fails on {batch.shape}: {first_line(error)}"
            ) from None
        for output in outputs:
            if output.shape[:1] != batch.shape[:1]:
                raise BadInput(
                    f"{student.name}: gives {output.shape} for a batch of {len(batch)}; "
                    "the first axis of every output must be the batch"
                )
            if not np.isfinite(output).all():
                raise BadInput(f"{student.name}: the float network gives NaN or Inf; check its weights")
        parts.append(outputs)
    return [np.concatenate(series).astype(np.float32, copy=False) for series in zip(*parts, strict=True)]


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type when it has none."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _torch_runner(student: Student) -> Any:
    import torch

    model = student.model.module() if student.kind == "exported" else student.model

    def flat(value: Any) -> list[Any]:
        if isinstance(value, torch.Tensor):
            return [value]
        values = value.values() if isinstance(value, dict) else value
        return [tensor for item in values for tensor in flat(item)]

    def run(batch: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [output.numpy() for output in flat(model(torch.from_numpy(batch)))]

    return run


def _onnx_runner(student: Student) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # the order of summation does not depend on the machine
    session = onnxruntime.InferenceSession(
        student.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})
