"""What is generated from the int8 model for which runtime, and what it will take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import get_args

from nonn_mcu import budget, codegen
from nonn_mcu.codegen import cmsis_nn, tflm
from nonn_mcu.codegen.reader import read
from nonn_mcu.codegen.unsupported import Unsupported
from nonn_mcu.convert.int8 import Int8
from nonn_mcu.manifest import RUNTIMES, BudgetInfo, Goal, LayerInfo, NativeInfo, Runtime, TargetName, TflmInfo
from nonn_mcu.report import timeline
from nonn_mcu.verify.arena import smallest_arena

# What a network's head is called, and what its identifiers and files begin with, beside a student.
HEAD, HEAD_PREFIX = "head", "head_"
ARENA = "arena.svg"  # the picture of the plan


@dataclass(frozen=True)
class Code:
    """The code of a model: ``files`` by their names in the bundle, and what the manifest says of it.

    ``budget`` and ``layers`` are the native runtime's where there is one. ``head_layers`` are those of a
    head in the same firmware; the budget counts them too. ``notes`` say which runtime is missing, and why.
    """

    files: dict[str, bytes]
    runtimes: tuple[Runtime, ...]
    layers: tuple[LayerInfo, ...]
    head_layers: tuple[LayerInfo, ...]
    goal: Goal
    native: dict[TargetName, NativeInfo] | None
    tflm: TflmInfo | None
    budget: BudgetInfo
    notes: tuple[str, ...]


def generate(
    quantised: Int8,
    name: str,
    wanted: Runtime | None,
    flash_limit: int | None,
    ram_limit: int | None,
    *,
    goal: Goal = "balance",
    head: bytes | None = None,
) -> Code:
    """Generate the code for the ``wanted`` runtime, or for each that has the model's operators.

    ``goal`` is what the native runtime's kernels are chosen for.
    ``head`` is the ``.tflite`` of a network's head that comes into the same firmware, which only the native
    runtime, wanted by name, can do. Unless asked for by name, TensorFlow Lite Micro does not stand in for a
    form of an operator that the native runtime refuses: that may be a malformed one. Raises
    :class:`Unsupported` where the wanted runtime, or every one, lacks an operator, and :class:`BadInput` for
    what none can run.
    """
    model = quantised.model
    notes: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    native = over_tflm = second = None
    if head is not None:
        assert wanted == "native"
        second = codegen.generate(head, HEAD, prefix=HEAD_PREFIX, goal=goal)
    if wanted != "tflm":
        try:
            following = "" if head is None else HEAD_PREFIX
            native = codegen.generate(model, name, following=following, goal=goal)
        except Unsupported as error:
            lacking = _lacking(model)
            if wanted == "native" or not lacking:
                raise Unsupported(f"{error}{_way_out(model)}") from None
            notes = (f"not for the native runtime: {error}",)
    if wanted != "native":
        try:
            over_tflm = _tflm(model)
        except Unsupported as error:
            if native is None:
                too = f"; the native runtime lacks {', '.join(lacking)}" if lacking else ""
                raise Unsupported(f"{error}{too}") from None
            notes = (f"not for the tflm runtime: {error}",)
    files: dict[str, str] = {} if second is None else dict(second.files)
    head_layers = () if second is None else _infos(second.reference.layers)
    if over_tflm is not None:
        files |= codegen.generate_tflm(model, name, over_tflm.arena_bytes)
    if native is not None:
        files |= native.files | {ARENA: timeline.svg(native.reference, native.graph)}
        layers = _infos(native.reference.layers)
        models = [one.reference for one in (native, second) if one is not None]
        planned = budget.plan(
            (*layers, *head_layers),
            weights=sum(one.weights_bytes for one in models),
            tables=sum(one.table_bytes for one in models),
            arena=sum(one.plan.arena_bytes for one in models),
            ends=sum(
                len(one.graph.inputs) + len(one.graph.outputs) for one in (native, second) if one is not None
            ),
            models=len(models),
            flash_limit=flash_limit,
            ram_limit=ram_limit,
        )
    else:
        assert over_tflm is not None
        layers = _infos(codegen.tflm_layers(model))
        planned = budget.plan_tflm(
            layers,
            model=len(model),
            operators=len(over_tflm.operators),
            arena=over_tflm.arena_bytes,
            ends=len(quantised.inputs) + len(quantised.outputs),
            flash_limit=flash_limit,
            ram_limit=ram_limit,
        )
    there: dict[Runtime, object] = {"native": native, "tflm": over_tflm}
    return Code(
        files={path: text.encode() for path, text in files.items()},
        runtimes=tuple(runtime for runtime in RUNTIMES if there[runtime] is not None),
        layers=layers,
        head_layers=head_layers,
        goal=goal,
        native=None if native is None else native_infos(native),
        tflm=over_tflm,
        budget=planned,
        notes=notes,
    )


def native_infos(made: codegen.Generated) -> dict[TargetName, NativeInfo]:
    """Say what the manifest says of the native runtime, for each kind of core."""
    return {
        name: NativeInfo(
            arena_bytes=one.plan.arena_bytes,
            lower_bound=one.plan.lower_bound,
            weights=one.weights_bytes,
            tables=one.table_bytes,
            kernels=tuple(layer.kernel for layer in one.layers),
            scratch_bytes=one.plan.scratch_bytes,
            live_bytes=one.plan.live_bytes,
        )
        for name in get_args(TargetName)
        for one in (made.compiled[name],)
    }


def _infos(layers: tuple[codegen.LayerReport, ...]) -> tuple[LayerInfo, ...]:
    return tuple(LayerInfo(**asdict(layer)) for layer in layers)


def _lacking(model: bytes) -> tuple[str, ...]:
    """Return what the native runtime does not have, if that is all that it refuses."""
    try:
        return codegen.lacking(model)
    except Unsupported:
        return ()


def _way_out(model: bytes) -> str:
    """Name the runtime that has what the native one lacks."""
    try:
        tflm.operators(read(model))
    except Unsupported:
        return ""
    return "; or convert with --runtime tflm, which has the operator"


def _tflm(model: bytes) -> TflmInfo:
    """Check the operators, and bound the arena: what the wheel needs, and CMSIS-NN's kernels beyond it."""
    graph = read(model)
    operators = tuple(operator.kind for operator in tflm.operators(graph))
    least = smallest_arena(model)
    return TflmInfo(operators=operators, arena_bytes=least + cmsis_nn.extra(graph))
