"""The reader against an independent one (the tflite package), and against damaged files."""

import time

import numpy as np
import pytest
import tflite

from nonn_mcu.codegen import generate, load, lower
from nonn_mcu.codegen.flatbuffer import Field, decode
from nonn_mcu.codegen.plan import plan
from nonn_mcu.codegen.reader import read
from nonn_mcu.errors import BadInput

NAMES = ("ad01", "ic01", "kws01", "vww01")


@pytest.fixture(scope="module", params=NAMES)
def network(request, data_dir):
    path = data_dir / "mlperf-tiny" / f"{request.param}_int8.tflite"
    if not path.is_file():
        pytest.skip(f"no network at {path}")
    return path.read_bytes()


def test_agrees_with_the_tflite_package(network):
    graph = read(network)
    model = tflite.Model.GetRootAs(network, 0)
    other = model.Subgraphs(0)
    assert len(graph.ops) == other.OperatorsLength()
    assert graph.inputs == tuple(other.InputsAsNumpy())
    assert graph.outputs == tuple(other.OutputsAsNumpy())
    for op in graph.ops:
        table = other.Operators(op.index)
        code = model.OperatorCodes(table.OpcodeIndex())
        assert getattr(tflite.BuiltinOperator, op.kind) == max(
            code.BuiltinCode(), code.DeprecatedBuiltinCode()
        )
        assert op.inputs == tuple(table.InputsAsNumpy())
        assert op.outputs == tuple(table.OutputsAsNumpy())
        if op.kind == "CONV_2D":
            options = tflite.Conv2DOptions()
            options.Init(table.BuiltinOptions().Bytes, table.BuiltinOptions().Pos)
            assert op.options["stride_w"] == options.StrideW()
            assert op.options["padding"] == ("SAME", "VALID")[options.Padding()]
    for index in {i for op in graph.ops for i in (*op.inputs, *op.outputs)}:
        tensor, table = graph.tensors[index], other.Tensors(index)
        assert tensor.name == table.Name().decode()
        assert tensor.shape == tuple(table.ShapeAsNumpy())
        quant = table.Quantization()
        if tensor.quant is not None:
            np.testing.assert_array_equal(np.float32(tensor.quant.scale), quant.ScaleAsNumpy())
            np.testing.assert_array_equal(tensor.quant.zero_point, quant.ZeroPointAsNumpy())
        data = model.Buffers(table.Buffer()).DataAsNumpy()
        if tensor.data is None:
            assert np.size(data) in (0, 1)
        else:
            assert tensor.data.tobytes() == data.tobytes()


def survives(data: bytes, emit: bool = False) -> None:
    """Either a graph that C can be generated from, or one clear line; soon, and nothing else."""
    start = time.monotonic()
    try:
        if emit:
            generate(data, "model")
        else:
            graph = load(data)
            plan(graph, *lower(graph))
    except BadInput as error:
        assert "\n" not in str(error)
        assert 10 < len(str(error)) < 600
    assert time.monotonic() - start < 20


def test_truncated_everywhere(network):
    for length in [*range(0, 64), *range(64, len(network), 1000), len(network) - 1]:
        survives(network[:length])


@pytest.mark.parametrize("count", [60, pytest.param(3000, marks=pytest.mark.long)])
def test_random_bit_flips(network, count):
    """Three flips: in the structure, where zeros are common, and anywhere."""
    rng = np.random.default_rng(len(network))
    structure = np.flatnonzero(np.frombuffer(network, np.uint8) == 0)
    for trial in range(count):
        data = bytearray(network)
        for _ in range(3):
            place = int(rng.choice(structure)) if trial % 3 else int(rng.integers(len(data)))
            data[place] ^= 1 << int(rng.integers(8))
        survives(bytes(data), emit=trial % 20 == 0)


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.long)])
def test_random_words(network, count):
    """Whole 32-bit words replaced by values that offsets and lengths are fond of."""
    rng = np.random.default_rng(len(network) + 1)
    values = [0, 1, 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFC, len(network), len(network) - 4, 65536]
    for trial in range(count):
        data = bytearray(network)
        place = 4 * int(rng.integers(len(data) // 4))
        data[place : place + 4] = int(rng.choice(values)).to_bytes(4, "little")
        survives(bytes(data), emit=trial % 20 == 0)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x18\x00\x00\x00TFL3",
        b"TFL3" * 100,
        b"\x00" * 100,
        b"\xff" * 100,
        b"\x08\x00\x00\x00TFL3" + b"\x00" * 100,
        b"PK\x03\x04" + b"\x00" * 100,
    ],
)
def test_not_a_model(data):
    with pytest.raises(BadInput):
        load(data)


def test_overlapping_parts_are_not_multiplied():
    """A thousand offsets to one long string must not be decoded a thousand times."""
    count, text = 1000, b"x" * 10_000
    item = b"\x06\x00\x08\x00\x04\x00\x00\x00" + (8).to_bytes(4, "little") + (4).to_bytes(4, "little")
    item += len(text).to_bytes(4, "little") + text + b"\x00"
    places = b"".join((4 * (count - i) + 8).to_bytes(4, "little") for i in range(count))
    root = b"\x06\x00\x08\x00\x04\x00\x00\x00" + (8).to_bytes(4, "little") + (4).to_bytes(4, "little")
    data = (12).to_bytes(4, "little") + root + count.to_bytes(4, "little") + places + item
    schema = {"Root": (Field(0, "items", "[Item]"),), "Item": (Field(0, "name", "string"),)}
    with pytest.raises(BadInput, match="overlap"):
        decode(data, schema, "Root", {})
    few = count.to_bytes(4, "little")
    one = decode(data.replace(few, (1).to_bytes(4, "little"), 1), schema, "Root", {})
    assert one == {"items": [{"name": "x" * 10_000}]}
