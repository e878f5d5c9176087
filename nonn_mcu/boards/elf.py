"""What a linked firmware occupies: its ELF has a section per kind of content (ports/cortex_m/sections.ld)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from nonn_mcu.errors import BadInput

_NOBITS = 8  # SHT_NOBITS: takes RAM, holds nothing in the file
_ALLOC = 2  # SHF_ALLOC: is in memory when the program runs


@dataclass(frozen=True)
class Sizes:
    """Bytes of a Cortex-M firmware.

    In flash: ``engine`` kernels and the generated code that calls them; ``model`` weights, biases, tables,
    parameters and names; ``device`` frame decoder and dispatcher; ``library`` memcpy, memset and the
    compiler's helpers; ``port`` vectors, startup, UART; ``data`` the image of initialised variables;
    ``other`` whatever else is loaded.
    In RAM: ``arena``; ``static`` .data and .bss besides it; ``stack``, reserved.
    """

    engine: int
    model: int
    device: int
    library: int
    port: int
    data: int
    other: int
    arena: int
    static: int
    stack: int

    @property
    def flash(self) -> int:
        """Bytes of every loadable section, without the padding between two of them."""
        return self.code + self.model

    @property
    def code(self) -> int:
        """Flash that is not the model's constants."""
        return self.engine + self.device + self.library + self.port + self.data + self.other

    @property
    def ram(self) -> int:
        """Bytes of RAM, the stack's reserve included."""
        return self.arena + self.static + self.stack


def measure(path: Path) -> Sizes:
    """Measure the 32-bit little-endian ELF at ``path``. Raises :class:`BadInput` if it is none of ours."""
    try:
        sections = _sections(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    except (struct.error, ValueError):
        raise BadInput(f"{path}: not a firmware ELF of a microcontroller") from None
    if ".vectors" not in sections or ".stack" not in sections:
        raise BadInput(f"{path}: not linked by a board of this package (no .vectors or .stack)")
    named = {name: size for name, (size, _) in sections.items()}
    arena, stack = named.pop(".arena", 0), named.pop(".stack")
    port = sum(named.pop(name, 0) for name in (".vectors", ".port", ".exidx"))
    data = named.pop(".data", 0)
    parts = {name: named.pop(f".{name}", 0) for name in ("engine", "model", "device", "library")}
    in_ram = sum(size for name, size in named.items() if not sections[name][1])
    other = sum(size for name, size in named.items() if sections[name][1])
    return Sizes(**parts, port=port, data=data, other=other, arena=arena, static=data + in_ram, stack=stack)


def _sections(elf: bytes) -> dict[str, tuple[int, bool]]:
    """Name, size and whether it is in the file, of each section that is in memory at run time."""
    if elf[:6] != b"\x7fELF\x01\x01":
        raise ValueError("not a 32-bit little-endian ELF")
    (table,) = struct.unpack_from("<I", elf, 32)
    entry_size, count, names_index = struct.unpack_from("<HHH", elf, 46)
    headers = [struct.unpack_from("<10I", elf, table + i * entry_size) for i in range(count)]
    names = headers[names_index][4] if names_index < count else len(elf)
    found: dict[str, tuple[int, bool]] = {}
    for name, kind, flags, _address, _offset, size, *_ in headers:
        if flags & _ALLOC:
            end = elf.index(b"\0", names + name)
            text = elf[names + name : end].decode("ascii", "replace")
            found[text] = (size + found.get(text, (0, False))[0], kind != _NOBITS)
    return found
