"""What the operators with learnt filters have in common: weights, bias, sums and multipliers.

CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED take an int8 input, constant int8 weights with zero point 0
and an optional constant int32 bias.
"""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.arguments import require_int8
from nonn_mcu.codegen.check import check_quantization
from nonn_mcu.codegen.geometry import output_size, pad_before
from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.layer import Table, Value
from nonn_mcu.codegen.quantize import activation_range, quantize_multiplier
from nonn_mcu.codegen.trail import Axis
from nonn_mcu.codegen.unsupported import require


def filter_operands(graph: Graph, op: Op) -> tuple[Tensor, Tensor, np.ndarray | None, Tensor]:
    """(input, weights, bias or None, output), each checked but for shapes. Raises :class:`Unsupported`.

    The bias comes flat; it is absent where there is no third operand or its index is -1.
    """
    require(
        len(op.inputs) in (2, 3) and min(op.inputs[:2]) >= 0 and len(op.outputs) == 1,
        graph,
        op,
        f"has inputs {list(op.inputs)} and outputs {list(op.outputs)}, not 2 or 3 and 1; convert again",
    )
    source, weights = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]]
    require_int8(graph, op, source)
    require(
        weights.data is not None,
        graph,
        op,
        "the weights are computed; only trained, constant weights are supported",
    )
    require(weights.dtype == "int8", graph, op, f"the weights are {weights.dtype}; quantise to full int8")
    check_quantization(weights)
    assert weights.quant is not None
    require(not any(weights.quant.zero_point), graph, op, "the weights' zero point must be 0; quantise again")
    if len(op.inputs) == 2 or op.inputs[2] < 0:
        return source, weights, None, graph.tensors[op.outputs[0]]
    bias = graph.tensors[op.inputs[2]]
    require(
        bias.data is not None, graph, op, "the bias is computed; only a trained, constant bias is supported"
    )
    require(
        bias.dtype == "int32", graph, op, f"the bias is {bias.dtype}, must be int32; quantise to full int8"
    )
    assert bias.data is not None
    return source, weights, bias.data.reshape(-1), graph.tensors[op.outputs[0]]


def require_channels(graph: Graph, op: Op, weights: Tensor, bias: np.ndarray | None, axis: int) -> None:
    """Raise :class:`Unsupported` unless scales and bias fit the output channels, the weights' ``axis``."""
    assert weights.quant is not None
    require(
        len(weights.quant.scale) == 1 or weights.quant.axis == axis,
        graph,
        op,
        f"the weights are quantised along axis {weights.quant.axis}, must be {axis}; quantise again",
    )
    channels = weights.shape[axis]
    require(
        bias is None or bias.size == channels,
        graph,
        op,
        f"the bias has {0 if bias is None else bias.size} values for {channels} channels",
    )


def require_sums(graph: Graph, op: Op, filters: np.ndarray, bias: np.ndarray | None, zero_point: int) -> None:
    """Raise :class:`Unsupported` if a sum of products, on its worst input, can leave 32 bits.

    ``filters`` is int8, (channels, taps).
    """
    sums = np.abs(filters.astype(np.int64)).sum(axis=1) * max(127 - zero_point, zero_point + 128)
    if bias is not None:
        sums = sums + np.abs(bias.astype(np.int64))
    require(
        int(sums.max(initial=0)) < 1 << 31,
        graph,
        op,
        "a sum of products can overflow 32 bits (bias or filter too large); calibrate again",
    )


def arithmetic(
    op: Op, source: Tensor, weights: Tensor, bias: np.ndarray | None, output: Tensor, *, channels: int
) -> dict[str, Value]:
    """Give the parameters of the sums, from the input's offset to the output's limits, by their names.

    There are ``channels`` multipliers and shifts; one scale of all weights serves every one. Every product of
    scales is taken in float64. Source: PopulateConvolutionQuantizationParams in
    tensorflow/lite/kernels/kernel_util.cc.
    """
    assert weights.quant is not None and weights.data is not None
    scales = weights.quant.scale if len(weights.quant.scale) > 1 else weights.quant.scale * channels
    pairs = [quantize_multiplier(source.scale * scale / output.scale) for scale in scales]
    low, high = activation_range(op.options["fused_activation"], output.scale, output.zero_point)
    return {
        "input_offset": -source.zero_point,
        "output_offset": output.zero_point,
        "activation_min": low,
        "activation_max": high,
        "weights": Table("int8_t", weights.data),
        "bias": None if bias is None else Table("int32_t", bias),
        "multiplier": Table("int32_t", np.array([m for m, _ in pairs], np.int32)),
        "shift": Table("int8_t", np.array([s for _, s in pairs], np.int8)),
    }


def sliding_window(
    graph: Graph, op: Op, size: tuple[int, int], kernel: tuple[int, int]
) -> tuple[Axis, Axis, dict[str, Value]]:
    """Rows and columns of the window, and the parameters stride, dilation and padding of both."""
    keys = ("stride_h", "stride_w", "dilation_h", "dilation_w")
    steps: dict[str, Value] = {key: int(op.options[key]) for key in keys}
    axes: list[Axis] = []
    for axis, length, taps in zip("hw", size, kernel, strict=True):
        stride, dilation = int(op.options[f"stride_{axis}"]), int(op.options[f"dilation_{axis}"])
        require(
            1 <= stride <= 0x7FFF and 1 <= dilation <= 0x7FFF,
            graph,
            op,
            f"stride {stride} or dilation {dilation} is not usable",
        )
        explicit = _explicit(op, axis)
        before, after = explicit or (0, 0)
        padding = "VALID" if explicit else op.options["padding"]
        out = output_size(padding, length + before + after, taps, stride, dilation)
        require(out >= 1, graph, op, f"a kernel of {taps} taps does not fit {length} values")
        pad = before if explicit else pad_before(length, taps, stride, dilation, out)
        extent = out * stride + taps * dilation
        require(extent < 1 << 30, graph, op, f"the window reaches {extent} values beyond the image")
        require(pad <= 0xFFFF, graph, op, f"the window needs {pad} zeros before the image")
        steps[f"pad_{axis}"] = pad
        axes.append(Axis(length, out, taps, stride, pad, dilation))
    return axes[0], axes[1], steps


def _explicit(op: Op, axis: str) -> tuple[int, int] | None:
    """(before, after) along "h" or "w", where the padding is EXPLICIT (:mod:`fold_pad`)."""
    if op.options["padding"] != "EXPLICIT":
        return None
    above, below, left, right = op.options["pad"]
    return (above, below) if axis == "h" else (left, right)


def window_notes(op: Op, kernel_h: int, kernel_w: int) -> tuple[str, ...]:
    """Say in words what slides how."""
    options = op.options
    notes: tuple[str, ...] = (
        f"kernel {kernel_h}x{kernel_w}",
        f"stride {options['stride_h']}x{options['stride_w']}",
    )
    if (options["dilation_h"], options["dilation_w"]) != (1, 1):
        notes += (f"dilation {options['dilation_h']}x{options['dilation_w']}",)
    if options["padding"] == "EXPLICIT":
        above, below, left, right = options["pad"]
        return (*notes, f"padding {above}+{below}, {left}+{right}")
    return (*notes, options["padding"])
