"""Fidelity: how far the device's dequantised outputs lie from the float reference.

Three figures per output, each over all vectors:

* SQNR in dB, ``10 log10(sum r^2 / sum (r - y)^2)`` over every value, ``r`` the reference and
  ``y = scale * (q - zero_point)``. It is held to ±200 dB so that no noise at all, or a reference that is
  zero everywhere, still is a number that JSON can hold.
* The worst error in LSB, ``max |r - y| / scale``: steps of the output's own quantiser.
* Top-1 agreement: the share of vectors whose largest value stands at the same flat index. Ties go to the
  first, as ``argmax`` on a device does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nonn_mcu.bundle import Fidelity, TensorInfo
from nonn_mcu.errors import BadInput

SQNR_CAP_DB = 200.0


def dequantize(values: np.ndarray, info: TensorInfo) -> np.ndarray:
    """``scale * (q - zero_point)`` as float64, in the shape of ``values``."""
    return info.scale * (values.astype(np.float64) - info.zero_point)


def sqnr_db(reference: np.ndarray, actual: np.ndarray) -> float:
    """Signal to quantisation noise ratio in dB, within ±:data:`SQNR_CAP_DB`; shapes are equal."""
    signal = float(np.sum(np.square(reference, dtype=np.float64)))
    return ratio_db(signal, float(np.sum(np.square(np.subtract(reference, actual, dtype=np.float64)))))


def ratio_db(signal: float, noise: float) -> float:
    """Give a ratio of powers, or of sums of squares, in dB within ±:data:`SQNR_CAP_DB`."""
    if noise == 0.0:
        return SQNR_CAP_DB
    if signal == 0.0:
        return -SQNR_CAP_DB
    # the quotient itself can overflow or vanish where its logarithm is harmless
    decibels = 10.0 * (np.log10(signal) - np.log10(noise))
    return float(np.clip(decibels, -SQNR_CAP_DB, SQNR_CAP_DB))


def worst_lsb(reference: np.ndarray, actual: np.ndarray, scale: float) -> float:
    """Largest absolute error in steps of ``scale``; 0 for no values."""
    return float(np.max(np.abs(reference - actual), initial=0.0)) / scale


def top1_agreement(reference: np.ndarray, actual: np.ndarray) -> float:
    """Share of rows (axis 0) whose argmax over all other axes is the same; 1 for no rows."""
    rows = len(reference)
    if rows == 0:
        return 1.0
    first, second = reference.reshape(rows, -1), actual.reshape(rows, -1)
    return float(np.mean(first.argmax(axis=1) == second.argmax(axis=1)))


def measure(
    outputs: Sequence[np.ndarray], references: Sequence[np.ndarray], infos: Sequence[TensorInfo]
) -> Fidelity:
    """Compare int8 ``outputs[i]`` with float ``references[i]``, both ``(N, *shape[1:])``, for each output.

    Vectors whose references are NaN throughout are for conformance alone and do not count. Raises
    :class:`BadInput` where shapes differ or a reference is not finite.
    """
    figures, samples = [], len(outputs[0])
    for output, reference, info in zip(outputs, references, infos, strict=True):
        if output.shape != reference.shape:
            raise BadInput(
                f"output {info.name}: {output.shape} on the device, {reference.shape} in the reference"
            )
        judged = ~np.isnan(reference).all(axis=tuple(range(1, reference.ndim)))
        if not np.isfinite(reference[judged]).all():
            raise BadInput(f"output {info.name}: the float reference holds NaN or infinity")
        real, exact = dequantize(output[judged], info), reference[judged].astype(np.float64)
        figures.append(
            (sqnr_db(exact, real), worst_lsb(exact, real, info.scale), top1_agreement(exact, real))
        )
        samples = min(samples, len(real))
    sqnr, worst, top1 = zip(*figures, strict=True)
    return Fidelity(samples=samples, sqnr_db=sqnr, worst_lsb=worst, top1_agreement=top1)


def shortfalls(measured: Fidelity, tolerance: Fidelity, infos: Sequence[TensorInfo]) -> tuple[str, ...]:
    """Say where ``measured`` is worse than ``tolerance``: one sentence each, none where all is well."""
    rows = zip(
        infos,
        zip(measured.sqnr_db, tolerance.sqnr_db, strict=True),
        zip(measured.worst_lsb, tolerance.worst_lsb, strict=True),
        zip(measured.top1_agreement, tolerance.top1_agreement, strict=True),
        strict=True,
    )
    found = []
    for info, (sqnr, sqnr_least), (worst, worst_most), (top1, top1_least) in rows:
        if sqnr < sqnr_least:
            found.append(f"output {info.name}: SQNR {sqnr:.2f} dB is below {sqnr_least:.2f} dB")
        if worst > worst_most:
            found.append(f"output {info.name}: worst error {worst:.2f} LSB is above {worst_most:.2f} LSB")
        if top1 < top1_least:
            found.append(f"output {info.name}: top-1 agreement {top1:.2%} is below {top1_least:.2%}")
    return tuple(found)
