"""What the device of tests/link/fake_device.c must answer to any bytes, text and frames, said once more.

The rules are those of docs/mlperf.md. Frames go to :class:`ReferenceDevice`; text shares
its first model's tensors.
"""

import re

import numpy as np
from fake_board import fake_result
from reference_device import PAYLOAD, ReferenceDevice

from nonn_mcu.link.frame import CRC_BYTES, Decoder, FrameStatus, encode
from nonn_mcu.link.messages import Status

CAPACITY = 4 + 6 + PAYLOAD + CRC_BYTES
SIZE = 64 + 3
ZERO_POINTS = np.repeat([-128, 0], [64, 3])
SCALES = np.repeat(np.float32([0.5, 0.25]), [64, 3])
LOOK = 2  # microseconds that a look at the clock takes
HELP = (
    "Each ends with a percent sign: name, profile, help, timestamp, results\r\n"
    "db load N, db HH.., db print: N bytes of input\r\n"
    "infer N [W=10]: W times unmeasured, then N times\r\n"
)
USED_UP = (
    "e-[The input is used up: load it for each 'infer 1 0', or build --keep-input (NONN_KEEP_INPUT)]\r\n"
)


def number(word: str) -> int:
    return min(int(word), 2**31 - 1) if re.fullmatch("[0-9]+", word) else -1


def quantized(values: np.ndarray, first: int) -> np.ndarray:
    """Float32 numbers for the elements from ``first`` on, as int8."""
    span = slice(first, first + len(values))
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.nan_to_num((values / SCALES[span]).astype(float), nan=0.0, posinf=1e6, neginf=-1e6)
    rounded = np.sign(steps) * np.floor(np.abs(steps) + 0.5)
    return np.clip(rounded + ZERO_POINTS[span], -128, 127).astype(np.int8)


class ReferenceLine:
    """``feed`` gives what the device writes; the options are ReferenceDevice's."""

    def __init__(self, *options: str) -> None:
        self.device = ReferenceDevice(*options)
        self.model = self.device.models[0]
        self.decoder: Decoder | None = None  # frames are read; None: text
        self.since = b""  # the last delimiter, while frames are read
        self.command, self.spoiled = b"", False
        self.announced, self.sent, self.state = 0, b"", "foreign"
        self.clock = 0
        self.ready = 0  # how many commands were answered

    def feed(self, data: bytes) -> bytes:
        return b"".join(self._byte(bytes([byte])) for byte in data)

    def _byte(self, byte: bytes) -> bytes:
        if self.decoder is not None:
            return self._frame_byte(byte)
        if byte == b"\0":
            self.decoder, self.since = Decoder(CAPACITY), b""
            self.command, self.spoiled = b"", False
        elif byte == b"%":
            command, self.command = self.command, b""
            spoiled, self.spoiled = self.spoiled, False
            return self._answer(command, spoiled)
        elif b" " <= byte <= b"~":
            self.command = (self.command + byte)[:81]
        elif byte not in b"\r\n":
            self.command, self.spoiled = b"", True
        return b""

    def _frame_byte(self, byte: bytes) -> bytes:
        assert self.decoder is not None
        self.since += byte
        if self.since.endswith(b"name%") and (
            self.since.endswith(b"name%name%") or not is_request_so_far(self.since[:-1])
        ):
            self.decoder = None
            return self._answer(b"name", False)
        if byte != b"\0":
            return b""
        run, self.since = self.since, b""
        return b"".join(
            self._reply(content)
            for status, content in self.decoder.feed(run)
            if status is FrameStatus.COMPLETE
        )

    def _reply(self, content: bytes) -> bytes:
        before = [model.runs for model in self.device.models]
        answer = self.device.answer(content)
        if answer is None:
            return b""
        header, status, body = answer
        ran = [model.runs - count for model, count in zip(self.device.models, before, strict=True)]
        self.clock += 2 * LOOK * sum(ran)
        if ran[0] or (content[:2] == b"\3\x10" and status is Status.OK):
            self.state = "foreign"
        assert body is not None, "descriptions are not modelled"
        return encode(header + bytes([status]) + body)

    def _answer(self, command: bytes, spoiled: bool) -> bytes:
        self.ready += 1
        if len(command) > 80:
            text = "e-[Command too long]\r\n"
        elif spoiled and command != b"name":
            text = "e-[Command is not ASCII]\r\n"
        else:
            text = self._execute(command.decode("ascii"))
        return text.encode() + b"m-ready\r\n"

    def _execute(self, command: str) -> str:
        word, *arguments = [word for word in command.split(" ") if word] or [""]
        handlers = {
            "name": lambda: "m-name-dut-[nonn-mcu fake]\r\n",
            "profile": lambda: "m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[fake]\r\n",
            "help": lambda: HELP,
            "timestamp": self._lap,
            "db": lambda: self._db(arguments),
            "infer": lambda: self._infer(arguments),
            "results": self._results,
        }
        return handlers[word]() if word in handlers else f"e-[Unknown command: {word}]\r\n"

    def _lap(self) -> str:
        self.clock += LOOK
        return f"m-lap-us-{self.clock}\r\n"

    def _db(self, arguments: list[str]) -> str:
        if not arguments:
            return "e-[Command 'db' requires a subcommand]\r\n"
        if arguments[0] == "load":
            return self._load(arguments[1:])
        return self._print() if arguments[0] == "print" else self._data(arguments[0])

    def _load(self, arguments: list[str]) -> str:
        self.state = "foreign"
        if not arguments:
            return "e-[Command 'db load' requires the # of bytes]\r\n"
        size = number(arguments[0])
        if size <= 0:
            return "e-[Command 'db load' must be >0 bytes]\r\n"
        if size > 4 * SIZE:
            return f"Supplied buffer size {size} exceeds maximum of {4 * SIZE}\n"
        self.state, self.announced, self.sent = "arriving", size, b""
        return f"m-[Expecting {size} bytes]\r\n"

    def _print(self) -> str:
        if self.state == "foreign":
            return ""
        if self.announced > SIZE or (self.state == "used" and not self.model.survives):
            return "e-[The bytes are not kept]\r\n"
        rows = [self.sent[at : at + 8] for at in range(0, len(self.sent), 8)]
        return "".join(f"m-buffer-{row.hex('-')}\r\n" for row in rows)

    def _data(self, digits: str) -> str:
        if len(digits) % 2:
            return "e-[Insufficent number of hex digits]\r\n"
        for at in range(0, len(digits), 2):
            if not re.fullmatch("[0-9a-fA-F]{2}", digits[at : at + 2]):
                return f"e-[Invalid hex digit '{digits[at : at + 2]}']\r\n"
        data = bytes.fromhex(digits)
        if self.state != "arriving":
            return "e-[Command 'db' requires 'db load' first]\r\n"
        if len(data) > self.announced - len(self.sent):
            return "e-[More bytes than 'db load' announced]\r\n"
        self.model.run = None
        self._store(len(self.sent), data)
        if len(self.sent) < self.announced:
            return ""
        self.state = "loaded"
        return "m-load-done\r\n"

    def _store(self, start: int, data: bytes) -> None:
        self.sent += data
        if self.announced > SIZE:
            first, last = start // 4, len(self.sent) // 4
            floats = np.frombuffer(self.sent[4 * first : 4 * last], "<f4")
            values = quantized(floats, first).tobytes()
        else:
            first, last = start, len(self.sent)
            values = bytes(byte ^ (0x80 if at < 64 else 0) for at, byte in enumerate(data, start))
        row = b"".join(map(bytes, self.model.inputs))
        row = row[:first] + values + row[last:]
        self.model.inputs[0][:], self.model.inputs[1][:] = row[:64], row[64:]

    def _infer(self, arguments: list[str]) -> str:
        times = number(arguments[0]) if arguments else 1
        warmups = number(arguments[1]) if len(arguments) > 1 else 10
        if times <= 0:
            return "e-[Inference iterations must be >0]\r\n"
        if warmups < 0:
            return "e-[Inference warmup must be >=0]\r\n"
        if self.state not in ("loaded", "used"):
            return "e-[No input: 'db load' and 'db' first]\r\n"
        if self.announced not in (SIZE, 4 * SIZE):
            return f"e-[The input has {SIZE} bytes, or four times as many as float32]\r\n"
        model = self.model
        if not model.survives and (self.state == "used" or times + warmups > 1):
            return USED_UP
        arrays = [np.frombuffer(bytes(data), np.int8) for data in model.inputs]
        self.outputs = [result.tobytes() for result in fake_result(*arrays)]
        if not model.survives:
            model.inputs[1][:] = bytes(3)
            model.inputs[0][:10] = self.outputs[0]
        model.run, self.state = None, "used"
        said = f"m-warmup-start-{warmups}\r\nm-warmup-done\r\nm-infer-start-{times}\r\n"
        return said + self._lap() + self._lap() + "m-infer-done\r\n" + self._results()

    def _results(self) -> str:
        if self.state != "used":
            return "e-[No results: 'infer' first]\r\n"
        values = []
        for data, scale, zero_point in zip(self.outputs, (0.00390625, 1.0), (-128, 127), strict=True):
            values += [(q - zero_point) * scale for q in np.frombuffer(data, np.int8).tolist()]
        return f"m-results-[{','.join(f'{value:.3f}' for value in values)}]\r\n"


def is_request_so_far(run: bytes) -> bool:
    """Whether the first two bytes behind this COBS, which may go on, are those of a request."""
    decoded, at, code = bytearray(), 0, 0xFF
    while at < len(run):
        if code != 0xFF:
            decoded.append(0)
        code = run[at]
        decoded += run[at + 1 : at + code]
        at += code
    return 2 <= len(decoded) < CAPACITY and not decoded[0] & 0x80 and decoded[1] >> 4 == 1
