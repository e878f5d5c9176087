"""ESP-IDF: configured and built by its own CMakeLists.txt, run as a process over either line, and compiled.

ESP-IDF is ours here, its names and signatures around a pseudo-terminal.
"""

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.boards import need

from nonn_mcu import boards
from nonn_mcu.boards.start import start
from nonn_mcu.bundle import RUNTIMES
from nonn_mcu.cli import main
from nonn_mcu.link.client import Device
from nonn_mcu.link.frame import Decoder, FrameStatus, encode
from nonn_mcu.link.messages import hello, pack

IDF = Path(__file__).with_name("esp_idf_headers")
STRICT = "-Og -g0 -Wall -Wextra -Wconversion -Werror"
SANITIZED = "-fsanitize=address,undefined -fno-sanitize-recover=all"
LINES = {"usb": "-DCONFIG_NONN_LINE_USB_SERIAL_JTAG=y", "uart": "-DCONFIG_NONN_LINE_UART=y"}
PATIENCE = 500  # milliseconds without a byte going out


def configure(folder, build, *settings, version="5.3"):
    command = ["cmake", "-S", folder, "-B", build, f"-DFAKE_IDF_VERSION={version}", *settings]
    environment = os.environ | {"IDF_PATH": str(IDF)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(exported, tmp_path_factory):
    """Give the program for each line; the second one is linked from the first's objects."""
    need("host")
    build = tmp_path_factory.mktemp("esp") / "build"
    programs = {}
    for name, setting in LINES.items():
        others = [f"-U{other.split('=')[0][2:]}" for other in LINES.values() if other != setting]
        flags = f"-DCMAKE_C_FLAGS={STRICT} {SANITIZED}"
        code, said = configure(exported("esp-idf"), build, *others, setting, flags)
        assert code == 0, said
        done = subprocess.run(["cmake", "--build", build, "-j2"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        programs[name] = build / name
        shutil.copy(build / "firmware", programs[name])
    return programs


def run(program):
    command = ("{firmware}",)
    return start(replace(boards.get("host"), name="esp32s3", command=command), program)


@pytest.mark.parametrize("line", LINES)
def test_it_verifies(line, built, pocket, capsys):
    with run(built[line]) as running:
        code = main(["verify", str(pocket.path), "--port", running.port, "--layers"])
        assert code == 0, capsys.readouterr()


def test_it_says_who_it_is(built):
    with run(built["usb"]) as running, Device.open(running.port) as device:
        found = device.hello()
        assert (found.model, found.runtime) == ("pocket", "native")
        assert (found.board, found.core) == ("esp32s3", "xtensa-lx7")
        assert (found.tick_unit, found.tick_numerator, found.tick_denominator) == ("us", 1, 1)
        assert device.stats().stack_bytes == 1234


@pytest.mark.parametrize(("line", "cost"), [("usb", PATIENCE), ("uart", 0)])
def test_a_host_that_does_not_listen_costs_half_a_second_once(line, cost, built):
    """The next one gets what is left of the old replies, and then its own, whole."""
    requests = b"".join(encode(pack(hello(number, 200), number)) for number in range(1, 17))
    done = subprocess.run(
        [built[line], "deaf", requests.hex()], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 0, done.stderr
    stood_still, replies = done.stdout.splitlines()
    assert int(stood_still) == cost
    found = [
        reply.data[2]
        for reply in Decoder(1024).feed(bytes.fromhex(replies))
        if reply.status == FrameStatus.COMPLETE
    ]
    assert found[-16:] == list(range(1, 17))


@pytest.mark.parametrize("version", ["5.2", "6.0"])
def test_the_components_are_those_of_the_version(version, exported, tmp_path):
    need("host")
    code, said = configure(exported("esp-idf"), tmp_path, LINES["usb"], version=version)
    assert code == 0, said


def settings(path):
    """Read sdkconfig.defaults: NAME=value by line, each once."""
    lines = [line for line in path.read_text(encoding="ascii").splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"CONFIG_[A-Z0-9_]+=(y|n|[0-9]+)", line) for line in lines), lines
    pairs = dict(line.split("=") for line in lines)
    assert len(pairs) == len(lines)
    return pairs


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_console_is_off_the_line_and_the_stack_is_roomy(runtime, exported):
    folder = exported("esp-idf", runtime)
    found = settings(folder / "sdkconfig.defaults")
    assert found["CONFIG_ESP_CONSOLE_NONE"] == found["CONFIG_ESP_CONSOLE_SECONDARY_NONE"] == "y"
    assert found["CONFIG_BOOTLOADER_LOG_LEVEL_NONE"] == "y"
    stack = found["CONFIG_ESP_MAIN_TASK_STACK_SIZE"]
    assert int(stack) == {"native": 8192, "tflm": 16384}[runtime]
    assert f"{stack} bytes" in (folder / "README.md").read_text(encoding="utf-8")
    for target in ("esp32", "esp32s2", "esp32s3"):
        assert settings(folder / f"sdkconfig.defaults.{target}") == {
            "CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ_240": "y"
        }


# As its lines are, and a YAML parser reads them: the format is a mapping of strings, and one of it below.
MANIFEST = {
    "native": {'idf: ">=5.1"'},
    "tflm": {'idf: ">=5.1"', 'espressif/esp-tflite-micro: ">=1.3.4,<2.0.0"'},
}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_manifest_asks_for_what_the_runtime_needs(runtime, exported):
    text = (exported("esp-idf", runtime) / "main" / "idf_component.yml").read_text(encoding="ascii")
    head, _, dependencies = text.partition("dependencies:\n")
    assert set(re.findall(r"^(\w+): ", head, re.MULTILINE)) == {"description", "version", "license"}
    assert set(dependencies.splitlines()) == {f"  {line}" for line in MANIFEST[runtime]}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_source_is_listed_once(runtime, exported):
    component = exported("esp-idf", runtime) / "main"
    listed = re.findall(r'"([\w./]+\.cc?)"', (component / "CMakeLists.txt").read_text(encoding="ascii"))
    there = [path.relative_to(component).as_posix() for path in component.rglob("*.c*") if path.is_file()]
    assert sorted(listed) == sorted(there)
    assert "tflm/debug_log.cc" not in listed  # the package has its own


@pytest.mark.parametrize("target", ["ESP32", "ESP32S3", "ESP32C3"])
def test_it_compiles_for_32_bits_without_a_warning(target, exported, tmp_path):
    """An Arm compiler stands in: as with Espressif's, 32 bits are a long."""
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("needs arm-none-eabi-gcc")
    component = exported("esp-idf") / "main"
    sources = sorted(component.rglob("*.c")) if target == "ESP32" else sorted(component.glob("port/*.c"))
    config = (IDF / "sdkconfig.h").read_text(encoding="ascii").replace("ESP32S3", target)
    if target == "ESP32C3":
        config = re.sub(r".*ARCH_XTENSA.*", "#define CONFIG_IDF_TARGET_ARCH_RISCV 1", config)
    (tmp_path / "sdkconfig.h").write_text(config, encoding="ascii")
    done = subprocess.run(
        [
            *("arm-none-eabi-gcc", "-std=gnu17", "-mthumb", "-mcpu=cortex-m4", *STRICT.split()),
            *("-I", tmp_path, "-I", component, "-I", component / "port", "-I", IDF, "-c", *sources),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
