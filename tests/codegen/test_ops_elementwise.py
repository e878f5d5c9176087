"""ADD, SUB, MUL, the operators of one byte, and SOFTMAX against the oracle, on every input they can see."""

import numpy as np
import pytest
from support.host import compile_models
from support.models import T, single_op
from support.single_op import LONG, QUICK, Case, check_cases, random_cases

from nonn_mcu.codegen.ops import lower
from nonn_mcu.codegen.reader import read
from nonn_mcu.errors import BadInput
from nonn_mcu.verify import oracle

UNARY = ("HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "TANH")
BINARY = ("ADD", "MUL", "SUB")
ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")
BYTES = np.arange(-128, 128).astype(np.int8)

counts = pytest.mark.parametrize("count", [QUICK, pytest.param(LONG, marks=pytest.mark.long)])


def draw_scale(rng, low, high):
    return float(np.float32(2.0 ** rng.uniform(low, high)))


def draw_zero_point(rng):
    return int(rng.choice([-128, 0, 127, rng.integers(-128, 128)]))


def draw_scales(rng, count, extreme):
    """Ordinary ones seven times of eight, else anything up to a ratio of 2^(2 * extreme)."""
    low, high = (-12, 2) if rng.integers(8) else (-extreme, extreme)
    return [draw_scale(rng, low, high) for _ in range(count)]


def supported(draw):
    """Draw until the model is lowered; what is refused has its own tests."""

    def drawn(rng):
        while True:
            model = draw(rng)
            graph = read(model)
            try:
                lower(graph, graph.ops[0])
            except BadInput:
                continue
            return model

    return drawn


def shape_of_bytes(rng):
    """A shape of rank 2 to 6 that holds each byte once."""
    bits = np.diff([0, *np.sort(rng.integers(0, 9, rng.integers(0, 5))), 8])
    return (1, *(1 << bits).tolist())


def draw_unary(kind):
    def draw(rng):
        x_scale, y_scale = draw_scales(rng, 2, 40)
        x_zero, y_zero = draw_zero_point(rng), draw_zero_point(rng)
        if kind == "LOGISTIC":
            y_scale, y_zero = 1 / 256, -128
        if kind == "TANH":
            y_scale, y_zero = 1 / 128, 0
        alpha = float(np.float32(rng.choice([0.0, 0.01, 0.2, 1.0, rng.uniform(-2, 2)])))
        options = {"alpha": alpha} if kind == "LEAKY_RELU" else {}
        shape = shape_of_bytes(rng)
        return single_op(kind, [T(shape, x_scale, x_zero)], T(shape, y_scale, y_zero), **options)

    return supported(draw)


def on_every_byte(case):
    shape = read(case.model).tensors[read(case.model).inputs[0]].shape
    return Case(case.model, [BYTES.reshape(1, *shape[1:])], case.about)


@pytest.mark.parametrize("kind", UNARY)
@counts
def test_unary_on_every_byte(kind, count, kernels, tmp_path):
    cases = random_cases(draw_unary(kind), 10 + UNARY.index(kind), count)
    check_cases([on_every_byte(case) for case in cases], tmp_path, kernels)


def draw_pairs(kind):
    def draw(rng):
        scales = draw_scales(rng, 3, 12)
        zeros = [draw_zero_point(rng) for _ in range(3)]
        a, b, y = (T((1, 256, 256), *quant) for quant in zip(scales, zeros, strict=True))
        return single_op(kind, [a, b], y, fusedActivationFunction=str(rng.choice(ACTIVATIONS)))

    return supported(draw)


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize("count", [10, pytest.param(300, marks=pytest.mark.long)])
def test_binary_on_every_pair(kind, count, kernels, tmp_path):
    pairs = [np.repeat(BYTES, 256).reshape(1, 256, 256), np.tile(BYTES, 256).reshape(1, 256, 256)]
    cases = random_cases(draw_pairs(kind), 20 + BINARY.index(kind), count)
    check_cases([Case(case.model, pairs, case.about) for case in cases], tmp_path, kernels)


def draw_shapes(rng):
    """Two shapes and what they broadcast to; one may have fewer dimensions."""
    full = [1, *rng.choice([1, 2, 3, 5, 8], rng.integers(0, 6)).tolist()]
    keeps = rng.integers(
        0, 4, (2, len(full))
    )  # a dimension is kept by both, by one of them, or by both again
    a = [d if keep else 1 for d, keep in zip(full, keeps[0], strict=True)]
    b = [d if keep else 1 for d, keep in zip(full, keeps[1], strict=True)]
    y = [max(pair) for pair in zip(a, b, strict=True)]
    while rng.integers(2) and b and b[0] == 1:
        b = b[1:]
    return [a, b][:: 1 if rng.integers(2) else -1], y


def draw_broadcast(kind):
    def draw(rng):
        shapes, full = draw_shapes(rng)
        scales = draw_scales(rng, 3, 12)
        operands = [
            T(tuple(shape), scale, draw_zero_point(rng)) for shape, scale in zip(shapes, scales, strict=False)
        ]
        variable = [i for i in (0, 1) if len(shapes[i]) == len(full)]  # an input has a batch of 1
        constant = int(rng.choice([1 - i for i in variable if len(variable) == 1] or [-1, 0, 1]))
        if constant >= 0:
            t = operands[constant]
            data = rng.integers(-128, 128, t.shape, np.int8)
            operands[constant] = T(t.shape, t.scale, t.zero_point, data=data)
        elif shapes[0] == shapes[1] and rng.integers(2):
            operands[1] = operands[0]
        result = T(tuple(full), scales[2], draw_zero_point(rng))
        return single_op(kind, operands, result, fusedActivationFunction=str(rng.choice(ACTIVATIONS)))

    return supported(draw)


@pytest.mark.parametrize("kind", BINARY)
@counts
def test_binary_broadcasts(kind, count, kernels, tmp_path):
    check_cases(random_cases(draw_broadcast(kind), 30 + BINARY.index(kind), count), tmp_path, kernels)


def draw_softmax(rng):
    depth = int(rng.choice([1, 2, 10, rng.integers(1, 300), 511]))
    shape = (1, *rng.integers(1, 4, rng.integers(0, 3)).tolist(), depth)
    scale = draw_scale(rng, -8, 1) if rng.integers(6) else draw_scale(rng, -26, 8)
    beta = float(np.float32(rng.choice([1.0, rng.uniform(0.1, 4)])))
    return single_op("SOFTMAX", [T(shape, scale, draw_zero_point(rng))], T(shape, 1 / 256, -128), beta=beta)


@counts
def test_softmax(count, kernels, tmp_path):
    cases = random_cases(supported(draw_softmax), 40, count)
    check_cases(cases, tmp_path, kernels)


# (kind, scales of inputs and output, zero points, options): where dividing the scales in float instead of
# double gives another byte.
ROUNDING = [
    ("ADD", (0.2743622, 0.19764823, 0.016567817), (-82, 112, 6), {}),
    ("ADD", (0.05783965, 0.08139796, 0.050135218), (52, -33, 14), {}),
    ("HARD_SWISH", (0.7852614, 0.7468131), (-128, 0), {}),
    ("HARD_SWISH", (0.1477878, 0.08874147), (-128, -128), {}),
    ("LEAKY_RELU", (0.6619444, 0.75071377), (127, 127), {"alpha": 0.9}),
    ("LEAKY_RELU", (0.23631753, 0.3212083), (0, 127), {"alpha": 0.7}),
    ("LEAKY_RELU", (0.4406346, 0.97048414), (-128, -128), {"alpha": 0.5}),
    ("MUL", (0.6559231, 0.08743106, 11.158459), (78, 114, -118), {}),
    ("MUL", (0.37143213, 0.58915615, 10.620685), (38, -123, 46), {}),
    ("QUANTIZE", (0.10831708, 0.33338714), (-128, -128), {}),
    ("QUANTIZE", (0.7488358, 1.0338765), (-128, 0), {}),
    ("RELU", (0.4406346, 0.97048414), (-128, -128), {}),
    ("RELU", (0.2708267, 0.55767864), (-128, 0), {}),
    ("SUB", (0.36801398, 0.3643805, 0.29839748), (22, 46, -37), {}),
    ("SUB", (0.16577993, 0.1242052, 0.5015837), (-69, 38, -80), {}),
    # And here dividing in double instead of float: 6 / scale lies just below 62.5.
    ("RELU6", (0.096, 0.096), (-128, -128), {}),
]


def test_scales_divide_in_the_oracles_precision(kernels, tmp_path):
    cases = []
    for kind, scales, zeros, options in ROUNDING:
        shape = (1, 256) if len(scales) == 2 else (1, 256, 256)
        tensors = [
            T(shape, float(np.float32(scale)), zero) for scale, zero in zip(scales, zeros, strict=True)
        ]
        pairs = [np.repeat(BYTES, 256), np.tile(BYTES, 256)] if len(scales) == 3 else [BYTES]
        model = single_op(kind, tensors[:-1], tensors[-1], **options)
        cases.append(Case(model, [values.reshape(shape) for values in pairs], f"{kind} {scales}"))
    check_cases(cases, tmp_path, kernels)


def test_softmax_of_512_equal_classes_is_zero_everywhere(kernels, tmp_path):
    """The reference stops at such a sum, for which it has a bit too few; every output is below 1/512."""
    shape = (1, 1000)
    model = single_op("SOFTMAX", [T(shape, 0.1)], T(shape, 1 / 256, -128), beta=1.0)
    with pytest.raises(BadInput, match="crashed"):
        oracle.run_isolated(model, [np.zeros(shape, np.int8)])
    [[made]] = compile_models([model], tmp_path, kernels).run([(0, [np.zeros(shape, np.int8)])])
    assert (made == -128).all()


S = (1, 4)
X, Y = T(S, 0.1), T(S, 0.1, 3)
PER_CHANNEL = T(S, [0.1, 0.1, 0.1, 0.1], data=np.zeros(S, np.int8), axis=1)
WIDE = T(S, 0.1, data=np.zeros(S, np.int16), dtype="int16")
BARE = T(S, None, data=np.zeros(S, np.int8))
SUM = T(S, 1 / 256, -128)

# What is refused, and the words that say why.
REFUSED = {
    "output of another shape": ("TANH", [X], T((1, 5), 0.1), {}, "declared"),
    "output of another rank": ("RELU", [X], T((4,), 0.1), {}, "declared"),
    "shapes that do not fit": ("ADD", [X, T((1, 3), 0.1)], Y, {}, "do not broadcast"),
    "output larger than the broadcast": ("MUL", [X, X], T((1, 2, 4), 0.1), {}, "declared"),
    "output smaller than the broadcast": ("SUB", [X, T((1, 2, 4), 0.1)], Y, {}, "declared"),
    "one operand": ("ADD", [X], Y, {}, "expected 2"),
    "three operands": ("ADD", [X, Y, SUM], T(S, 0.2), {}, "expected 2"),
    "an absent operand": ("MUL", [X, None], Y, {}, "expected 2"),
    "two inputs to one": ("LOGISTIC", [X, Y], SUM, {}, "expected 1"),
    "a constant per channel": ("MUL", [X, PER_CHANNEL], Y, {}, "4 scales"),
    "a constant of 16 bits": ("ADD", [X, WIDE], Y, {}, "int16"),
    "a constant without a scale": ("ADD", [X, BARE], Y, {}, "without a scale"),
    "a fused TANH": ("ADD", [X, X], Y, {"fusedActivationFunction": "TANH"}, "TANH"),
    "QUANTIZE from float": ("QUANTIZE", [T(S, None, dtype="float32")], Y, {}, "float32"),
    "QUANTIZE to int16": ("QUANTIZE", [X], T(S, 0.1, dtype="int16"), {}, "int16"),
    "SOFTMAX to int16": ("SOFTMAX", [X], T(S, 1 / 65536, -32768, dtype="int16"), {"beta": 1.0}, "int16"),
    "a negative beta": ("SOFTMAX", [X], SUM, {"beta": -1.0}, "beta"),
    "a beta of zero": ("SOFTMAX", [X], SUM, {"beta": 0.0}, "beta"),
    "an infinite beta": ("SOFTMAX", [X], SUM, {"beta": float("inf")}, "beta"),
    "too many classes": ("SOFTMAX", [T((1, 4096))], T((1, 4096), 1 / 256, -128), {"beta": 1.0}, "classes"),
    "an alpha that is no number": ("LEAKY_RELU", [X], Y, {"alpha": float("nan")}, "ratio"),
    "scales that overflow": ("QUANTIZE", [T(S, 1e5)], T(S, 1e-3), {}, "overflow"),
    "a product that overflows": ("MUL", [T(S, 1e3), T(S, 1e3)], T(S, 1e-3), {}, "overflow"),
    "a sigmoid's tiny scale": ("LOGISTIC", [T(S, 1e-9)], SUM, {}, "range"),
    "a six beyond 32 bits": ("RELU6", [T(S, 1e-9)], T(S, 1e-9), {}, "too small"),
}
# The oracle refuses these too, or stops.
REFUSED_BY_BOTH = {
    "a SOFTMAX of another scale": ("SOFTMAX", [X], T(S, 1 / 128, -128), {"beta": 1.0}, "1/256"),
    "a SOFTMAX of another zero point": ("SOFTMAX", [X], T(S, 1 / 256, 0), {"beta": 1.0}, "-128"),
    "a LOGISTIC of another zero point": ("LOGISTIC", [X], T(S, 1 / 256, 0), {}, "-128"),
    "a coarse HARD_SWISH": ("HARD_SWISH", [T(S, 1.0)], T(S, 1 / 256), {}, "128 output scales"),
    "a sum beyond the shift": ("ADD", [T(S, 1e4), X], T(S, 1e-3), {}, "ratio"),
    "a difference beyond the shift": ("SUB", [T(S, 1e4), X], T(S, 1e-3), {}, "ratio"),
}


@pytest.mark.parametrize("case", [*REFUSED.items(), *REFUSED_BY_BOTH.items()], ids=lambda case: case[0])
def test_refuses(case):
    kind, inputs, output, options, words = case[1]
    graph = read(single_op(kind, inputs, output, **options))
    with pytest.raises(BadInput, match=words) as caught:
        lower(graph, graph.ops[0])
    assert "\n" not in str(caught.value)
    assert f"({kind})" in str(caught.value)


@pytest.mark.parametrize("case", REFUSED_BY_BOTH.items(), ids=lambda case: case[0])
def test_the_oracle_refuses_as_well(case):
    kind, inputs, output, options, _ = case[1]
    model = single_op(kind, inputs, output, **options)
    with pytest.raises(BadInput, match="TensorFlow Lite Micro"):
        oracle.run_isolated(model, [np.zeros(S, np.int8)] * len(inputs))
