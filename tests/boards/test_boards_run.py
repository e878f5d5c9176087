"""Starting: every board answers, counts exactly, survives faults, and never outlives its context."""

import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from support.boards import EMULATED, MOSTLY_TWO, STARTED, STUB, make_big, need

from nonn_mcu import boards
from nonn_mcu.boards.build import build
from nonn_mcu.boards.start import build_and_start, start
from nonn_mcu.errors import BadInput, LinkError
from nonn_mcu.link.client import Device
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.messages import Kind

STACK_BYTES = 4096
SPIN_INSTRUCTIONS = 4_000_000  # of the stub's layer 1
INPUT = np.arange(8, dtype=np.int8).reshape(1, 8)
MISBEHAVIOURS = {"wild read": 100, "wild write": 101, "wild jump": 102, "stack overflow": 103}


def instructions(device):
    hello = device.hello()
    return device.stats().ticks * Fraction(hello.tick_numerator, hello.tick_denominator)


@pytest.mark.parametrize("name", STARTED)
def test_a_started_board_answers(name, stub_firmware):
    board = need(name)
    with start(board, stub_firmware(name).path) as running, Device.open(running.port) as device:
        hello = device.hello()
        assert (hello.board, hello.model, hello.runtime) == (name, "stub", "native")
        (outputs,) = device.run([INPUT])
        assert outputs.tolist() == [[8, 7, 6, 5, 4, 3, 2, 1]]
        stats = device.stats()
        if board.flash_bytes is None:
            assert hello.tick_unit == "ns"
        else:
            assert hello.core == board.core.lower()
            assert hello.tick_unit == "instructions"
            assert Fraction(hello.tick_numerator, hello.tick_denominator) == board.instructions_per_tick
            assert 24 < hello.static_bytes < 2000
            assert 100 < stats.stack_bytes < STACK_BYTES // 2


@pytest.mark.parametrize("name", EMULATED)
def test_ticks_are_instructions(name, stub_firmware):
    """A loop of known length counts what it should, also past the 671 million that 24 bits hold."""
    board = need(name)
    with start(board, stub_firmware(name).path) as running, Device.open(running.port) as device:
        device.run_layer([INPUT], 0)
        rest = instructions(device)
        assert rest < 1000
        device.run([INPUT])
        once = instructions(device)
        tick = board.instructions_per_tick
        assert SPIN_INSTRUCTIONS <= once <= SPIN_INSTRUCTIONS + rest + 100 + tick
        device.run([INPUT])
        assert abs(instructions(device) - once) <= tick
        times = 250
        device.run([INPUT], times=times)
        many = instructions(device)
        assert times * SPIN_INSTRUCTIONS <= many <= times * (SPIN_INSTRUCTIONS + rest + 100)


@pytest.mark.parametrize("name", EMULATED)
def test_counts_repeat_exactly(name, stub_firmware):
    counts = set()
    for _ in range(2):
        with (
            start(need(name), stub_firmware(name).path) as running,
            Device.open(running.port) as device,
        ):
            device.run([INPUT], times=3)
            counts.add(device.stats().stack_bytes)
    assert len(counts) == 1


@pytest.mark.parametrize("name", EMULATED)
def test_a_fault_resets_the_device(name, stub_firmware):
    board = need(name)
    with start(board, stub_firmware(name).path) as running, Device.open(running.port) as device:
        for how in MISBEHAVIOURS.values():
            device.run_layer([INPUT], 0)
            assert device.stats().invocations > 0
            with pytest.raises(LinkError):
                device.run([np.full((1, 8), how, np.int8)], deadline=Deadline.after(0.5))
            assert device.stats().invocations == 0
        assert device.run([INPUT])[0].tolist() == [[8, 7, 6, 5, 4, 3, 2, 1]]


@pytest.mark.parametrize("name", MOSTLY_TWO)
def test_a_model_far_over_half_a_megabyte_runs(name, tmp_path):
    shutil.copytree(STUB, tmp_path / "model")
    make_big(tmp_path / "model", 1_500_000)
    with (
        build_and_start(tmp_path / "model", need(name)) as running,
        Device.open(running.port) as device,
    ):
        assert device.hello().model == "big"
        assert device.run([INPUT])[0].tolist() == [[8, 7, 6, 5, 4, 3, 2, 1]]


@pytest.mark.parametrize("name", ["mps2-an386"])
def test_an_idle_board_leaves_the_machine_alone(name, stub_firmware):
    with start(need(name), stub_firmware(name).path) as running, Device.open(running.port) as device:
        device.hello()
        used = cpu_seconds(running.pid)
        time.sleep(1)
        assert cpu_seconds(running.pid) - used < 0.3


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_process_ends_with_its_context(stub_firmware):
    with pytest.raises(ZeroDivisionError), start(need("host"), stub_firmware("host").path) as running:
        raise ZeroDivisionError
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)


def test_the_sanitized_host_device_is_clean(tmp_path):
    """SIGTERM leads through exit(), where the sanitizers report; so do noise and a client that leaves."""
    board = need("host")
    with start(board, build(STUB, board, out=tmp_path / "out", sanitize=True).path) as running:
        with Device.open(running.port) as device:
            device.run([INPUT])
            device.port.write(bytes(range(256)) * 20)
            assert device.stats().refused == 0
        assert running.obituary() is None
        assert running.stop() == 0


def test_a_client_that_leaves_does_no_harm(stub_firmware):
    with start(need("host"), stub_firmware("host").path) as running:
        for _ in range(3):
            with Device.open(running.port) as device:
                assert device.hello().model == "stub"


def test_a_death_in_the_middle_is_told(stub_firmware):
    with (
        pytest.raises(LinkError, match="host: the process ended with signal 9: it said nothing"),
        start(need("host"), stub_firmware("host").path) as running,
        Device.open(running.port) as device,
    ):
        device.hello()
        os.kill(running.pid, signal.SIGKILL)
        device.run([INPUT], deadline=Deadline.after(1))


def python(code):
    """A board that is a Python program."""
    return replace(boards.get("host"), name="fake", command=(sys.executable, "-c", code))


@pytest.mark.parametrize(
    ("board", "error", "expected"),
    [
        (python("import sys; sys.exit('cannot load it')"), LinkError, "fake: .* status 1: cannot load it"),
        (python("print('hi')"), LinkError, "status 0: it said nothing"),
        (python("import time; time.sleep(60)"), LinkError, "fake: no pseudo-terminal within 1 s"),
        (replace(boards.get("host"), command=()), BadInput, "connect one and use --port"),
        (replace(boards.get("host"), command=("/nonexistent/program",)), BadInput, "cannot be started"),
        (replace(boards.get("host"), run_tools=(("no-qemu", "qemu"),)), BadInput, "apt-get install qemu"),
    ],
)
def test_what_does_not_start_says_so(board, error, expected, tmp_path, monkeypatch):
    monkeypatch.setattr("nonn_mcu.boards.start.START_SECONDS", 1.0)
    with pytest.raises(error, match=expected):
        start(board, tmp_path / "firmware")


@pytest.mark.parametrize("name", EMULATED)
def test_an_emulator_that_dies_of_its_program_is_told(name, tmp_path):
    with (
        pytest.raises(LinkError, match=f"{name}: the process ended with status 1: .*none.elf"),
        start(need(name), tmp_path / "none.elf") as running,
        Device.open(running.port) as device,
    ):
        device.hello(Deadline.after(2))


def test_layers_are_described(stub_firmware):
    with start(need("host"), stub_firmware("host").path) as running, Device.open(running.port) as device:
        assert [spec.name for spec in device.layers()] == ["reverse", "plus_one"]
        assert device.describe(Kind.INPUT, 0).shape == (1, 8)


def test_a_port_that_went_with_its_process_is_told(tmp_path):
    with (
        pytest.raises(LinkError, match=r"mps2-an386: the process ended with status 1: .*none.elf"),
        start(need("mps2-an386"), tmp_path / "none.elf") as running,
    ):
        while running.obituary() is None:
            time.sleep(0.01)
        Device.open(running.port)
