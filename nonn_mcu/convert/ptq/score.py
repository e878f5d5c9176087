"""How close a quantised net comes to its float twin on samples that had no part in choosing its ranges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from nonn_mcu.codegen.graph import Tensor
from nonn_mcu.codegen.reader import read
from nonn_mcu.convert.ptq import simulate
from nonn_mcu.convert.ptq.net import Affine
from nonn_mcu.verify.fidelity import sqnr_db, top1_agreement

Runner = Callable[[bytes, np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class Score:
    """For each output: SQNR in dB and the share of samples with the same largest value."""

    sqnr_db: tuple[float, ...]
    agreement: tuple[float, ...]

    def gain(self, other: Score) -> float:
        """By how much this is better, in dB: of the output that gains least."""
        return min(a - b for a, b in zip(self.sqnr_db, other.sqnr_db, strict=True))


@dataclass(frozen=True, eq=False)
class Judge:
    """Samples, float32 ``(N, *shape)`` in the device's layout, and what the float net makes of them."""

    x: np.ndarray
    references: Sequence[np.ndarray]

    def score(self, model: bytes, run: Runner = simulate.outputs) -> Score:
        """Measure an int8 ``.tflite`` with int8 edges; ``run`` takes it and int8 samples."""
        graph = read(model)
        found = run(model, _affine(graph.tensors[graph.inputs[0]]).quantised(self.x))
        figures = []
        for index, values, reference in zip(graph.outputs, found, self.references, strict=True):
            real = _affine(graph.tensors[index]).real(values)
            figures.append((sqnr_db(reference, real), top1_agreement(reference, real)))
        sqnr, agreement = zip(*figures, strict=True)
        return Score(sqnr, agreement)


def judge(exact: bytes, x: np.ndarray) -> Judge:
    """Run the float net on the samples to judge by."""
    return Judge(x, simulate.outputs(exact, x))


def _affine(tensor: Tensor) -> Affine:
    return Affine(tensor.scale, tensor.zero_point)
