"""`nonn-mcu build`: what it prints, what it leaves, and its exit codes."""

import json
import os
import shutil

import pytest
from support.boards import need
from support.bundles import make_bundle

from nonn_mcu.boards.elf import measure
from nonn_mcu.cli import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("made") / "pocket").path


@pytest.fixture
def bundle(made, tmp_path):
    shutil.copytree(made, tmp_path / "pocket")
    return tmp_path / "pocket"


def run(capsys, *arguments):
    code = main(["build", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def test_builds_and_says_what_it_takes(bundle, capsys):
    need("mps2-an386")
    code, out, err = run(capsys, bundle, "--board", "mps2-an386")
    sizes = measure(bundle / "build" / "mps2-an386" / "firmware.elf")
    assert (code, err) == (0, "")
    assert "pocket for mps2-an386 (Cortex-M4), native, -Os" in out
    assert os.path.relpath(bundle / "build" / "mps2-an386" / "firmware.elf") in out
    assert f"{sizes.flash:,}" in out
    assert f"{sizes.ram:,}" in out

    code, out, _ = run(capsys, bundle, "--board", "mps2-an386", "--json")
    report = json.loads(out)
    assert (code, report["exit_code"], report["fits"]) == (0, 0, True)
    assert report["budget"]["flash"] == sizes.flash
    assert report["budget"]["ram_limit"] == 4 << 20
    assert report["sizes"]["arena"] == sizes.arena
    assert len(report["layers"]) == 3

    for option, size in (("--budget", sizes.flash), ("--ram", sizes.ram)):
        assert run(capsys, bundle, "--board", "mps2-an386", option, f"{size}B")[0] == 0
        code, out, err = run(capsys, bundle, "--board", "mps2-an386", option, f"{size - 1}B")
        assert code == 1
        assert "over by 1" in out
        assert err.startswith("error: over budget: ")
        assert err.count("\n") == 1


def test_over_budget_leaves_nothing_unless_forced(bundle, capsys):
    need("mps2-an386")
    order = (bundle, "--board", "mps2-an386", "--budget", "1KB")
    code, out, err = run(capsys, *order)
    assert (code, err.count("\n")) == (1, 1)
    assert "What would help:" in out
    assert "net_head" in out or "head" in out
    assert not (bundle / "build" / "mps2-an386").exists()

    code, out, err = run(capsys, *order, "--json")
    report = json.loads(out)
    assert (code, err, report["exit_code"], report["fits"]) == (1, "", 1, False)
    assert report["error"]["type"] == "OverBudget"

    code, out, _ = run(capsys, *order, "--force")
    assert code == 0
    assert "over by" in out
    assert (bundle / "build" / "mps2-an386" / "firmware.elf").exists()


def test_the_host_has_no_budget(bundle, capsys):
    need("host")
    code, out, err = run(capsys, bundle, "--board", "host", "-O", "O2", "--out", bundle / "mine")
    assert (code, err) == (0, "")
    assert (bundle / "mine" / "firmware").exists()
    assert "flash" not in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--board", "esp32"), "no board 'esp32'; the boards are: host"),
        ((), "Missing option '--board'"),
        (("--board", "host", "--budget", "much"), "size 'much': give a number and a unit"),
        (("--board", "host", "--ram", "0KB"), "not a whole number of bytes above 0"),
        (("--board", "host", "-O", "O9"), "optimisation 'O9': it is one of Os, O2, O3"),
    ],
)
def test_bad_arguments_exit_with_2(arguments, expected, bundle, capsys):
    code, out, err = run(capsys, bundle, *arguments)
    assert (code, out) == (2, "")
    assert expected in err
    assert err.count("\n") == 1


def test_bad_bundles_exit_with_2(bundle, tmp_path, capsys):
    assert run(capsys, tmp_path / "none", "--board", "host")[0] == 2
    (bundle / "native" / "model.c").write_text("int main(void) { return 0; }\n")
    code, _, err = run(capsys, bundle, "--board", "host")
    assert code == 2
    assert "was changed after conversion" in err


def test_help_fits_a_screen(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert "nonn-mcu build build/student --board mps2-an386" in out
    assert len(out.splitlines()) <= 40
