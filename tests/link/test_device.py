"""What the device library answers, request by request; each case starts after a reset."""

import re
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fake_board import FIRMWARE, fake_head_result, fake_result

from nonn_mcu.link import messages, replies
from nonn_mcu.link.frame import Decoder, FrameStatus, crc32, encode
from nonn_mcu.link.messages import Kind, Message, Reply, Request, Status

PAYLOAD = 512
IMAGE = np.arange(64, dtype=np.int8).reshape(1, 8, 8, 1) - 100
BIAS = np.array([[-128, 127, 5]], np.int8)
DATA = (IMAGE.tobytes(), BIAS.tobytes())
CRC = crc32(DATA[0] + DATA[1])
SCORES, SPARE = (result.tobytes() for result in fake_result(IMAGE, BIAS))

WHOLE = messages.WHOLE

load_image = messages.load(0, DATA[0], 0, 64)
load_bias = messages.load(1, DATA[1], 0, 3)
loads = [load_image, load_bias]
run = messages.run(1, CRC, WHOLE, 1)
read = messages.read(Kind.OUTPUT, 0, 1, 0, 10)


def raw(message: int, body: bytes = b"") -> Request:
    return Request(message, body, 0)  # type: ignore[arg-type]


def of_head(request: Request) -> Request:
    return request._replace(model=1)


VOTES = bytes(range(250, 256))
VERDICT = fake_head_result(np.frombuffer(VOTES, np.int8))[0].tobytes()
load_votes, load_one_vote = (of_head(messages.load(0, VOTES, 0, size)) for size in (6, 1))
run_head = of_head(messages.run(1, crc32(VOTES), WHOLE, 1))
read_head = of_head(messages.read(Kind.OUTPUT, 0, 1, 0, 6))


def talk(program: Path, requests: list[Request | bytes], *options: str) -> list[Reply]:
    """Send requests (or frame contents, as bytes) one after the other; return every reply."""
    sent = [
        encode(request if isinstance(request, bytes) else messages.pack(request, seq))
        for seq, request in enumerate(requests)
    ]
    done = subprocess.run([str(program), *options], input=b"".join(sent), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    received = list(Decoder(PAYLOAD + 100).feed(done.stdout))
    assert all(status is FrameStatus.COMPLETE for status, _ in received)
    parsed = [messages.parse_reply(content) for _, content in received]
    return [reply for reply in parsed if reply is not None]


OK, MISMATCH, STALE = Status.OK, Status.INPUT_MISMATCH, Status.STALE
NONE = Status.NO_SUCH_MODEL
INDEX, RANGE, LENGTH, VALUE = Status.BAD_INDEX, Status.BAD_RANGE, Status.BAD_LENGTH, Status.BAD_VALUE
hello = messages.hello(0, 300)

# What is asked, and the status of each answer.
CASES = {
    "the usual way": ([hello, *loads, run, read], [OK] * 5),
    "inputs in any order": ([load_bias, load_image, run], [OK] * 3),
    "pieces in any order, and twice": (
        [messages.load(0, DATA[0], 32, 32), *loads, messages.load(0, DATA[0], 0, 33), run],
        [OK] * 5,
    ),
    "run before load": ([run], [MISMATCH]),
    "one input not loaded": ([load_image, run], [OK, MISMATCH]),
    "load with a gap": (
        [messages.load(0, DATA[0], 0, 31), messages.load(0, DATA[0], 32, 32), load_bias, run],
        [OK, OK, OK, MISMATCH],
    ),
    "load up to the end": ([messages.load(0, DATA[0], 63, 1), messages.load(0, DATA[0], 64, 0)], [OK, OK]),
    "load of nothing": ([raw(3, bytes(6))], [OK]),
    "load one byte past the end": ([raw(3, struct.pack("<HI", 0, 1) + bytes(64))], [RANGE]),
    "load from past the end": ([raw(3, struct.pack("<HI", 0, 65))], [RANGE]),
    "load whose end wraps around": ([raw(3, struct.pack("<HI", 0, 0xFFFFFFFF) + bytes(2))], [RANGE]),
    "load longer than any frame's payload": ([raw(3, bytes(6 + PAYLOAD))], [RANGE]),
    "load of no such input": (
        [raw(3, struct.pack("<HI", 2, 0)), raw(3, struct.pack("<HI", 0xFFFF, 0))],
        [INDEX] * 2,
    ),
    "load without its offset": ([raw(3, bytes(5))], [LENGTH]),
    "the same run again is not run again": ([*loads, run, run, run, read], [OK] * 6),
    "the same number for something else is run": (
        [*loads, run, messages.run(1, CRC, 1, 1)],
        [OK, OK, OK, MISMATCH],
    ),
    "a new run needs its inputs again": (
        [*loads, run, messages.run(2, CRC, WHOLE, 1)],
        [OK, OK, OK, MISMATCH],
    ),
    "run 0": ([*loads, messages.run(0, CRC, 2, 1)], [OK, OK, VALUE]),
    "run no times": ([*loads, messages.run(1, CRC, 2, 0)], [OK, OK, VALUE]),
    "run twice without inputs that survive": (
        [*loads, messages.run(1, CRC, 2, 2)],
        [OK, OK, Status.INPUT_CONSUMED],
    ),
    "run past the last layer": (
        [*loads, messages.run(1, CRC, 3, 1), messages.run(1, CRC, 0xFFFE, 1)],
        [OK, OK, INDEX, INDEX],
    ),
    "read before any run": ([read], [STALE]),
    "read of run 0": ([messages.read(Kind.OUTPUT, 0, 0, 0, 1)], [STALE]),
    "read of another run": ([*loads, run, messages.read(Kind.OUTPUT, 0, 2, 0, 1)], [OK, OK, OK, STALE]),
    "read after a load": ([*loads, run, load_bias, read], [OK, OK, OK, OK, STALE]),
    "read after a refused load": (
        [*loads, run, raw(3, struct.pack("<HI", 0, 65)), read],
        [OK, OK, OK, RANGE, OK],
    ),
    "read of the layer that was run": (
        [*loads, messages.run(1, CRC, 1, 1), messages.read(Kind.LAYER, 1, 1, 0, 100)],
        [OK] * 4,
    ),
    "read of a layer before it": (
        [*loads, messages.run(1, CRC, 1, 1), messages.read(Kind.LAYER, 0, 1, 0, 100)],
        [OK, OK, OK, STALE],
    ),
    "read of an output after part of a run": (
        [*loads, messages.run(1, CRC, 1, 1), read],
        [OK, OK, OK, STALE],
    ),
    "read of the last layer": (
        [*loads, messages.run(1, CRC, 2, 1), messages.read(Kind.LAYER, 2, 1, 0, 10), read],
        [OK, OK, OK, OK, STALE],
    ),
    "read of a layer after a whole run": (
        [*loads, run, messages.read(Kind.LAYER, 2, 1, 0, 10)],
        [OK, OK, OK, STALE],
    ),
    "read to the end": (
        [*loads, run, messages.read(Kind.OUTPUT, 0, 1, 9, 1), messages.read(Kind.OUTPUT, 0, 1, 10, 0)],
        [OK] * 5,
    ),
    "read past the end": (
        [
            *loads,
            run,
            messages.read(Kind.OUTPUT, 0, 1, 1, 10),
            messages.read(Kind.OUTPUT, 0, 1, 11, 0),
            messages.read(Kind.OUTPUT, 0, 1, 0xFFFFFFFF, 2),
            messages.read(Kind.OUTPUT, 0, 1, 0, 0xFFFF),
        ],
        [OK, OK, OK, RANGE, RANGE, RANGE, RANGE],
    ),
    "read of an input": ([*loads, run, messages.read(Kind.INPUT, 0, 1, 0, 1)], [OK, OK, OK, INDEX]),
    "read of no such tensor": (
        [
            messages.read(Kind.OUTPUT, 2, 1, 0, 1),
            messages.read(Kind.LAYER, 3, 1, 0, 1),
            raw(5, b"\3" + bytes(12)),
            raw(5, b"\xff" * 13),
        ],
        [INDEX] * 4,
    ),
    "describe no such tensor": (
        [messages.describe(Kind.INPUT, 2, 0, 9), messages.describe(Kind.LAYER, 3, 0, 9), raw(2, b"\xff" * 7)],
        [INDEX] * 3,
    ),
    "description from its end, and past it": (
        [messages.hello(0xFFFF, 1), messages.hello(300, 0)],
        [RANGE, RANGE],
    ),
    "unknown messages": ([raw(0), raw(7), raw(0x7F, b"what?")], [Status.UNKNOWN_MESSAGE] * 3),
    "bodies one byte too long": (
        [raw(m, bytes(n)) for m, n in ((1, 5), (2, 8), (4, 13), (5, 14), (6, 1))],
        [LENGTH] * 5,
    ),
    "bodies one byte too short": (
        [raw(m, bytes(n)) for m, n in ((1, 3), (2, 6), (3, 5), (4, 11), (5, 12))],
        [LENGTH] * 5,
    ),
    "bodies that are missing": ([raw(m) for m in range(1, 6)], [LENGTH] * 5),
    "another version": (
        [b"\x01\x20\0\0", b"\x01\x00\0\0", b"\x7f\xf0\0\0"],
        [Status.UNSUPPORTED_VERSION] * 3,
    ),
    "no such model": ([b"\x06\x11\0\0", b"\x7f\x18\0\0", raw(6)], [NONE, NONE, OK]),
    "replies are not answered": ([b"\x86\x10\0\0", b"\x81\x10\0\0\0", b"\xff\xff\xff\xff", raw(6)], [OK]),
}


@pytest.mark.parametrize("name", CASES)
def test_statuses(device_program: Path, name: str) -> None:
    requests, statuses = CASES[name]
    answers = talk(device_program, requests)
    assert [Status(answer.status) for answer in answers] == statuses
    assert [answer.body for answer in answers if answer.status != OK] == [b""] * sum(
        s != OK for s in statuses
    )
    assert {answer.version for answer in answers} == {messages.PROTOCOL_VERSION}


# The same of two models on one device: what is asked of one, and what is left of the other.
WITH_HEAD = {
    "each its own inputs": ([*loads, load_votes, run_head, run, load_votes, run], [OK] * 7),
    "each its own result, under the same number": (
        [*loads, run, load_votes, run_head, read, read_head, load_one_vote, read, read_head],
        [OK] * 9 + [STALE],
    ),
    "a load of the first": ([load_votes, run_head, load_bias, read_head], [OK] * 4),
    "a run of the first": ([load_votes, run_head, *loads, run, read_head], [OK] * 6),
    "a run that was only of the other": ([*loads, run, read_head], [OK, OK, OK, STALE]),
    "a run that is only new to the other": ([*loads, run, run_head], [OK, OK, OK, MISMATCH]),
    "each its own tensors": (
        [of_head(messages.describe(kind, 0, 0, 99)) for kind in Kind]
        + [of_head(messages.describe(kind, 1, 0, 99)) for kind in Kind],
        [OK] * 3 + [INDEX] * 3,
    ),
    "a load into the other's second input": ([of_head(load_bias), of_head(load_image)], [INDEX, RANGE]),
    "a run of the other's layer": ([load_votes, of_head(messages.run(1, crc32(VOTES), 1, 1))], [OK, INDEX]),
    "no third model": ([messages.stats()._replace(model=number) for number in (2, 3, 15)], [NONE] * 3),
}


@pytest.mark.parametrize("name", WITH_HEAD)
def test_two_models_do_not_disturb_each_other(device_program: Path, name: str) -> None:
    requests, statuses = WITH_HEAD[name]
    answers = talk(device_program, requests, "survives", "head")
    assert [Status(answer.status) for answer in answers] == statuses
    for request, answer in zip(requests, answers, strict=True):
        if answer.status == OK and request.message is Message.READ:
            assert answer.body == (VERDICT if request.model else SCORES)


def test_each_model_has_its_own_description_and_statistics(device_program: Path) -> None:
    ask = [hello, messages.stats()]
    requests = [*loads, run, load_votes, run_head, run_head, *ask, *map(of_head, ask)]
    *_, first, counts, head, head_counts = talk(device_program, requests, "survives", "head")
    hellos = [replies.parse_hello(replies.parse_slice(reply.body, 0, 300)[1]) for reply in (first, head)]
    assert [(said.model, said.models, said.input_survives) for said in hellos] == [
        ("fake", 2, True),
        ("head", 2, False),
    ]
    assert [(said.arena_bytes, said.layers, said.static_bytes) for said in hellos] == [
        (1234, 3, 4321),
        (77, 1, 4321),
    ]
    stats = [replies.parse_stats(reply.body) for reply in (counts, head_counts)]
    assert [(s.run, s.times, s.ticks, s.arena_bytes, s.invocations) for s in stats] == [
        (1, 1, 40, 1234, 2),
        (1, 1, 40, 77, 2),
    ]


def test_a_model_that_did_not_start_leaves_the_other_running(device_program: Path) -> None:
    requests = [load_image, hello, load_votes, run_head, read_head]
    answers = talk(device_program, requests, "no-start", "head")
    assert [answer.status for answer in answers] == [Status.START_FAILED, OK, OK, OK, OK]
    assert answers[-1].body == VERDICT


def test_a_repeated_run_is_answered_without_running_again(device_program: Path) -> None:
    answers = talk(device_program, [*loads, run, run, run, raw(6)])
    assert answers[2].body == answers[3].body == answers[4].body
    assert replies.parse_stats(answers[5].body).invocations == 1


def test_results_are_those_of_the_run_and_carry_their_crc(device_program: Path) -> None:
    tap = messages.run(2, CRC, 1, 1)
    answers = talk(
        device_program,
        [
            *loads,
            run,
            read,
            messages.read(Kind.OUTPUT, 1, 1, 0, 5),
            *loads,
            tap,
            messages.read(Kind.LAYER, 1, 2, 7, 90),
        ],
    )
    twisted = fake_result(IMAGE, BIAS, 1)[0].tobytes()
    assert replies.parse_run(answers[2].body) == crc32(SCORES + SPARE)
    assert (answers[3].body, answers[4].body) == (SCORES, SPARE)
    assert replies.parse_run(answers[7].body) == crc32(twisted)
    assert answers[8].body == twisted[7:97]


def test_replies_echo_message_and_sequence_number(device_program: Path) -> None:
    contents = [messages.pack(messages.stats(), seq) for seq in (0, 1, 0xFF, 0x100, 0xFFFF, 1)]
    answers = talk(device_program, [*contents, b"\x55\x10\x34\x12"])
    assert [a.seq for a in answers] == [0, 1, 0xFF, 0x100, 0xFFFF, 1, 0x1234]
    assert [a.message for a in answers] == [Message.STATS] * 6 + [0x55]


def test_inputs_that_survive_run_many_times(device_program: Path) -> None:
    again = messages.run(2, CRC, WHOLE, 1)
    requests = [
        *loads,
        messages.run(1, CRC, WHOLE, 1000),
        raw(6),
        again,
        messages.read(Kind.OUTPUT, 0, 2, 0, 10),
        raw(6),
    ]
    answers = talk(device_program, requests, "survives")
    assert [a.status for a in answers] == [OK] * 7
    assert answers[5].body == SCORES
    first, second = replies.parse_stats(answers[3].body), replies.parse_stats(answers[6].body)
    assert (first.run, first.times, first.ticks, first.invocations) == (1, 1000, 40, 1000)
    assert (second.run, second.times, second.invocations) == (2, 1, 1001)


def test_a_run_that_fails_ends_the_life_of_the_last_result(device_program: Path) -> None:
    second = messages.run(2, CRC, WHOLE, 1)
    answers = talk(device_program, [*loads, run, read, second, read, raw(6)], "survives", "fails-later")
    assert [a.status for a in answers] == [OK, OK, OK, OK, Status.INVOKE_FAILED, STALE, OK]
    assert replies.parse_stats(answers[-1].body).run == 1  # the last to finish


def test_a_run_that_fails_reports_the_runtimes_error(device_program: Path) -> None:
    *_, failed, stale = talk(device_program, [*loads, run, read], "fails")
    assert (failed.status, failed.body) == (Status.INVOKE_FAILED, struct.pack("<i", -7))
    assert stale.status == STALE


def test_a_description_can_be_fetched_in_pieces(device_program: Path) -> None:
    whole = replies.parse_slice(talk(device_program, [hello])[0].body, 0, 300)[1]
    total = len(whole)
    *answers, past = talk(device_program, [messages.hello(at, 7) for at in range(total + 2)])
    assert (past.status, past.body) == (RANGE, b"")
    for at, answer in enumerate(answers):
        assert answer.body == struct.pack("<H", total) + whole[at : at + 7]
    assert replies.parse_hello(whole).sha256.startswith("01020300ff00")


def test_statistics_count_frames(device_program: Path) -> None:
    good, broken = encode(messages.pack(raw(6), 1)), encode(bytes(40))[:-3] + b"\0"
    noise = [b"\0\1\0", b"\xff\1\2\0", broken, b"\xaa" * 700 + b"\0", good, encode(b"\x77\x10\0\0"), good]
    done = subprocess.run([str(device_program)], input=b"".join(noise), capture_output=True, check=True)
    last = [content for _, content in Decoder(600).feed(done.stdout)][-1]
    stats = replies.parse_stats(messages.parse_reply(last).body)
    assert (stats.frames, stats.corrupt, stats.too_long, stats.refused) == (3, 3, 1, 1)
    assert (stats.arena_bytes, stats.static_bytes, stats.stack_bytes) == (1234, 4321, 777)


@pytest.mark.parametrize(
    ("prefix", "enum"), [("nonn_status", Status), ("nonn_message", Message), ("nonn_kind", Kind)], ids=str
)
def test_numbers_are_the_same_in_c_and_python(prefix: str, enum: type) -> None:
    header = (FIRMWARE / "include/nonn/device.h").read_text()
    body = re.search(r"typedef enum \{([^}]*)\} " + prefix, header).group(1)
    numbers = {name: int(value, 0) for name, value in re.findall(r"NONN_(\w+) = (\w+)", body)}
    numbers.pop("REPLY", None)
    assert numbers == {member.name: member.value for member in enum}
    assert f"#define NONN_PROTOCOL_VERSION {messages.PROTOCOL_VERSION}u" in header
