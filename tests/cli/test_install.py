"""``pip install .`` in an empty environment: what a Raspberry Pi gets, and that it is enough to verify."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ABSENT = ("torch", "tensorflow", "onnx", "tflite_micro", "sklearn", "jinja2", "PIL")


def pip(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and "No matching distribution" in done.stderr:
        pytest.skip("no package index within reach")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--quiet", "--wheel-dir", folder, ROOT)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of an environment with the base install alone."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip("--python", folder / "bin" / "python", "install", "--quiet", wheel)
    return folder / "bin"


def test_the_wheel_holds_every_source_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"nonn_mcu"}
    assert not [name for name in names if name.endswith((".pyc", ".o", ".elf")) or "__pycache__" in name]
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT)
    for name in listed.stdout.splitlines():
        room = name.split("/")[0]
        if room in ("codegen", "calib", "firmware") or name == "CMakeLists.txt":
            assert f"nonn_mcu/{name}" in names


def test_the_base_install_verifies(cli, installed, device, pocket, tmp_path):
    program = (installed / "nonn-mcu",)
    code = f"import importlib.util as u; print([m for m in {ABSENT!r} if u.find_spec(m)])"
    found = subprocess.run([installed / "python", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
    assert "verify" in cli("--help", command=program).out
    result = cli("verify", pocket, "--port", device.port, "--layers", "--json", command=program)
    assert (result.code, result.err) == (0, "") and result.json["status"] == "match"
    assert cli("ports", device.port, command=program).code == 0
    live = cli("verify", pocket, "--port", device.port, "--live", __file__, command=program)
    assert live.code == 2
    convert = cli("convert", "student.pt", command=program)
    assert convert.code == 2


@pytest.mark.long
def test_the_base_install_builds_firmware(cli, installed, pocket, tmp_path):
    copy = shutil.copytree(pocket, tmp_path / "pocket", ignore=shutil.ignore_patterns("build"))
    program = (installed / "nonn-mcu",)
    result = cli("verify", copy, "--board", "host", "--json", command=program, seconds=120)
    assert (result.code, result.err) == (0, "") and result.json["status"] == "match"
