"""One bundle on one emulated board: build, run once whole and once up to each layer, count, model."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nonn_mcu.bench import core
from nonn_mcu.bench.counting import Counter, Histogram, counting
from nonn_mcu.bench.cycles import Cycles, cycles, difference, instructions
from nonn_mcu.bench.program import Program, read
from nonn_mcu.boards.board import Board
from nonn_mcu.boards.build import build
from nonn_mcu.boards.elf import Sizes, measure
from nonn_mcu.boards.runtime import NATIVE, Runtime
from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import BadInput, DeviceError
from nonn_mcu.link.client import Device
from nonn_mcu.link.frame import crc32
from nonn_mcu.link.ports import SerialPort

PATIENCE_SECONDS = 3600.0  # of an inference: a large one takes minutes in an emulator
_LEARNT = re.compile(r"(?:\w+_)?l\d+_\w+_(?:weights|bias|constant\d+)|g_\w+_model_data")
_OF_LAYER = re.compile(r"(?:[a-z]\w*_)?l(\d+)_\w+")


@dataclass(frozen=True)
class LayerCost:
    """What one layer takes. ``constant_bytes`` are its own in flash, shared ones only at the first layer.

    ``scratch_bytes`` and ``live_bytes`` of the arena are planned; None where the bundle has no such plan.
    """

    name: str
    kernel: str
    macs: int
    instructions: int
    cycles: Cycles
    constant_bytes: int
    scratch_bytes: int | None
    live_bytes: int | None


@dataclass(frozen=True)
class Bench:
    """What one inference takes, and the memory of the firmware that ran it.

    ``ticks_instructions`` are those by the board's own counter, good to a tick; they include the device's
    call. ``weights`` are bytes of ``sizes.model``, ``stack`` what was in use of ``sizes.stack``.
    """

    model: str
    board: Board
    optimize: str
    runtime: str
    macs: int
    instructions: int
    ticks_instructions: int
    cycles: Cycles
    sizes: Sizes
    weights: int
    stack: int
    layers: tuple[LayerCost, ...]

    @property
    def tables(self) -> int:
        """Bytes of constants other than weights: fixed-point tables, parameters, descriptions, names."""
        return self.sizes.model - self.weights


def bench(
    bundle: Bundle,
    board: Board,
    optimize: str = "O2",
    *,
    layers: bool = True,
    out: Path | None = None,
    runtime: Runtime = NATIVE,
) -> Bench:
    """Build ``bundle`` for an emulated ``board``, run its first golden vector, and count.

    ``out`` is ``<bundle>/build/<board>-<level>`` unless given, so that no other build is replaced. Without
    ``layers`` only the whole is counted. Raises :class:`BadInput` for a board or core that cannot be counted,
    :class:`DeviceError` for an output or a layer that is not the oracle's, and what
    :func:`build` and the link raise.
    """
    if board.instructions_per_tick is None or not board.command:
        raise BadInput(f"{board.name} counts no instructions; name an emulated board such as mps2-an386")
    table = core.find(board.core)
    if out is None:
        label = "" if runtime == NATIVE else f"-{runtime.label}"
        out = bundle.path / "build" / f"{board.name}-{optimize}{label}"
    firmware = build(bundle.path, board, optimize, out, runtime=runtime)
    program = read(firmware.path)
    with _device(board, firmware.path, program) as (device, counter):
        inputs = [array[:1] for array in bundle.vectors().inputs]
        _check(bundle, device.run(inputs))
        whole = counter.take()
        stats, said = device.stats(), device.hello().runtime
        found = _layers(bundle, device, counter, inputs) if layers else ()
    native = bundle.manifest.native_on(said)
    costs = tuple(
        LayerCost(
            name=layer.name,
            kernel=_kernel(program, own) or layer.kernel,
            macs=layer.macs,
            instructions=instructions(own),
            cycles=cycles(program, own, table),
            constant_bytes=_constants(program.constants, number),
            scratch_bytes=None if native is None else native.scratch_bytes[number],
            live_bytes=None if native is None else native.live_bytes[number],
        )
        for number, (layer, own) in enumerate(zip(bundle.manifest.layers, found, strict=False))
    )
    return Bench(
        model=bundle.manifest.name,
        board=board,
        optimize=optimize,
        runtime=said,
        macs=sum(layer.macs for layer in bundle.manifest.layers),
        instructions=instructions(whole),
        ticks_instructions=int(stats.ticks * board.instructions_per_tick),
        cycles=cycles(program, whole, table),
        sizes=measure(firmware.path),
        weights=sum(size for name, size in program.constants.items() if _LEARNT.fullmatch(name)),
        stack=stats.stack_bytes,
        layers=costs,
    )


@contextlib.contextmanager
def _device(board: Board, firmware: Path, program: Program) -> Iterator[tuple[Device, Counter]]:
    with (
        counting(board, firmware, program) as counter,
        contextlib.closing(SerialPort(counter.running.port)) as port,
    ):
        yield Device(port, patience=PATIENCE_SECONDS), counter


def _check(bundle: Bundle, outputs: list[np.ndarray]) -> None:
    """Refuse to give figures for what is wrong."""
    for got, expected in zip(outputs, bundle.vectors().outputs, strict=True):
        if not np.array_equal(got, expected[:1]):
            raise DeviceError(
                f"{bundle.manifest.name}: the output is not the oracle's, so its counts mean nothing; "
                "find the layer with: nonn-mcu verify --layers"
            )


def _check_layer(bundle: Bundle, known: np.ndarray, number: int, got: np.ndarray) -> None:
    """Refuse a layer whose error the whole does not show, such as one before a softmax that saturates."""
    if len(known) and crc32(got.tobytes()) != known[0, number]:
        layer = bundle.manifest.layers[number]
        raise DeviceError(
            f"{bundle.manifest.name}: layer {number} {layer.name} ({layer.op}) is not the oracle's, so its "
            "counts mean nothing; look closer with: nonn-mcu verify --layers"
        )


def _layers(
    bundle: Bundle, device: Device, counter: Counter, inputs: list[np.ndarray]
) -> tuple[Histogram, ...]:
    """Count each layer: what a run up to it executes beyond a run up to the one before."""
    found = []
    before: Histogram = {}
    known = bundle.vectors().layer_crc
    for number in range(len(bundle.manifest.layers)):
        _check_layer(bundle, known, number, device.run_layer(inputs, number))
        now = counter.take()
        found.append(difference(now, before))
        before = now
    return tuple(found)


def _kernel(program: Program, histogram: Histogram) -> str:
    """Name what the generated code called, "a + b" for several; nothing where no call is to be seen."""
    ran = (program.instructions[address] for address in histogram)
    called = dict.fromkeys(one.callee for one in ran if program.is_invoke(one))
    names = [name.removeprefix("__").removesuffix("_veneer").removeprefix("nonn_") for name in called if name]
    return " + ".join(names)


def _constants(constants: Mapping[str, int], number: int) -> int:
    found = ((_OF_LAYER.fullmatch(name), size) for name, size in constants.items())
    return sum(size for match, size in found if match and int(match[1]) == number)
