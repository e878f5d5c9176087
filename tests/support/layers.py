"""Random layers as networks have them: shapes that the kernels of one kind of core take, or nearly."""

from collections.abc import Callable

import numpy as np
from ai_edge_litert import schema_py_generated as fb
from support import draw
from support.models import T, single_op

from nonn_mcu.codegen.geometry import output_size

CHANNELS = (1, 3, 4, 8, 12, 16, 16, 20, 24, 32, 32, 48, 5, 10)


def _pick(rng: np.random.Generator, *values: int) -> int:
    return int(rng.choice(values))


def _filtered(
    rng: np.random.Generator,
    kind: str,
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]],
    axis: int,
    **options: object,
) -> bytes:
    """A layer with weights; most are calibrated as a converter would, one in six is arbitrary.

    ``shapes`` are those of the input, the filters and the output.
    """
    source, filters, result = shapes
    units = filters[axis]
    taps = int(np.prod(filters)) // units
    in_scale = draw.scale(rng)
    weights = draw.weights(rng, filters)
    if rng.integers(6):
        scales = np.float32(10.0 ** rng.uniform(-3, -2, units)).tolist()
        activation = str(rng.choice(["NONE", "RELU", "RELU", "RELU6"]))
        out_scale = float(np.float32(in_scale * max(scales) * 74 * 74 * np.sqrt(taps) / rng.uniform(20, 120)))
        out_zero = -128 if activation != "NONE" else draw.zero_point(rng)
        top = max(1, int(in_scale * 74 * 74 * np.sqrt(taps) / in_scale))
    else:
        scales = draw.filter_scales(rng, units)
        activation = draw.activation(rng)
        out_scale = draw.output_scale(rng, in_scale, scales, taps)
        out_zero, top = draw.zero_point(rng), 10 ** int(rng.integers(1, 9))
    inputs = [T(source, in_scale, draw.zero_point(rng)), T(filters, scales, data=weights, axis=axis)]
    if rng.integers(5):
        bias = rng.integers(-top, top + 1, units, np.int32)
        inputs.append(T((units,), float(np.float32(in_scale * scales[0])), data=bias, dtype="int32"))
    output = T(result, out_scale, out_zero)
    return single_op(kind, inputs, output, fusedActivationFunction=activation, **options)


def _sliding(
    rng: np.random.Generator, kind: str, channels: int, filters: tuple[int, ...], axis: int, **options: object
) -> bytes:
    stride = _pick(rng, 1, 1, 1, 2, 2, 3)
    padding = str(rng.choice(["SAME", "SAME", "VALID"]))
    sizes, outs = [], []
    for taps in filters[1:3]:
        sizes.append((1 if padding == "SAME" else taps) + int(rng.integers(14)))
        outs.append(output_size(padding, sizes[-1], taps, stride))
    result = (1, *outs, filters[axis])
    return _filtered(
        rng, kind, ((1, *sizes, channels), filters, result), axis,
        padding=getattr(fb.Padding, padding), strideH=stride, strideW=stride,
        dilationHFactor=1, dilationWFactor=1, **options,
    )  # fmt: skip


def conv_3x3(rng: np.random.Generator) -> bytes:
    """A convolution of 3x3."""
    channels, out = _pick(rng, *CHANNELS), _pick(rng, *CHANNELS)
    return _sliding(rng, "CONV_2D", channels, (out, 3, 3, channels), 0)


def conv_large(rng: np.random.Generator) -> bytes:
    """A convolution of 3x3 at stride 1 over an image large enough to have room for transformed tiles."""
    height, width, out = int(rng.integers(47, 52)), int(rng.integers(47, 52)), _pick(rng, 8, 16, 16)
    return _filtered(
        rng, "CONV_2D", ((1, height, width, 16), (out, 3, 3, 16), (1, height, width, out)), 0,
        padding=fb.Padding.SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
    )  # fmt: skip


def conv_any(rng: np.random.Generator) -> bytes:
    """A convolution of any small kernel."""
    channels, out = _pick(rng, 1, 1, 2, 3, 3, 4, 8, 9), _pick(rng, *CHANNELS)
    taps = (int(rng.integers(1, 11)), int(rng.integers(1, 8)))
    return _sliding(rng, "CONV_2D", channels, (out, *taps, channels), 0)


def conv_1x1(rng: np.random.Generator) -> bytes:
    """A convolution of single pixels."""
    channels, out = _pick(rng, *CHANNELS, 64, 100), _pick(rng, *CHANNELS, 64)
    return _sliding(rng, "CONV_2D", channels, (out, 1, 1, channels), 0)


def depthwise(rng: np.random.Generator) -> bytes:
    """A depthwise convolution, mostly of 3x3."""
    channels = _pick(rng, 4, 8, 16, 16, 24, 32, 48, 64, 6, 13)
    taps = (3, 3) if rng.integers(4) else (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    return _sliding(rng, "DEPTHWISE_CONV_2D", channels, (1, *taps, channels), 3, depthMultiplier=1)


def dense(rng: np.random.Generator) -> bytes:
    """A dense layer of one row."""
    depth, units = (
        _pick(rng, 8, 16, 64, 100, 128, 130, 256, 320, 37),
        _pick(rng, 1, 2, 8, 10, 12, 32, 128, 37),
    )
    return _filtered(rng, "FULLY_CONNECTED", ((1, depth), (units, depth), (1, units)), 0, keepNumDims=False)


def add(rng: np.random.Generator) -> bytes:
    """The sum or the difference of two images."""
    shape = (1, int(rng.integers(1, 9)), int(rng.integers(1, 9)), _pick(rng, *CHANNELS))
    scale = draw.scale(rng)
    other = float(np.float32(scale * 2.0 ** rng.uniform(-3, 3)))
    result = float(np.float32(max(scale, other) * 2.0 ** rng.uniform(-2, 2)))
    inputs = [T(shape, scale, draw.zero_point(rng)), T(shape, other, draw.zero_point(rng))]
    activation = str(rng.choice(["NONE", "RELU", "RELU6"]))
    kind = str(rng.choice(["ADD", "ADD", "SUB"]))
    return single_op(kind, inputs, T(shape, result, draw.zero_point(rng)), fusedActivationFunction=activation)


def pool(rng: np.random.Generator) -> bytes:
    """An average or a maximum over windows or over the whole image."""
    height, width, channels = int(rng.integers(1, 12)), int(rng.integers(1, 12)), _pick(rng, *CHANNELS)
    whole = bool(rng.integers(2))
    filter_h, filter_w = (height, width) if whole else (_pick(rng, 1, 2, 3), _pick(rng, 1, 2, 3))
    stride = _pick(rng, 1, 2)
    padding = "VALID" if whole else str(rng.choice(["SAME", "VALID"]))
    height, width = max(height, filter_h), max(width, filter_w)
    outs = [output_size(padding, n, f, stride) for n, f in ((height, filter_h), (width, filter_w))]
    scale, zero = draw.scale(rng), draw.zero_point(rng)
    return single_op(
        str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"])),
        [T((1, height, width, channels), scale, zero)],
        T((1, *outs, channels), scale, zero),
        padding=getattr(fb.Padding, padding), strideH=stride, strideW=stride,
        filterHeight=filter_h, filterWidth=filter_w,
        fusedActivationFunction=str(rng.choice(["NONE", "RELU"])),
    )  # fmt: skip


def mean(rng: np.random.Generator) -> bytes:
    """The mean over an image's pixels."""
    shape = (1, int(rng.integers(1, 13)), int(rng.integers(1, 13)), _pick(rng, *CHANNELS))
    scale = draw.scale(rng)
    result = float(np.float32(scale * 2.0 ** rng.uniform(-3, 1)))
    axes = T((2,), None, data=np.array([1, 2], np.int32), dtype="int32")
    source = T(shape, scale, draw.zero_point(rng))
    output = T((1, shape[3]), result, draw.zero_point(rng))
    return single_op("MEAN", [source, axes], output, keepDims=False)


def scale(rng: np.random.Generator) -> bytes:
    """A depthwise convolution of single pixels, as a batch normalisation becomes one."""
    channels = _pick(rng, *CHANNELS)
    shape = (1, int(rng.integers(1, 9)), int(rng.integers(1, 9)), channels)
    return _filtered(
        rng, "DEPTHWISE_CONV_2D", (shape, (1, 1, 1, channels), shape), 3,
        padding=_pick(rng, fb.Padding.SAME, fb.Padding.VALID), strideH=1, strideW=1,
        dilationHFactor=1, dilationWFactor=1, depthMultiplier=1,
    )  # fmt: skip


DRAWS: dict[str, Callable[[np.random.Generator], bytes]] = {
    function.__name__: function
    for function in (conv_3x3, conv_any, conv_1x1, depthwise, dense, add, pool, mean, scale, conv_large)
}
