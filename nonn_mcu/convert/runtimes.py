"""What is generated from the int8 model for which runtime, and what it will take."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass

from nonn_mcu import budget, codegen
from nonn_mcu.bundle import BudgetInfo, LayerInfo, Runtime, TflmInfo
from nonn_mcu.codegen import cmsis_nn, tflm
from nonn_mcu.codegen.reader import read
from nonn_mcu.codegen.unsupported import Unsupported
from nonn_mcu.convert.int8 import Int8
from nonn_mcu.verify.arena import smallest_arena

RUNTIMES: tuple[Runtime, ...] = ("native", "tflm")


@dataclass(frozen=True)
class Code:
    """The code of a model: ``files`` by their names in the bundle, and what the manifest says of it.

    ``budget`` and ``layers`` are the native runtime's where there is one. ``notes`` say which runtime is
    missing, and why.
    """

    files: dict[str, bytes]
    runtimes: tuple[Runtime, ...]
    layers: tuple[LayerInfo, ...]
    arena_bytes: int | None
    tflm: TflmInfo | None
    budget: BudgetInfo
    notes: tuple[str, ...]


def generate(
    quantised: Int8, name: str, wanted: Runtime | None, flash_limit: int | None, ram_limit: int | None
) -> Code:
    """Generate the code for the ``wanted`` runtime, or for each that has the model's operators.

    Raises :class:`Unsupported` where the wanted runtime, or every one, lacks an operator, and
    :class:`BadInput` for what none can run.
    """
    model, ends = quantised.model, len(quantised.inputs) + len(quantised.outputs)
    lacks: dict[Runtime, Unsupported] = {}
    native = over_tflm = None
    for runtime in RUNTIMES if wanted is None else (wanted,):
        try:
            if runtime == "native":
                native = codegen.generate(model, name)
            else:
                over_tflm = _tflm(model)
        except Unsupported as error:
            lacks[runtime] = error
    if native is None and over_tflm is None:
        raise Unsupported(_refusal(model, wanted, [str(error) for error in lacks.values()]))
    files: dict[str, str] = {}
    if over_tflm is not None:
        files |= codegen.generate_tflm(model, name, over_tflm.arena_bytes)
    if native is not None:
        files |= native.files
        layers = tuple(LayerInfo(**asdict(layer)) for layer in native.layers)
        planned = budget.plan(
            layers,
            weights=native.weights_bytes,
            tables=native.table_bytes,
            arena=native.plan.arena_bytes,
            ends=ends,
            flash_limit=flash_limit,
            ram_limit=ram_limit,
        )
    else:
        assert over_tflm is not None
        layers = tuple(LayerInfo(**asdict(layer)) for layer in codegen.tflm_layers(model))
        planned = budget.plan_tflm(
            layers,
            model=len(model),
            operators=len(over_tflm.operators),
            arena=over_tflm.arena_bytes,
            ends=ends,
            flash_limit=flash_limit,
            ram_limit=ram_limit,
        )
    there = {"native": native, "tflm": over_tflm}
    return Code(
        files={path: text.encode() for path, text in files.items()},
        runtimes=tuple(runtime for runtime in RUNTIMES if there[runtime] is not None),
        layers=layers,
        arena_bytes=None if native is None else native.plan.arena_bytes,
        tflm=over_tflm,
        budget=planned,
        notes=tuple(f"not for the {runtime} runtime: {error}" for runtime, error in lacks.items()),
    )


def _refusal(model: bytes, wanted: Runtime | None, reasons: list[str]) -> str:
    """Say why there is no code, and which runtime has what the wanted one lacks."""
    where = {reason.partition("): ")[0] for reason in reasons}
    if len(reasons) == 2 and len(where) == 1:
        return f"{where.pop()}): neither the native runtime nor TensorFlow Lite Micro has it; replace it"
    if wanted == "native":
        with contextlib.suppress(Unsupported):
            tflm.operators(read(model))
            return f"{reasons[0]}; or convert with --runtime tflm, which has it"
    return "; ".join(reasons)


def _tflm(model: bytes) -> TflmInfo:
    """Check the operators, and bound the arena: what the wheel needs, and CMSIS-NN's kernels beyond it."""
    graph = read(model)
    operators = tuple(operator.kind for operator in tflm.operators(graph))
    least = smallest_arena(model)
    return TflmInfo(operators=operators, arena_bytes=least + cmsis_nn.extra(graph))
