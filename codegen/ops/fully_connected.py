"""FULLY_CONNECTED: input of any rank seen as (rows, depth), weights (units, depth), optional int32 bias.

Source of the numbers: CalculateOpDataFullyConnected in tensorflow/lite/micro/kernels/
fully_connected_common.cc. Published sources take the product of input and weight scale in float32 where all
weights share one scale; the oracle's wheel takes it in float64, as with one scale per unit.
"""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen import filters
from nonn_mcu.codegen.arguments import require_rank
from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.kernels.sums import folded_bias
from nonn_mcu.codegen.layer import Layer, Table, Value
from nonn_mcu.codegen.trail import walk_trail
from nonn_mcu.codegen.unsupported import require

KINDS = ("FULLY_CONNECTED",)

_LARGEST_BIAS_SHIFT = 0.02  # output steps by which the reference lets the bias's scale be off


def lower(graph: Graph, op: Op) -> Layer:
    """One call of ``nonn_fully_connected``. Raises :class:`BadInput`."""
    source, weights, bias, output = filters.filter_operands(graph, op)
    require_rank(graph, op, weights, 2, 2)
    filters.require_channels(graph, op, weights, bias, axis=0)
    require(op.options["weights_format"] == 0, graph, op, "shuffled weights are not supported; convert again")
    units, depth = weights.shape
    rows = source.size // depth
    require(source.size == rows * depth, graph, op, f"{source.size} inputs do not split into rows of {depth}")
    require(
        output.shape[-1] == units and output.size == rows * units,
        graph,
        op,
        f"the output is declared as {list(output.shape)}, but computes to {rows} rows of {units}",
    )
    assert weights.data is not None
    filters.require_sums(graph, op, weights.data, bias, source.zero_point)
    _require_bias_scale(graph, op, source.scale, weights, output.scale)
    assert weights.quant is not None
    return Layer(
        kernel="fully_connected",
        params={
            "rows": rows,
            "depth": depth,
            "units": units,
            "per_unit": int(len(weights.quant.scale) > 1),
            **filters.arithmetic(op, source, weights, bias, output, channels=len(weights.quant.scale)),
            **_folded(weights.data, bias, source.zero_point),
        },
        inputs=(source.index,),
        output=output.index,
        trail=(walk_trail((rows,), (depth,), (units,)) + units,),
        macs=rows * units * depth,
    )


def _folded(weights: np.ndarray, bias: np.ndarray | None, zero_point: int) -> dict[str, Value]:
    """Give the parameters of the input's offset and the bias, the one taken into the other.

    Neither the bias nor a sum of some products leaves 32 bits: ``filters.require_sums`` reckons with the
    input that is furthest from the zero point, and neither the zero point nor any input is further from 0.
    """
    bias = folded_bias(weights, bias, -zero_point)
    return {"input_offset": 0, "bias": Table("int32_t", bias.astype(np.int32))}


def _require_bias_scale(graph: Graph, op: Op, source: float, weights: Tensor, output: float) -> None:
    """Raise :class:`Unsupported` where the reference refuses: with one scale for all weights only."""
    assert weights.quant is not None
    if len(op.inputs) < 3 or op.inputs[2] < 0 or len(weights.quant.scale) > 1:
        return
    quant = graph.tensors[op.inputs[2]].quant
    actual, wanted = quant.scale[0] if quant is not None else 0.0, source * weights.scale
    require(
        abs(wanted - actual) / output <= _LARGEST_BIAS_SHIFT,
        graph,
        op,
        f"the bias's scale is {actual:.6g}, must be {wanted:.6g}; quantise again",
    )
