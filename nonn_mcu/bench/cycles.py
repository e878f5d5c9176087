"""Modelled cycles: how often each instruction ran, times its core's table, with the rules of neighbours.

A rule belongs to a kind of the table:

``load``            1 cycle less right behind another ``load`` or a ``store``
``multiple``        1 cycle more for each register
``loop``            the end of a low-overhead loop: going back adds nothing
``vector_memory``   a gather or scatter takes a cycle per lane; in the low figure one of these overlaps with a
                    ``vector`` right before or after it, each with one neighbour: 2 cycles less a pair
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nonn_mcu.bench.core import Core, Kind
from nonn_mcu.bench.counting import Count, Histogram
from nonn_mcu.bench.program import Instruction, Program
from nonn_mcu.errors import BadInput

_OVERLAP = 2  # cycles, of a pair
_GATHER = re.compile(r"\[(?:q\d|\w+, q\d)")
_JUMP = re.compile(
    r"b|bl|blx|bx|bxns|blxns|b(eq|ne|cs|hs|cc|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)|cbn?z|tb[bh]|w?ls|le"
)
_TO_PC = re.compile(r"^pc\b|\{[^}]*pc\}")
_VECTOR_BITS = 128
_NEVER = Count(0, 0)


@dataclass(frozen=True)
class Cycles:
    """A low and a high figure, equal where the core's table has one."""

    low: int
    high: int


@dataclass
class _Before:
    """The instruction before, in memory: its kind, how often it ran on into this one, and unpaired."""

    end: int
    kind: str
    straight: int
    free: int


def cycles(program: Program, histogram: Histogram, core: Core) -> Cycles:
    """Model the cycles of what ran. Raises :class:`BadInput` for an instruction not in the core's table."""
    low = high = 0
    before = _Before(-1, "", 0, 0)
    for address in sorted(histogram):
        instruction = program.instructions.get(address)
        if instruction is None:
            raise BadInput(f"{address:#x} ran, but is no instruction of the disassembly")
        count, kind = histogram[address], core.kind(instruction)
        if before.end != address:
            before = _Before(address, "", 0, 0)
        behind = max(0, min(before.straight, count.runs))
        each = _each(instruction, kind)
        saved = behind if kind.kind == "load" and before.kind in ("load", "store") else 0
        overlaps = 0
        if {kind.kind, before.kind} == {"vector", "vector_memory"}:
            overlaps = min(before.free, behind)
        taken = count.left if kind.kind != "loop" and _leaves(instruction) else 0
        low += count.runs * (kind.cycles[0] + each) + taken * core.taken[0] - saved - overlaps * _OVERLAP
        high += count.runs * (kind.cycles[1] + each) + taken * core.taken[1] - saved
        straight = count.runs - count.left
        before = _Before(instruction.end, kind.kind, straight, min(straight, count.runs - overlaps))
    return Cycles(low, high)


def instructions(histogram: Histogram) -> int:
    """Count the instructions that ran."""
    return sum(count.runs for count in histogram.values())


def difference(whole: Histogram, part: Histogram) -> Histogram:
    """Give what ``whole`` ran beyond ``part``, which is the beginning of it."""
    left = {
        address: count - part.get(address, _NEVER)
        for address, count in whole.items()
        if count != part.get(address, _NEVER)
    }
    assert part.keys() <= whole.keys() and all(count.runs >= 0 for count in left.values())
    return left


def _each(instruction: Instruction, kind: Kind) -> int:
    """Cycles more that this very instruction takes by its operands."""
    if kind.kind == "multiple":
        return _registers(instruction.operands)
    if kind.kind == "vector_memory" and _GATHER.search(instruction.operands):
        bits = re.search(r"\d+$", instruction.name)
        lanes = _VECTOR_BITS // int(bits[0]) if bits else _VECTOR_BITS // 8
        return max(0, lanes - kind.cycles[0])
    return 0


def _leaves(instruction: Instruction) -> bool:
    """Whether it can jump at all.

    The emulator also ends a block in front of an instruction that crosses a page, which is no jump.
    """
    jumps = _JUMP.fullmatch(instruction.name.partition(".")[0]) is not None
    return jumps or _TO_PC.search(instruction.operands) is not None


def _registers(operands: str) -> int:
    """Words of a register list."""
    total = 0
    for part in re.sub(r".*\{|\}.*", "", operands).split(","):
        first, _, last = part.strip().partition("-")
        count = int(last[1:]) - int(first[1:]) + 1 if last else 1
        total += count * (2 if first.startswith("d") else 1)
    return total
