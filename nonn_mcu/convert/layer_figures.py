"""What int8 does to each layer: its tensors against those of the float network, sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nonn_mcu.bundle import LayerInfo
from nonn_mcu.codegen.graph import Graph, Tensor
from nonn_mcu.codegen.reader import read
from nonn_mcu.convert import golden
from nonn_mcu.convert.int8 import Int8
from nonn_mcu.convert.layout import arrange
from nonn_mcu.convert.ptq.pair import pair
from nonn_mcu.convert.ptq.simulate import walk
from nonn_mcu.report.figures import Figures, LayerFigures, Weights
from nonn_mcu.verify import oracle
from nonn_mcu.verify.fidelity import ratio_db

# Ranges and noise per layer are settled within some dozen samples; each costs an inference of the oracle.
SAMPLES = 32
LOWEST, HIGHEST = -128, 127


def measure(
    quantised: Int8, layers: Sequence[LayerInfo], x: np.ndarray | None, notes: tuple[str, ...] = ()
) -> Figures:
    """Measure every layer over the samples ``x``, float32 ``(N, *student.input.shape)``.

    The device's side is fed the rounded samples, the float side the samples themselves. ``x`` is None for a
    ready ``.tflite``, of which only the weights are known. ``notes`` are passed on. Raises
    :class:`BadInput`.
    """
    graph = read(quantised.model)
    sums = [_Sums(layer) for layer in layers]
    for held, exact in () if x is None else pairs(quantised, layers, x):
        for one, q, real in zip(sums, held, exact, strict=True):
            if np.isfinite(real).all():
                one.add(q, real)
    return Figures(
        samples=0 if x is None else len(x),
        layers=tuple(one.figures() for one in sums),
        weights=tuple(_weights(graph, layer) for layer in layers),
        notes=notes,
    )


def pairs(
    quantised: Int8, layers: Sequence[LayerInfo], x: np.ndarray
) -> Iterator[tuple[list[np.ndarray], list[np.ndarray]]]:
    """For each sample give what the layers hold: int8 of the oracle, and the twin's float32; flat.

    Nothing where the model has no twin.
    """
    twins = None if quantised.twin is None else pair(read(quantised.model), read(quantised.twin))
    if quantised.twin is None or twins is None:
        return
    (info,) = quantised.inputs
    arranged = arrange(x, info.from_torch, info.shape)
    inputs = golden.quantised(arranged, info)
    tensors = [layer.tensor for layer in layers]
    for number, exact in enumerate(walk(quantised.twin, arranged, [twins.twin[index] for index in tensors])):
        held = oracle.run_layers(quantised.model, [inputs[number : number + 1]], tensors)
        yield [q.reshape(-1) for q in held], [real.reshape(-1) for real in exact]


class _Sums:
    """What has been seen of a layer."""

    def __init__(self, layer: LayerInfo) -> None:
        self._layer = layer
        self._signal = self._noise = 0.0
        self._values = self._beyond = 0
        self._real = (np.inf, -np.inf)
        self._held = (HIGHEST, LOWEST)

    def add(self, q: np.ndarray, real: np.ndarray) -> None:
        """Add a sample: flat int8 and float values."""
        scale, zero_point = self._layer.scale, self._layer.zero_point
        exact = real.astype(np.float64)
        self._signal += float(np.sum(np.square(exact)))
        self._noise += float(np.sum(np.square(exact - scale * (q.astype(np.float64) - zero_point))))
        steps = exact / scale + zero_point
        beyond = ((q == HIGHEST) & (steps > HIGHEST + 0.5)) | ((q == LOWEST) & (steps < LOWEST - 0.5))
        self._beyond += int(np.count_nonzero(beyond))
        self._values += q.size
        self._real = (min(self._real[0], float(exact.min())), max(self._real[1], float(exact.max())))
        self._held = (min(self._held[0], int(q.min())), max(self._held[1], int(q.max())))

    def figures(self) -> LayerFigures | None:
        """Give the figures of all samples; None without any."""
        if not self._values:
            return None
        return LayerFigures(
            sqnr_db=_known(ratio_db(self._signal, self._noise)),
            saturated=self._beyond / self._values,
            used=(self._held[1] - self._held[0]) / (HIGHEST - LOWEST),
            low=_known(self._real[0]),
            high=_known(self._real[1]),
        )


def _known(value: float) -> float:
    """Leave out what another machine's order of summation would change."""
    return float(f"{value:.5g}")


def _weights(graph: Graph, layer: LayerInfo) -> Weights | None:
    """Find the filters of the operator that writes the layer's tensor."""
    op = next(op for op in graph.ops if layer.tensor in op.outputs)
    found = [graph.tensors[index] for index in op.inputs if index >= 0]
    filters = next((one for one in found if one.data is not None and one.dtype == "int8"), None)
    if filters is None or filters.quant is None or not filters.size:
        return None
    real = _real(filters)
    return Weights(low=float(real.min()), high=float(real.max()), scales=len(filters.quant.scale))


def _real(tensor: Tensor) -> np.ndarray:
    assert tensor.quant is not None and tensor.data is not None
    along = [1] * tensor.data.ndim
    if len(tensor.quant.scale) > 1:
        along[tensor.quant.axis] = -1
    scale, zero_point = (
        np.array(one).reshape(along) for one in (tensor.quant.scale, tensor.quant.zero_point)
    )
    return scale * (tensor.data.astype(np.float64) - zero_point)
