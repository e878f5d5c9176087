"""Eight emulated boards at once: all are verified, and none waits for the others."""

import sys
import time
from contextlib import ExitStack

import pytest
from support.boards import need

from nonn_mcu.boards.start import build_and_start
from nonn_mcu.nonn.devices.verify import verify_network
from nonn_mcu.verify.plan import Wishes

STUDENTS = 8
# What every device must have done of its work when the first one is through.
LEAST_SHARE = 0.5


@pytest.mark.long
def test_eight_boards_are_verified_at_once_and_none_is_starved(tmp_path, capsys):
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.networks import make_network

    board = need("mps2-an386")
    made = make_network(tmp_path / "eight", STUDENTS, "device:7")
    done: dict[str, int] = {}
    finished: dict[str, float] = {}
    shares: list[float] = []  # of all devices, when the first is through

    def progress(label, count, total):
        done[label] = count / total
        if count == total and label in ports:
            finished.setdefault(label, time.monotonic() - began)
            if not shares:
                shares.extend(done.get(port, 0.0) for port in ports)

    with ExitStack() as stack:
        ports = [stack.enter_context(build_and_start(one.path, board)).port for one in made.students]
        began = time.monotonic()
        verdict = verify_network(made, ports, Wishes(), baud=115200, timeout=60, progress=progress)
        seconds = time.monotonic() - began
    with capsys.disabled():
        ends = ", ".join(f"{finished[port]:.1f}" for port in ports)
        least = f"{100 * min(shares):.0f} % done by the slowest when the first was through"
        sys.stdout.write(f"\n{STUDENTS} boards in {seconds:.1f} s; ends at {ends} s; {least}\n")
    assert verdict.exit_code == 0 and len(verdict.devices) == STUDENTS + 1  # the head's device twice
    assert all(one.conformance.ok for one in verdict.devices) and verdict.fused.conformance.ok
    assert min(shares) >= LEAST_SHARE
