"""Graph, layers and plan -> C text. Deterministic: the same model gives the same bytes everywhere."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import nonn_mcu
from nonn_mcu.codegen.constants import WIDTH, Arrays, flash_bytes, literal, number, rows
from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.layer import Layer, Table
from nonn_mcu.codegen.names import comment, identifier, unique
from nonn_mcu.codegen.placement import ALIGNMENT
from nonn_mcu.codegen.plan import Plan
from nonn_mcu.target import Target

_INDENT = 12  # of the lines within a case


@dataclass(frozen=True, eq=False)
class Program:
    """What is emitted for one kind of core.

    ``layers[i]`` are the kernel calls of one operator, called ``names[i]`` (unique).
    """

    graph: Graph
    plan: Plan
    layers: Sequence[Sequence[Layer]]
    names: Sequence[str]
    target: Target


def native(
    program: Program, model: bytes, name: str, prefix: str = "", following: str = ""
) -> dict[str, str]:
    """Write the native runtime for a target: ``native/model.c``, and ``native/weights.h`` which it includes.

    Both names end with the target's suffix, and all of the C is inside its ``#if``.

    ``prefix`` starts every identifier and both files' names, so that several models can stand in one folder
    and even in one translation unit; without one the model is called ``nonn_model``. With ``following`` it
    leads to the model of that prefix.
    """
    graph, layers = program.graph, program.layers
    arrays = Arrays()
    parts = [part for calls in layers for part in calls]
    cases = [_case(program, step, arrays, prefix) for step in range(len(layers))]
    written = [calls[0].output for calls in layers]
    ends = {"input": graph.inputs, "output": graph.outputs, "layer": written}
    digest = hashlib.sha256(model).digest()
    weights, other = flash_bytes(parts, graph)
    common = {"name": name, "prefix": prefix, "target": program.target}
    ending = program.target.suffix
    return {
        f"native/{prefix}model{ending}.c": render(
            "model.c.j2",
            **common,
            following=following,
            version=nonn_mcu.__version__,
            digest=digest.hex(),
            digest_bytes=rows([f"0x{byte:02x}" for byte in digest], 12),
            headers=sorted({part.kernel for part in parts}),
            cases=cases,
            macs=sum(part.macs for part in parts),
            plan=program.plan,
            alignment=ALIGNMENT,
            weights_bytes=weights,
            table_bytes=other,
            tensors=descriptions(graph, written, program.names),
            offsets={
                kind: rows([f"{program.plan.offset[index]}u" for index in indices])
                for kind, indices in ends.items()
            }
            | {"kept": rows([f"{start}u" for start in _end_to_end(graph, graph.inputs)])},
        ),
        f"native/{prefix}weights{ending}.h": render(
            "weights.h.j2",
            **common,
            guard=f"{prefix.upper()}NONN_WEIGHTS{ending.upper()}_H",
            arrays=arrays.emitted,
        ),
    }


def _case(program: Program, step: int, arrays: Arrays, prefix: str) -> dict[str, Any]:
    """One layer: the structs of its calls' parameters, and the lines that run it."""
    calls = program.layers[step]
    structs = []
    lines = _about(program, step)
    for number_of_call, call in enumerate(calls):
        symbol = f"l{step}_{program.names[step]}" + (f"_{number_of_call}" if len(calls) > 1 else "")
        fields = [
            (key, literal(value, arrays, f"{symbol}_{key}", prefix)) for key, value in call.params.items()
        ]
        structs.append({"kernel": call.kernel, "symbol": symbol, "fields": fields})
        arguments = [f"&{prefix}{symbol}_params"]
        for index in call.inputs:
            data = program.graph.tensors[index].data
            if data is None:
                arguments.append(_address(program.plan.offset[index], prefix))
            else:
                arguments.append(prefix + arrays.add(Table("int8_t", data), f"{symbol}_constant{index}"))
        arguments.append(_address(program.plan.offset[call.output], prefix))
        scratch = program.plan.scratch[step]
        if call.scratch_bytes and scratch is not None:
            arguments.append(_address(scratch, prefix))
        text = f"nonn_{call.kernel}({', '.join(arguments)});"
        lines += textwrap.wrap(text, WIDTH - _INDENT, subsequent_indent="    ")
    return {"structs": structs, "lines": lines}


def _about(program: Program, step: int) -> list[str]:
    """Say in a comment what the layer is: name, operator, shapes, form, work, bytes of flash and of RAM."""
    calls, tensors = program.layers[step], program.graph.tensors
    read = dict.fromkeys(index for call in calls for index in call.inputs)
    *sources, result = ("x".join(map(str, tensors[i].shape)) for i in (*read, calls[0].output))
    kind = next(op.kind for op in program.graph.ops if op.index == program.plan.order[step])
    macs = sum(call.macs for call in calls)
    words = [
        f"{kind} {', '.join(sources)} -> {result}",
        *calls[0].notes,
        *([f"{macs:,} MACs"] if macs else []),
        f"{sum(flash_bytes(calls, program.graph)):,} B of constants",
        f"{program.plan.live_bytes[step]:,} B of arena",
    ]
    text = comment(f"{program.names[step]}: {', '.join(words)}")
    width = WIDTH - _INDENT - len(" */")
    lines = textwrap.wrap(f"/* {text}", width, subsequent_indent=" * ", break_on_hyphens=False)
    return [*lines[:-1], f"{lines[-1]} */"]


def _address(offset: int, prefix: str) -> str:
    return f"{prefix}arena + {offset}" if offset else f"{prefix}arena"


def _end_to_end(graph: Graph, indices: Sequence[int]) -> list[int]:
    sizes = [graph.tensors[index].size for index in indices]
    return list(accumulate(sizes, initial=0))[:-1]


def descriptions(
    graph: Graph, written: Sequence[int], names: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return what a template needs to write the ``nonn_tensor`` of each input, output and layer.

    ``written[i]`` is the tensor that layer ``i``, called ``names[i]``, writes.
    """
    labelled = {
        "input": (graph.inputs, _tensor_names(graph, graph.inputs, "input")),
        "output": (graph.outputs, _tensor_names(graph, graph.outputs, "output")),
        "layer": (written, names),
    }
    return {
        kind: [_spec(graph, index, label) for index, label in zip(indices, labels, strict=True)]
        for kind, (indices, labels) in labelled.items()
    }


def _tensor_names(graph: Graph, indices: Sequence[int], fallback: str) -> tuple[str, ...]:
    return unique(identifier(graph.tensors[index].name or fallback) for index in indices)


def _spec(graph: Graph, index: int, name: str) -> dict[str, Any]:
    tensor = graph.tensors[index]
    return {
        "name": name,
        "size": tensor.size,
        "rank": len(tensor.shape),
        "dims": ", ".join(map(str, tensor.shape)),
        "scale": number(tensor.scale),
        "zero_point": tensor.zero_point,
    }


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # The templates write C, not HTML; every text from outside is sanitised before it comes here.
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(template: str, **values: Any) -> str:
    """Fill in one of the templates beside this file."""
    return str(_environment().get_template(template).render(**values))
