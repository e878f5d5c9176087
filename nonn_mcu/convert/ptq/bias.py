"""Step: make up in the biases for what rounding moves the channels' means by.

M. Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019; here the
means are measured, on the float twin and on the quantised net.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nonn_mcu.convert.ptq import simulate
from nonn_mcu.convert.ptq.inputs import Moments
from nonn_mcu.convert.ptq.net import Net
from nonn_mcu.convert.ptq.rounding import along
from nonn_mcu.convert.ptq.write import write, write_twin


def with_weights_made_up(net: Net, seen: Mapping[int, Moments]) -> Net:
    """Correct every layer for the rounding of its own weights: their error times the mean input."""
    changed = {}
    for index, layer in net.layers.items():
        if layer.bias is None:
            continue
        error = layer.weights - layer.rounded * along(layer.scales, layer)
        rows = np.moveaxis(error, layer.axis, 0).reshape(error.shape[layer.axis], -1)
        mean = seen[index].first / seen[index].count
        changed[index] = replace(layer, correction=(rows * mean).sum(axis=1).astype(np.float64))
    return net.with_layers(changed)


def means(model: bytes, x: np.ndarray, tensors: list[int]) -> list[np.ndarray]:
    """Mean of every channel of these tensors over samples and places, in the tensor's own numbers."""
    total: list[np.ndarray] = []
    for values in simulate.walk(model, x, tensors):
        rows = [value.reshape(-1, value.shape[-1]).mean(axis=0, dtype=np.float64) for value in values]
        total = [a + b for a, b in zip(total, rows, strict=True)] if total else rows
    return [one / len(x) for one in total]


def with_means(net: Net, x: np.ndarray, exact: Mapping[int, np.ndarray]) -> Net:
    """Correct every layer by half of what its means over ``x``, int8, are off the ``exact`` ones.

    Half, as a layer's mean is also off by what those before it are, and these are corrected too.
    """
    graph = net.graph
    corrected = [index for index, layer in net.layers.items() if layer.bias is not None]
    outputs = [graph.ops[index].outputs[0] for index in corrected]
    found = means(write(net), x, outputs)
    changed = {}
    for index, output, mean in zip(corrected, outputs, found, strict=True):
        difference = exact[index] - net.affine[output].real(mean)
        layer = net.layers[index]
        changed[index] = replace(layer, correction=layer.correction + 0.5 * difference)
    return net.with_layers(changed)


def exact_means(net: Net, x: np.ndarray) -> dict[int, np.ndarray]:
    """Measure the means of every layer's output, ``(O,)`` by operator, on the float twin."""
    graph, twin = net.graph, net.pair.twin
    found = means(write_twin(net), x, [twin[graph.ops[index].outputs[0]] for index in net.layers])
    return dict(zip(net.layers, found, strict=True))
