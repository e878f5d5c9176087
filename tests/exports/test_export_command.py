"""`nonn-mcu export`: what it prints, what it leaves alone, and its refusals."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from nonn_mcu import exports
from nonn_mcu.bundle import MANIFEST, read
from nonn_mcu.cli import main
from nonn_mcu.exports.folder import STAMP

OUT = "pocket-cmake"


@pytest.fixture
def here(pocket, tmp_path, monkeypatch):
    """An empty folder with a copy of the bundle in it, to work in."""
    shutil.copytree(pocket.path, tmp_path / "pocket")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = main(["export", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return run


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_help_names_every_ecosystem(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run("--help")
    assert code == 0
    assert f"Ecosystems: {', '.join(exports.EXPORTS)}." in " ".join(out.split())


def test_it_says_what_it_wrote(here, run):
    assert run("pocket", "--to", "cmake") == (
        0,
        f"pocket for cmake, native runtime: {len(tree(here / OUT)) - 1} files\n{OUT}/README.md\n",
        "",
    )
    code, out, err = run("pocket", "--to", "cmake", "--out", "elsewhere", "--json")
    report = json.loads(out)
    assert (code, err, report["exit_code"], report["export"], report["runtime"]) == (
        0,
        "",
        0,
        "cmake",
        "native",
    )
    assert sorted([*report["files"], STAMP]) == sorted(tree(Path(report["folder"])))
    assert [path.name for path in sorted(here.iterdir())] == ["elsewhere", "pocket", OUT]


def no_bundle(here):
    shutil.rmtree(here / "pocket")


def damaged_bundle(here):
    (here / "pocket" / "native" / "model.c").write_text("int x;\n")


def without_native(here):
    manifest = json.loads((here / "pocket" / MANIFEST).read_bytes())
    manifest["files"] = {name: digest for name, digest in manifest["files"].items() if "native" not in name}
    (here / "pocket" / MANIFEST).write_text(json.dumps(manifest))


def a_file(here):
    (here / OUT).write_text("mine")


def a_folder(here):
    (here / OUT).mkdir()
    (here / OUT / "thesis.tex").write_text("mine")


def a_link(here):
    (here / "empty").mkdir()
    (here / OUT).symlink_to(here / "empty")


def a_stamp_of_nonsense(here):
    (here / OUT).mkdir()
    (here / OUT / STAMP).write_text('{"files": 7, "export": "cmake"}')


def another_export(here):
    exports.write(read(here / "pocket"), exports.get("stm32cube"), here / OUT)


@pytest.mark.parametrize(
    ("prepare", "arguments", "expected"),
    [
        (None, ["--to", "keil"], "no export 'keil'; the exports are: cmake"),
        (None, [], "Missing option '--to'"),
        (None, ["--to", "cmake", "--runtime", "onnx"], "cmake has no runtime 'onnx'; it has: native, tflm"),
        (no_bundle, ["--to", "cmake"], "pocket: not a bundle"),
        (damaged_bundle, ["--to", "cmake"], "model.c was changed after conversion"),
        (without_native, ["--to", "cmake"], "no runtime 'native' in this bundle; it has: tflm"),
        (a_file, ["--to", "cmake"], f"{OUT}: exists and is no cmake export; remove it or choose another"),
        (a_folder, ["--to", "cmake"], f"{OUT}: exists and is no cmake export"),
        (a_link, ["--to", "cmake"], f"{OUT}: exists and is no cmake export"),
        (a_stamp_of_nonsense, ["--to", "cmake"], f"{OUT}: exists and is no cmake export"),
        (another_export, ["--to", "cmake"], f"{OUT}: exists and is no cmake export"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_line(prepare, arguments, expected, here, run):
    if prepare:
        prepare(here)
    before = tree(here)
    for more in ((), ("--force",)):
        code, out, err = run("pocket", *arguments, *more)
        assert (code, out) == (2, "")
        assert expected in err and err.startswith("error: ") and err.count("\n") == 1
    code, out, err = run("pocket", *arguments, "--json")
    report = json.loads(out)
    assert (code, err, report["exit_code"]) == (2, "", 2) and expected in report["error"]["message"]
    assert tree(here) == before


def test_an_older_export_is_replaced_and_what_was_added_stays(here, run):
    assert run("pocket", "--to", "cmake", "--runtime", "tflm")[0] == 0
    old, new = here / OUT, here / "new"
    (old / "build" / "host").mkdir(parents=True)
    (old / "build" / "host" / "firmware").write_bytes(b"ELF")
    (old / "firmware" / "ports" / "mine").mkdir()
    (old / "firmware" / "ports" / "mine" / "board.cmake").write_text("mine")
    (old / "firmware" / "link" / "extra.c").write_text("mine")
    (old / "to nowhere").symlink_to("nowhere")
    assert run("pocket", "--to", "cmake")[0] == 0
    assert run("pocket", "--to", "cmake", "--out", new)[0] == 0
    mine = ("build/host/firmware", "firmware/ports/mine/board.cmake", "firmware/link/extra.c")
    assert tree(old).items() - tree(new).items() == {(name, (old / name).read_bytes()) for name in mine}
    assert set(tree(old)) == {*tree(new), *mine}
    assert os.readlink(old / "to nowhere") == "nowhere"


def edit(file):
    file.write_text("/* mine */")


def make_a_link(file):
    file.rename(file.with_suffix(".old"))
    file.symlink_to(file.with_suffix(".old").name)


@pytest.mark.parametrize("change", [edit, Path.unlink, make_a_link], ids=["edited", "deleted", "a link"])
def test_what_was_edited_is_not_overwritten_unless_forced(change, here, run):
    assert run("pocket", "--to", "cmake")[0] == 0
    whole = tree(here / OUT)
    change(here / OUT / "firmware" / "link" / "crc32.c")
    changed = tree(here / OUT)
    code, out, err = run("pocket", "--to", "cmake")
    assert (code, out) == (2, "")
    assert (
        f"{OUT}: firmware/link/crc32.c changed since the export; copy what matters, then use --force" in err
    )
    assert tree(here / OUT) == changed
    assert run("pocket", "--to", "cmake", "--force")[0] == 0
    assert {name: data for name, data in tree(here / OUT).items() if name in whole} == whole
    assert not (here / OUT / "firmware" / "link" / "crc32.c").is_symlink()


def test_a_file_in_the_way_of_a_new_one_is_not_overwritten_unless_forced(here, run):
    assert run("pocket", "--to", "cmake")[0] == 0
    whole = tree(here / OUT)
    stamp = json.loads((here / OUT / STAMP).read_bytes())
    del stamp["files"]["firmware/link/crc32.c"]  # as if an older version had had no such file
    (here / OUT / STAMP).write_text(json.dumps(stamp))
    before = tree(here / OUT)
    code, _, err = run("pocket", "--to", "cmake")
    assert code == 2 and "firmware/link/crc32.c is in the way of a new file; move it elsewhere" in err
    assert tree(here / OUT) == before
    assert run("pocket", "--to", "cmake", "--force")[0] == 0
    assert tree(here / OUT) == whole


@pytest.mark.parametrize("failing", range(3))
def test_a_failure_leaves_all_as_it_was(failing, here, run, monkeypatch):
    assert run("pocket", "--to", "cmake")[0] == 0
    (here / OUT / "mine").write_text("mine")
    before = tree(here)
    calls = []
    replace = os.replace

    def fail(source, target):
        calls.append(source)
        if len(calls) == failing + 1:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr("nonn_mcu.exports.folder.os.replace", fail)
    code, _, err = run("pocket", "--to", "cmake")
    assert code == 2 and "cannot write the export (No space left on device)" in err
    assert tree(here) == before
    assert [path.name for path in sorted(here.iterdir())] == ["pocket", OUT]


def test_a_place_that_cannot_be_written_is_refused(here, run):
    code, _, err = run("pocket", "--to", "cmake", "--out", here / "pocket" / MANIFEST / "x")
    assert code == 2 and "cannot write the export" in err and err.count("\n") == 1


def test_without_jinja2_the_extra_is_named(here, run, monkeypatch):
    module = sys.modules["nonn_mcu.exports.project"]
    module._environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    code, _, err = run("pocket", "--to", "cmake")
    assert code == 2 and "exporting needs the package jinja2; install it with" in err
    assert not (here / OUT).exists()
