"""Load a student from whatever file it comes in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nonn_mcu.codegen.names import identifier
from nonn_mcu.errors import BadInput
from nonn_mcu.students import detect
from nonn_mcu.students.extra import require
from nonn_mcu.students.found import Found
from nonn_mcu.students.student import Layout, Student, forward, input_spec


def load(
    path: str | Path,
    *,
    arch: str | None = None,
    allow_pickle: bool = False,
    shape: tuple[int, ...] | None = None,
    layout: Layout | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    labels: tuple[str, ...] | None = None,
    calibration: str | None = None,
) -> Student:
    """Load our checkpoint, a state_dict (with ``arch``), TorchScript, a .pt2, ONNX or a .tflite.

    The kind is told from the file's bytes, never from unpickling it; code pickled into the file runs only
    with ``allow_pickle``. What is given here overrides what the file says. Where neither tells: the shape
    (without batch) is the architecture's usual one or must be given; three axes are CHW, others FLAT; mean
    is 0 and std 1. Except for a .tflite, the network is run once on zeros.

    Raises :class:`BadInput` with one line for everything that cannot be used, and its subclass
    ``MissingExtra`` when the package that reads this kind is not installed.
    """
    path = Path(path)
    data = detect.read(path)
    found = _read(path, data, detect.sniff(path, data), arch, allow_pickle)
    if found.fixed_shape and shape is not None and tuple(shape) != found.shape:
        raise BadInput(f"{path}: takes {found.shape}, not {tuple(shape)}; leave --shape out")
    shape = tuple(shape) if shape is not None else found.shape
    if shape is None:
        raise BadInput(f"{path}: does not say its input shape; give it without batch, as in --shape 3,32,32")
    spec = input_spec(
        shape,
        layout or found.layout,
        mean if mean is not None else found.mean,
        std if std is not None else found.std,
        labels if labels is not None else found.labels,
    )
    student = Student(identifier(path.stem), found.kind, found.model, spec, calibration or found.calibration)
    if student.kind != "tflite":
        forward(student, np.zeros((1, *spec.shape), np.float32))
    return student


def _read(
    path: Path, data: bytes, container: detect.Container, arch: str | None, allow_pickle: bool
) -> Found:
    if arch and container != "torch":
        raise BadInput(f"{path}: brings its own architecture; leave --arch out")
    if container in ("torch", "torchscript", "exported"):
        require("torch", f"reading {path.name}")
    if container == "torch":
        from nonn_mcu.students import torch_file

        return torch_file.read(path, data, arch, allow_pickle)
    if container == "torchscript":
        from nonn_mcu.students import torchscript

        return torchscript.read(path, data)
    if container == "exported":
        from nonn_mcu.students import exported

        return exported.read(path, data)
    if container == "onnx":
        from nonn_mcu.students import onnx_file

        return onnx_file.read(path, data)
    return _read_tflite(path, data)


def _read_tflite(path: Path, data: bytes) -> Found:
    """Take the bytes as they are; codegen judges what is in them."""
    from nonn_mcu.codegen.reader import read

    try:
        graph = read(data)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    if len(graph.inputs) != 1:
        raise BadInput(f"{path}: has {len(graph.inputs)} inputs; networks with one input are supported")
    shape = graph.tensors[graph.inputs[0]].shape
    if len(shape) < 2 or shape[0] != 1:
        raise BadInput(f"{path}: input shape {shape}; the first axis must be the batch, of size 1")
    return Found("tflite", data, shape[1:], "HWC" if len(shape) == 4 else "FLAT", fixed_shape=True)
