"""UF2 files: blocks of 512 bytes, each with a piece of the program and where it goes.

The format is Microsoft's (github.com/microsoft/uf2). A file is read as hostile: what a boot loader would make
of a damaged or foreign one is not worth finding out on a user's board.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from nonn_mcu.errors import BadInput

BLOCK = 512
PAYLOAD = 256  # what the boot loaders of the RP2040 and RP2350 take
MAGIC = b"UF2\n"
_MAGICS = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
_HEADER = struct.Struct("<8I")
_END = struct.Struct("<I")
_FAMILY_PRESENT = 0x2000
_NO_PROGRAM = 0x0001 | 0x1000  # not for main flash; a file container
_ABSOLUTE_FAMILY = 0xE48BFF57


@dataclass(frozen=True)
class Uf2:
    """A valid file: the family id of its blocks, and its pieces as (address, bytes) in the file's order."""

    family: int
    pieces: tuple[tuple[int, bytes], ...]


def parse(data: bytes) -> Uf2:
    """Check every block and give the pieces. Raises :class:`BadInput`, without the file's name."""
    if not data or len(data) % BLOCK:
        raise BadInput(f"not a whole UF2 file: {len(data)} bytes are no multiple of {BLOCK}; build it again")
    blocks = [
        _parse_block(data[start : start + BLOCK], start // BLOCK) for start in range(0, len(data), BLOCK)
    ]
    if _is_workaround(blocks[0]):
        blocks = blocks[1:]
    families = {family for family, _, _, _, _ in blocks}
    if len(families) != 1:
        raise BadInput(f"a UF2 file for {len(families)} chip families; make one for this board alone")
    for place, (_, number, count, _, _) in enumerate(blocks):
        if (number, count) != (place, len(blocks)):
            raise BadInput(
                f"a UF2 file with blocks missing: block {number} of {count} stands where "
                f"{place} of {len(blocks)} belongs; build it again"
            )
    return Uf2(families.pop(), tuple((address, payload) for *_, address, payload in blocks))


def _parse_block(block: bytes, place: int) -> tuple[int, int, int, int, bytes]:
    """Family, number, count, address and payload."""
    first, second, flags, address, size, number, count, family = _HEADER.unpack_from(block)
    if (first, second, _END.unpack_from(block, BLOCK - _END.size)[0]) != _MAGICS:
        raise BadInput(f"not a UF2 file: block {place} has not the format's magic numbers; build it again")
    if not flags & _FAMILY_PRESENT or flags & _NO_PROGRAM:
        raise BadInput(f"a UF2 file whose block {place} is no program for a known chip (flags {flags:#x})")
    if size != PAYLOAD or address % PAYLOAD:
        raise BadInput(
            f"a UF2 file whose block {place} holds {size} bytes for {address:#010x}; the boards here take "
            f"{PAYLOAD} at multiples of {PAYLOAD}"
        )
    return family, number, count, address, block[_HEADER.size : _HEADER.size + size]


def _is_workaround(block: tuple[int, int, int, int, bytes]) -> bool:
    """Tell the empty block that picotool puts before a program because of the RP2350's erratum E10."""
    family, number, count, _, payload = block
    return (family, number, count, payload) == (_ABSOLUTE_FAMILY, 0, 2, b"\xef" * PAYLOAD)
