"""Models that cannot be used: one clear line each, with what to do. And odd ones that can."""

import dataclasses
import math

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from support.host import WARNINGS, compile_models
from support.models import O, T, build, constant, single_op

from nonn_mcu.codegen import generate
from nonn_mcu.codegen.unsupported import Unsupported
from nonn_mcu.errors import BadInput

WEIGHTS = np.ones((2, 1, 1, 3), np.int8)
IMAGE = T((1, 4, 4, 3), 0.5, name="image")
FILTER = T(WEIGHTS.shape, [0.1, 0.2], data=WEIGHTS, name="filter")
BIAS = T((2,), None, data=np.array([1, 2]), dtype="int32", name="bias")
RESULT = T((1, 4, 4, 2), 0.5, name="/layer1/layer1.0/conv1/Conv")
OPTIONS = {"padding": fb.Padding.VALID, "strideH": 1, "strideW": 1}


def conv(image=IMAGE, weights=FILTER, bias=BIAS, result=RESULT, **options):
    return single_op("CONV_2D", [image, weights, bias], result, **{**OPTIONS, **options})


def changed(tensor, **fields):
    return dataclasses.replace(tensor, **fields)


def relu(image=IMAGE, result=None, **model_fields):
    result = result or changed(image, name="relu", data=None)
    return build([image, result], [O("RELU", [0], [1])], [0], [1], **model_fields)


def chain(ops, outputs=(1,), inputs=(0,), count=2):
    return build([changed(IMAGE, name=f"t{i}") for i in range(count)], ops, inputs, outputs)


def fully_connected(weights=None, **fields):
    weights = weights or T((4, 8), 0.1, data=np.ones((4, 8), np.int8))
    output = T((1, 4), 0.5, name="fc")
    return single_op("FULLY_CONNECTED", [T((1, 8), 0.5), weights, *fields.pop("bias", [])], output, **fields)


def version(number):
    return relu(**{"version": number})


def with_two_subgraphs():
    model = fb.ModelT.InitFromPackedBuf(relu(), 0)
    model.subgraphs = model.subgraphs * 2
    return pack(model)


def pack(model):
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def edited(data, edit):
    model = fb.ModelT.InitFromPackedBuf(data, 0)
    edit(model)
    return pack(model)


def external(model):
    model.buffers[1].offset, model.buffers[1].size = 4096, 6


def wrong_options(model):
    op = model.subgraphs[0].operators[0]
    op.builtinOptions, op.builtinOptionsType = fb.Pool2DOptionsT(), fb.BuiltinOptions.Pool2DOptions


def set_field(path, value):
    def edit(model):
        *steps, last = path.split(".")
        place = model
        for step in steps:
            place = place[int(step)] if step.isdigit() else getattr(place, step)
        if last.isdigit():
            place[int(last)] = value
        else:
            setattr(place, last, value)

    return edit


FIRST_OP, FIRST_TENSOR = "subgraphs.0.operators.0", "subgraphs.0.tensors.0"

TABLE = [
    # operators
    (
        "unsupported",
        lambda: single_op("SPLIT", [constant(1), RESULT], RESULT),
        "SPLIT.*is not supported; use one of",
    ),
    (
        "unsupported names the layer",
        lambda: single_op("ABS", [IMAGE], RESULT),
        '"/layer1/layer1.0/conv1/Conv" ',
    ),
    ("unsupported names the module", lambda: single_op("ABS", [IMAGE], RESULT), "module layer1.0.conv1"),
    ("custom", lambda: single_op("CUSTOM", [IMAGE], RESULT), "CUSTOM"),
    ("other options", lambda: edited(conv(), wrong_options), "options of another operator"),
    (
        "operator code",
        lambda: edited(relu(), set_field(f"{FIRST_OP}.opcodeIndex", 7)),
        "operator code 7 of 1",
    ),
    # the file
    ("version", lambda: version(2), "version 2"),
    ("subgraphs", with_two_subgraphs, "2 subgraphs"),
    ("tensor index", lambda: edited(relu(), set_field(f"{FIRST_OP}.inputs", [9])), "tensor 9"),
    ("negative output", lambda: edited(relu(), set_field(f"{FIRST_OP}.outputs", [-1])), "tensor -1"),
    ("buffer index", lambda: edited(relu(), set_field(f"{FIRST_TENSOR}.buffer", 9)), "buffer 9"),
    ("external data", lambda: edited(conv(), external), "outside the flatbuffer"),
    ("variable", lambda: edited(relu(), set_field(f"{FIRST_TENSOR}.isVariable", True)), "variable"),
    ("type", lambda: edited(relu(), set_field(f"{FIRST_TENSOR}.type", 99)), "type 99"),
    ("data too short", lambda: conv(bias=changed(BIAS, shape=(3,))), "holds 8 bytes.*need 12"),
    # the order
    ("no inputs", lambda: edited(relu(), set_field("subgraphs.0.inputs", [])), "no inputs"),
    ("no outputs", lambda: edited(relu(), set_field("subgraphs.0.outputs", [])), "no outputs"),
    ("no operators", lambda: edited(relu(), set_field("subgraphs.0.operators", [])), "no operators"),
    ("cycle", lambda: chain([O("RELU", [1], [1])]), "before it is computed"),
    (
        "too early",
        lambda: chain([O("RELU", [2], [1]), O("RELU", [0], [2])], count=3),
        "before it is computed",
    ),
    ("written twice", lambda: chain([O("RELU", [0], [1])] * 2), "overwrites"),
    ("input written", lambda: chain([O("RELU", [0], [0])], outputs=(0,)), "overwrites"),
    ("input twice", lambda: chain([O("ADD", [0, 0], [1])], inputs=(0, 0)), "input twice"),
    ("constant output", lambda: edited(conv(), set_field("subgraphs.0.outputs", [1])), "not computed"),
    ("input as output", lambda: edited(relu(), set_field("subgraphs.0.outputs", [0])), "not computed"),
    ("constant input", lambda: edited(conv(), set_field("subgraphs.0.inputs", [0, 1])), "constant data"),
    (
        "only a reshape",
        lambda: single_op("RESHAPE", [IMAGE, constant([1, 48])], T((1, 48), 0.5)),
        "only reshapes",
    ),
    # shapes
    ("dynamic", lambda: relu(changed(IMAGE, signature=(1, -1, 4, 3))), "dynamic; export"),
    ("dynamic batch", lambda: relu(changed(IMAGE, shape=(2, 4, 4, 3), signature=(-1, 4, 4, 3))), "dynamic"),
    ("negative", lambda: relu(changed(IMAGE, shape=(1, -1, 4, 3))), "dynamic"),
    ("batch", lambda: relu(changed(IMAGE, shape=(2, 4, 4, 3))), "batch 2; export"),
    ("zero size", lambda: relu(changed(IMAGE, shape=(1, 0, 4, 3))), "dimension of 0"),
    ("huge", lambda: relu(changed(IMAGE, shape=(1, 70000, 4, 3))), "too large"),
    ("huge product", lambda: relu(changed(IMAGE, shape=(1, 60000, 60000, 60000))), "too large"),
    ("rank 0", lambda: relu(changed(IMAGE, shape=())), "rank 0"),
    ("rank 7", lambda: relu(changed(IMAGE, shape=(1,) * 7)), "rank 7"),
    (
        "output shape",
        lambda: conv(result=changed(RESULT, shape=(1, 5, 4, 2))),
        "5, 4, 2.*computes to .*4, 4, 2",
    ),
    ("reshape", lambda: single_op("RESHAPE", [IMAGE], T((1, 47), 0.5)), "cannot become"),
    ("conv of rank 3", lambda: conv(image=changed(IMAGE, shape=(1, 16, 3))), "3 dimensions"),
    (
        "kernel too large",
        lambda: conv(IMAGE, T((2, 5, 1, 3), 0.1, data=np.ones((2, 5, 1, 3))), None),
        "5 taps",
    ),
    ("groups", lambda: conv(IMAGE, T((2, 1, 1, 2), 0.1, data=np.ones((2, 1, 1, 2)))), "groups of 2"),
    ("stride 0", lambda: conv(strideH=0), "stride 0"),
    ("dilation -1", lambda: conv(dilationWFactor=-1), "dilation -1"),
    # types
    (
        "float model",
        lambda: relu(changed(IMAGE, dtype="float32", scale=None)),
        "float32.*convert from the .pt",
    ),
    ("uint8", lambda: relu(changed(IMAGE, dtype="uint8")), "uint8; only int8"),
    ("int16", lambda: relu(changed(IMAGE, dtype="int16")), "int16; only int8"),
    ("hybrid", lambda: conv(weights=changed(FILTER, dtype="float32")), "weights are float32; quantise"),
    ("NaN", lambda: conv(weights=changed(FILTER, dtype="float32", data=WEIGHTS * math.nan)), "NaN"),
    ("float bias", lambda: conv(bias=changed(BIAS, dtype="float32")), "bias is float32"),
    ("int64 bias", lambda: conv(bias=changed(BIAS, dtype="int64")), "bias is int64"),
    ("computed weights", lambda: conv(weights=T((1, 1, 1, 3), 0.1)), "weights are computed"),
    ("dynamic int32", lambda: relu(changed(IMAGE, dtype="int32")), "int32 and not constant"),
    # quantisation
    ("no scale", lambda: relu(changed(IMAGE, scale=None)), "without a scale"),
    ("scale 0", lambda: relu(changed(IMAGE, scale=0.0)), "scale 0.0 is not"),
    ("scale negative", lambda: relu(changed(IMAGE, scale=-1.0)), "scale -1.0 is not"),
    (
        "scale denormal",
        lambda: relu(changed(IMAGE, scale=1e-40)),
        "is not a normal positive number; calibrate",
    ),
    ("scale NaN", lambda: relu(changed(IMAGE, scale=math.nan)), "scale nan"),
    ("scale infinite", lambda: relu(changed(IMAGE, scale=math.inf)), "scale inf"),
    ("zero point", lambda: relu(changed(IMAGE, zero_point=128)), "zero point 128"),
    ("zero point 2^40", lambda: relu(changed(IMAGE, zero_point=1 << 40)), "does not fit int8"),
    ("weights' zero point", lambda: conv(weights=changed(FILTER, zero_point=[0, 1])), "zero point must be 0"),
    ("two scales", lambda: relu(changed(IMAGE, scale=[0.5] * 3, axis=3)), "one scale, this has 3"),
    ("axis", lambda: conv(weights=changed(FILTER, scale=[0.1] * 3, axis=3)), "axis 3, must be 0"),
    ("axis out of range", lambda: conv(weights=changed(FILTER, axis=7)), "2 scales do not fit axis 7"),
    ("scales do not fit", lambda: conv(weights=changed(FILTER, scale=[0.1] * 3)), "3 scales do not fit"),
    (
        "zero points",
        lambda: conv(weights=changed(FILTER, zero_point=[0, 0, 0])),
        "2 scales but 3 zero points",
    ),
    (
        "bias size",
        lambda: conv(bias=T((3,), None, data=np.ones(3), dtype="int32")),
        "3 values for 2 channels",
    ),
    ("bias overflow", lambda: conv(bias=changed(BIAS, data=np.array([2**31 - 1, 0]))), "overflow 32 bits"),
    (
        "ratio of scales",
        lambda: conv(changed(IMAGE, scale=1e20), result=changed(RESULT, scale=1e-20)),
        "too large",
    ),
    ("activation", lambda: conv(fusedActivationFunction="TANH"), "activation TANH"),
    ("fc depth", lambda: fully_connected(T((4, 5), 0.1, data=np.ones((4, 5)))), "rows of 5"),
    ("fc units", lambda: fully_connected(T((3, 8), 0.1, data=np.ones((3, 8)))), "declared as"),
    (
        "fc bias scale",
        lambda: fully_connected(bias=[T((4,), 0.3, data=np.ones(4), dtype="int32")]),
        "bias's scale is 0.3, must be 0.05",
    ),
    ("fc shuffled", lambda: fully_connected(weightsFormat=1), "shuffled"),
]


@pytest.mark.parametrize(("make", "message"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_refused_with_one_line(make, message):
    model = make()
    with pytest.raises(BadInput, match=message) as caught:
        generate(model, "model")
    text = str(caught.value)
    assert "\n" not in text
    assert text.isascii()
    assert len(text) < 500


def test_unsupported_is_told_apart():
    with pytest.raises(Unsupported):
        generate(single_op("ABS", [IMAGE], RESULT), "model")


@pytest.mark.parametrize("name", ["", "Model", "a b", "8x", "int", "a" * 48, "x\n", "é"])
def test_model_names_must_be_identifiers(name):
    with pytest.raises(BadInput, match="identifier"):
        generate(relu(), name)


NASTY = ["*/ int x; /*", "a\nb", "int", "??/\n", 'quote"\\', "сеть", "", "same", "same", "%s%n", "a" * 3000]


def test_nasty_names_compile_and_run(kernels, tmp_path):
    """Duplicate names, newlines, ends of comments, keywords, non-ASCII: only ever text in a comment."""
    count = len(NASTY)
    tensors = [IMAGE, *(changed(IMAGE, name=name) for name in NASTY)]
    model = build(tensors, [O("RELU", [i], [i + 1]) for i in range(count)], [0], [count])
    program = compile_models([model], tmp_path, kernels)
    [made] = program.generated
    assert len({layer.name for layer in made.reference.layers}) == count
    assert all(text.isascii() for text in made.files.values())
    x = np.arange(-24, 24, dtype=np.int8).reshape(1, 4, 4, 3)
    [[y]] = program.run([(0, [x])])
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    assert "-Werror" in WARNINGS


def test_two_outputs_and_two_inputs(kernels, tmp_path):
    """An output that a later layer also reads must be whole at the end."""
    tensors = [changed(IMAGE, name=f"t{i}") for i in range(5)]
    ops = [O("ADD", [0, 1], [2]), O("RELU", [2], [3]), O("RELU6", [3], [4])]
    program = compile_models([build(tensors, ops, [0, 1], [4, 2])], tmp_path, kernels)
    x = np.full((1, 4, 4, 3), -100, np.int8)
    z = np.arange(48, dtype=np.int8).reshape(1, 4, 4, 3)
    [[last, first]] = program.run([(0, [x, z])])
    np.testing.assert_array_equal(first, x + z)
    np.testing.assert_array_equal(last, np.clip(x + z, 0, 12))


def test_an_unspecified_batch_is_batch_one():
    assert generate(relu(changed(IMAGE, signature=(-1, 4, 4, 3))), "model").reference.layers


def test_equal_tables_are_emitted_once():
    tensors = [IMAGE, FILTER, RESULT, changed(RESULT, name="second"), changed(RESULT, name="sum")]
    options = OPTIONS
    ops = [O("CONV_2D", [0, 1], [2], options), O("CONV_2D", [0, 1], [3], options), O("ADD", [2, 3], [4])]
    made = generate(build(tensors, ops, [0], [4]), "model")
    assert made.files["native/weights.h"].count("_weights[") == 1
    assert made.compiled["portable"].weights_bytes == WEIGHTS.size
