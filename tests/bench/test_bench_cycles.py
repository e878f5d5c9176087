"""The model of cycles: every instruction that the compiler writes is known, and every rule adds up."""

import re
from types import SimpleNamespace

import pytest
from support.boards import STUB, need

from nonn_mcu.bench import core
from nonn_mcu.bench.counting import Count
from nonn_mcu.bench.cycles import Cycles, cycles, difference, instructions
from nonn_mcu.bench.program import Instruction, disassemble
from nonn_mcu.boards.build import link
from nonn_mcu.boards.runtime import NATIVE
from nonn_mcu.errors import BadInput

M4, M7, M55 = "Cortex-M4", "Cortex-M7", "Cortex-M55"
LONG = pytest.mark.long


@pytest.mark.parametrize("level", ["O2", pytest.param("Os", marks=LONG), pytest.param("O3", marks=LONG)])
@pytest.mark.parametrize("name", ["mps2-an386", pytest.param("mps2-an500", marks=LONG), "mps3-an547"])
def test_every_instruction_of_every_kernel_is_known(name, level, tmp_path):
    """The archives have all kernels, also those that no model of the day calls."""
    board = need(name)
    cmake = tmp_path / "cmake"
    options = {"bundle": STUB, "board": board, "optimize": level, "runtime": NATIVE, "flags": {}}
    firmware = link(cmake, tmp_path / "log", **options)
    table = core.find(board.core)
    found = [*disassemble(cmake / "libnonn_kernels.a"), *disassemble(firmware, "--section=.library")]
    assert len({one.function for one in found if one.function.startswith("nonn_")}) > 10
    unknown = set()
    for one in found:
        try:
            table.kind(one)
        except BadInput:
            unknown.add(f"{one.name} {one.operands} ({one.function})")
    assert not unknown


def sequence(*lines):
    """Instructions of four bytes each, one behind the other."""
    found = {}
    for number, line in enumerate(lines):
        name, _, operands = line.partition(" ")
        found[4 * number] = Instruction(4 * number, 4, name, operands, "f")
    return found


def cost(name, *lines):
    """Cycles of lines that each run once, or as (line, runs, left)."""
    counted = [line if isinstance(line, tuple) else (line, 1, 0) for line in lines]
    program = SimpleNamespace(instructions=sequence(*(line for line, _, _ in counted)))
    histogram = {4 * i: Count(runs, left) for i, (_, runs, left) in enumerate(counted)}
    return cycles(program, histogram, core.find(name))


def once(cycles):
    assert cycles.low == cycles.high
    return cycles.low


@pytest.mark.parametrize(
    "line, expected",
    [
        ("smlad r0, r1, r2, r0", 1),
        ("sxtb16 r0, r1, ror #8", 1),
        ("adds.w r0, r0, #1", 1),
        ("movseq.w r0, #1", 1),
        ("mls r0, r1, r2, r3", 1),
        ("ittet ne", 1),
        ("ldrsbne.w r0, [r1, #1]!", 2),
        ("str.w r0, [r1], #4", 1),
        ("ldrd r0, r1, [sp, #8]", 3),
        ("ldmia.w r0!, {r1, r2, r3, r4}", 5),
        ("push {r4, r5, r6, r7, lr}", 6),
        ("sdiv r0, r1, r2", 7),
    ],
)
def test_one_instruction_on_an_m4(line, expected):
    assert once(cost(M4, line)) == expected
    assert cost(M7, line) == cost(M4, line)


def test_loads_back_to_back_pipeline_on_an_m4():
    assert once(cost(M4, "ldr r0, [r1]", "ldr r2, [r3]", "ldrh r4, [r5]")) == 4
    assert once(cost(M4, "str r0, [r1]", "ldr r2, [r3]")) == 2
    assert once(cost(M4, "ldr r0, [r1]", "mov r2, r0", "ldr r2, [r3]")) == 5
    # entered five times by a jump, once from above
    assert once(cost(M4, ("ldr r0, [r1]", 1, 0), ("ldr r2, [r3]", 6, 0))) == 2 + 1 + 5 * 2


def test_a_branch_costs_more_only_when_it_is_taken():
    assert once(cost(M4, ("bne.n 0", 10, 9))) == 10 + 9 * 2
    assert once(cost(M4, ("pop {r4, pc}", 1, 1))) == 3 + 2
    assert cost(M55, ("bne.n 0", 10, 9)) == Cycles(10 + 9, 10 + 18)
    assert cost(M55, ("le lr, 0", 10, 9)) == Cycles(0, 10)


@pytest.mark.parametrize(
    "line, low, high",
    [
        ("vmladava.s8 r0, q0, q1", 2, 2),
        ("vldrb.u8 q0, [r0], #16", 2, 2),
        ("vldrwt.u32 q0, [r0]", 2, 2),
        ("vldrw.u32 q0, [r0, q1]", 4, 4),
        ("vldrb.u16 q0, [r0, q1]", 8, 8),
        ("vstrb.8 q0, [r0, q1]", 16, 16),
        ("vldrw.u32 q0, [q1, #4]!", 4, 4),
        ("vld40.8 {q0, q1, q2, q3}, [r0]", 2, 2),
        ("vmov.32 r0, q0[2]", 1, 2),
        ("vmov q0[2], q0[0], r0, r1", 1, 2),
        ("vmovlt.s8 q0, q1", 2, 2),
        ("vpstte", 1, 1),
        ("vctp.8 r0", 1, 1),
        ("ldmia.w r0, {r1, r2, r3}", 3, 4),
        ("vpush {d8-d11}", 8, 9),
    ],
)
def test_one_instruction_on_an_m55(line, low, high):
    assert cost(M55, line) == Cycles(low, high)


def test_vector_loads_and_arithmetic_overlap_in_the_low_figure():
    load, mac = "vldrb.u8 q0, [r0], #16", "vmladava.s8 r0, q0, q1"
    assert cost(M55, load, mac) == cost(M55, mac, load) == Cycles(2, 4)
    assert cost(M55, load, mac, load, mac) == Cycles(4, 8)
    assert cost(M55, load, mac, load) == Cycles(4, 6)
    assert cost(M55, load, load, mac, mac) == Cycles(6, 8)
    assert cost(M55, load, "add r1, r1, #1", mac) == Cycles(5, 5)


def test_an_unknown_instruction_is_no_figure():
    with pytest.raises(
        BadInput, match=re.escape("frobnicate r0 in f: the cycles of Cortex-M4 are not known")
    ):
        cost(M4, "frobnicate r0")
    with pytest.raises(BadInput, match="vmla"):
        cost(M4, "vmla.i8 q0, q1, r0")
    with pytest.raises(BadInput, match="no table of this core's cycles"):
        core.find("Cortex-A7")


def test_a_difference_is_what_the_later_one_ran_more():
    part, whole = {0: Count(3, 1), 4: Count(1, 0)}, {0: Count(5, 2), 4: Count(1, 0), 8: Count(7, 0)}
    own = difference(whole, part)
    assert own == {0: Count(2, 1), 8: Count(7, 0)} and instructions(own) == 9
