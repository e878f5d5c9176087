"""A student becomes an int8 ``.tflite`` whose inputs and outputs are known by place, order and scale."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nonn_mcu.bundle import TensorInfo
from nonn_mcu.codegen.check import check
from nonn_mcu.codegen.edges import strip_edges
from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.reader import read
from nonn_mcu.convert import network
from nonn_mcu.convert.check import require_same
from nonn_mcu.convert.export import export
from nonn_mcu.convert.layout import Arrangement, arrange, derive, marker
from nonn_mcu.convert.naming import name_tensors
from nonn_mcu.convert.ptq.learned import by_index
from nonn_mcu.convert.ptq.refine import Step, refine, unrefined
from nonn_mcu.convert.quantise import quantise, require_int8
from nonn_mcu.convert.rewrite import rewrite
from nonn_mcu.errors import BadInput
from nonn_mcu.students import Student, forward
from nonn_mcu.students.student import first_line, renormalised

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Int8:
    """The quantised model and what the device's tensors mean; outputs come in the student's order.

    ``log`` is what the tools said. ``twin`` is the float ``.tflite`` whose operators are those of ``model``
    one by one, but for QUANTIZE, with tensors of the same names; None for a ready ``.tflite`` and where they
    do not pair. ``steps`` are those of :func:`nonn_mcu.convert.ptq.refine.refine`, none where the stock model
    was not refined.
    """

    model: bytes
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    log: str
    twin: bytes | None = None
    steps: tuple[Step, ...] = ()


def from_float(
    student: Student,
    x: np.ndarray,
    progress: Progress,
    *,
    validation: np.ndarray | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    made: bool = False,
) -> Int8:
    """Quantise a float student with the samples ``x``, float32 ``(N, *student.input.shape)``.

    The float network is compared with the student after every step, on ``x`` and on a marker that shows
    every exchange of axes. With ``validation``, other samples of the same shape, what the stock
    converter makes is refined. ``ranges`` are those of activations, by the names of the
    model's tensors, that training has found: refinement may choose them. ``made`` says that the samples are
    not real ones. Raises :class:`BadInput`.
    """
    progress("Loading TensorFlow")
    network.load_tools()
    progress("Exporting to ONNX")
    marked = marker(student.input.shape)
    if student.model_input is not None:
        marked = renormalised(marked, student.model_input, student.input)
    probe = np.concatenate([marked, x[:2]])
    references = forward(student, probe)
    exported, export_log = export(student)
    require_same(exported, probe, references, f"{student.name}: the export to ONNX")
    progress("Rewriting the graph")
    try:
        graph = rewrite(exported)
    except BadInput as error:
        raise BadInput(f"{student.name}: {error}") from None
    except Exception as error:  # onnx has no common base for what it raises
        raise BadInput(f"{student.name}: the ONNX graph is inconsistent: {first_line(error)}") from None
    require_same(graph, probe, references, f"{student.name}: rewriting the ONNX graph")
    with tempfile.TemporaryDirectory(prefix="nonn-mcu-") as folder:
        progress("Building the TensorFlow network")
        saved = Path(folder) / "saved_model"
        float_network, network_log = network.build(graph, saved)
        arrangement = derive(float_network.run, float_network.input_shape, probe, references)
        progress(f"Quantising with {len(x)} samples")
        samples = arrange(x, arrangement.input_axes, float_network.input_shape)
        stock, exact, quantise_log = quantise(saved, samples, float_network.sources)
        order = [f"output_{output.position}" for output in arrangement.outputs]

        def named(tflite: bytes) -> bytes:
            return name_tensors(tflite, float_network.sources, graph.graph, order)

        if validation is not None:
            held_out = arrange(validation, arrangement.input_axes, float_network.input_shape)
            learned = by_index(named(stock), ranges or {})
            refined = refine(stock, exact, samples, held_out, progress, learned=learned, made=made)
        else:
            refined = unrefined(stock, exact)
    model = named(refined.model)
    twin = None if refined.twin is None else named(refined.twin)
    device = read(model)
    require_int8(device)
    check(device)
    log = f"== ONNX export\n{export_log}\n== onnx2tf\n{network_log}\n== TensorFlow Lite\n{quantise_log}"
    infos = _infos(student, exported, device, arrangement, references)
    return Int8(model, *infos, log, twin, refined.steps)


def from_tflite(student: Student) -> Int8:
    """Take a ready int8 ``.tflite``: quantisation at its edges is stripped, its own layout is kept.

    Raises :class:`BadInput`, for a float model with what to do.
    """
    model = strip_edges(student.model)
    graph = read(model)
    check(graph)

    def infos(tensors: tuple[int, ...], fallback: str) -> tuple[TensorInfo, ...]:
        found = []
        for number, index in enumerate(tensors):
            tensor = graph.tensors[index]
            found.append(
                TensorInfo(
                    name=tensor.name or f"{fallback}_{number}",
                    shape=tensor.shape,
                    scale=tensor.scale,
                    zero_point=tensor.zero_point,
                    torch_shape=tensor.shape,
                    from_torch=tuple(range(len(tensor.shape))),
                )
            )
        return tuple(found)

    return Int8(model, infos(graph.inputs, "input"), infos(graph.outputs, "output"), "")


def _infos(
    student: Student, exported: Any, graph: Graph, arrangement: Arrangement, references: list[np.ndarray]
) -> tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...]]:
    count = len(references)
    if student.kind == "onnx":
        input_name = exported.graph.input[0].name
        names = [value.name for value in exported.graph.output]
    else:
        input_name = "input"
        names = ["output"] if count == 1 else [f"output_{i}" for i in range(count)]

    def info(name: str, index: int, torch_shape: tuple[int, ...], axes: tuple[int, ...]) -> TensorInfo:
        tensor = graph.tensors[index]
        return TensorInfo(
            name=name,
            shape=tensor.shape,
            scale=tensor.scale,
            zero_point=tensor.zero_point,
            torch_shape=torch_shape,
            from_torch=axes,
        )

    inputs = (info(input_name, graph.inputs[0], (1, *student.input.shape), arrangement.input_axes),)
    outputs = tuple(
        info(name, index, (1, *reference.shape[1:]), output.axes)
        for name, index, reference, output in zip(
            names, graph.outputs, references, arrangement.outputs, strict=True
        )
    )
    return inputs, outputs
