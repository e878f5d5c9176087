"""PlatformIO: its manifest's rules, and the library with and without Arduino."""

import configparser
import json
import re
import subprocess
from pathlib import Path

import pytest

from nonn_mcu.link.frame import Decoder, FrameStatus, encode
from nonn_mcu.link.messages import hello, pack

HEADERS = Path(__file__).with_name("arduino_headers")
STRICT = ("-O0", "-g0", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[\w.-]+)?(\+[\w.-]+)?")

# A program without a framework: it answers the bytes of its argument (hexadecimal) on stdout.
BARE = r"""
#include <stdio.h>
#include <stdlib.h>
#include "nonn/device.h"

static const char *fed;

static size_t read_fed(uint8_t *data, size_t capacity) {
    if (*fed == '\0' || capacity == 0) {
        exit(0);
    }
    const char digits[3] = {fed[0], fed[1], '\0'};
    *data = (uint8_t)strtol(digits, NULL, 16);
    fed += 2;
    return 1;
}

static void write_out(const uint8_t *data, size_t size) {
    if (fwrite(data, 1, size, stdout) != size) {
        exit(1);
    }
}

int main(int argc, char **argv) {
    static const nonn_port port = {
        .board = "bare", .core = "host", .tick_unit = "us", .tick_denominator = 1,
        .read = read_fed, .write = write_out,
    };
    fed = argc > 1 ? argv[1] : "";
    nonn_device_run(&port);
    return 0;
}
"""


@pytest.fixture(scope="module")
def library(exported):
    return exported("platformio")


def gcc(*arguments):
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_manifest_is_what_the_registry_asks_for(library):
    found = json.loads((library / "library.json").read_text(encoding="utf-8"))
    assert re.fullmatch(r"[^:;/,@<>]{1,100}", found["name"])
    assert SEMVER.fullmatch(found["version"])
    assert 0 < len(found["description"]) <= 1000
    assert all(re.fullmatch(r"[a-z\d\-_+. ]{1,50}", keyword) for keyword in found["keywords"])
    assert all(author["name"] for author in found["authors"])
    assert found["license"] == "Apache-2.0"
    assert (found["frameworks"], found["platforms"]) == ("*", "*")
    build = found["build"]
    assert build.keys() == {"srcDir", "includeDir", "flags"}
    assert (library / build["srcDir"] / found["headers"]).is_file()
    assert (library / build["includeDir"] / "nonn" / "model.h").is_file()
    for example in found["examples"]:
        assert re.fullmatch(r"[a-zA-Z\d\-_/. ]{1,255}", example["name"])
        there = {
            path.relative_to(library / example["base"]).as_posix()
            for path in (library / example["base"]).rglob("*")
            if path.is_file()
        }
        assert set(example["files"]) == there


def test_the_sources_are_those_of_the_arduino_library(library, exported):
    trees = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
        for folder in (library / "src", exported("arduino") / "src")
    ]
    assert trees[0] == trees[1]


def test_the_example_finds_the_library_and_compiles(library):
    example = library / "examples" / "Verify"
    config = configparser.ConfigParser()
    config.read(example / "platformio.ini", encoding="utf-8")
    name, place = config["env"]["lib_deps"].split("=", 1)
    assert name == json.loads((library / "library.json").read_bytes())["name"]
    assert (example / place.removeprefix("symlink://")).resolve() == library.resolve()
    environments = [section for section in config.sections() if section.startswith("env:")]
    assert environments and all({"platform", "board"} <= set(config[one]) for one in environments)
    gcc(
        *("g++", "-std=gnu++11", *STRICT, "-DARDUINO=10819", "-I", HEADERS, "-I", library / "src"),
        *("-fsyntax-only", example / "src" / "main.cpp"),
    )


def test_without_a_framework_the_device_answers(library, tmp_path):
    """Every source below src/ is compiled, as PlatformIO does, and nothing asks for Arduino."""
    (tmp_path / "main.c").write_text(BARE, encoding="ascii")
    src = library / "src"
    gcc("gcc", "-std=gnu11", *STRICT, "-I", src, "-c", tmp_path / "main.c", "-o", tmp_path / "main.o")
    (bridge,) = src.rglob("*.cpp")
    gcc("g++", "-std=gnu++11", *STRICT, "-I", src, "-c", bridge, "-o", tmp_path / "bridge.o")
    program = tmp_path / "bare"
    sources = sorted(src.rglob("*.c"))
    gcc(
        *("gcc", "-std=gnu11", *STRICT, "-I", src, *sources, tmp_path / "main.o", tmp_path / "bridge.o"),
        *("-o", program),
    )
    request = encode(pack(hello(0, 200), 7))
    done = subprocess.run([program, request.hex()], capture_output=True, check=True, timeout=20)
    replies = [one for one in Decoder(1024).feed(done.stdout) if one.status == FrameStatus.COMPLETE]
    assert len(replies) == 1 and b"bare" in replies[0].data
