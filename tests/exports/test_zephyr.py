"""Zephyr: module and application, as CMake and the compiler see them, run as a process.

Zephyr is ours here: its names and signatures around a pseudo-terminal, and a package that does for the
application and its module what Zephyr's own does.
"""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from nonn_mcu import boards, bundle
from nonn_mcu.boards.start import start
from nonn_mcu.cli import main
from nonn_mcu.link.client import Device

FAKE = Path(__file__).with_name("zephyr_headers")
STRICT = "-std=c99 -O1 -g0 -Wall -Wextra -Wconversion -Werror"
SANITIZED = "-fsanitize=address,undefined -fno-sanitize-recover=all"
LEAP = 0x60000000  # of the cycle counter, at every look
ENODEV, ENOTSUP = 19, 95
# What Zephyr's schema of module.yml knows of what is used here.
MODULE_KEYS = {"name": str, "build": {"cmake": str, "kconfig": str}, "samples": list}
# What a Kconfig file may say in one line, as far as ours does.
KCONFIG = re.compile(
    r"config [A-Z0-9_]+|if [A-Z0-9_]+|endif|\t(bool|int) \"[^\"]+\"|\tdefault (y|\d+)|\trange \d+ \d+"
    r"|\tdepends on [A-Z0-9_]+( && [A-Z0-9_]+)*|\tselect [A-Z0-9_]+|\thelp|\t  \S.*|"
)


@pytest.fixture(scope="module", params=["console", "nonn_uart"])
def program(request, exported, tmp_path_factory):
    """The application, built by its own CMakeLists.txt; there is a UART of its own, or only the console."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    out = tmp_path_factory.mktemp("zephyr") / "ou t"
    defined = "FAKE_NONN_UART" if request.param == "nonn_uart" else ""
    for command in (
        [
            *(
                "cmake",
                "-S",
                str(exported("zephyr") / "app"),
                "-B",
                str(out),
                f"-DZephyr_DIR={FAKE / 'cmake'}",
            ),
            *(f"-DCMAKE_C_FLAGS={STRICT} {SANITIZED}", f"-DFAKE_DEFINITIONS={defined}"),
        ],
        ["cmake", "--build", str(out), "-j", "2"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return out / "app"


def run(program, behaviour="works"):
    command = ("{firmware}", behaviour)
    return start(replace(boards.get("host"), name="zephyr", command=command), program)


def test_the_application_verifies(program, pocket, capsys):
    with run(program) as running:
        assert main(["verify", str(pocket.path), "--port", running.port]) == 0, capsys.readouterr()
        assert "PASS" in capsys.readouterr().out


def test_it_says_who_it_is_and_its_clock_never_wraps(program, pocket):
    """Each look at the cycle counter is a leap of 0x60000000: one run in three goes across the wrap."""
    (images,) = bundle.read(pocket.path).vectors().inputs
    with run(program) as running, Device.open(running.port) as device:
        found = device.hello()
        assert (found.model, found.runtime, found.board, found.core) == ("pocket", "native", "fake", "host")
        assert found.tick_unit == "ns" and found.static_bytes == 3500
        assert found.tick_numerator / found.tick_denominator == 10**9 / 48e6
        for image in images[:9]:
            device.run([image[None]])
            stats = device.stats()
            assert (stats.ticks, stats.stack_bytes) == (LEAP, 1096)


@pytest.mark.parametrize(("behaviour", "error"), [("is absent", ENODEV), ("refuses", ENOTSUP)])
def test_a_uart_that_cannot_be_used_is_an_error(behaviour, error, program):
    done = subprocess.run([program, behaviour], capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stderr) == (error, b"")


def walk(value, keys):
    if isinstance(keys, dict):
        assert value.keys() <= keys.keys()
        for key, part in value.items():
            walk(part, keys[key])
    else:
        assert isinstance(value, keys)


@pytest.mark.parametrize("runtime", ["native", "tflm"])
def test_the_manifests_are_what_zephyr_reads(runtime, exported):
    folder = exported("zephyr", runtime)
    module = yaml.safe_load((folder / "zephyr" / "module.yml").read_text(encoding="utf-8"))
    walk(module, MODULE_KEYS)
    assert (folder / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    assert (folder / module["build"]["kconfig"]).is_file()
    assert all((folder / sample / "sample.yaml").is_file() for sample in module["samples"])

    kconfig = (folder / "zephyr" / "Kconfig").read_text(encoding="utf-8").splitlines()
    assert [line for line in kconfig if not KCONFIG.fullmatch(line)] == []
    assert ("\tdepends on TENSORFLOW_LITE_MICRO" in kconfig) == (runtime == "tflm")

    sample = yaml.safe_load((folder / "app" / "sample.yaml").read_text(encoding="utf-8"))
    assert sample["sample"].keys() == {"name", "description"}
    assert sample["common"]["build_only"] is True
    assert all(re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", name) for name in sample["tests"])


@pytest.mark.parametrize("runtime", ["native", "tflm"])
def test_the_settings_are_boolean_or_numbers_and_the_sources_are_there(runtime, exported):
    folder = exported("zephyr", runtime)
    settings = (folder / "app" / "prj.conf").read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"CONFIG_[A-Z0-9_]+=(y|n|\d+)|#.*|", line) for line in settings)
    assert "CONFIG_NONN_MCU=y" in settings
    assert ("CONFIG_TENSORFLOW_LITE_MICRO=y" in settings) == (runtime == "tflm")

    cmake = (folder / "zephyr" / "CMakeLists.txt").read_text(encoding="utf-8")
    named = set(re.findall(r'"\$\{nonn\}/(\S+\.cc?)"', cmake))
    src = folder / "src"
    assert named == {path.relative_to(src).as_posix() for path in src.rglob("*.c*")}
