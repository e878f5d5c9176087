"""Rounding of weights that lets the later ones make up for what the earlier ones lost.

E. Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", ICLR
2023, after B. Hassibi and D. Stork, "Second Order Derivatives for Network Pruning", NIPS 1992.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nonn_mcu.convert.ptq.inputs import Moments
from nonn_mcu.convert.ptq.net import Layer, Net
from nonn_mcu.convert.ptq.rounding import LIMIT

# Share of the mean diagonal that is added to it: keeps the inverse sound where inputs are dependent.
_DAMPING = 0.01

# Inputs of a layer beyond which it stays at the nearest: the inverse takes minutes.
_MOST = 2400


def with_gptq(net: Net, seen: Mapping[int, Moments]) -> Net:
    """Round the weights of every layer for the inputs that it has seen; their steps stay."""
    return net.with_layers(
        {
            index: _rounded(layer, seen[index])
            for index, layer in net.layers.items()
            if not layer.shared and seen[index].second.shape[-1] <= _MOST
        }
    )


def _rounded(layer: Layer, seen: Moments) -> Layer:
    rows = np.moveaxis(layer.weights, layer.axis, 0).reshape(layer.weights.shape[layer.axis], -1)
    scales = np.broadcast_to(layer.scales.astype(np.float64), len(rows))
    if seen.second.ndim == 3:  # a depthwise convolution: every output channel has inputs of its own
        each = zip(rows, scales.reshape(-1, 1), seen.second, strict=True)
        rounded = np.concatenate([gptq(row[None], scale, second) for row, scale, second in each])
    else:
        rounded = gptq(rows, scales, seen.second)
    shape = np.moveaxis(layer.weights, layer.axis, 0).shape
    return replace(layer, rounded=np.moveaxis(rounded.reshape(shape), 0, layer.axis))


def gptq(weights: np.ndarray, scales: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """Round ``weights``, ``(O, K)``, to int8 multiples of ``scales``, ``(O,)``; returns int8 ``(O, K)``.

    ``hessian`` is ``(K, K)``: the sum of ``x x^T`` over the inputs x of the layer. Columns are rounded one by
    one, those with the most energy first, and what a column loses is spread over those still to come so that
    the sum of ``|W x - scales * Q x|^2`` stays small.
    """
    left = weights.astype(np.float64)
    hessian = hessian.astype(np.float64)
    energy = np.diag(hessian)
    damping = _DAMPING * float(energy.mean()) or 1.0
    order = np.argsort(-energy, kind="stable")
    sound = hessian[np.ix_(order, order)] + damping * np.eye(len(order))
    # The upper Cholesky factor of the inverse: row k tells how column k's error weighs on the later ones.
    spread = np.linalg.cholesky(np.linalg.inv(sound)).T
    left = left[:, order]
    rounded = np.empty(left.shape, np.int8)
    for k in range(left.shape[1]):
        nearest = np.clip(np.rint(left[:, k] / scales), -LIMIT, LIMIT)
        rounded[:, k] = nearest
        lost = (left[:, k] - nearest * scales) / spread[k, k]
        left[:, k:] -= np.outer(lost, spread[k, k:])
    restored = np.empty_like(rounded)
    restored[:, order] = rounded
    return restored
