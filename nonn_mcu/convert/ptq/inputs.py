"""What the layers of a net read: the second moments of their inputs, on the quantised net."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nonn_mcu.codegen.graph import Op
from nonn_mcu.convert.ptq import simulate
from nonn_mcu.convert.ptq.net import Affine, Layer, Net
from nonn_mcu.convert.ptq.write import write

# Places of a map that are looked at, of every sample: neighbours see nearly the same.
_PLACES = 32


@dataclass(frozen=True, eq=False)
class Moments:
    """Sum of ``x x^T`` and of ``x`` over ``count`` inputs of a layer, real values.

    Inputs are rows as the layer's weights are stored: ``(K, K)`` and ``(K,)``; for a depthwise convolution,
    where every output channel has its own, ``(O, K, K)`` and ``(O, K)``.
    """

    second: np.ndarray
    first: np.ndarray
    count: int

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.second + other.second, self.first + other.first, self.count + other.count)


def moments(net: Net, x: np.ndarray) -> dict[int, Moments]:
    """Collect them for every layer, by operator, over int8 samples ``x`` ``(N, *shape)`` of the net."""
    graph, found = net.graph, dict[int, Moments]()
    sources = {index: graph.ops[index].inputs[0] for index in net.layers}
    computed = sorted(set(sources.values()) - set(graph.inputs))
    places = {index: _places(graph.ops[index], net) for index in net.layers}
    for sample, values in zip(x, simulate.walk(write(net), x, computed), strict=True):
        held = dict(zip(computed, values, strict=True)) | {graph.inputs[0]: sample[None]}
        for index, layer in net.layers.items():
            real = _real(held[sources[index]], net.affine[sources[index]])
            seen = _moments(layer, graph.ops[index], real, places[index])
            found[index] = found[index] + seen if index in found else seen
    return found


def _real(values: np.ndarray, affine: Affine) -> np.ndarray:
    return (values.astype(np.float32) - affine.zero_point) * np.float32(affine.scale)


def _places(op: Op, net: Net) -> np.ndarray:
    """Choose output positions, in flat order."""
    shape = net.graph.tensors[op.outputs[0]].shape
    count = int(np.prod(shape[:-1]))
    chosen = np.random.RandomState(op.index).permutation(count)[:_PLACES]
    return np.sort(chosen)


def _moments(layer: Layer, op: Op, real: np.ndarray, places: np.ndarray) -> Moments:
    if op.kind == "FULLY_CONNECTED":
        rows = real.reshape(-1, layer.weights.shape[1])[places]
        return Moments(rows.T @ rows, rows.sum(axis=0), len(rows))
    height, width = layer.weights.shape[1:3]
    windows = _windows(op, real, (height, width))  # (H, W, kh, kw, C)
    taken = windows.reshape(-1, *windows.shape[2:])[places]
    if op.kind == "CONV_2D":
        rows = taken.reshape(len(places), -1)
        return Moments(rows.T @ rows, rows.sum(axis=0), len(rows))
    each = taken.reshape(len(places), height * width, -1).transpose(2, 0, 1)  # (C, places, kh * kw)
    each = np.repeat(each, layer.weights.shape[3] // len(each), axis=0)
    return Moments(each.transpose(0, 2, 1) @ each, each.sum(axis=1), len(places))


def _windows(op: Op, real: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Every window of a map ``(1, H, W, C)``: ``(H', W', kh, kw, C)``, zero beyond the edges."""
    options = op.options
    strides = options["stride_h"], options["stride_w"]
    dilations = options["dilation_h"], options["dilation_w"]
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilations, strict=True)]
    pads = [(0, 0), (0, 0)]
    if options["padding"] == "SAME":
        pads = [_same(n, s, r) for n, s, r in zip(real.shape[1:3], strides, reach, strict=True)]
    padded = np.pad(real[0], (*pads, (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(0, 1))  # (H', W', C, kh, kw)
    views = views[:: strides[0], :: strides[1], :, :: dilations[0], :: dilations[1]]
    return views.transpose(0, 1, 3, 4, 2)


def _same(extent: int, stride: int, reach: int) -> tuple[int, int]:
    total = max((-(-extent // stride) - 1) * stride + reach - extent, 0)
    return total // 2, total - total // 2
