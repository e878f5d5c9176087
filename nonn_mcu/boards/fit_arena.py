"""The arena that TensorFlow Lite Micro really needs: found by running the model in smaller ones."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from nonn_mcu import bundle as bundles
from nonn_mcu.boards.board import Board
from nonn_mcu.boards.build import link, require
from nonn_mcu.boards.runtime import Runtime
from nonn_mcu.boards.start import start
from nonn_mcu.bundle import Bundle, FittedArena
from nonn_mcu.errors import BadInput, DeviceError, LinkError
from nonn_mcu.link.client import Device

STEP = 16  # the library aligns everything in the arena so

# Four more of those units: what other builds of the library, by other compilers, may make its records larger.
# A device whose arena is too small after all says so instead of running.
MARGIN = 64

# Seconds that an inference on an emulated board may take, and how much longer than the first one a later may.
_FIRST, _SLOWER, _LEAST = 300.0, 4.0, 5.0


def fit_arena(
    bundle: Bundle, board: Board, runtime: Runtime, optimize: str, progress: Callable[[str], None]
) -> Bundle:
    """Find the smallest arena for the board and the runtime's kernels, and record it in the bundle.

    Each size is built and started, and must give the oracle's outputs for a whole inference. Raises
    :class:`BadInput` where the board is not emulated or the code does not compile, :class:`LinkError` and
    :class:`DeviceError` where the model does not even run in the arena it was generated with.
    """
    manifest = bundle.manifest
    if runtime.name != "tflm" or manifest.tflm is None:
        raise BadInput("--fit-arena is for --runtime tflm; the native runtime's arena is planned to the byte")
    if not board.command:
        raise BadInput(
            f"--fit-arena runs the firmware, and {board.name} is no emulated board; leave it out and take "
            f"the bound of {manifest.tflm.arena_bytes:,} B"
        )
    require(board.build_tools, f"building for {board.name}")
    vectors = bundle.vectors()
    inputs = [array[:1] for array in vectors.inputs]
    expected = [array[:1] for array in vectors.outputs]
    log = bundle.path.resolve() / "build" / f"{board.name}-{runtime.label}.log"
    try:
        log.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise BadInput(f"{log.parent}: cannot be written ({error.strerror or error})") from None
    with tempfile.TemporaryDirectory(prefix="nonn-mcu-") as folder:

        def run(size: int, patience: float) -> int:
            """Return how much of an arena of this size is used; raise unless it holds an inference."""
            progress(f"An arena of {size:,} B")
            program = link(
                Path(folder, "cmake"),
                log,
                bundle=bundle.path.resolve(),
                board=board,
                optimize=optimize,
                runtime=replace(runtime, arena=size),
                flags={},
            )
            with (
                start(board, program) as running,
                Device.open(running.port, patience=patience) as device,
            ):
                outputs = device.run(inputs)
                if not all(np.array_equal(*pair) for pair in zip(outputs, expected, strict=True)):
                    raise DeviceError(f"{board.name}: the outputs are not the oracle's; see nonn-mcu verify")
                return device.stats().arena_used

        began = time.monotonic()
        used = run(manifest.tflm.arena_bytes, _FIRST)
        patience = _LEAST + _SLOWER * (time.monotonic() - began)

        def fits(size: int) -> bool:
            try:
                run(size, patience)
            except (DeviceError, LinkError):  # in an arena far too small the library crashes
                return False
            return True

        minimum = smallest(used, manifest.tflm.arena_bytes, fits)
    found = FittedArena(board=board.name, kernels=runtime.kernels, minimum=minimum, margin=MARGIN)
    others = [one for one in manifest.tflm.fitted if (one.board, one.kernels) != (found.board, found.kernels)]
    fitted = tuple(sorted((*others, found), key=lambda one: (one.board, one.kernels)))
    tflm = manifest.tflm.model_copy(update={"fitted": fitted})
    return bundles.amend(bundle, manifest.model_copy(update={"tflm": tflm}))


def smallest(near: int, enough: int, fits: Callable[[int], bool]) -> int:
    """Find the smallest multiple of 16 for which ``fits``; it does for ``enough``, and every larger one.

    Asks close to ``near`` first, then at twice the distance each time, and bisects in the end.
    """
    low, high = 0, enough
    step, at = STEP, -(-near // STEP) * STEP
    while high - low > STEP:
        if not low < at < high:
            at = (low + high) // 2 // STEP * STEP
        if fits(at):
            high = at
            at = high - step if low == 0 else 0
        else:
            low = at
            at = low + step if high == enough else 0
        step *= 2
    return high
