"""The C++ over TensorFlow Lite Micro compiles without a warning, against stand-ins for the library's headers.

That it runs is for tests with the library itself (test_tflm_on_boards.py).
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.host import FIRMWARE, WARNINGS
from support.models import O, T, build

from nonn_mcu.codegen import generate_tflm

HEADERS = Path(__file__).parent / "headers"
CXX = ("-std=c++17", "-fno-exceptions", "-fno-rtti", *WARNINGS, f"-I{FIRMWARE / 'include'}", f"-I{HEADERS}")
COMPILERS = [("g++",), ("clang++",), ("arm-none-eabi-g++", "-mcpu=cortex-m4", "-mthumb", "-Os")]


def convolution():
    tensors = [
        T((1, 6, 6, 4), 0.1, -3, name="image"),
        T((5, 2, 3, 4), 0.01, data=np.ones((5, 2, 3, 4), np.int8)),
        T((1, 5, 4, 5), 0.3, 7, name="conv"),
        T((1, 100), 0.3, 7, name="flat"),
        T((1, 100), 1 / 256, -128, name="softmax"),
    ]
    options = {"padding": 1, "strideH": 1, "strideW": 1}
    ops = [O("CONV_2D", [0, 1], [2], options), O("RESHAPE", [2], [3]), O("SOFTMAX", [3], [4], {"beta": 1.0})]
    return build(tensors, ops, [0], [4])


def dense(scales):
    tensors = [
        T((1, 4), 0.1, 0, name="in"),
        T((2, 4), scales, data=np.ones((2, 4), np.int8)),
        T((1, 2), 0.3, 0, name="out"),
    ]
    return build(tensors, [O("FULLY_CONNECTED", [0, 1], [2])], [0], [2])


def compile_all(folder, model, *options, compiler=("g++",)):
    for name, text in generate_tflm(model, "small", 4096).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    sources = [*sorted((folder / "tflm").glob("*.cc")), *sorted((FIRMWARE / "tflm").glob("*.cc"))]
    command = [*compiler, *CXX, *options, "-c", *map(str, sources)]
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip(f"{compiler[0]} is not installed")


@pytest.mark.parametrize("options", [(), ("-DNONN_KEEP_INPUT", "-DNONN_TFLM_KERNELS=cmsis_nn")], ids=str)
@pytest.mark.parametrize("compiler", COMPILERS, ids=" ".join)
def test_compiles_without_a_warning(tmp_path, compiler, options):
    done = compile_all(tmp_path, convolution(), *options, compiler=compiler)
    if "file not found" in done.stderr or "No such file" in done.stderr:
        assert "cstd" in done.stderr, done.stderr
        pytest.skip(f"{compiler[0]} has no C++ standard library")
    assert (done.returncode, done.stderr) == (0, "")
    if options:
        strings = subprocess.run(["strings", "-n6", tmp_path / "model.o"], capture_output=True, check=True)
        assert b"tflm-cmsis_nn" in strings.stdout


@pytest.mark.parametrize(("scales", "fine"), [([0.1, 0.2], False), (0.1, True)], ids=["channel", "tensor"])
def test_a_library_that_would_take_one_scale_for_all_channels_is_refused(tmp_path, scales, fine):
    done = compile_all(tmp_path, dense(scales), "-DSTAND_IN_OF_EARLY_2024")
    assert (done.returncode == 0) is fine, done.stderr
    assert fine or "too old for a FULLY_CONNECTED with a scale per channel" in done.stderr


def test_the_resolver_holds_exactly_the_models_operators():
    text = generate_tflm(convolution(), "small", 4096)["tflm/model.cc"]
    assert "MicroMutableOpResolver<3>" in text
    assert text.count("operators.Add") == 3
    assert "AddConv2D(tflite::Register_CONV_2D_INT8())" in text
    assert "AddReshape()" in text


def test_shape_arithmetic_keeps_the_full_registration():
    """A STRIDED_SLICE of a SHAPE runs on int32; the same kind on activations would be for int8 alone."""
    tensors = [
        T((1, 4), 0.1, 0, name="in"),
        T((2,), dtype="int32", data=np.array([1, 2], np.int32)),
        T((2,), dtype="int32", data=np.array([3, 4], np.int32)),
        T((2,), dtype="int32", name="product"),
        T((1, 4), 0.1, 0, name="half", data=np.ones((1, 4), np.int8)),
        T((1, 4), 0.1, 0, name="out"),
    ]
    ops = [O("MUL", [1, 2], [3]), O("MUL", [0, 4], [5])]
    text = generate_tflm(build(tensors, ops, [0], [5]), "small", 4096)["tflm/model.cc"]
    assert "AddMul()" in text
