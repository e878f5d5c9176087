"""``nonn-mcu verify --report``: the bundle's page with what a device gave."""

from xml.etree import ElementTree

import pytest

from nonn_mcu import bundle as bundles
from nonn_mcu.errors import BadInput


def text(file):
    page = file.read_bytes()
    assert page.startswith(b"<!DOCTYPE html>\n")
    return " ".join("".join(ElementTree.fromstring(page).itertext()).split())


def test_the_page_has_the_verdict_in_words(cli, device, pocket, tmp_path):
    result = cli("verify", pocket, "--port", device.port, "--layers", "--report", tmp_path / "found.html")
    assert (result.code, result.err) == (0, "")
    found = text(tmp_path / "found.html")
    for part in (
        f"{device.port}: pocket on host: all 20 vectors match, twice in shuffled order",
        "PASS status: match",
        "20 of 20 vectors are the oracle's to the bit",
        "100 %, 200 of 200 values equal",
        "per inference",
    ):
        assert part in found
    assert found.count("equal") >= 3 and str(pocket) not in found
    assert [file.name for file in tmp_path.iterdir()] == ["found.html"]


def test_a_mismatch_is_shown_and_still_a_mismatch(cli, device, tmp_path):
    from support.bundles import make_bundle

    stored = make_bundle(tmp_path / "right").vectors()
    outputs = stored.outputs[0].copy()
    outputs[3, 2] ^= 4
    make_bundle(tmp_path / "wrong", outputs=(outputs,))
    result = cli("verify", "wrong", "--port", device.port, "--report", "found.html", "--json")
    assert result.code == result.json["exit_code"] == 1
    found = text(tmp_path / "found.html")
    assert "FAIL status: mismatch" in found and "19 of 20 vectors are the oracle's to the bit" in found
    assert "first mismatch: vector 3, run 1, output 0[0, 2]" in found and "not compared" in found


def test_a_device_that_cannot_be_asked_is_on_the_page(cli, pocket, tmp_path):
    result = cli("verify", pocket, "--port", tmp_path / "nothing", "--report", "found.html")
    assert result.code != 0 and result.err.count("\n") == 1
    assert result.err.partition(": ")[2].partition(": ")[2].strip() in text(tmp_path / "found.html")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--report", "found.html"), "--report is of one bundle: name it too"),
        (("{pocket}", "--report", "{tmp}"), "is a folder; name another file"),
        (("{pocket}", "--report", "none/found.html"), "there is no folder"),
    ],
)
def test_what_cannot_be_written_is_said_before_a_device_is_asked(cli, pocket, tmp_path, arguments, message):
    given = [one.format(pocket=pocket, tmp=tmp_path) for one in arguments]
    result = cli("verify", *given, "--port", "/dev/null")
    assert result.code == BadInput.exit_code and message in result.err and result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_network_has_no_page(cli, network, tmp_path):
    result = cli("verify", network().path, "--port", "/dev/null", "--report", "found.html")
    assert result.code == 2 and "name a student's" in result.err


def test_a_hostile_drawing_is_refused(cli, made, tmp_path):
    from support.bundles import make_bundle

    svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    made = make_bundle(tmp_path / "drawn", more={"arena.svg": svg})
    assert "arena.svg" in bundles.read(made.path).manifest.files
    result = cli("verify", "drawn", "--port", "/dev/null", "--report", "found.html")
    assert result.code == 2 and "holds an element 'script'" in result.err
    assert not (tmp_path / "found.html").exists()
