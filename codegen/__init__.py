"""From an int8 ``.tflite`` to C: read, check, fold, lower, plan, emit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nonn_mcu.codegen import emit, emit_tflm, names, ops, tflm_cost
from nonn_mcu.codegen.check import check, check_order
from nonn_mcu.codegen.constants import flash_bytes
from nonn_mcu.codegen.fold import fold
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.plan import Plan, plan
from nonn_mcu.codegen.reader import read
from nonn_mcu.codegen.reshape import check_reshape
from nonn_mcu.errors import BadInput


@dataclass(frozen=True)
class LayerReport:
    """One executed layer: what it writes, with which kernel, at what cost (bytes; MACs per inference)."""

    name: str
    op: str
    module: str
    kernel: str
    tensor: int
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    macs: int
    flash_bytes: int
    live_bytes: int


@dataclass(frozen=True)
class Generated:
    """Everything made from one model. ``files`` maps a relative path to its text."""

    files: dict[str, str]
    graph: Graph
    plan: Plan
    layers: tuple[LayerReport, ...]
    weights_bytes: int
    table_bytes: int  # fixed-point tables, look-up tables and parameters


def load(model: bytes) -> Graph:
    """Read a ``.tflite`` as the int8 network that is generated from it: checked and folded.

    Raises :class:`BadInput` with what is wrong and what to do.
    """
    return _folded(read(model))


def _folded(graph: Graph) -> Graph:
    check_order(graph)
    graph = fold(graph)
    check(graph)
    return graph


def lower(graph: Graph) -> tuple[list[int], list[tuple[Layer, ...]]]:
    """Return the operators that run, by index and in order, and the kernel calls that each becomes.

    A RESHAPE is not among them. Raises :class:`BadInput`.
    """
    order: list[int] = []
    layers: list[tuple[Layer, ...]] = []
    for op in graph.ops:
        if op.kind == "RESHAPE":
            check_reshape(graph, op)
        else:
            order.append(op.index)
            layers.append(ops.lower(graph, op))
    if not layers:
        raise BadInput("the model only reshapes its input; there is nothing to run")
    return order, layers


def lacking(model: bytes) -> tuple[str, ...]:
    """Return the kinds of operators that the native runtime does not have at all; others are checked.

    Raises :class:`Unsupported` for one that it has, but not in this form, and :class:`BadInput` as
    :func:`load`.
    """
    graph = load(model)
    missing = {op.kind for op in graph.ops} - {*ops.registry(), "RESHAPE"}
    for op in graph.ops:
        if op.kind == "RESHAPE":
            check_reshape(graph, op)
        elif op.kind not in missing:
            ops.lower(graph, op)
    return tuple(sorted(missing))


def generate(model: bytes, name: str, prefix: str = "") -> Generated:
    """Generate the C of a full-int8 ``.tflite``.

    ``name`` must already be an identifier (:func:`names.identifier`); ``prefix`` starts every identifier
    of the C. Raises :class:`BadInput`: the file is damaged, not int8, or needs what is not supported.
    """
    if names.identifier(name) != name:
        raise BadInput(f"model name {name!r} is not a lower-case C identifier")
    graph = load(model)
    order, layers = lower(graph)
    made = plan(graph, order, layers)
    kinds = {op.index: op.kind for op in graph.ops}
    outputs = [graph.tensors[parts[0].output] for parts in layers]
    layer_names = _layer_names(graph, order)
    reports = tuple(
        LayerReport(
            name=layer_names[step],
            op=kinds[order[step]],
            module=names.source_module(tensor.name),
            kernel=parts[0].kernel,
            tensor=tensor.index,
            shape=tensor.shape,
            scale=tensor.scale,
            zero_point=tensor.zero_point,
            macs=sum(part.macs for part in parts),
            flash_bytes=sum(flash_bytes(parts, graph)),
            live_bytes=made.live_bytes[step],
        )
        for step, (parts, tensor) in enumerate(zip(layers, outputs, strict=True))
    )
    weights, tables = flash_bytes([part for parts in layers for part in parts], graph)
    program = emit.Program(graph, made, layers, layer_names)
    files = emit.native(program, model, name, prefix)
    return Generated(files, graph, made, reports, weights, tables)


def generate_tflm(model: bytes, name: str, arena_bytes: int) -> dict[str, str]:
    """Generate the C++ that runs a full-int8 ``.tflite`` on TensorFlow Lite Micro in ``arena_bytes``.

    Its layers are those of :func:`generate` and :func:`tflm_layers`. Raises :class:`BadInput`: the file is
    damaged, not int8, or needs an operator that TensorFlow Lite Micro does not have.
    """
    whole = read(model)
    graph = _folded(whole)
    order = [op.index for op in _running(graph)]
    layers = dict(zip(order, _layer_names(graph, order), strict=True))
    return emit_tflm.files(whole, graph, layers, model=model, name=name, arena_bytes=arena_bytes)


def tflm_layers(model: bytes) -> tuple[LayerReport, ...]:
    """Describe the layers of a full-int8 ``.tflite`` on TensorFlow Lite Micro, lowered or not.

    The library must have accepted the model: shapes are not checked again. Raises :class:`BadInput`.
    """
    graph = load(model)
    chosen = _running(graph)
    live = dict(zip((op.index for op in graph.ops), tflm_cost.live_bytes(graph), strict=True))
    outputs = [graph.tensors[op.outputs[0]] for op in chosen]
    layer_names = _layer_names(graph, [op.index for op in chosen])
    return tuple(
        LayerReport(
            name=name,
            op=op.kind,
            module=names.source_module(tensor.name),
            kernel="tflm",
            tensor=tensor.index,
            shape=tensor.shape,
            scale=tensor.scale,
            zero_point=tensor.zero_point,
            macs=tflm_cost.macs(graph, op),
            flash_bytes=tflm_cost.flash_bytes(graph, op),
            live_bytes=live[op.index],
        )
        for name, op, tensor in zip(layer_names, chosen, outputs, strict=True)
    )


def _running(graph: Graph) -> list[Op]:
    """Return the operators that are layers: all but RESHAPE, which moves nothing."""
    chosen = [op for op in graph.ops if op.kind != "RESHAPE"]
    if not chosen:
        raise BadInput("the model only reshapes its input; there is nothing to run")
    return chosen


def _layer_names(graph: Graph, order: Sequence[int]) -> tuple[str, ...]:
    ops_by_index = {op.index: op for op in graph.ops}
    chosen = [ops_by_index[index] for index in order]
    return names.unique(names.layer_name(graph.tensors[op.outputs[0]].name, op.kind) for op in chosen)
