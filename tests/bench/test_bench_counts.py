"""Counting in the emulator: exact to the instruction, by layer, whatever interrupts."""

import contextlib

import numpy as np
import pytest
from support.boards import EMULATED, STUB, need
from support.bundles import make_bundle

from nonn_mcu import boards
from nonn_mcu.bench import counting, measure, program
from nonn_mcu.bench.cycles import instructions
from nonn_mcu.bench.plain import PLAIN
from nonn_mcu.boards.build import build
from nonn_mcu.errors import BadInput, DeviceError
from nonn_mcu.link.client import Device
from nonn_mcu.link.ports import SerialPort

SPIN_INSTRUCTIONS = 4_000_000  # of the stub's layer 1, two a turn
WRAP_INSTRUCTIONS = (1 << 24) * 40  # SysTick interrupts that often; fewer on the board with the other tick
INPUT = np.arange(8, dtype=np.int8).reshape(1, 8)
CALL_INSTRUCTIONS = 120  # what the device's counter sees besides: two ticks, and the device's own code


@pytest.mark.parametrize("name", EMULATED)
def test_a_loop_of_known_length_counts_exactly(name, tmp_path):
    """In every invocation of many, also where an interrupt comes in between."""
    board = need(name)
    times = WRAP_INSTRUCTIONS // SPIN_INSTRUCTIONS + 10
    firmware = build(STUB, board, "O2", tmp_path / "firmware").path
    read = program.read(firmware)
    with (
        counting.counting(board, firmware, read) as counter,
        contextlib.closing(SerialPort(counter.running.port)) as port,
    ):
        Device(port).run([INPUT], times=times)
        first = counter.take()
        assert all(counter.take() == first for _ in range(times - 1))
        with pytest.raises(Exception, match="counted no inference"):
            counter.take()
    (turn,) = [
        one
        for one in read.instructions.values()
        if one.name.startswith("subs")
        and first.get(one.address, counting.Count(0, 0)).runs == SPIN_INSTRUCTIONS // 2
    ]
    branch = first[turn.end]
    assert (branch.runs, branch.left) == (SPIN_INSTRUCTIONS // 2, SPIN_INSTRUCTIONS // 2 - 1)
    assert SPIN_INSTRUCTIONS < instructions(first) < SPIN_INSTRUCTIONS + 300


@pytest.fixture(scope="module")
def pocket(tmp_path_factory):
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    return make_bundle(tmp_path_factory.mktemp("bench") / "pocket")


@pytest.mark.parametrize("name", ["mps2-an386", "mps3-an547"])
def test_layers_add_up_to_the_whole_and_to_the_boards_own_count(name, pocket):
    found = measure.bench(pocket, need(name))
    assert found.instructions == sum(layer.instructions for layer in found.layers)
    assert 0 <= found.ticks_instructions + 40 - found.instructions <= CALL_INSTRUCTIONS
    assert found.cycles.high == sum(layer.cycles.high for layer in found.layers)
    assert found.instructions / 2 < found.cycles.low <= found.cycles.high < 3 * found.instructions
    assert found.macs == sum(layer.macs for layer in found.layers) == 9 * 4 * 27 + 9 * 6 * 4 + 54 * 5
    assert [layer.name for layer in found.layers] == [layer.name for layer in pocket.manifest.layers]
    assert all(layer.kernel and layer.instructions > 100 for layer in found.layers)
    learnt = 4 * 27 + 6 * 4 + 54 * 5 + 4 * (4 + 6 + 5)
    assert found.weights >= learnt and found.weights + found.tables == found.sizes.model
    constants = sum(layer.constant_bytes for layer in found.layers)
    assert learnt < constants < found.sizes.model


def test_plain_c_is_another_firmware_on_a_core_with_kernels_of_its_own(pocket):
    board = need("mps2-an386")
    own, plain = (measure.bench(pocket, board, layers=False), measure.bench(pocket, board, runtime=PLAIN))
    assert own.runtime != plain.runtime == "native"
    assert own.layers == () and len(plain.layers) == 3
    planned = pocket.manifest.native["portable"]
    assert tuple(layer.live_bytes for layer in plain.layers) == planned.live_bytes


def test_what_is_wrong_has_no_figures(pocket, tmp_path):
    outputs = pocket.vectors().outputs[0].copy()
    outputs[0, 0] ^= 1
    wrong = make_bundle(tmp_path / "wrong", outputs=(outputs,))
    with pytest.raises(DeviceError, match="the output is not the oracle's"):
        measure.bench(wrong, need("mps2-an386"), layers=False)
    crcs = pocket.vectors().layer_crc.copy()
    crcs[0, 1] ^= 1
    wrong = make_bundle(tmp_path / "hidden", layer_crc=crcs)
    with pytest.raises(DeviceError, match=r"layer 1 \w+ \(CONV_2D\) is not the oracle's"):
        measure.bench(wrong, need("mps2-an386"))


def test_what_cannot_be_counted_is_refused(pocket, monkeypatch):
    with pytest.raises(BadInput, match="host counts no instructions"):
        measure.bench(pocket, boards.get("host"))
    board = need("mps2-an386")
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(BadInput, match=r"needs a C compiler .no-such-compiler.*apt-get install gcc"):
        measure.bench(pocket, board)
    monkeypatch.setenv("CC", "false")
    with pytest.raises(BadInput, match="cannot build the emulator's plugin"):
        measure.bench(pocket, board)
