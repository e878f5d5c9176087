"""Golden vectors and fidelity: what the int8 model gives, held against the float reference."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nonn_mcu.bundle import Fidelity, TensorInfo, Vectors
from nonn_mcu.errors import BadInput
from nonn_mcu.verify import fidelity as figures
from nonn_mcu.verify import oracle

LAYER_VECTORS = 8

# At 10 dB the noise is a third of the signal. A sound int8 network is at 20 dB and more, a wrong order of
# axes or of outputs at 3 dB and less: what lies below is a failed conversion, not a coarse one.
FLOOR_DB = 10.0


def quantised(x: np.ndarray, info: TensorInfo) -> np.ndarray:
    """Float32 ``(N, *shape[1:])`` in the device's layout as the device holds it, int8.

    q = round(x / scale) + zero_point, halves to even, saturated to [-128, 127].
    """
    steps = np.rint(x / np.float32(info.scale)) + info.zero_point
    return np.clip(steps, -128, 127).astype(np.int8)


def corners(infos: Sequence[TensorInfo]) -> tuple[np.ndarray, ...]:
    """Four inputs that no image gives: all at the lower limit, all at the upper, alternating, random."""
    rng = np.random.RandomState(0)  # its streams are frozen for good

    def inputs(shape: tuple[int, ...]) -> np.ndarray:
        lowest, highest = np.full(shape, -128, np.int8), np.full(shape, 127, np.int8)
        alternating = np.where(np.arange(math.prod(shape)).reshape(shape) % 2, highest, lowest)
        return np.stack([lowest, highest, alternating, rng.randint(-128, 128, shape).astype(np.int8)])

    return tuple(inputs(info.shape[1:]) for info in infos)


def make(
    model: bytes,
    inputs: Sequence[np.ndarray],
    *,
    references: Sequence[np.ndarray],
    labels: np.ndarray | None,
    infos: Sequence[TensorInfo],
    layers: Sequence[int],
    isolated: bool = False,
) -> Vectors:
    """Run the oracle on ``inputs`` and on the corners, which come last and have no reference or label.

    ``inputs[i]`` int8 ``(N, *shape[1:])``, ``references[i]`` float32 in the device's layout or nothing,
    ``labels`` int64 ``(N,)``; ``layers`` are the tensors whose CRC-32 is kept for the first vectors. A row
    of NaN marks a vector without a reference, a label of -1 one without a label. ``isolated`` runs the
    oracle in a process of its own, for a model whose operators nobody has checked. Raises
    :class:`BadInput`.
    """
    extreme = corners(infos)
    count = len(extreme[0])
    everything = tuple(np.concatenate(pair) for pair in zip(inputs, extreme, strict=True))
    first = [array[:LAYER_VECTORS] for array in everything]
    if isolated:
        outputs = oracle.run_isolated(model, everything)
        tensors = oracle.run_isolated(model, first, layers)
    else:
        outputs = oracle.run(model, everything)
        tensors = oracle.run_layers(model, first, layers)
    crcs = np.array([[zlib.crc32(t[i].tobytes()) for t in tensors] for i in range(len(first[0]))], np.uint32)
    return Vectors(
        inputs=everything,
        outputs=tuple(outputs),
        references=tuple(_append(reference, np.nan, count) for reference in references),
        labels=None if labels is None else _append(labels, -1, count),
        layer_crc=crcs,
    )


def expectation(fidelity: Fidelity, vectors: int) -> Fidelity:
    """Say what ``fidelity``, measured on calibration data, lets one expect of ``vectors`` other samples.

    SQNR 3 dB lower (twice the noise power); the worst error twice as large and one LSB more, as a maximum
    wanders; top-1 agreement lower by three standard deviations of the difference between two samples of a
    share p, with p = (agreeing + 1) / (samples + 2) so that a perfect score on few samples does not
    promise perfection.
    """

    def least(agreement: float) -> float:
        p = (agreement * fidelity.samples + 1) / (fidelity.samples + 2)
        deviation = math.sqrt(p * (1 - p) * (1 / fidelity.samples + 1 / vectors))
        return max(0.0, p - 3 * deviation)

    return Fidelity(
        samples=fidelity.samples,
        sqnr_db=tuple(value - 3.0 for value in fidelity.sqnr_db),
        worst_lsb=tuple(2 * value + 1.0 for value in fidelity.worst_lsb),
        top1_agreement=tuple(least(value) for value in fidelity.top1_agreement),
    )


def tolerance(expected: Fidelity, vectors: Fidelity) -> Fidelity:
    """Derive what verify accepts: what is ``expected``, or what the oracle gives on the ``vectors`` if worse.

    A sound device gives the oracle's outputs, so no bundle may ask for more; a test sample beyond the
    calibrated range saturates. A tenth of a dB and of an LSB, and one vector of top-1, are for a reference
    that is recomputed on another machine.
    """
    return Fidelity(
        samples=expected.samples,
        sqnr_db=tuple(map(min, expected.sqnr_db, (v - 0.1 for v in vectors.sqnr_db))),
        worst_lsb=tuple(map(max, expected.worst_lsb, (v + 0.1 for v in vectors.worst_lsb))),
        top1_agreement=tuple(
            min(e, max(0.0, v - 1 / vectors.samples))
            for e, v in zip(expected.top1_agreement, vectors.top1_agreement, strict=True)
        ),
    )


def require_faithful(fidelity: Fidelity, infos: Sequence[TensorInfo], where: Callable[[], str]) -> None:
    """Raise :class:`BadInput` when an output's SQNR is below :data:`FLOOR_DB`; ``where`` says more."""
    for info, value in zip(infos, fidelity.sqnr_db, strict=True):
        if value < FLOOR_DB:
            raise BadInput(
                f"the int8 model does not match the network: SQNR of output {info.name} is {value:.1f} dB, "
                f"at least {FLOOR_DB:g} dB is needed{where()}; check that the calibration samples are "
                "preprocessed as in training"
            )


@dataclass(frozen=True)
class Judged:
    """What the golden vectors give, what verify will accept, and what a user should know of the two."""

    vectors: Fidelity
    tolerance: Fidelity
    notes: tuple[str, ...]


def judge(
    measured: Fidelity,
    outputs: Sequence[np.ndarray],
    references: Sequence[np.ndarray],
    infos: Sequence[TensorInfo],
) -> Judged:
    """Hold the golden vectors' int8 ``outputs`` and float ``references`` against what was ``measured``.

    Raises :class:`BadInput` where they are below :data:`FLOOR_DB`.
    """
    on_vectors = figures.measure(outputs, references, infos)
    require_faithful(on_vectors, infos, lambda: " on the test samples")
    expected = expectation(measured, on_vectors.samples)
    notes = tuple(
        f"the test samples fare worse than the calibration samples promise ({shortfall}); "
        "calibrate with more, or more representative, samples"
        for shortfall in figures.shortfalls(on_vectors, expected, infos)
    )
    return Judged(on_vectors, tolerance(expected, on_vectors), notes)


def _append(array: np.ndarray, value: float, count: int) -> np.ndarray:
    return np.concatenate([array, np.full((count, *array.shape[1:]), value, array.dtype)])
