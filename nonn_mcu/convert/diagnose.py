"""Where in the network a conversion loses it: for the message of a refused one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nonn_mcu.bundle import LayerInfo
from nonn_mcu.codegen.reader import read
from nonn_mcu.convert.check import run
from nonn_mcu.convert.golden import FLOOR_DB
from nonn_mcu.verify import oracle
from nonn_mcu.verify.fidelity import sqnr_db

_FUSED = ("Relu", "Clip")


def first_below(
    model: bytes, onnx: Any, layers: Sequence[LayerInfo], inputs: np.ndarray, x: np.ndarray
) -> str:
    """Say which is the first layer whose SQNR is below the floor, or nothing when none can be named.

    ``inputs`` is int8 ``(1, ...)`` as the device is fed, ``x`` the same sample for the ONNX graph. Layers are
    paired with the nodes of ``onnx`` (a ``ModelProto``) by their names, channels last.
    """
    graph = read(model)
    makers = {node.name: node.output[0] for node in onnx.graph.node}
    fused = {node.input[0]: node.output[0] for node in onnx.graph.node if node.op_type in _FUSED}
    paired = [layer for layer in layers if graph.tensors[layer.tensor].name in makers]
    wanted = [makers[graph.tensors[layer.tensor].name] for layer in paired]
    extra = sorted({*wanted, *(fused[name] for name in wanted if name in fused)})
    values = dict(zip(extra, run(onnx, x, extra)[len(onnx.graph.output) :], strict=True))
    held = oracle.run_layers(model, [inputs], [layer.tensor for layer in paired])
    for layer, name, steps in zip(paired, wanted, held, strict=True):
        real = layer.scale * (steps.astype(np.float64).reshape(-1) - layer.zero_point)
        exact = [_channels_last(values[key]) for key in (name, fused.get(name, name))]
        best = max((sqnr_db(one, real) for one in exact if one.size == real.size), default=np.inf)
        if best < FLOOR_DB:
            return f" (lost at layer {layer.name}, {layer.op}: {best:.1f} dB there)"
    return ""


def _channels_last(values: np.ndarray) -> np.ndarray:
    return (np.moveaxis(values, 1, -1) if values.ndim > 2 else values).reshape(-1)
