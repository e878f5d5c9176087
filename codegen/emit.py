"""Graph, layers and plan -> C text. Deterministic: the same model gives the same bytes everywhere."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import nonn_mcu
from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.layer import WEIGHT_FIELDS, Layer, Table, Value
from nonn_mcu.codegen.names import comment, identifier, unique
from nonn_mcu.codegen.placement import ALIGNMENT
from nonn_mcu.codegen.plan import Plan

WIDTH = 100  # columns of the generated text


@dataclass(frozen=True, eq=False)
class Program:
    """What is emitted: ``layers[i]`` are the kernel calls of one operator, called ``names[i]`` (unique)."""

    graph: Graph
    plan: Plan
    layers: Sequence[Sequence[Layer]]
    names: Sequence[str]


def native(program: Program, model: bytes, name: str, prefix: str) -> dict[str, str]:
    """Write the native runtime: ``native/model.c``, and ``native/weights.h`` which it includes.

    ``prefix`` starts every identifier, so that several models can stand in one translation unit; without
    one the model is called ``nonn_model``.
    """
    graph, plan, layers, names = program.graph, program.plan, program.layers, program.names
    tables = _Tables()
    calls: list[dict[str, Any]] = []
    described: list[dict[str, Any]] = []
    for step, (parts, layer_name) in enumerate(zip(layers, names, strict=True)):
        lines = []
        for number, part in enumerate(parts):
            symbol = f"l{step}_{layer_name}" + (f"_{number}" if len(parts) > 1 else "")
            arguments = [f"&{prefix}{symbol}_params"]
            for index in part.inputs:
                tensor = graph.tensors[index]
                if tensor.data is None:
                    arguments.append(_address(plan.offset[index], prefix))
                else:
                    table = Table("int8_t", tensor.data)
                    arguments.append(prefix + tables.add(table, f"{symbol}_constant{index}"))
            arguments.append(_address(plan.offset[part.output], prefix))
            scratch = plan.scratch[step]
            if part.scratch_bytes and scratch is not None:
                arguments.append(_address(scratch, prefix))
            lines += _call(f"nonn_{part.kernel}", arguments)
            fields = [
                (key, _value(value, tables, f"{symbol}_{key}", prefix)) for key, value in part.params.items()
            ]
            calls.append({"kernel": part.kernel, "symbol": symbol, "params": fields})
        described.append({"lines": _describe(graph, plan, step, parts, layer_name) + lines})
    specs = (
        ("input", _specs(graph, graph.inputs, "input"), graph.inputs),
        ("output", _specs(graph, graph.outputs, "output"), graph.outputs),
        (
            "layer",
            [_spec(graph, p[0].output, n) for p, n in zip(layers, names, strict=True)],
            [p[0].output for p in layers],
        ),
    )
    digest = hashlib.sha256(model).digest()
    weights, other = flash_bytes([part for parts in layers for part in parts], graph)
    common = {"name": name, "prefix": prefix, "version": nonn_mcu.__version__}
    return {
        "native/model.c": _render(
            "model.c.j2",
            **common,
            digest=digest.hex(),
            digest_bytes=_rows([f"0x{byte:02x}" for byte in digest], 12),
            headers=sorted({part.kernel for parts in layers for part in parts}),
            calls=calls,
            layers=described,
            macs=sum(part.macs for parts in layers for part in parts),
            plan=plan,
            alignment=ALIGNMENT,
            weights_bytes=weights,
            table_bytes=other,
            tensor_tables=[(kind, spec) for kind, spec, _ in specs],
            offsets={kind: _rows([f"{plan.offset[i]}u" for i in indices]) for kind, _, indices in specs},
        ),
        "native/weights.h": _render(
            "weights.h.j2", **common, guard=f"{prefix.upper()}NONN_WEIGHTS_H", tables=tables.emitted
        ),
    }


def tflm(model: bytes, name: str) -> dict[str, str]:
    """TensorFlow Lite Micro's own convention for a model compiled in: ``g_<name>_model_data``."""
    return {
        f"tflm/{name}_model_data.h": _render(
            "model_data.h.j2", name=name, size=len(model), guard=f"{name.upper()}_MODEL_DATA_H_"
        ),
        f"tflm/{name}_model_data.cc": _render(
            "model_data.cc.j2", name=name, rows=_rows([f"0x{byte:02x}" for byte in model])
        ),
    }


def flash_bytes(layers: Iterable[Layer], graph: Graph) -> tuple[int, int]:
    """Bytes of (weights, everything else constant) of these kernel calls; equal arrays count once.

    A parameter counts four bytes, as does a pointer on the supported cores.
    """
    seen: set[tuple[str, bytes]] = set()
    weights = other = 0

    def array(table: Table) -> int:
        key = (table.ctype, _typed(table).tobytes())
        size = 0 if key in seen else len(key[1])
        seen.add(key)
        return size

    for layer in layers:
        for index in layer.inputs:
            if (data := graph.tensors[index].data) is not None:
                weights += array(Table("int8_t", data))
        for key, value in layer.params.items():
            if isinstance(value, Table):
                size = array(value)
                weights += size if key in WEIGHT_FIELDS else 0
                other += 0 if key in WEIGHT_FIELDS else size
            other += 4 * _leaves(value)
    return weights, other


def _leaves(value: Value) -> int:
    return sum(_leaves(item) for item in value) if isinstance(value, tuple) else 1


class _Tables:
    """The constant arrays so far; an array that is already there is not emitted again."""

    def __init__(self) -> None:
        self.symbols: dict[tuple[str, bytes], str] = {}
        self.emitted: list[dict[str, Any]] = []

    def add(self, table: Table, symbol: str) -> str:
        values = _typed(table)
        key = (table.ctype, values.tobytes())
        if key not in self.symbols:
            self.symbols[key] = symbol
            shape = "x".join(str(d) for d in table.values.shape)
            literals = [_number(value) for value in values.reshape(-1).tolist()]
            self.emitted.append(
                {
                    "ctype": table.ctype,
                    "symbol": symbol,
                    "count": values.size,
                    "comment": f"{shape}, {values.nbytes:,} bytes",
                    "rows": _rows(literals),
                }
            )
        return self.symbols[key]


def _typed(table: Table) -> np.ndarray:
    dtype = np.float32 if table.ctype == "float" else np.dtype(table.ctype.removesuffix("_t"))
    return np.ascontiguousarray(table.values.astype(dtype))


def _value(value: Value, tables: _Tables, symbol: str, prefix: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, Table):
        return prefix + tables.add(value, symbol)
    if isinstance(value, tuple):
        return "{" + ", ".join(_value(item, tables, symbol, prefix) for item in value) + "}"
    return _number(value)


def _number(value: float) -> str:
    if not isinstance(value, int | np.integer):
        return f"{value:.9g}f" if any(c in f"{value:.9g}" for c in ".e") else f"{value:.9g}.0f"
    # C has no negative literals: -2147483648 is the negation of a number that no int holds.
    return "(-2147483647 - 1)" if value == -(1 << 31) else str(int(value))


def _address(offset: int, prefix: str) -> str:
    return f"{prefix}arena + {offset}" if offset else f"{prefix}arena"


def _call(function: str, arguments: Sequence[str]) -> list[str]:
    return textwrap.wrap(f"{function}({', '.join(arguments)});", WIDTH - 12, subsequent_indent="    ")


def _describe(graph: Graph, plan: Plan, step: int, parts: Sequence[Layer], name: str) -> list[str]:
    shapes = [
        "x".join(str(d) for d in graph.tensors[index].shape)
        for index in (*dict.fromkeys(i for part in parts for i in part.inputs), parts[0].output)
    ]
    kind = next(op.kind for op in graph.ops if op.index == plan.order[step])
    macs = sum(part.macs for part in parts)
    words = [f"{kind} {', '.join(shapes[:-1])} -> {shapes[-1]}", *parts[0].notes]
    words += [f"{macs:,} MACs"] if macs else []
    text = comment(f"{name}: {', '.join(words)}")
    return textwrap.wrap(f"/* {text} */", WIDTH - 12, subsequent_indent=" * ", break_on_hyphens=False)


def _specs(graph: Graph, indices: Sequence[int], fallback: str) -> list[dict[str, Any]]:
    found = [identifier(graph.tensors[index].name or fallback) for index in indices]
    return [_spec(graph, index, name) for index, name in zip(indices, unique(found), strict=True)]


def _spec(graph: Graph, index: int, name: str) -> dict[str, Any]:
    tensor = graph.tensors[index]
    return {
        "name": name,
        "size": tensor.size,
        "rank": len(tensor.shape),
        "dims": ", ".join(str(d) for d in tensor.shape),
        "scale": _number(tensor.scale),
        "zero_point": tensor.zero_point,
    }


def _rows(literals: Sequence[str], indent: int = 4) -> str:
    rows: list[str] = []
    line = ""
    for literal in literals:
        if line and indent + len(line) + len(literal) + 2 > WIDTH:
            rows.append(line)
            line = ""
        line += f"{' ' if line else ''}{literal},"
    return "\n".join(" " * indent + row for row in [*rows, line] if row)


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


def _render(template: str, **values: Any) -> str:
    return str(_environment().get_template(template).render(**values))
