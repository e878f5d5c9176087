"""Weights to int8: the steps of every channel, and the nearest value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nonn_mcu.convert.ptq.net import Affine, Layer, Net

LIMIT = 127  # symmetric: -128 is not used

# A channel without weights worth the name still needs a step: this many make one of the output.
_FINEST = 2.0**-20
_LARGEST_BIAS = 2.0**30


def nearest(net: Net) -> Net:
    """Round all weights, but shared ones, to the nearest of 255 steps over each channel's extreme."""
    return net.with_layers(
        {
            index: _rounded(layer, net.affine[op.inputs[0]], net.affine[op.outputs[0]])
            for index, layer in net.layers.items()
            if not layer.shared
            for op in (net.graph.ops[index],)
        }
    )


def _rounded(layer: Layer, source: Affine, target: Affine) -> Layer:
    scales = _steps(layer, source, target)
    rounded = np.clip(np.rint(layer.weights / along(scales, layer)), -LIMIT, LIMIT)
    return replace(layer, scales=scales, rounded=rounded.astype(np.int8))


def _steps(layer: Layer, source: Affine, target: Affine) -> np.ndarray:
    """Choose steps, float32, as many as the stock model has: none so fine that the bias overflows."""
    others = tuple(i for i in range(layer.weights.ndim) if i != layer.axis)
    steps = np.abs(layer.weights).max(axis=others) / LIMIT
    if layer.bias is not None:
        steps = np.maximum(steps, np.abs(layer.bias + layer.correction) / (source.scale * _LARGEST_BIAS))
    steps = np.maximum(steps, target.scale / source.scale * _FINEST)
    return (steps if len(layer.scales) > 1 else steps.max(keepdims=True)).astype(np.float32)


def along(scales: np.ndarray, layer: Layer) -> np.ndarray:
    """Shape one value per output channel, or a single one, so that it multiplies the layer's weights."""
    shape = [1] * layer.weights.ndim
    shape[layer.axis] = -1
    return scales.reshape(shape)
