"""What CMSIS-NN's kernels take of TensorFlow Lite Micro's arena beyond the reference kernels.

Sources: the functions ``arm_*_s8_get_buffer_size_dsp`` and ``_mve`` of CMSIS-NN 7.0.0 and later
(Source/ConvolutionFunctions, FullyConnectedFunctions, PoolingFunctions), and which of them the kernels in
tensorflow/lite/micro/kernels/cmsis_nn ask, with what. Of the variants for the DSP extension (Cortex-M4, M7,
M33) and for Helium (Cortex-M55, M85), and of those of the compilers, the larger counts.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from nonn_mcu.codegen.geometry import pad_before
from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.unsupported import require

ALIGNMENT = 16  # of every buffer in the arena
_WORD = 4
_LANES = 16  # int8 values of a vector
_BLOCK = 124  # channels that a depthwise convolution takes at a time with Helium (CH_IN_BLOCK_MVE)
_REVERSED_ABOVE = 16  # input channels of a transposed convolution (REVERSE_TCOL_EFFICIENT_THRESHOLD)


def extra(graph: Graph) -> int:
    """Bytes that the arena may need more than with the reference kernels.

    Scratch lives while its operator runs, so the largest counts; sums of dense layers' weights stay, so all
    of them count. Raises :class:`Unsupported` for an operator whose shapes do not go together.
    """
    scratch = max(
        (_aligned(*_SCRATCH[op.kind](graph, op)) for op in graph.ops if op.kind in _SCRATCH), default=0
    )
    return scratch + sum(_aligned(_sums(graph, op)) for op in graph.ops if op.kind == "FULLY_CONNECTED")


def _aligned(*sizes: int) -> int:
    return sum(-(-size // ALIGNMENT) * ALIGNMENT for size in sizes)


def _tensors(graph: Graph, op: Op, *slots: int) -> tuple[Tensor, ...]:
    """Return the tensors in these places among the operator's inputs, and its output last; all of rank 4."""
    require(max(slots) < len(op.inputs) and op.outputs != (), graph, op, "an operand is missing")
    found = [graph.tensors[op.inputs[slot]] for slot in slots] + [graph.tensors[op.outputs[0]]]
    require(all(len(tensor.shape) == 4 for tensor in found), graph, op, "an operand has no four dimensions")
    return tuple(found)


def _conv_2d(graph: Graph, op: Op) -> tuple[int, ...]:
    source, weights, output = _tensors(graph, op, 0, 1)
    (_, height, width, channels), (_, taps_h, taps_w, depth) = source.shape, weights.shape
    stride = int(op.options["stride_w"])
    plain = (op.options["dilation_h"], op.options["dilation_w"]) == (1, 1) and depth == channels
    if plain and (taps_h, taps_w) == (1, 1):
        return (2 * channels * 2,)
    sizes = _im2col(taps_h * taps_w * channels)
    if height == taps_h == 1 and op.options["dilation_w"] == 1 and stride * channels % 4 == 0:
        sizes = max(sizes, _row(width, output.shape[2], taps_w, stride, channels))
    return (sizes,)


def _im2col(column: int) -> int:
    """Two columns of int16 for the DSP extension, four of whole vectors for Helium."""
    return max(2 * -(-column // 4) * 4 * 2, 4 * -(-column // _LANES) * _LANES)


def _row(width: int, out_width: int, taps: int, stride: int, channels: int) -> int:
    """One row of one dimension, with Helium: the window and the padding on one side of it."""
    pad = pad_before(width, taps, stride, 1, out_width)
    odd = abs((out_width - 1) * stride + taps - width) % 2
    right = max(1, (pad + odd + stride - 1) // stride) if pad + odd else 0
    return max((taps + pad) * channels, (taps - 1 + (right if odd else pad)) * channels)


def _depthwise_conv_2d(graph: Graph, op: Op) -> tuple[int, ...]:
    source, weights, output = _tensors(graph, op, 0, 1)
    taps = weights.shape[1] * weights.shape[2]
    if source.shape[3] == 1:  # done as a convolution with the weights in another order
        return (_im2col(taps) + taps * output.shape[3], 4 * _BLOCK * taps)
    return (max(source.shape[3] * taps * 2, 4 * _BLOCK * taps),)


def _average_pool_2d(graph: Graph, op: Op) -> tuple[int, ...]:
    source, _ = _tensors(graph, op, 0)
    return (source.shape[3] * _WORD,)


def _transpose_conv(graph: Graph, op: Op) -> tuple[int, ...]:
    weights, source, output = _tensors(graph, op, 1, 2)
    stride_h, stride_w = int(op.options["stride_h"]), int(op.options["stride_w"])
    channels, taps = source.shape[3], weights.shape[1] * weights.shape[2]
    if max(stride_h, stride_w) <= 2 and channels > _REVERSED_ABOVE:
        return (_im2col(taps * channels), prod(weights.shape))
    row = (source.shape[2] - 1) * stride_w + max(weights.shape[2], stride_h)
    return (row * output.shape[3] * max(weights.shape[1], stride_h) * _WORD,)


def _batch_matmul(graph: Graph, op: Op) -> tuple[int, ...]:
    return (_sums(graph, op),)


def _fully_connected(graph: Graph, op: Op) -> tuple[int, ...]:
    """More than two dimensions go through a convolution of 1x1, its scales spread over the channels."""
    require(len(op.inputs) > 1 and op.outputs != (), graph, op, "an operand is missing")
    output, weights = graph.tensors[op.outputs[0]], graph.tensors[op.inputs[1]]
    if len(output.shape) <= 2 or not weights.shape:
        return (0,)
    return (2 * output.shape[-1] * _WORD, 2 * weights.shape[-1] * 2)


def _sums(graph: Graph, op: Op) -> int:
    """One word per output channel, with Helium."""
    shape = graph.tensors[op.outputs[0]].shape
    return shape[-1] * _WORD if shape else 0


_SCRATCH: dict[str, Callable[[Graph, Op], tuple[int, ...]]] = {
    "AVERAGE_POOL_2D": _average_pool_2d,
    "BATCH_MATMUL": _batch_matmul,
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
    "TRANSPOSE_CONV": _transpose_conv,
}
