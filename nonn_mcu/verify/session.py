"""One device: who it is, every vector twice in shuffled order, its layers, its counters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nonn_mcu.bundle import Bundle, Vectors
from nonn_mcu.errors import WrongModel
from nonn_mcu.link.client import Device
from nonn_mcu.link.replies import Hello
from nonn_mcu.link.replies import Stats as DeviceCounts
from nonn_mcu.verify import conformance, layers
from nonn_mcu.verify.judge import judge, judge_fidelity
from nonn_mcu.verify.plan import Plan
from nonn_mcu.verify.verdict import DeviceInfo, DeviceVerdict, LinkStats, Stats

# Called with (exchanges done, exchanges in all); what it raises ends the session.
Progress = Callable[[int, int], None]
# Called with what the device gave, int8 ``(RUNS, N, *shape[1:])`` of each output.
Keep = Callable[[Sequence[np.ndarray]], None]


def check_device(
    device: Device, port: str, plan: Plan, progress: Progress, keep: Keep = lambda outputs: None
) -> DeviceVerdict:
    """Verify one device; ``keep`` is called once every vector ran.

    Raises WrongModel, LinkError or DeviceError where it cannot be judged.
    """
    manifest = plan.bundle.manifest
    hello = device.hello()
    if hello.sha256 != manifest.model_sha256:
        raise WrongModel(
            f"{port}: the device holds {hello.model} ({hello.sha256[:12]}), the bundle {plan.bundle.path} "
            f"holds {manifest.name} ({manifest.model_sha256[:12]}); flash it again or give its bundle"
        )
    check_tensors(device, port, plan.bundle)
    _check_arena(hello, port, plan)
    order = conformance.schedule(len(plan.vectors), plan.seed)
    layer_runs = len(plan.vectors.layer_crc) * len(manifest.layers) if plan.layers else 0
    total = len(order) + layer_runs
    got = _run_all(device, plan.vectors, order, lambda done: progress(done, total))
    keep(got)
    counts = device.stats()
    found_layers = None
    if plan.layers:
        found_layers = layers.compare(
            device, plan.bundle, plan.vectors, lambda done: progress(len(order) + done, total)
        )
    progress(total, total)
    device.check_same_model()  # a board that was flashed meanwhile gave outputs of two models
    line = device.counters
    return judge(
        port,
        device_info(hello),
        bundle=str(plan.bundle.path),
        conformance=conformance.compare(plan.vectors.outputs, got),
        fidelity=judge_fidelity(
            [runs[0] for runs in got],
            plan.reference,
            manifest.outputs,
            manifest.tolerance,
            complete=plan.complete,
        ),
        layers=found_layers,
        stats=_stats(hello, counts),
        link=LinkStats(line.sent, line.lost, line.damaged, counts.corrupt, counts.too_long, counts.refused),
    )


def check_tensors(device: Device, port: str, bundle: Bundle) -> None:
    """Raise WrongModel where the device's tensors are not those of the bundle, whatever digest it reports."""
    manifest = bundle.manifest
    sides = (("input", device.inputs(), manifest.inputs), ("output", device.outputs(), manifest.outputs))
    for kind, specs, infos in sides:
        mine = [(info.shape, np.float32(info.scale), info.zero_point) for info in infos]
        theirs = [(spec.shape, np.float32(spec.scale), spec.zero_point) for spec in specs]
        if mine != theirs:
            raise WrongModel(
                f"{port}: the device reports the digest of the bundle {bundle.path} but other {kind}s; "
                "build its firmware again"
            )


def _check_arena(hello: Hello, port: str, plan: Plan) -> None:
    """Raise WrongModel where the arena is not what the bundle says for the device's runtime and board.

    The bundle says nothing of a runtime that it does not have.
    """
    manifest = plan.bundle.manifest
    name, _, kernels = hello.runtime.partition("-")
    expected: int | None = None
    if (native := manifest.native_on(hello.runtime)) is not None:
        expected = native.arena_bytes
    elif name == "tflm" and manifest.tflm is not None:
        expected = manifest.tflm.arena(hello.board, kernels)
    if expected is not None and hello.arena_bytes != expected:
        raise WrongModel(
            f"{port}: the firmware was built with another arena, {hello.arena_bytes:,} B; the bundle "
            f"{plan.bundle.path} says {expected:,} B for {hello.runtime} on {hello.board}; build again"
        )


def device_info(hello: Hello) -> DeviceInfo:
    """Pick from HELLO what a verdict and a listing say about a device."""
    return DeviceInfo(
        model=hello.model,
        digest=hello.sha256,
        runtime=hello.runtime,
        board=hello.board,
        core=hello.core,
        firmware=hello.firmware,
    )


def _run_all(
    device: Device, vectors: Vectors, order: np.ndarray, progress: Callable[[int], None]
) -> list[np.ndarray]:
    """Collect per output the int8 ``(RUNS, N, *shape[1:])``, runs of a vector in the order they happened."""
    got = [np.empty((conformance.RUNS, *array.shape), np.int8) for array in vectors.outputs]
    seen = np.zeros(len(vectors), dtype=int)
    for done, vector in enumerate(order):
        progress(done)
        outputs = device.run([array[vector : vector + 1] for array in vectors.inputs])
        for mine, theirs in zip(got, outputs, strict=True):
            mine[seen[vector], vector] = theirs[0]
        seen[vector] += 1
    return got


def _stats(hello: Hello, counts: DeviceCounts) -> Stats:
    timed = hello.tick_unit and counts.ticks and counts.times
    ticks = counts.ticks * hello.tick_numerator // (hello.tick_denominator * counts.times) if timed else None
    return Stats(
        ticks=ticks,
        tick_unit=hello.tick_unit,
        arena_bytes=counts.arena_bytes,
        arena_used=counts.arena_used,
        static_bytes=counts.static_bytes or None,
        stack_bytes=counts.stack_bytes or None,
    )
