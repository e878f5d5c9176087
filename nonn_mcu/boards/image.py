"""What is about to be written: an ELF, Intel HEX, UF2 or plain binary file, read as hostile.

Whatever the format, the program's bytes are at hand, so that an image of another model or for another chip is
refused before a board is touched.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from nonn_mcu.boards import uf2
from nonn_mcu.boards.board import Board
from nonn_mcu.errors import BadInput, WrongModel

MAX_BYTES = 256 << 20  # an ELF with debug information is tens of megabytes
_PT_LOAD = 1
Piece = tuple[int, bytes]


@dataclass(frozen=True)
class Image:
    """An image file. ``pieces`` are (address, bytes), sorted, neighbours joined; a "bin" has one at 0.

    ``format`` is "elf", "hex", "uf2" or "bin"; ``data`` the file as it is; ``family`` that of a UF2 file.
    """

    path: Path
    format: str
    data: bytes
    pieces: tuple[Piece, ...]
    family: int | None = None

    def holds(self, digest: bytes) -> bool:
        """Say whether the program contains these bytes."""
        return any(digest in content for _, content in self.pieces)


def read(path: Path) -> Image:
    """Read an image; its first bytes say what it is, ``.hex`` and ``.bin`` its name. Raises BadInput."""
    data = _read_file(path)
    family = None
    try:
        if data[:4] == b"\x7fELF":
            kind, pieces = "elf", _elf(data)
        elif data[:4] == uf2.MAGIC:
            parsed = uf2.parse(data)
            kind, pieces, family = "uf2", list(parsed.pieces), parsed.family
        elif path.suffix.lower() in (".hex", ".ihex"):
            kind, pieces = "hex", _hex(data)
        elif path.suffix.lower() == ".bin":
            kind, pieces = "bin", [(0, data)]
        else:
            raise BadInput("not an image that can be flashed; it is one of .elf, .hex, .bin and .uf2")
        return Image(path, kind, data, _joined(pieces), family)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def check(image: Image, board: Board, digest: str, bundle: Path) -> None:
    """Refuse what cannot be right on ``board`` for the model with this SHA-256, in hex.

    Raises :class:`WrongModel` for the image of another model, :class:`BadInput` for one for another chip.
    """
    assert board.flashing is not None and board.flash_bytes is not None
    family, start = board.flashing.uf2_family, board.flashing.flash_start
    if image.family is not None and image.family != family:
        wanted = "takes no UF2 file" if family is None else f"takes family {family:#010x}"
        raise BadInput(
            f"{image.path}: a UF2 file for chip family {image.family:#010x}; {board.name} {wanted}: "
            f"was it built for another board?"
        )
    if start is not None and image.format != "bin":
        for address, content in image.pieces:
            if not start <= address <= address + len(content) <= start + board.flash_bytes:
                raise BadInput(
                    f"{image.path}: {len(content)} bytes for {address:#010x}, where {board.name} has "
                    "no flash "
                    f"({start:#010x} to {start + board.flash_bytes:#010x}): was it built for another board?"
                )
    if sum(len(content) for _, content in image.pieces) > board.flash_bytes:
        raise BadInput(f"{image.path}: larger than the {board.flash_bytes:,} bytes of {board.name}'s flash")
    if not image.holds(bytes.fromhex(digest)):
        raise WrongModel(
            f"{image.path}: does not contain the model of {bundle} ({digest[:12]}), nothing was written; "
            "build it again from this bundle, or name the bundle it was built from"
        )


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    if len(data) > MAX_BYTES:
        raise BadInput(f"{path}: larger than {MAX_BYTES >> 20} MiB, which no image for these boards is")
    if not data:
        raise BadInput(f"{path}: empty; build it again")
    return data


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Sort by address and join neighbours, since a digest may lie across two."""
    joined: list[tuple[int, bytearray]] = []
    for address, content in sorted((piece for piece in pieces if piece[1]), key=lambda piece: piece[0]):
        end = joined[-1][0] + len(joined[-1][1]) if joined else -1
        if address < end:
            raise BadInput(f"writes {address:#010x} twice; build it again")
        if address == end:
            joined[-1][1].extend(content)
        else:
            joined.append((address, bytearray(content)))
    if not joined:
        raise BadInput("holds no program")
    return tuple((address, bytes(content)) for address, content in joined)


def _elf(data: bytes) -> list[Piece]:
    """Give what a 32-bit little-endian executable's program headers load, at its physical addresses."""
    if data[4:6] != b"\x01\x01":
        raise BadInput("not the ELF of a microcontroller (32-bit, little-endian)")
    try:
        kind = struct.unpack_from("<H", data, 16)[0]
        (table,) = struct.unpack_from("<I", data, 28)
        size, count = struct.unpack_from("<HH", data, 42)
        headers = [struct.unpack_from("<6I", data, table + i * size) for i in range(count)]
    except struct.error:
        raise BadInput("a damaged ELF file; build it again") from None
    if kind != 2:
        raise BadInput("an ELF file that is no linked program; give the program, not an object or a library")
    pieces = []
    if sum(header[4] for header in headers if header[0] == _PT_LOAD) > len(data):
        raise BadInput("a damaged ELF file: it was cut off, or its program headers overlap; build it again")
    for what, offset, _, address, length, _ in headers:
        if what == _PT_LOAD:
            content = data[offset : offset + length]
            if len(content) != length:
                raise BadInput("an ELF file that was cut off; build it again")
            pieces.append((address, content))
    return pieces


def _hex(data: bytes) -> list[Piece]:
    """Give the data records of an Intel HEX file."""
    pieces: list[Piece] = []
    base = 0
    for number, line in enumerate(data.split(), 1):
        try:
            record = bytes.fromhex(line.removeprefix(b":").decode("ascii"))
        except ValueError:
            record = b""
        if not line.startswith(b":") or len(record) < 5 or len(record) != record[0] + 5 or sum(record) & 0xFF:
            raise BadInput(f"line {number} is no record of Intel HEX; build it again")
        kind, content = record[3], record[4:-1]
        if kind == 0:
            pieces.append((base + int.from_bytes(record[1:3]), content))
        elif kind == 1:
            return pieces
        elif kind in _BASES and len(content) == 2:
            base = _BASES[kind](int.from_bytes(content))
        elif kind not in (3, 5):  # those say where the program starts
            raise BadInput(f"line {number} is no record of Intel HEX; build it again")
    raise BadInput("an Intel HEX file without its last record: it was cut off; build it again")


_BASES: dict[int, Callable[[int], int]] = {2: lambda value: value << 4, 4: lambda value: value << 16}
