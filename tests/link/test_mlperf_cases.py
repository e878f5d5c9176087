"""The table of text commands, on the device library under sanitizers and on the reference in Python."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_board import FakeBoard, assert_right, fake_result
from reference_device import as_reset_leaves_it
from reference_text import SIZE, ReferenceLine
from support.mlperf import CASES, Facts, steps

from nonn_mcu.link.client import Device

ON_FAKE = [(case, survives) for case in CASES for survives in (False, True)]
GREETING = "m-timestamp-mode-performance\r\nm-lap-us-2\r\nm-init-done\r\nm-ready\r\n"


def facts(survives: bool) -> Facts:
    return Facts(board="fake", model="fake", size=SIZE, survives=survives)


def talk(program: Path, stream: bytes, *options: str) -> bytes:
    done = subprocess.run([str(program), *options], input=stream, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode(errors="replace")
    return done.stdout


def cases(survives: bool):
    return [case for case in CASES if facts(survives).fits(case)]


@pytest.mark.parametrize("survives", [False, True], ids=["consumed", "survives"])
def test_every_case_is_answered_to_the_byte(device_program: Path, survives: bool) -> None:
    """By the device as the table says, and by the reference in Python as by the device."""
    for case in cases(survives):
        parts = list(steps(case, facts(survives)))
        stream = b"".join(sent for sent, _ in parts)
        found = talk(device_program, stream, *["survives"] * survives)
        assert re.fullmatch(b"".join(reply.pattern for _, reply in parts), found), (case["name"], found)
        assert ReferenceLine(*["survives"] * survives).feed(stream) == found, case["name"]


def test_the_table_has_a_case_for_each_kind_of_model() -> None:
    assert {case.get("model", "any") for case in CASES} == {"any", "survives", "consumed"}
    assert len({case["name"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    ("options", "greeting"),
    [
        ((), GREETING),
        (("energy",), "m-timestamp-mode-energy\r\n<pulse>m-init-done\r\nm-ready\r\n"),
        (("no-clock",), GREETING.replace("us-2", "us-0")),
        (("no-start",), GREETING.replace("m-init-done", "e-[The model did not start: error -9]")),
    ],
    ids=str,
)
def test_the_greeting(device_program: Path, options: tuple[str, ...], greeting: str) -> None:
    assert talk(device_program, b"", "greets", *options).decode() == greeting


def test_with_a_pin_moments_are_pulses(device_program: Path) -> None:
    load = "db load 67%" + "".join(f"db {'00' * count}%" for count in (26, 26, 15))
    said = talk(device_program, f"timestamp%{load}infer 2 1%".encode(), "energy", "survives").decode()
    assert said.startswith("<pulse>m-ready\r\nm-[Expecting")
    assert "m-infer-start-2\r\n<pulse><pulse>m-infer-done\r\nm-results-[" in said
    assert said.count("<pulse>") == 3 and "lap" not in said


def test_a_model_that_did_not_start(device_program: Path) -> None:
    error = "e-[The model did not start: error -9]\r\nm-ready\r\n"
    found = talk(device_program, b"db load 8%db 00%db print%db%infer 1 0%results%profile%name%", "no-start")
    assert found.decode().startswith(error * 6 + "m-profile")
    assert found.count(b"m-ready\r\n") == 8


def test_an_inference_that_fails(device_program: Path) -> None:
    load = "db load 67%" + "".join(f"db {'00' * count}%" for count in (26, 26, 15))
    stream = f"{load}infer 1 2%results%infer 1 0%"
    first = talk(device_program, stream.encode(), "survives", "fails").decode()
    error = "e-[Inference failed: error -7]\r\nm-ready\r\n"
    rest = "e-[No results: 'infer' first]\r\nm-ready\r\ne-[No input: 'db load' and 'db' first]\r\nm-ready\r\n"
    assert first.endswith(f"m-warmup-start-2\r\n{error}{rest}")
    second = talk(device_program, stream.replace("1 2", "3 1").encode(), "survives", "fails-later").decode()
    assert second.endswith(f"m-warmup-done\r\nm-infer-start-3\r\n{error}{rest}")


def test_the_autoencoders_result_is_its_squared_error(device_program: Path) -> None:
    """Layer 1 of the fake is the output: middle[i] ^ i * 7, over the bias that a reset leaves."""
    rng = np.random.default_rng(1)
    image = rng.integers(-128, 128, 64, dtype=np.int8)
    bias = np.frombuffer(bytes(as_reset_leaves_it(1, 3)), np.int8)
    output = fake_result(image, bias, 1)[0][:64]
    sent = (image.view(np.uint8) ^ 0x80).tobytes()
    stream = f"db load 64%db {sent[:31].hex()}%db {sent[31:].hex()}%infer 1 0%profile%"
    found = talk(device_program, stream.encode(), "autoencoder").decode()
    error = ((output.astype(float) - 5) * 0.75 - (image.astype(float) + 128) * 0.5) ** 2
    assert f"m-results-[{error.mean():.3f}]\r\n" in found
    assert "m-model-[ad01]\r\n" in found


def test_the_host_gets_an_input_across_that_spells_the_word(
    board: Callable[..., FakeBoard], connect: Callable[..., Device]
) -> None:
    """A LOAD that holds the word would be taken for text: no piece does."""
    device = connect(board("survives"))
    for at in range(0, 64 - 10, 3):
        image, bias = np.zeros((1, 8, 8, 1), np.int8), np.zeros((1, 3), np.int8)
        image.reshape(-1)[at : at + 10] = np.frombuffer(b"name%name%", np.int8)
        for found, wanted in zip(device.run([image, bias]), fake_result(image, bias), strict=True):
            np.testing.assert_array_equal(found, wanted)
    sent = device.counters.sent
    assert device.stats().frames > sent  # every one of them, and this: none was text


def test_a_greeting_is_no_damage(
    board: Callable[..., FakeBoard],
    connect: Callable[..., Device],
) -> None:
    device = connect(board("greets"))
    assert_right(device, np.random.default_rng(1))
    assert device.counters.damaged == device.stats().corrupt == 0


def test_no_reply_starts_anything_on_a_line_that_sends_it_back(device_program: Path) -> None:
    """Invariant 26: neither the terminator nor a delimiter is ever said."""
    streams = [b"".join(sent for sent, _ in steps(case, facts(True))) for case in cases(True)]
    streams.append(b"\xff%%#\x25%name%")
    for stream in streams:
        said = talk(device_program, stream, "survives", "greets")
        assert b"%" not in said and b"\0" not in said and said.isascii()
        assert talk(device_program, said, "survives") == b""
