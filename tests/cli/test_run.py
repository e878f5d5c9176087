"""``nonn-mcu run``: the answers are the oracle's, also without a device that fails in the middle."""

import os
import re
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from support.bridge import bridge, slow
from support.command import BOTH, check_error, finish
from support.networks import LABELS, PREPROCESSING, port_options

from nonn_mcu.convert.golden import quantised
from nonn_mcu.nonn.devices.fuse import fuse
from nonn_mcu.verify import oracle
from nonn_mcu.verify.fidelity import dequantize

COUNT = 6


def pixels():
    return np.random.default_rng(3).integers(0, 256, (40, 6, 5, 3), np.uint8)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder of images, named in the order of :func:`pixels`."""
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("images")
    for number, one in enumerate(pixels()):
        image.fromarray(one).save(folder / f"{number:02}.png")
    return folder


def expected(network, absent=(), count=COUNT):
    """Scores, float64 (count, classes), of the oracle's students and the head in numpy."""
    info = network.students[0].manifest.inputs[0]
    mean, std = np.float32(PREPROCESSING.mean[0]), np.float32(PREPROCESSING.std[0])
    x = quantised((pixels()[:count].astype(np.float32) / 255 - mean) / std, info)
    features = [
        None if number in absent else oracle.run(one.model, [x])[0]
        for number, one in enumerate(network.students)
    ]
    return dequantize(fuse(network, features), network.head.manifest.outputs[0])


def scores(results):
    """The scores in the order of the classes."""
    ordered = [sorted(one["best"], key=lambda best: best["index"]) for one in results]
    return np.array([[best["score"] for best in one] for one in ordered])


@pytest.mark.parametrize("head", ["host", "device:1"])
def test_images_get_the_oracles_answers(inside, crew, network, images, head):
    made = network(head)
    first, second = crew(made.students)
    result = inside("run", made.path, *port_options(second, first), "--input", images, "--json")
    assert (result.code, result.err) == (0, "")
    results, wanted = result.json["results"], expected(made, count=40)
    assert [one["input"] for one in results] == [f"{number:02}.png" for number in range(40)]
    np.testing.assert_array_equal(scores(results), wanted)
    assert [one["best"][0]["index"] for one in results] == wanted.argmax(axis=1).tolist()
    assert {one["best"][0]["label"] for one in results} <= set(LABELS)
    assert all(one["answered"] == [0, 1] and not one["partial"] for one in results)
    summary = result.json["summary"]
    assert (summary["inputs"], summary["partial"], summary["accuracy"]) == (40, 0, None)


def test_labels_give_the_accuracy_and_people_a_line_each(inside, crew, network, tmp_path):
    made = network()
    wanted = expected(made)
    best = wanted.argmax(axis=1)
    labels = best.copy()
    labels[0] = (labels[0] + 1) % len(LABELS)
    np.savez(tmp_path / "some.npz", x=pixels()[:COUNT], y=labels)
    result = inside("run", made.path, *port_options(*crew(made.students)), "--input", tmp_path / "some.npz")
    assert (result.code, result.err) == (0, "")
    *lines, last = result.out.splitlines()
    for number, line in enumerate(lines):
        order = np.argsort(-wanted[number], kind="stable")
        three = ", ".join(f"{LABELS[i]} ({wanted[number][i]:.2f})" for i in order)
        assert re.fullmatch(re.escape(f"some.npz[{number}]: {three}; students 0, 1; ") + r"\d+ ms", line)
    assert len(lines) == COUNT and re.fullmatch(r"6 inputs, [\d.]+ per second; 83\.3 % right", last)


def test_a_single_bundle_is_a_network_of_one(inside, crew, network, tmp_path):
    one = network().students[0]
    np.save(tmp_path / "one.npy", pixels()[:1])
    (device,) = crew([one])
    result = inside("run", one.path, "--port", device.port, "--input", tmp_path / "one.npy", "--json")
    (found,) = result.json["results"]
    info = one.manifest.inputs[0]
    x = quantised((pixels()[:1].astype(np.float32) / 255 - np.float32(0.5)) / np.float32(0.25), info)
    outputs = dequantize(oracle.run(one.model, [x])[0], one.manifest.outputs[0])[0]
    assert [best["score"] for best in found["best"]] == sorted(outputs, reverse=True)[:3]
    text = inside("run", one.path, "--port", device.port, "--input", tmp_path / "one.npy")
    assert text.code == 0 and "student" not in text.out


@pytest.mark.parametrize("there", [0, 1])
def test_a_device_may_be_missing_from_the_start(inside, crew, network, images, there):
    made = network("device:1")
    (device,) = crew([made.students[there]])
    given = ("run", made.path, "--port", device.port, "--input", images)
    gone = f"student{1 - there}"
    check_error(inside(*given), 3, "NoDevice", f"no device holds {gone}: flash {made.path / gone}")
    result = inside(*given, "--missing", 1, "--json")
    assert result.code == 0
    assert result.err == f"warning: {gone}: no device holds it, all answers are partial\n"
    results = result.json["results"]
    np.testing.assert_array_equal(scores(results), expected(made, absent=[1 - there], count=40))
    assert all(one["partial"] and one["answered"] == [there] for one in results)
    assert result.json["summary"]["partial"] == 40
    nowhere = inside(*given, "--port", "/dev/nowhere", "--missing", 1)
    assert (
        nowhere.code == 0 and f"{gone}: no device holds it" in nowhere.err and "no such port" in nowhere.err
    )
    check_error(inside(*given, "--port", "/dev/nowhere"), 3, "NoDevice", "/dev/nowhere: no such port")


def killed(process, pid, after=3):
    """Kill a device when the command has printed so many answers; how the command ended."""
    lines = [process.stdout.readline() for _ in range(after)]
    os.kill(pid, signal.SIGKILL)
    result = finish(process)
    return replace(result, out=b"".join(lines).decode() + result.out)


@pytest.mark.parametrize(
    "case", [("host", 0, "mps2-an386"), ("device:1", 1, "host")], ids=lambda case: f"{case[0]}-{case[2]}"
)
def test_a_device_that_dies_in_the_middle_is_left_out(start, crew, network, images, case):
    head, victim, board = case
    made = network(head)
    running = crew(made.students, board)
    process = start("run", made.path, *port_options(*running), "--input", images, "--missing", 1)
    result = killed(process, running[victim].pid)
    assert result.code == 0
    (warning,) = result.err.splitlines()
    assert warning.startswith(f"warning: student{victim} on {running[victim].port}: the port is gone")
    assert warning.endswith("and the host is the head" if head != "host" else "left out from here on")
    *lines, last = result.out.splitlines()
    assert len(lines) == 40
    partial = [f"; partial, students {1 - victim}; " in line for line in lines]
    first = partial.index(True)
    assert first >= 3 and all(partial[first:]) and f"; {40 - first} partial" in last
    whole, rest = expected(made, count=40), expected(made, absent=[victim], count=40)
    for number, line in enumerate(lines):
        best = (rest if partial[number] else whole)[number]
        assert line.startswith(f"{number:02}.png: {LABELS[best.argmax()]} ({best.max():.2f})")


def test_an_emulated_board_that_dies_is_4_when_none_may_be_missing(start, crew, network, images):
    made = network()
    running = crew(made.students, "mps2-an386")
    process = start("run", made.path, *port_options(*running), "--input", images)
    result = killed(process, running[1].pid)
    assert result.code == 4
    assert result.err.startswith(f"error: student1 on {running[1].port}: the port is gone")
    lines = result.out.splitlines()
    assert 3 <= len(lines) < 40 and all("; students 0, 1; " in line for line in lines)


def test_answers_so_far_go_with_the_error(start, crew, network, images):
    made = network()
    first, second = crew(made.students)
    with bridge(second.port, to_host=slow(0.01)) as line:
        process = start("run", made.path, *port_options(first, line.url), "--input", images, "--json")
        line.wait(2000)
    result = finish(process)
    assert result.code == 4 and result.json["error"]["type"] == "LinkError"
    np.testing.assert_array_equal(
        scores(result.json["results"]), expected(made, count=len(result.json["results"]))
    )
    assert 0 < len(result.json["results"]) < 40


def test_a_silent_device_is_left_out_after_the_timeout(start, crew, network, images):
    made = network()
    first, second = crew(made.students)
    given = ("--input", images, "--missing", 1, "--timeout", 1)
    with bridge(second.port, to_host=slow(0.005)) as line:
        process = start("run", made.path, *port_options(first, line.url), *given)
        line.wait(2000)
        os.kill(second.pid, signal.SIGSTOP)
        result = finish(process)
    os.kill(second.pid, signal.SIGCONT)
    assert result.code == 0 and result.err.count("\n") == 1
    assert f"warning: student1 on {line.url}: no answer in 1.0 s" in result.err
    assert result.out.count("; partial, students 0; ") + result.out.count("; students 0, 1; ") == 40


def test_another_model_in_the_middle_gives_no_answer(start, crew, network, images):
    made = network()
    first, second = crew(made.students)
    (other,) = crew(made.students[:1])
    with bridge(second.port, to_host=slow(0.005)) as line:
        process = start("run", made.path, *port_options(first, line.url), "--input", images)
        line.wait(2000)
        line.device = other.port
        result = finish(process)
    assert result.code == 6 and result.err.startswith(f"error: student1 on {line.url}: pocket0")
    best = expected(made, count=40)
    for number, one in enumerate(result.out.splitlines()):
        assert one.startswith(f"{number:02}.png: {LABELS[best[number].argmax()]} ({best[number].max():.2f})")


@BOTH
def test_what_cannot_be_run_is_2(inside, network, pocket, images, json):
    path, small = network().path, images.parent / "small.npy"
    np.save(small, pixels()[:, :4])
    cases = (
        ((path, "--input", "nowhere.png"), "no such file"),
        ((path, "--input", path), "holds no images"),
        ((path, "--input", small), "images are 4x5"),
        ((path, "--input", images, "--missing", 2), "--missing 2"),
        ((path, "--input", images, "--missing", -1), "--missing -1"),
        ((pocket, "--input", images), "does not say how images become its input"),
        ((images, "--input", images), "not a bundle"),
    )
    for arguments, words in cases:
        check_error(inside("run", *arguments, "--port", "/dev/nowhere", *json), 2, "BadInput", words)
    check_error(inside("run", path, "--input", images, "--port", "a", "--board", "host"), 2, "", "leave out")


def test_ctrl_c_is_130_although_a_device_is_silent(start, crew, network, images):
    made = network()
    first, second = crew(made.students)
    process = start("run", made.path, *port_options(first, second), "--input", images)
    process.stdout.readline()
    os.kill(second.pid, signal.SIGSTOP)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    result = finish(process)
    os.kill(second.pid, signal.SIGCONT)
    assert result.code == 130 and result.err == "error: interrupted\n"
    assert time.monotonic() - began < 5
