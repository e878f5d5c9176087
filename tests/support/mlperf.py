"""MLPerf Tiny's text commands in tests: the table of cases for any device, and a client like the runner."""

import json
import re
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import serial

CASES = json.loads((Path(__file__).parents[1] / "cases" / "mlperf.json").read_text(encoding="ascii"))
CHUNK = 31  # bytes in one `db`, as the runner sends them
ENERGY_CHUNK = 26
READY = b"m-ready\r\n"
NUMBERS = rb"-?[0-9]+\.[0-9]{3}(?:,-?[0-9]+\.[0-9]{3})*"


@dataclass(frozen=True)
class Facts:
    """What a table of cases has to know of the device in front of it."""

    board: str
    model: str
    size: int  # bytes of the inputs
    survives: bool  # runs leave them alone

    def fits(self, case: dict) -> bool:
        return case.get("model", "any") in ("any", "survives" if self.survives else "consumed")


def pieces(data: bytes, chunk: int = CHUNK) -> Iterator[str]:
    """The commands that send ``data``."""
    for at in range(0, len(data), chunk):
        yield f"db {data[at : at + chunk].hex()}"


def steps(case: dict, facts: Facts) -> Iterator[tuple[bytes, re.Pattern[bytes]]]:
    """What to send, and what must come back to it, all of it."""
    row = bytes(i * 5 & 0xFF for i in range(facts.size))
    for send, reply in case["steps"]:
        if send in ("load", "load floats"):
            data = row if send == "load" else struct.pack(f"<{facts.size}f", *[0.25 * b for b in row])
            yield (
                f"db load {len(data)}%".encode(),
                _exactly(f"m-[Expecting {len(data)} bytes]\r\n", facts, row),
            )
            yield from _data(data)
        elif send == "rest":
            yield from _data(row)
        else:
            yield _fill(send, facts).encode("latin-1"), _exactly(reply, facts, row)


def _data(data: bytes) -> Iterator[tuple[bytes, re.Pattern[bytes]]]:
    *most, last = pieces(data)
    for command in most:
        yield f"{command}%".encode(), re.compile(READY)
    yield f"{last}%".encode(), re.compile(b"m-load-done\r\n" + READY)


def _fill(text: str, facts: Facts) -> str:
    numbers = {"<B>": facts.size, "<M>": 4 * facts.size, "<M+1>": 4 * facts.size + 1}
    for name, number in numbers.items():
        text = text.replace(name, str(number))
    return text.replace("<board>", facts.board).replace("<model>", facts.model)


def _exactly(reply: str | None, facts: Facts, row: bytes) -> re.Pattern[bytes]:
    if reply is None:
        return re.compile(b"")
    pattern = re.escape(_fill(reply, facts).encode("ascii"))
    lines = "".join(f"m-buffer-{row[at : at + 8].hex('-')}\r\n" for at in range(0, len(row), 8))
    for name, meaning in (
        (b"<us>", rb"[0-9]+"),
        (b"<results>", NUMBERS),
        (b"<help>", rb"(?:[^%\r]+\r\n)+?"),
        (b"<bytes>", lines.encode()),
    ):
        pattern = pattern.replace(re.escape(name), meaning)
    return re.compile(pattern + READY)


@dataclass
class Answer:
    """What the runner's expressions find in the lines of a reply."""

    lines: list[str]
    results: list[float] = field(default_factory=list)
    laps: list[int] = field(default_factory=list)


class Runner:
    """Speaks as the benchmark's runner does: its terminator, chunks, time-outs and expressions."""

    def __init__(self, path: str, chunk: int = CHUNK) -> None:
        self._port = serial.Serial(path, 115200, timeout=0.1)
        self._chunk = chunk

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *_: object) -> None:
        self._port.close()

    def ask(self, command: str, seconds: float = 5.0) -> Answer:
        """Send it; every line must come within ``seconds`` of the last, up to the one with m-ready."""
        self._port.write(f"{command}%".encode())
        lines = []
        while True:
            line = self._line(seconds)
            assert line is not None, f"{command}: no line after {lines}"
            if line:
                lines.append(line)
            if "m-ready" in line:
                return self._parse(lines)

    def raw(self, data: bytes) -> None:
        self._port.write(data)

    def some(self, seconds: float = 5.0) -> bytes:
        """What is there; waits for the first byte of it, empty if none comes."""
        self._port.timeout, patience = seconds, self._port.timeout
        first = self._port.read(1)
        self._port.timeout = patience
        return first + self._port.read(self._port.in_waiting)

    def quiet(self, seconds: float = 0.3) -> bytes:
        """What comes until nothing has for so long."""
        received, last = b"", time.monotonic()
        while time.monotonic() - last < seconds:
            if data := self._port.read(4096):
                received, last = received + data, time.monotonic()
        return received

    def load(self, data: bytes) -> None:
        self.ask(f"db load {len(data)}")
        answer = None
        for command in pieces(data, self._chunk):
            answer = self.ask(command)
        assert answer is not None and answer.lines == ["m-load-done", "m-ready"]

    def infer(self, times: int, warmups: int) -> Answer:
        return self.ask(f"infer {times} {warmups}", 30.0)

    def _line(self, seconds: float) -> str | None:
        line, deadline = b"", time.monotonic() + seconds
        while time.monotonic() < deadline:
            byte = self._port.read(1)
            if byte == b"\n":
                return line.decode("ascii")
            line += b"" if byte in (b"\r", b"\0") else byte
        return None

    @staticmethod
    def _parse(lines: list[str]) -> Answer:
        answer = Answer(lines)
        for line in lines:
            if found := re.match(r"^m-results-\[([^]]+)\]$", line):
                answer.results = [float(value) for value in found.group(1).split(",")]
            if found := re.match(r"^m-lap-us-([0-9]+)$", line):
                answer.laps.append(int(found.group(1)))
        return answer


def printed(q: np.ndarray, scale: float, zero_point: int) -> list[float]:
    """An int8 tensor as `results` shows it."""
    reals = (q.reshape(-1).astype(np.int32) - zero_point).astype(np.float32) * np.float32(scale)
    return [float(f"{value:.3f}") for value in reals.tolist()]
