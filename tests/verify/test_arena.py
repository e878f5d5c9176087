"""The smallest arena by the wheel, and a device that has another one than the bundle says."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from support.models import T, single_op

from nonn_mcu.bundle import FittedArena
from nonn_mcu.errors import BadInput, WrongModel
from nonn_mcu.verify import arena, session
from nonn_mcu.verify.plan import Wishes, make

pytest.importorskip("tflite_micro", reason="the arena is measured with the tflite-micro wheel")

ALLOCATE = """
import sys
from tflite_micro.python.tflite_micro import runtime
runtime.Interpreter.from_bytes(sys.stdin.buffer.read(), arena_size=int(sys.argv[1]))
"""


def allocates(model, size):
    command = [sys.executable, "-c", ALLOCATE, str(size)]
    return subprocess.run(command, input=model, capture_output=True, check=False).returncode == 0


def test_the_smallest_arena_is_enough_and_16_bytes_less_are_not(pocket):
    found = arena.smallest_arena(pocket.model)
    assert found % arena.STEP == 0
    assert allocates(pocket.model, found)
    assert not allocates(pocket.model, found - arena.STEP)


def test_a_crash_of_the_wheel_counts_as_too_small(pocket, monkeypatch):
    """It crashes in a tiny arena; a search that must pass through some ends at the same size."""
    assert not allocates(pocket.model, 64)
    found = arena.smallest_arena(pocket.model)
    monkeypatch.setattr(arena, "_RECORDS", 0)
    low, high, enough, code, _ = arena._search(pocket.model, 0, 32 * arena.STEP, True)
    assert code < 0, "this search meets a crash"
    assert (low, high, enough) == (low, 32 * arena.STEP, True) and low > 0
    assert arena.smallest_arena(pocket.model) == found


REFUSED = {
    "an operator it does not have": (
        single_op("TILE", [T((1, 4)), T((2,), None, dtype="int32", data=np.array([1, 2]))], T((1, 8))),
        "Micro refuses the model: .*TILE",
    ),
    "a form that it does not have": (
        single_op("SOFTMAX", [T((1, 4))], T((1, 4), 0.5), beta=1.0),
        "Micro refuses the model: .*softmax",
    ),
    "no model": (b"\0" * 64, "TFL3"),
}


@pytest.mark.parametrize(("model", "complaint"), REFUSED.values(), ids=REFUSED)
def test_a_model_that_fits_no_arena_is_refused_with_the_librarys_words(model, complaint):
    with pytest.raises(BadInput, match=complaint) as caught:
        arena.smallest_arena(model)
    assert "\n" not in str(caught.value)


FITTED = (FittedArena(board="fitted", kernels="cmsis_nn", minimum=2000, margin=64),)

# runtime and board that the device reports, its arena, of a native one beyond the plan's; whether the bundle
# says the same
DEVICES = [
    ("native", "fake", 0, True),
    ("native", "fake", 16, False),
    ("native", "fake", -16, False),
    ("native-dsp", "fake", 0, True),
    ("native-dsp", "fake", 16, False),
    ("native-none", "fake", 99, True),
    ("tflm-reference", "fake", 8192, True),
    ("tflm-reference", "fake", 4096, False),
    ("tflm-cmsis_nn", "fitted", 2064, True),
    ("tflm-cmsis_nn", "fitted", 8192, False),
    ("tflm-reference", "fitted", 8192, True),
    ("another", "fake", 99, True),
]


@pytest.mark.parametrize("case", DEVICES)
def test_a_device_with_another_arena_is_refused(case, pocket, fake):
    runtime, board, size, right = case
    tflm = pocket.manifest.tflm.model_copy(update={"fitted": FITTED})
    bundle = replace(pocket, manifest=pocket.manifest.model_copy(update={"tflm": tflm}))
    native = pocket.manifest.native_on(runtime)
    size += 0 if native is None else native.arena_bytes
    device = fake(described={"runtime": runtime, "board": board, "arena_bytes": size})
    plan = make(bundle, Wishes(vectors=1))
    if right:
        found = session.check_device(device, "port", plan, lambda done, total: None)
        assert found.exit_code == 0
        return
    with pytest.raises(WrongModel, match=f"another arena, {size:,} B.*for {runtime} on {board}; build again"):
        session.check_device(device, "port", plan, lambda done, total: None)
