"""Links between devices: how long messages take on the wire, from the bits of their frames.

A link is one medium that carries one message after another, so times add up. Only what the medium's own
framing costs is counted: no protocol above it, no waiting, no collisions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from nonn_mcu.errors import BadInput

_NUMBER = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)([kKMG]?)(?:Hz|bit/s)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_PREFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}
_EXAMPLES = "uart:115200, can:1M, ethernet:100M or own:RATE,BITS_A_BYTE,BITS_A_FRAME,BYTES_A_FRAME"
_OWN_FIELDS = 4
_OWN_DEFAULTS = ("8", "0", "0")


@dataclass(frozen=True)
class Link:
    """``frame_bits`` are the bits on the wire of a frame that carries so many bytes, at most ``largest``.

    ``largest`` None: a message is one frame, however long. ``about`` says what was counted.
    """

    name: str
    bits_per_second: int
    frame_bits: Callable[[int], int]
    largest: int | None
    about: str


def seconds(link: Link, messages: Iterable[int]) -> float:
    """Time on the wire of messages of so many bytes each, one after another; one of 0 bytes is not sent."""
    return float(Fraction(sum(_bits(link, size) for size in messages), link.bits_per_second))


def _bits(link: Link, size: int) -> int:
    largest = link.largest or max(size, 1)
    frames, rest = divmod(size, largest)
    return frames * link.frame_bits(largest) + (link.frame_bits(rest) if rest else 0)


def parse(text: str) -> Link:
    """Understand "uart:115200", "can:500k", "ethernet:100M" and "own:250k,8,248,127".

    Raises :class:`BadInput`.
    """
    kind, colon, rest = text.partition(":")
    if kind == "own" and colon:
        return _own(text, rest.split(","))
    if kind not in _KINDS or not rest:
        raise BadInput(f"link {text!r}: it is one of {_EXAMPLES}")
    bits, largest, about = _KINDS[kind]
    return Link(text, parse_rate(rest, f"link {text!r}"), bits, largest, about)


def parse_rate(text: str, what: str) -> int:
    """Whole units a second of "115200", "1M", "500k" or "80MHz". Raises :class:`BadInput` about ``what``."""
    match = _NUMBER.fullmatch(text.strip())
    rate = Fraction(match[1]) * _PREFIXES[match[2]] if match else Fraction(0)
    if rate.denominator != 1 or rate == 0:
        raise BadInput(f"{what}: {text!r} is no rate; give a number above 0 such as 115200, 500k or 80M")
    return int(rate)


def _own(text: str, fields: list[str]) -> Link:
    """One's own: rate, bits for a byte, bits of a frame beside them, and the most bytes in it, 0 for any."""
    given = [*fields, *_OWN_DEFAULTS[len(fields) - 1 :]]
    if len(given) != _OWN_FIELDS or not all(_WHOLE.fullmatch(field) for field in given[1:]):
        raise BadInput(f"link {text!r}: give a rate and at most three whole numbers: {_EXAMPLES}")
    byte, frame, largest = map(int, given[1:])
    if byte == 0:
        raise BadInput(f"link {text!r}: a byte takes no bits; give at least 1, such as 8")
    return Link(
        text,
        parse_rate(given[0], f"link {text!r}"),
        lambda size: frame + byte * size,
        largest or None,
        f"{byte} bits a byte and {frame} a frame"
        + (f" of at most {largest} bytes" if largest else ", which a message is one of"),
    )


def _uart(size: int) -> int:
    return 10 * size


def _can(size: int) -> int:
    """Count the longest form of a data frame with an 11-bit identifier.

    44 bits of frame and 3 between two; a bit is stuffed after each 4 of the 34 + 8 n - 1 that can be
    (R. Davis et al., "Controller Area Network schedulability analysis", Real-Time Systems 35, 2007).
    """
    return 47 + 8 * size + (34 + 8 * size - 1) // 4


def _ethernet(size: int) -> int:
    """Preamble 8, header 14, check 4 and gap 12 bytes around a payload that is padded to 46."""
    return 8 * (38 + max(46, size))


_KINDS: dict[str, tuple[Callable[[int], int], int | None, str]] = {
    "uart": (_uart, None, "10 bits a byte: start, 8 data, stop"),
    "can": (_can, 8, "classical data frames of at most 8 bytes, 11-bit identifier, worst-case bit stuffing"),
    "ethernet": (_ethernet, 1500, "raw frames: 38 bytes around a payload of 46 to 1,500, without IP"),
}
