"""``nonn-mcu verify`` as a user runs it, against the C device library on a pseudo-terminal."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from support.command import BOTH, check_error, check_pass

from nonn_mcu import bundle as bundles

ROOT = Path(__file__).resolve().parents[2]


def test_a_device_that_holds_the_model_passes(cli, device, pocket):
    found = check_pass(cli("verify", pocket, "--port", device.port, "--layers", "--json"))
    assert found["device"]["model"] == "pocket" and found["device"]["board"] == "host"
    assert found["device"]["digest"] == bundles.read(pocket).manifest.model_sha256
    assert found["conformance"]["runs"] == 40 and found["conformance"]["lsb_histogram"] == {"0": 200}
    assert found["layers"] == {"vectors": 3, "layers": 3, "divergence": None}
    assert found["fidelity"]["judged"] and found["fidelity"]["shortfalls"] == []
    assert (
        found["stats"]["ticks"] > 0
        and found["stats"]["arena_bytes"] == bundles.read(pocket).manifest.native["portable"].arena_bytes
    )
    assert found["link"]["damaged"] == found["link"]["corrupt"] == 0


def keys(value):
    """Every key of nested objects, but not those of the histogram."""
    if isinstance(value, dict):
        return {k for k in value if not k.isdigit()}.union(*(keys(item) for item in value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def test_every_key_of_the_json_is_documented(cli, device, pocket, tmp_path):
    from support.bundles import make_bundle

    stored = bundles.read(pocket).vectors()
    make_bundle(tmp_path / "wrong", outputs=(stored.outputs[0] ^ 1,), layer_crc=stored.layer_crc ^ 1)
    body = cli("verify", "wrong", "--port", device.port, "--layers", "--json").json
    documented = set(re.findall(r"`\.?([a-z0-9_.]+)`", (ROOT / "docs" / "verify.md").read_text()))
    documented |= {part for name in documented for part in name.split(".")}
    assert keys(body) - documented == set()
    assert len(keys(body)) > 50


def test_the_verdict_is_a_table_and_one_line(cli, device, pocket):
    result = cli("verify", pocket, "--port", device.port)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[-1] == f"PASS {device.port}: pocket on host: all 20 vectors match, twice in shuffled order"
    labels = [line[:15].strip() for line in lines[:-1]]
    wanted = [
        "device",
        "board",
        "model",
        "bundle",
        "vectors",
        "conformance",
        "fidelity",
        "SQNR",
        "speed",
        "memory",
    ]
    assert [label for label in labels if label in wanted] == wanted
    assert all(line == line.rstrip() and "\x1b" not in line for line in lines)


def test_the_bundle_is_found_by_the_digest(cli, device, made, pocket):
    check_pass(cli("verify", "--port", device.port, "--json", cwd=made))
    found = check_pass(cli("verify", "--port", device.port, "--bundles", made / "build", "--json"))
    assert found["bundle"] == str(pocket)
    result = cli("verify", "--port", device.port, "--bundles", made / "others", "--json")
    check_error(result, 2, "BadInput", "no bundle in")


def test_only_the_first_vectors(cli, device, pocket):
    found = check_pass(cli("verify", pocket, "--port", device.port, "--vectors", 7, "--json"), 7)
    assert not found["fidelity"]["judged"] and "all vectors" in found["fidelity"]["why_not_judged"]
    check_pass(cli("verify", pocket, "--port", device.port, "--vectors", 1000, "--json"))


def test_environment_names_the_port_and_options_come_first(cli, device, pocket):
    check_pass(cli("verify", pocket, "--json", env={"NONN_MCU_PORT": device.port}))
    environment = {"NONN_MCU_PORT": "/dev/nowhere", "NONN_MCU_BAUD": "9600"}
    check_pass(cli("verify", pocket, "--json", "--port", device.port, env=environment))
    check_error(cli("verify", pocket, env=environment), 3, "", "/dev/nowhere")
    check_error(cli("verify", pocket, env={"NONN_MCU_BAUD": "fast"}), 2, "", "NONN_MCU_BAUD")


@BOTH
def test_another_model_is_6(cli, device, made, json):
    result = cli("verify", made / "others" / "other", "--port", device.port, *json)
    check_error(result, 6, "WrongModel", "the device holds pocket")


@pytest.mark.parametrize("value", [-1, 1, 100])
def test_one_wrong_golden_byte_is_1_and_named(cli, device, pocket, tmp_path, value):
    from support.bundles import make_bundle

    outputs = bundles.read(pocket).vectors().outputs[0].copy()
    old = int(outputs[11, 3])
    outputs[11, 3] = np.clip(old + value, -128, 127)
    assert outputs[11, 3] != old
    make_bundle(tmp_path / "mutated", outputs=(outputs,))
    result = cli("verify", "mutated", "--port", device.port, "--json")
    assert result.code == 1 and result.json["status"] == "mismatch" and result.json["error"] is None
    found = result.json["devices"][0]["conformance"]
    assert (found["mismatching_vectors"], found["mismatching_values"], found["unstable_vectors"]) == (1, 2, 0)
    assert found["first_mismatch"] == {
        "vector": 11,
        "run": 0,
        "output": 0,
        "index": [0, 3],
        "expected": int(outputs[11, 3]),
        "got": old,
    }
    text = cli("verify", "mutated", "--port", device.port)
    assert text.code == 1
    wanted = f"first mismatch: vector 11, run 1, output 0[0, 3]: expected {outputs[11, 3]}, got {old}"
    assert wanted in text.out and "FAIL" in text.out and "PASS" not in text.out


def test_a_reference_too_far_away_is_1(cli, device, pocket, tmp_path):
    from support.bundles import make_bundle

    references = bundles.read(pocket).vectors().references[0] + 1.0
    make_bundle(tmp_path / "far", references=(references,))
    result = cli("verify", "far", "--port", device.port, "--json")
    assert result.code == 1
    (found,) = result.json["devices"]
    assert found["conformance"]["mismatching_values"] == 0
    assert ["LSB" in text for text in found["fidelity"]["shortfalls"]] == [True]
    assert "worst error" in cli("verify", "far", "--port", device.port).out


def test_a_layer_that_diverges_is_named(cli, device, pocket, tmp_path):
    from support.bundles import make_bundle

    crcs = bundles.read(pocket).vectors().layer_crc.copy()
    crcs[1, 1] ^= 1
    make_bundle(tmp_path / "layered", layer_crc=crcs)
    check_pass(cli("verify", "layered", "--port", device.port, "--json"))
    result = cli("verify", "layered", "--port", device.port, "--layers", "--json")
    assert result.code == 1
    found = result.json["devices"][0]["layers"]["divergence"]
    assert (found["vector"], found["layer"], found["op"]) == (1, 1, "CONV_2D")
    assert found["kernel"] == "conv_2d" and found["expected_crc"] == found["got_crc"] ^ 1
    assert (found["worst_lsb"], found["differing_values"]) == (0, 0)  # the oracle agrees with the device
    text = cli("verify", "layered", "--port", device.port, "--layers")
    assert text.code == 1 and "first diverging layer: 1 " in text.out and "FAIL" in text.out


@BOTH
def test_nothing_there_is_3(cli, pocket, json):
    result = cli("verify", pocket, "--port", "/dev/nowhere", *json)
    check_error(result, 3, "NoDevice", "/dev/nowhere: no such port")


def test_several_devices_have_a_verdict_each(cli, power_on, pocket):
    good = [power_on(), power_on()]
    ports = [argument for one in good for argument in ("--port", one.port)]
    result = cli("verify", pocket, *ports, "--json")
    assert result.code == 0
    assert [found["port"] for found in result.json["devices"]] == [one.port for one in good]
    assert [found["status"] for found in result.json["devices"]] == ["match", "match"]
    mixed = cli("verify", pocket, *ports, "--port", "/dev/nowhere", "--json")
    assert [found["status"] for found in mixed.json["devices"]] == ["match", "match", "no-device"]
    assert mixed.code == 3 and mixed.json["error"]["type"] == "NoDevice"
    text = cli("verify", pocket, *ports, "--port", "/dev/nowhere")
    assert text.out.count("PASS") == 2 and text.err.startswith("error: /dev/nowhere: ")


USAGE = {
    "no such option": (["--wat"], "No such option"),
    "no vectors": (["--vectors", "0"], "--vectors"),
    "words for a number": (["--vectors", "many"], "--vectors"),
    "a negative seed": (["--seed", "-1"], "--seed"),
    "no baud": (["--baud", "0"], "--baud"),
    "no time": (["--timeout", "0"], "--timeout"),
    "time that is none": (["--timeout", "nan"], "--timeout"),
    "all the time": (["--timeout", "inf"], "--timeout"),
    "an empty port": (["--port", ""], "--port is empty"),
    "a port twice": (["--port", "a", "--port", "a"], "twice"),
    "a URL of nothing": (["--port", "nothing://x"], "nothing://x"),
    "port and board": (["--port", "a", "--board", "host"], "leave out --port"),
    "no such board": (["--board", "toaster"], "toaster"),
    "a student that is not there": (["--live", "gone.pt", "--port", "a"], "gone.pt"),
}


@pytest.mark.parametrize(("arguments", "words"), USAGE.values(), ids=USAGE)
@BOTH
def test_wrong_arguments_are_2(inside, pocket, arguments, words, json):
    result = inside("verify", pocket, *arguments, *json)
    check_error(result, 2, result.out and result.json["error"]["type"], words)


@BOTH
@pytest.mark.parametrize("name", ["missing", "file\nwith 'odd' name", b"\xff\xfe", "x" * 300])
def test_a_path_that_is_no_bundle_is_2(inside, tmp_path, name, json):
    path = os.path.join(os.fsencode(tmp_path), os.fsencode(name))
    result = inside("verify", os.fsdecode(path), "--port", "a", *json)
    check_error(result, 2, "BadInput", "not a bundle")
    assert "nonn-mcu convert" in (result.out or result.err)


def test_a_board_needs_a_bundle(inside):
    check_error(inside("verify", "--board", "host"), 2, "BadInput", "name the bundle")


@pytest.fixture
def there(monkeypatch):
    """Say which serial ports the machine has."""
    from nonn_mcu.link import ports

    def there(*devices):
        found = [ports.Candidate(device, "a port", "", None, None, "") for device in devices]
        monkeypatch.setattr(ports, "candidates", lambda: found)

    return there


def test_the_only_device_is_found(inside, power_on, pocket, there):
    first = power_on()
    there("/dev/nowhere", first.port)
    found = check_pass(inside("verify", pocket, "--json"))
    assert found["port"] == first.port
    second = power_on()
    there(first.port, second.port)
    for json in ([], ["--json"]):
        check_error(inside("verify", pocket, *json), 3, "NoDevice", "2 devices answer")
    there("/dev/nowhere")
    check_error(inside("verify", pocket), 3, "NoDevice", "/dev/nowhere: no such port")
    there()
    check_error(inside("verify", pocket), 3, "NoDevice", "no serial port is there")
