"""The C text: the same bytes everywhere, portable, and with TensorFlow Lite Micro's arrays beside it."""

import locale
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from support.host import FIRMWARE, ROOT, WARNINGS
from support.models import O, T, build

from nonn_mcu.codegen import generate, generate_tflm
from nonn_mcu.codegen.constants import number
from nonn_mcu.target import TARGETS

ENDS = [target.suffix for target in TARGETS]
HASH = """
import hashlib, locale, sys
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass
from nonn_mcu.codegen import generate, generate_tflm
model = sys.stdin.buffer.read()
made = generate(model, "model")
for name, text in (made.files | generate_tflm(model, "model", 4096)).items():
    print(name, hashlib.sha256(text.encode()).hexdigest())
print(made.compiled)
"""


def small_model():
    weights = np.arange(-60, 60, dtype=np.int8).reshape(5, 2, 3, 4)
    tensors = [
        T((1, 6, 6, 4), 0.1, -3, name="image"),
        T(weights.shape, [0.01, 0.02, 0.03, 0.04, 0.05], data=weights, name="filter"),
        T((1, 5, 4, 5), 0.3, 7, name="conv"),
        T((1, 100), 0.3, 7, name="flat"),
        T((1, 100), 1 / 256, -128, name="softmax"),
    ]
    options = {"padding": 1, "strideH": 1, "strideW": 1}
    ops = [O("CONV_2D", [0, 1], [2], options), O("RESHAPE", [2], [3]), O("SOFTMAX", [3], [4], {"beta": 1.0})]
    return build(tensors, ops, [0], [4])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two models that stand in one firmware, and the first of them over TensorFlow Lite Micro."""
    files = generate(small_model(), "small", following="head_").files
    files |= generate(small_model(), "head", prefix="head_").files
    files |= generate_tflm(small_model(), "small", 4096)
    folder = tmp_path_factory.mktemp("emitted")
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_same_text_everywhere(tmp_path):
    """Two processes: another working directory, hash seed and locale."""
    outputs = []
    comma = [name for name in locale.locale_alias if name.startswith("de_de")][:1]
    for folder, seed, language in ((ROOT, "0", "C"), (tmp_path, "4711", (comma or ["C"])[0])):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": language, "LC_NUMERIC": language}
        environment["PYTHONPATH"] = str(ROOT)
        command = [sys.executable, "-c", HASH]
        done = subprocess.run(
            command, input=small_model(), cwd=folder, env=environment, capture_output=True, check=True
        )
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert b"native/model.c" in outputs[0]


@pytest.mark.parametrize(
    "compiler",
    [
        ("gcc", "-std=c99", "-pedantic"),
        ("gcc", "-std=c11", "-O3"),
        ("g++", "-x", "c++", "-std=c++17"),
        ("clang", "-std=c99"),
        ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-std=c99", "-Os"),
        ("arm-none-eabi-gcc", "-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard", "-std=c99", "-O3"),
    ],
    ids="-".join,
)
def test_compiles_without_a_warning(compiler, written, tmp_path):
    """The generated files and every portable kernel."""
    sources = [
        *sorted((written / "native").glob("*.c")),
        *sorted((FIRMWARE / "kernels" / "portable").glob("*.c")),
    ]
    command = [*compiler, *WARNINGS, "-I", str(FIRMWARE / "include"), "-c"]
    try:
        done = subprocess.run(
            [*command, *map(str, sources)], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip(f"{compiler[0]} is not installed")
    assert done.returncode == 0, done.stderr


def test_text_is_readable(written):
    text = (written / "native" / "model.c").read_text()
    assert max(map(len, text.splitlines())) <= 110
    assert "/* conv: CONV_2D 1x6x6x4 -> 1x5x4x5, kernel 2x3, stride 1x1, VALID, 2,400 MACs," in text
    assert text.count("case ") == 2  # a RESHAPE is no layer
    assert str(ROOT) not in text


def test_a_second_model_is_another_symbol_in_other_files():
    """All that the first one says of it is where it is."""
    first, head = generate(small_model(), "small").files, generate(small_model(), "small", "head_").files
    assert (list(first), list(head)) == (
        [f"native/{what}" for end in ENDS for what in (f"model{end}.c", f"weights{end}.h")],
        [f"native/head_{what}" for end in ENDS for what in (f"model{end}.c", f"weights{end}.h")],
    )
    assert "    .next = NULL,\n" in first["native/model.c"] and "nonn_model_t head_" not in "".join(
        first.values()
    )
    leading = generate(small_model(), "small", following="head_").files
    assert leading["native/weights.h"] == first["native/weights.h"]
    more = set(leading["native/model.c"].splitlines()) - set(first["native/model.c"].splitlines())
    assert more == {"extern const nonn_model_t head_nonn_model;", "    .next = &head_nonn_model,"}
    assert "const nonn_model_t head_nonn_model = {\n" in head["native/head_model.c"]


def test_tflm_arrays(written, tmp_path):
    """Size, alignment and content as a C++ program that includes the header sees them."""
    model = small_model()
    main = tmp_path / "main.cc"
    main.write_text(
        '#include "small_model_data.h"\n#include "small_model_data.h"\n'
        "#include <cstdint>\n#include <cstdio>\n"
        "int main() {\n"
        "  if (reinterpret_cast<std::uintptr_t>(g_small_model_data) % 16 != 0) return 1;\n"
        "  std::fwrite(g_small_model_data, 1, g_small_model_data_size, stdout);\n}\n"
    )
    folder = written / "tflm"
    program = tmp_path / "main"
    command = ["g++", "-std=c++17", *WARNINGS, "-I", str(folder), str(main)]
    subprocess.run([*command, str(folder / "small_model_data.cc"), "-o", str(program)], check=True)
    done = subprocess.run([str(program)], capture_output=True, check=True)
    assert done.stdout == model


def test_floats_survive_the_text():
    rng = np.random.default_rng(0)
    bits = rng.integers(1, 0x7F7FFFFF, 5000, np.uint32)
    values = [*bits.view(np.float32).tolist(), 0.0, 1.0, 2.0**-126, 16777216.0, -0.5, 1e20]
    for value in values:
        literal = number(value)
        assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?f", literal)
        assert "." in literal or "e" in literal
        assert np.float32(literal[:-1]) == np.float32(value)


@pytest.mark.parametrize(
    ("value", "literal"), [(0, "0"), (-128, "-128"), (-(1 << 31), "(-2147483647 - 1)"), (np.int64(7), "7")]
)
def test_integers(value, literal):
    assert number(value) == literal
