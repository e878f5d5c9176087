"""A linked firmware as its disassembly: every instruction with its address, and where everything lies."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nonn_mcu.boards.build import require
from nonn_mcu.errors import BadInput

OBJDUMP = ("arm-none-eabi-objdump", "binutils-arm-none-eabi")
CODE = ("engine", "library", "port")  # sections whose instructions an inference may run

_SECTION = re.compile(r"^\s*\d+ \.(\w+)\s+([0-9a-f]{8})\s+([0-9a-f]{8})\s", re.MULTILINE)
_OBJECT = re.compile(r"^([0-9a-f]{8}) .{6}O \.model\s+([0-9a-f]{8}) (\S+)$", re.MULTILINE)
_FUNCTION = re.compile(r"^([0-9a-f]{8}) <(.+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t([0-9a-f]{4}(?: [0-9a-f]{4})?)\s*\t+(\S+)(?:\s+(.*))?$")
_INVOKE = re.compile(r"(?:\w+_)?invoke(?:_on_copy)?|_ZN4nonn3RunEt")
# What Cortex-M instructions there are at most; left to itself objdump takes those of vectors for others.
_MACHINE = "armv8.1-m.main"
_INTERRUPT = "nonn_systick"  # the one that an inference is interrupted by


@dataclass(frozen=True)
class Instruction:
    """One instruction as the disassembler writes it; ``function`` is the symbol before it."""

    address: int
    size: int
    name: str
    operands: str
    function: str

    @property
    def end(self) -> int:
        """Address of the next one in memory."""
        return self.address + self.size

    @property
    def callee(self) -> str | None:
        """The function that this one calls or jumps to, None if it does neither."""
        found = re.search(r"<([^+>]+)>$", self.operands)
        return found[1] if found and self.name.startswith("b") and found[1] != self.function else None


@dataclass(frozen=True)
class Program:
    """``sections`` are (start, end) by name without the dot, ``constants`` bytes of the model's by symbol."""

    sections: Mapping[str, tuple[int, int]]
    instructions: Mapping[int, Instruction]
    constants: Mapping[str, int]

    @cached_property
    def entries(self) -> tuple[int, ...]:
        """Where an inference may begin: the first instruction of each model's invoke."""
        start, end = self.sections["engine"]
        return tuple(
            one.address
            for one in self._firsts()
            if start <= one.address < end and _INVOKE.fullmatch(one.function)
        )

    def is_invoke(self, instruction: Instruction) -> bool:
        """Say whether it is the generated code that calls a layer's kernel."""
        return _INVOKE.fullmatch(instruction.function) is not None

    @cached_property
    def counted(self) -> tuple[tuple[int, int], ...]:
        """Ranges of code that an inference runs: all of CODE, but not the interrupt."""
        cut = [one for one in self.instructions.values() if one.function == _INTERRUPT]
        ranges = []
        for start, end in (self.sections[name] for name in CODE if name in self.sections):
            inside = [one for one in cut if start <= one.address < end]
            if inside:
                ranges += [(start, inside[0].address), (inside[-1].end, end)]
            else:
                ranges.append((start, end))
        return tuple((start, end) for start, end in ranges if start < end)

    def _firsts(self) -> Iterator[Instruction]:
        seen = None
        for one in self.instructions.values():
            if one.function != seen:
                yield one
            seen = one.function


def read(path: Path) -> Program:
    """Disassemble the Cortex-M firmware at ``path``. Raises :class:`BadInput`."""
    require((OBJDUMP,), "counting instructions")
    sections = {
        name: (int(start, 16), int(start, 16) + int(size, 16))
        for name, size, start in _SECTION.findall(_objdump(path, "-h"))
    }
    if "engine" not in sections or "device" not in sections:
        raise BadInput(f"{path}: not linked by a board of this package (no .engine or .device)")
    constants = {name: int(size, 16) for _, size, name in _OBJECT.findall(_objdump(path, "-t"))}
    chosen = [f"--section=.{name}" for name in CODE if name in sections]
    instructions = {one.address: one for one in disassemble(path, *chosen)}
    program = Program(sections, instructions, constants)
    if not program.entries:
        raise BadInput(f"{path}: no model's invoke in it; build it again with this version of nonn-mcu")
    return program


def disassemble(path: Path, *options: str) -> Iterator[Instruction]:
    """Give the instructions of an ELF or an archive of them, in order, without what is data among them."""
    function = ""
    for line in _objdump(path, "-d", "-m", _MACHINE, *options).splitlines():
        if match := _FUNCTION.match(line):
            function = match[2]
        elif (match := _INSTRUCTION.match(line)) and not match[3].startswith("."):
            address, size = int(match[1], 16), len(match[2].replace(" ", "")) // 2
            operands = (match[4] or "").split("@")[0].strip()
            name = match[3] if match[3] != "@" else "undefined"
            yield Instruction(address, size, name, operands, function)


def _objdump(path: Path, *options: str) -> str:
    done = subprocess.run(
        [OBJDUMP[0], *options, str(path)], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise BadInput(f"{path}: {OBJDUMP[0]} failed: {said[-1]}")
    return done.stdout
