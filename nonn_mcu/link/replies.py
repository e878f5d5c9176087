"""What a device answers, as values: unpacked and checked.

A reply comes from the wire and is believed in nothing: every count, length and character is checked, and what
does not fit raises :class:`~nonn_mcu.errors.LinkError`. All integers are little endian.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from nonn_mcu.errors import LinkError

# The longest tensor believed in: far above any microcontroller, far below what would hurt the host.
MAX_TENSOR_BYTES = 1 << 26
MAX_RANK = 6

_RESULT = struct.Struct("<I")  # CRC-32 of what the run left to be read
_HELLO = struct.Struct("<BBBBHHHHIIII32s")
_TENSOR = struct.Struct("<IfiBB")
_STATS = struct.Struct("<QIIIIIIIIIII")


@dataclass(frozen=True)
class Hello:
    """What a device says about itself and the model that was asked for, one of ``models`` that it holds.

    ``payload`` is the most tensor bytes one LOAD or READ may carry. One tick of :class:`Stats` is
    ``tick_numerator / tick_denominator`` of ``tick_unit`` ("instructions", "cycles", "ns").
    """

    firmware: str
    payload: int
    inputs: int
    outputs: int
    layers: int
    arena_bytes: int
    input_survives: bool
    tick_numerator: int
    tick_denominator: int
    static_bytes: int
    sha256: str
    model: str
    runtime: str
    board: str
    core: str
    tick_unit: str
    models: int = 1


@dataclass(frozen=True)
class TensorSpec:
    """One int8 tensor on the device: real = scale * (q - zero_point), ``shape`` outermost first."""

    name: str
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    bytes: int


@dataclass(frozen=True)
class Stats:
    """What the device counted since its last reset; ``ticks`` to ``arena_used`` are one model's.

    ``ticks`` is the whole time of the last run that finished (``times`` invocations of run ``run``), in the
    ticks of :class:`Hello`. ``arena_used`` is what the runtime takes of its arena.
    ``stack_bytes`` is the high-water mark, 0 if the device cannot tell.
    """

    ticks: int
    run: int
    times: int
    arena_bytes: int
    arena_used: int
    static_bytes: int
    stack_bytes: int
    invocations: int
    frames: int
    corrupt: int
    too_long: int
    refused: int


def parse_slice(body: bytes, offset: int, length: int) -> tuple[int, bytes]:
    """Return the whole description's size and the part of it that answers (offset, length).

    Raises LinkError when the part is not what was asked for.
    """
    if len(body) < 2:
        raise LinkError(f"the device sent a description of {len(body)} bytes, at least 2 expected")
    total = int.from_bytes(body[:2], "little")
    part = body[2:]
    if offset > total or not min(1, length, total - offset) <= len(part) <= min(length, total - offset):
        raise LinkError(f"the device sent {len(part)} bytes for {length} at {offset} of {total}")
    return total, part


def parse_run(body: bytes) -> int:
    """Return the CRC-32 of the result: all the outputs together, or the layer that was run last."""
    return _unpack(_RESULT, body, "RUN")[0]


def parse_hello(body: bytes) -> Hello:
    """Unpack a whole HELLO description; raises LinkError if anything in it cannot be."""
    fixed = _unpack(_HELLO, body[: _HELLO.size], "HELLO")
    (
        major,
        minor,
        patch,
        flags,
        payload,
        inputs,
        outputs,
        layers,
        arena,
        static,
        numerator,
        denominator,
        digest,
    ) = fixed
    strings = _strings(body[_HELLO.size :], 5, "HELLO")
    model, runtime, board, core, unit = strings
    if not (inputs and outputs and layers and 16 <= payload <= 32768 and numerator and denominator):
        raise LinkError(
            "the device describes a model without inputs, outputs or layers, or a link without room"
        )
    return Hello(
        firmware=f"{major}.{minor}.{patch}",
        payload=payload,
        inputs=inputs,
        outputs=outputs,
        layers=layers,
        arena_bytes=arena,
        input_survives=bool(flags & 1),
        tick_numerator=numerator,
        tick_denominator=denominator,
        static_bytes=static,
        sha256=digest.hex(),
        model=model,
        runtime=runtime,
        board=board,
        core=core,
        tick_unit=unit,
        models=1 + (flags >> 4),
    )


def parse_tensor(body: bytes) -> TensorSpec:
    """Unpack a whole DESCRIBE description; raises LinkError if it contradicts itself."""
    size, scale, zero_point, dtype, rank = _unpack(_TENSOR, body[: _TENSOR.size], "DESCRIBE")
    dims = body[_TENSOR.size : _TENSOR.size + 2 * rank]
    if dtype != 0 or rank > MAX_RANK or len(dims) != 2 * rank:
        raise LinkError(f"the device describes a tensor of type {dtype} and rank {rank}: not an int8 tensor")
    shape = struct.unpack(f"<{rank}H", dims)
    (name,) = _strings(body[_TENSOR.size + 2 * rank :], 1, "DESCRIBE")
    if math.prod(shape) != size or not 0 < size <= MAX_TENSOR_BYTES:
        raise LinkError(f"the device describes a tensor of shape {shape} that takes {size} bytes")
    if not (math.isfinite(scale) and scale > 0 and -128 <= zero_point <= 127):
        raise LinkError(f"the device describes a tensor of scale {scale} and zero point {zero_point}")
    return TensorSpec(name, shape, scale, zero_point, size)


def parse_stats(body: bytes) -> Stats:
    """Unpack the body of a STATS reply."""
    return Stats(*_unpack(_STATS, body, "STATS"))


def _unpack(layout: struct.Struct, body: bytes, name: str) -> tuple:
    if len(body) != layout.size:
        raise LinkError(f"the device answered {name} with {len(body)} bytes, {layout.size} expected")
    return layout.unpack(body)


def _strings(data: bytes, count: int, name: str) -> list[str]:
    """``count`` strings, each a length byte and printable ASCII, and nothing after them."""
    strings = []
    for _ in range(count):
        length = data[0] if data else 0
        text = data[1 : 1 + length]
        if not data or len(text) != length or not all(0x20 <= c < 0x7F for c in text):
            raise LinkError(f"the device answered {name} with a text that is cut short or not printable")
        strings.append(text.decode("ascii"))
        data = data[1 + length :]
    if data:
        raise LinkError(f"the device answered {name} with {len(data)} bytes too many")
    return strings
