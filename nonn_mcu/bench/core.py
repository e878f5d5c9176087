"""The tables of cycles: a file of ``cores/`` per core, and how a mnemonic is found in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from nonn_mcu.bench.program import Instruction
from nonn_mcu.errors import BadInput

_CONDITIONS = ("eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")
_VECTOR = re.compile(r"\bq[0-7]\b(?!\[)")
_BLOCK = re.compile(r"(it|vpt|vpst)[te]{0,3}")


@dataclass(frozen=True)
class Kind:
    """What a class of instructions costs: ``cycles`` and, by its ``kind``, a rule (cycles.py)."""

    kind: str
    cycles: tuple[int, int]


@dataclass(frozen=True)
class Core:
    """A core's table. ``about`` are the assumptions behind it, ``taken`` what a taken branch adds.

    All pairs of numbers are a low and a high figure.
    """

    name: str
    about: tuple[str, ...]
    taken: tuple[int, int]
    scalar: Mapping[str, Kind]
    vector: Mapping[str, Kind]

    def kind(self, instruction: Instruction) -> Kind:
        """Look an instruction up. Raises :class:`BadInput` for a mnemonic that the table does not have."""
        is_vector = _VECTOR.search(instruction.operands) is not None
        table = self.vector if is_vector else self.scalar
        for name in _spellings(instruction.name):
            if name in table:
                return table[name]
        raise BadInput(
            f"{instruction.name} {instruction.operands} in {instruction.function}: the cycles of {self.name} "
            f"are not known for this; add it to nonn_mcu/bench/cores/{_file(self.name)}"
        )


@cache
def find(name: str) -> Core:
    """Read the table of ``name``, as a board spells its core. Raises :class:`BadInput` if there is none."""
    try:
        data = _load(_file(name))
    except FileNotFoundError:
        raise BadInput(f"{name}: there is no table of this core's cycles") from None
    scalar: dict[str, Kind] = {}
    vector: dict[str, Kind] = {}
    for one in data["class"]:
        kind = Kind(one.get("kind", ""), _pair(one["cycles"]))
        table = vector if kind.kind.startswith("vector") else scalar
        table |= dict.fromkeys(one["names"].split(), kind)
    return Core(name, tuple(data["about"]), _pair(data["taken"]), scalar, vector)


def _load(file: str) -> dict[str, Any]:
    data = tomllib.loads((files("nonn_mcu.bench") / "cores" / file).read_text(encoding="ascii"))
    if "base" not in data:
        return data
    base = _load(f"{data['base']}.toml")
    return base | data | {"about": [*data["about"], *base["about"]]}


def _file(name: str) -> str:
    return f"{name.lower().replace('-', '_')}.toml"


def _pair(cycles: int | list[int]) -> tuple[int, int]:
    low, high = (cycles, cycles) if isinstance(cycles, int) else cycles
    return low, high


def _spellings(name: str) -> Iterator[str]:
    """Give a mnemonic without its width and type, then without what conditions and flags append to it."""
    plain = name.partition(".")[0]
    yield plain
    if block := _BLOCK.fullmatch(plain):
        yield block[1]
    if plain.startswith("v") and plain[-1] in "te":
        yield plain[:-1]
    if plain[-2:] in _CONDITIONS:
        yield plain[:-2]
        yield plain[:-2].removesuffix("s")
    yield plain.removesuffix("s")
