"""The float reference that fidelity is measured against: golden from the bundle, or live from PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nonn_mcu.bundle import Bundle, TensorInfo, Vectors
from nonn_mcu.errors import BadInput
from nonn_mcu.verify.fidelity import dequantize

# Threads, instruction sets and versions of PyTorch move float32 sums by about 1e-6 of their size.
LIVE_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Reference:
    """float32 outputs in the device's layout, ``(N, *shape[1:])`` each; none for a bundle without them.

    ``source`` is "golden" or "live"; ``difference`` is the largest one between the two, relative to the
    largest golden value (at least 1), or None where only the golden one was read.
    """

    source: str
    outputs: tuple[np.ndarray, ...]
    difference: float | None = None


def golden(vectors: Vectors) -> Reference:
    """Take the reference stored with the vectors."""
    return Reference("golden", vectors.references)


def live(bundle: Bundle, vectors: Vectors, student_file: Path, arch: str | None = None) -> Reference:
    """Recompute the reference with the student on the dequantised input vectors; needs PyTorch.

    ``arch`` names the architecture of a bare state_dict (:func:`nonn_mcu.students.load`).
    Raises :class:`BadInput` when the student does not fit the bundle, or differs from its golden reference
    by more than :data:`LIVE_TOLERANCE`; :class:`~nonn_mcu.errors.MissingExtra` without PyTorch.
    """
    from nonn_mcu.students import forward, load

    manifest = bundle.manifest
    student = load(student_file, arch=arch, shape=manifest.inputs[0].torch_shape[1:])
    if len(manifest.inputs) != 1 or (1, *student.input.shape) != manifest.inputs[0].torch_shape:
        raise BadInput(
            f"{student_file}: takes {student.input.shape}, not {manifest.inputs[0].torch_shape[1:]} as "
            f"the bundle {bundle.path} does; give the student it was made from"
        )
    results = forward(student, to_torch(vectors.inputs[0], manifest.inputs[0]))
    if [result.shape[1:] for result in results] != [info.torch_shape[1:] for info in manifest.outputs]:
        raise BadInput(
            f"{student_file}: gives {[result.shape[1:] for result in results]}, not the outputs of "
            f"the bundle {bundle.path}; give the student it was made from"
        )
    outputs = tuple(to_device(result, info) for result, info in zip(results, manifest.outputs, strict=True))
    if not vectors.references:
        return Reference("live", outputs)
    for output, stored in zip(outputs, vectors.references, strict=True):
        output[np.isnan(stored)] = np.nan  # vectors for conformance alone have no reference, live or golden
    difference = max(_difference(*pair) for pair in zip(outputs, vectors.references, strict=True))
    if not difference <= LIVE_TOLERANCE:  # also when it is NaN
        raise BadInput(
            f"{student_file}: its outputs differ from the golden ones in {bundle.path} by {difference:.2g} "
            f"of the largest; give the student it was made from, or run convert again"
        )
    return Reference("live", outputs, difference)


def to_torch(values: np.ndarray, info: TensorInfo) -> np.ndarray:
    """int8 ``(N, *shape[1:])`` as the float32 ``(N, *torch_shape[1:])`` that the student is fed."""
    real = dequantize(values, info).astype(np.float32)
    if info.from_torch:
        real = real.transpose(np.argsort(info.from_torch))
    return np.ascontiguousarray(real.reshape(len(values), *info.torch_shape[1:]))


def to_device(values: np.ndarray, info: TensorInfo) -> np.ndarray:
    """float32 ``(N, *torch_shape[1:])`` in the device's order, ``(N, *shape[1:])``."""
    if info.from_torch:
        values = values.transpose(info.from_torch)
    return np.ascontiguousarray(values.reshape(len(values), *info.shape[1:]))


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    size = max(1.0, float(np.nanmax(np.abs(other), initial=0.0)))
    missing = np.isnan(one) & np.isnan(other)
    return float(np.max(np.abs(one.astype(np.float64) - other), initial=0.0, where=~missing)) / size
