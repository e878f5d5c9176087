"""What a device gave, held against the oracle and the float network vector by vector, for the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nonn_mcu.manifest import TensorInfo
from nonn_mcu.verify.fidelity import dequantize
from nonn_mcu.verify.plan import Plan
from nonn_mcu.verify.verdict import DeviceVerdict


@dataclass(frozen=True)
class Words:
    """A verdict in words: a line that sums it up, ``rows`` of (what, text), and what is wrong."""

    summary: str
    rows: tuple[tuple[str, str], ...] = ()
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Checked:
    """A verdict, its words, and per vector the largest difference in LSB over all outputs.

    ``oracle`` int64 ``(N,)`` is over both runs; ``reference`` float64 is of the
    first run, only for the vectors that have a float reference. Both are empty for a device that could not be
    judged.
    """

    verdict: DeviceVerdict
    words: Words
    oracle: np.ndarray
    reference: np.ndarray

    @property
    def spread(self) -> str:
        """What the differences come to, in a sentence."""
        equal = int(np.count_nonzero(self.oracle == 0))
        words = f"{equal} of {self.oracle.size} vectors are the oracle's to the bit"
        if self.reference.size:
            words += f"; against the float network the worst is off by {self.reference.max():.1f} LSB"
        return words + "."


def checked(
    verdict: DeviceVerdict,
    words: Words,
    plan: Plan | None,
    got: Sequence[np.ndarray],
) -> Checked:
    """Hold what the device gave, int8 ``(RUNS, N, *shape[1:])`` each, against the vectors of the ``plan``.

    Both are missing, None and empty, for a device that could not be judged.
    """
    if plan is None:
        return Checked(verdict, words, np.empty(0, np.int64), np.empty(0))
    return Checked(
        verdict,
        words,
        against_oracle(plan.vectors.outputs, got),
        against_reference(plan.reference.outputs, got, plan.bundle.manifest.outputs),
    )


def against_oracle(expected: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> np.ndarray:
    """Compare ``expected[i]`` int8 ``(N, ...)`` with ``got[i]`` int8 ``(RUNS, N, ...)``: int64 ``(N,)``."""
    count = len(expected[0])
    return np.max(
        [
            np.abs(have.astype(np.int64) - want).reshape(len(have), count, -1).max(axis=(0, 2), initial=0)
            for want, have in zip(expected, got, strict=True)
        ],
        axis=0,
    )


def against_reference(
    references: Sequence[np.ndarray], got: Sequence[np.ndarray], infos: Sequence[TensorInfo]
) -> np.ndarray:
    """Compare the first of the runs with float ``references[i]`` ``(N, ...)``, NaN left out: float64."""
    found = [
        (np.abs(dequantize(have[0], info) - want) / info.scale).reshape(len(want), -1).max(axis=1, initial=0)
        for want, have, info in zip(references, got, infos, strict=False)
    ]
    largest = np.max(found, axis=0) if found else np.empty(0)
    return largest[np.isfinite(largest)]
