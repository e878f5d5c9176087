"""``nonn-mcu verify`` of a network, against devices that are processes on pseudo-terminals."""

import os
import re
import shutil
import signal
from pathlib import Path

import pytest
from support.bridge import bridge, slow
from support.bundles import COUNT, OUTPUTS
from support.command import BOTH, check_error, finish
from support.networks import LABELLED, LABELS, make_network, port_options

ROOT = Path(__file__).resolve().parents[2]


def verdict(result, code, *statuses, fused):
    """What is on stdout, once it is as expected."""
    assert result.code == code == result.json["exit_code"], result
    assert [one["status"] for one in result.json["devices"]] == list(statuses)
    assert result.json["fused"]["status"] == fused
    return result.json


@pytest.mark.parametrize("head", ["host", "device:1"])
def test_every_device_and_their_answers_match(inside, crew, network, head):
    made = network(head)
    first, second = crew(made.students)
    result = inside("verify", made.path, *port_options(second, first), "--layers", "--json")
    heads = ["match"] if head != "host" else []
    found = verdict(result, 0, "match", "match", *heads, fused="match")
    wanted = [(second, "student1"), (first, "student0"), *([(second, "head")] if heads else [])]
    assert [(one["port"], one["bundle"]) for one in found["devices"]] == [
        (running.port, str(made.path / part)) for running, part in wanted
    ]
    assert all(one["layers"]["divergence"] is None for one in found["devices"])
    assert [one["conformance"]["values"] for one in found["devices"][:2]] == [2 * COUNT * OUTPUTS] * 2
    fused = found["fused"]
    assert fused["head"] == head and fused["error"] is None
    assert fused["conformance"]["lsb_histogram"] == {"0": 2 * COUNT * len(LABELS)}
    assert fused["fidelity"]["judged"] and fused["fidelity"]["shortfalls"] == []
    assert fused["accuracy"] == {"samples": LABELLED, "float_network": 1.0, "int8": 1.0}
    documented = set(re.findall(r"`\.?([a-z0-9_.]+)`", (ROOT / "docs" / "verify.md").read_text()))
    documented |= {part for name in documented for part in name.split(".")}
    assert {*found, *fused, *fused["accuracy"]} <= documented


def test_two_emulated_boards_are_started_and_pass(inside, network):
    from support.boards import need

    need("mps2-an386")
    result = inside("verify", network().path, "--board", "mps2-an386", "--json")
    found = verdict(result, 0, "match", "match", fused="match")
    assert {one["device"]["board"] for one in found["devices"]} == {"mps2-an386"}


def test_the_verdict_is_a_row_per_device_and_a_line_each(inside, crew, network):
    made = network("device:1")
    first, second = crew(made.students)
    result = inside("verify", made.path, *port_options(first, second), "--vectors", 7)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        ["part", "device"],
        ["student0", first.port],
        ["student1", second.port],
        ["head", second.port],
    ]
    assert [line for line in lines if line.startswith("PASS")] == [
        f"PASS {first.port}: pocket0 on host: all 7 vectors match, twice in shuffled order",
        f"PASS {second.port}: pocket1 on host: all 7 vectors match, twice in shuffled order",
        f"PASS {second.port}: head on host: all 7 vectors match, twice in shuffled order",
        f"PASS {made.path}: the answers to all 7 vectors match",
    ]
    assert "fidelity       the tolerance is for all vectors, 7 of them ran" in lines
    assert "the head on the device of student 1" in result.out


@pytest.mark.parametrize("head", ["host", "device:1"])
def test_wrong_golden_answers_are_1(inside, crew, network, tmp_path, head):
    devices = crew(network(head).students)
    made = make_network(tmp_path / "wrong", head=head, wrong=2)  # of the same models
    statuses = ["match"] * (3 if head != "host" else 2)
    found = verdict(
        inside("verify", made.path, *port_options(*devices), "--json"), 1, *statuses, fused="mismatch"
    )
    assert found["error"] is None
    conformance = found["fused"]["conformance"]
    assert (conformance["mismatching_vectors"], conformance["mismatching_values"]) == (2, 4)
    text = inside("verify", made.path, *port_options(*devices))
    assert text.code == 1 and f"FAIL {made.path}: the answers to 2 of 20 vectors differ" in text.out
    assert f"{made.path}: first mismatch: vector 0, run 1, output 0[0, 0]" in text.out


@BOTH
def test_devices_that_do_not_fit_cost_one_line(inside, crew, network, device, json):
    made = network()
    first, second = crew(made.students)
    (again,) = crew(made.students[:1])
    lacking = f"no device holds student1: flash {made.path / 'student1'}"
    cases = (
        (port_options(first, device), 6, "WrongModel", f"{device.port}: the device holds pocket ("),
        (port_options(first, device), 6, "WrongModel", lacking),
        (
            port_options(first, again),
            6,
            "WrongModel",
            f"the device holds student0, as {first.port} does; {lacking}",
        ),
        (port_options(first), 3, "NoDevice", lacking),
        (port_options(first, second, second), 2, "BadInput", "is there twice"),
        ((*port_options(first, second), "--live", "x.pt"), 2, "BadInput", f"give {made.path / 'student0'}"),
    )
    for arguments, code, kind, words in cases:
        check_error(inside("verify", made.path, *arguments, *json), code, kind, words)


def test_a_link_to_a_port_is_that_port(inside, network, tmp_path):
    (tmp_path / "ttyACM0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyACM0")
    result = inside(
        "verify", network().path, *port_options(str(tmp_path / "ttyACM0"), str(tmp_path / "by-id"))
    )
    check_error(result, 2, "", f"{tmp_path / 'ttyACM0'}, also called {tmp_path / 'by-id'}, is there twice")


def test_a_device_without_the_head_is_6(inside, crew, network):
    devices = crew(network().students)  # the same students
    made = network("device:1")
    result = inside("verify", made.path, *port_options(*devices), "--json")
    found = verdict(result, 6, "match", "match", "wrong-model", fused="wrong-model")
    assert found["error"]["message"] == (
        f"{devices[1].port}: the device holds student1 without the head; flash {made.path / 'student1'} again"
    )


def test_a_port_that_is_not_there_leaves_the_others_alone(inside, crew, network):
    made = network()
    first, _ = crew(made.students)
    result = inside("verify", made.path, *port_options("/dev/nowhere", first), "--json")
    found = verdict(result, 3, "no-device", "match", fused="no-device")
    assert found["error"]["type"] == "NoDevice" and "/dev/nowhere" in found["error"]["message"]
    text = inside("verify", made.path, *port_options("/dev/nowhere", first))
    assert text.out.count("PASS") == 1 and text.err.count("error: ") == 2


def test_a_device_that_dies_is_4(start, crew, network):
    made = network()
    first, second = crew(made.students)
    with bridge(second.port, to_host=slow(0.01)) as line:
        process = start("verify", made.path, *port_options(first, line.url), "--timeout", 2, "--json")
        line.wait(800)
        os.kill(second.pid, signal.SIGKILL)
        found = verdict(finish(process), 4, "match", "link-failed", fused="link-failed")
    assert found["fused"]["conformance"] is None


@BOTH
@pytest.mark.parametrize("file", ["network.json", "fused.npz", "student1/manifest.json", "head/vectors.npz"])
def test_a_network_that_was_changed_is_2(inside, network, tmp_path, file, json):
    shutil.copytree(network().path, tmp_path / "changed", ignore=shutil.ignore_patterns("build"))
    data = bytearray((tmp_path / "changed" / file).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "changed" / file).write_bytes(data)
    result = inside("verify", tmp_path / "changed", "--port", "a", "--port", "b", *json)
    check_error(result, 2, "BadInput", "run convert again")
