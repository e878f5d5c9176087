"""``nonn-mcu bench`` as a user runs it: the tables, JSON, the baseline and its exit codes."""

import json

import pytest
from support.boards import need
from support.bundles import make_bundle
from support.command import BOTH, Result, check_error

from nonn_mcu.bench import baseline
from nonn_mcu.bench.baseline import GROWTH, Baseline, Change, compiler

pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")

BOARD = ("--board", "mps2-an386")
KEY = "pocket mps2-an386 native-dsp O2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    make_bundle(folder / "pocket")
    return folder


@pytest.fixture
def inside(capsys, monkeypatch, folder):
    """Run the command in this process, in the folder of the bundle."""

    def inside(*arguments):
        from nonn_mcu.cli import main

        code = main(["bench", *map(str, arguments)])
        return Result(code, *capsys.readouterr())

    monkeypatch.delenv("NONN_MCU_DEBUG", raising=False)
    monkeypatch.chdir(folder)
    return inside


def test_tables_for_people_and_json_for_programs(inside):
    need("mps2-an386")
    told = inside("pocket", *BOARD, "--json").json
    (found,) = told["results"]
    assert found["runtime"] == "native-dsp" and len(found["layers"]) == 3
    assert found["flash"]["total"] == sum(size for part, size in found["flash"].items() if part != "total")
    assert "zero wait states" in told["assumptions"]["Cortex-M4"][0] and told["changes"] == []
    short, long = inside("pocket", *BOARD), inside("pocket", *BOARD, "--layers")
    for shown in (short, long):
        assert shown.code == 0
        assert f"{found['instructions']:,}" in shown.out and f"arena {found['ram']['arena']:,}" in shown.out
        assert shown.out.count("zero wait states") == 1
    for layer in found["layers"]:
        assert f"{layer['instructions']:,}" in long.out and layer["kernel"] in long.out
    assert len(long.out.splitlines()) == len(short.out.splitlines()) + 2 + len(found["layers"])


def test_a_baseline_is_written_and_held(inside, tmp_path):
    need("mps2-an386")
    file = tmp_path / "baseline.json"
    check_error(inside("pocket", *BOARD, "--baseline", file), 2, "BadInput", "no such file")
    written = inside("pocket", *BOARD, "--baseline", file, "--update")
    assert written.code == 0 and f"{KEY}: not in the baseline" in written.out
    same = inside("pocket", *BOARD, "--baseline", file)
    assert same.code == 0 and "every count is that of the baseline" in same.out

    data = json.loads(file.read_text())
    now = data["counts"][KEY]["instructions"]
    data["counts"][KEY]["instructions"] = int(now / (1 + GROWTH)) - 1
    data["counts"][KEY]["arena"] *= 2
    data["counts"]["other"] = {"instructions": 1}
    data["compiler"] = "1.2.3"
    file.write_text(json.dumps(data))
    grown = inside("pocket", *BOARD, "--baseline", file)
    assert grown.code == 1
    assert f"GREW {KEY}: instructions {now:,} (" in grown.out and "+2.0%" in grown.out
    assert f"\n{KEY}: arena" in grown.out and "-50.0%" in grown.out
    assert "of compiler 1.2.3" in grown.err
    told = inside("pocket", *BOARD, "--baseline", file, "--json")
    assert told.code == told.json["exit_code"] == 1
    assert {one["count"]: one["grew"] for one in told.json["changes"]} == {
        "instructions": True,
        "arena": False,
    }

    assert inside("pocket", *BOARD, "--baseline", file, "--update").code == 0
    kept = json.loads(file.read_text())
    assert kept["counts"]["other"] == {"instructions": 1} and kept["compiler"] == compiler()
    assert inside("pocket", *BOARD, "--baseline", file).code == 0

    missing = inside("pocket", *BOARD, "-O", "Os", "--baseline", file)
    assert missing.code == 1 and "not in the baseline; write it with --update" in missing.out


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema_version": 1, "compiler": "", "counts": {"a": {"b": 0.5}}}']
)
def test_a_damaged_baseline_is_refused(inside, tmp_path, text):
    file = tmp_path / "baseline.json"
    file.write_text(text)
    check_error(inside("pocket", *BOARD, "--baseline", file), 2, "BadInput", "not a baseline")
    file.write_text('{"schema_version": 99}')
    check_error(inside("pocket", *BOARD, "--baseline", file), 2, "BadInput", "another version")


@BOTH
@pytest.mark.parametrize(
    "arguments, words",
    [
        (["pocket", *BOARD, "--update"], "--update writes the file that --baseline names"),
        (["pocket", "--board", "host"], "host counts no instructions"),
        (["pocket", "--board", "pico"], "pico counts no instructions"),
        (["pocket", *BOARD, "-O", "O9"], "O9"),
        (["nowhere", *BOARD], "not a bundle"),
    ],
)
def test_what_cannot_be_counted_is_said(inside, arguments, words, json):
    result = inside(*arguments, *json)
    message = result.json["error"]["message"] if json else result.err.splitlines()[-1]
    assert result.code == 2 and words in message


def test_growth_is_more_than_two_percent():
    assert not Change("a", "instructions", 100, 102).grew
    assert Change("a", "instructions", 100, 103).grew
    assert Change("a", "tables", 0, 1).grew and Change("a", "tables", 0, 1).share is None
    assert Change("a", "arena", None, 1).grew
    assert baseline.compare(Baseline("", {}), []) == ()
