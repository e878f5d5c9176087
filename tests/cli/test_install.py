"""``pip install .`` in an empty environment: what a Raspberry Pi gets, and that it is enough to verify."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support.installed import base_install

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


def link_requirements(wheel, site):
    """Put what the wheel's metadata asks for into ``site``: what is installed here, and no index."""
    for distribution in base_install(wheel):
        for top in {Path(file).parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            (site / top).symlink_to(distribution.locate_file(top))


@pytest.fixture(scope="module")
def lean(wheel, tmp_path_factory):
    """Python with the base install alone, as pip would lay it out."""
    folder = tmp_path_factory.mktemp("lean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    link_requirements(wheel, site)
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Python with the base install alone, from the package index."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip("--python", folder / "bin" / "python", "install", "--quiet", wheel)
    return folder / "bin" / "python"


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
        elif room == "nonn_mcu" and not (ROOT / name).is_symlink():
            assert name in names


def test_the_wheel_exports_what_a_checkout_does(cli, wheel, pocket, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    for name, path in (("checkout", ROOT), ("wheel", tmp_path / "site")):
        result = cli("export", pocket, "--to", "cmake", "--out", name, env={"PYTHONPATH": str(path)})
        assert (result.code, result.err) == (0, "")
    trees = [
        {file.relative_to(top): file.read_bytes() for file in top.rglob("*") if file.is_file()}
        for top in (tmp_path / "checkout", tmp_path / "wheel")
    ]
    assert trees[0] == trees[1] and len(trees[0]) > 40


def check_base_install(cli, python, port, pocket):
    program = (python, "-m", "nonn_mcu.cli")
    code = f"import importlib.util as u; print([m for m in {ABSENT!r} if u.find_spec(m)])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
    assert "verify" in cli("--help", command=program).out
    result = cli("verify", pocket, "--port", port, "--layers", "--json", command=program)
    assert (result.code, result.err) == (0, "") and result.json["status"] == "match"
    assert cli("ports", port, command=program).code == 0
    for arguments in (("verify", pocket, "--port", port, "--live", __file__), ("convert", __file__)):
        refused = cli(*arguments, command=program)
        assert refused.code == 2 and refused.err.splitlines()[-1].startswith("error: ")


def test_the_base_install_verifies(cli, lean, device, pocket):
    check_base_install(cli, lean, device.port, pocket)


@pytest.mark.long
def test_the_base_install_from_the_index_verifies_and_builds(cli, installed, device, pocket, tmp_path):
    check_base_install(cli, installed, device.port, pocket)
    assert (installed.parent / "nonn-mcu").exists()
    copy = shutil.copytree(pocket, tmp_path / "pocket", ignore=shutil.ignore_patterns("build"))
    program = (installed.parent / "nonn-mcu",)
    result = cli("verify", copy, "--board", "host", "--json", command=program, seconds=120)
    assert (result.code, result.err) == (0, "") and result.json["status"] == "match"
