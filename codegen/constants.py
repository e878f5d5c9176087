"""Constants as C text, and what they weigh in flash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.layer import WEIGHT_FIELDS, Layer, Table, Value

WIDTH = 100  # columns of the generated text


@dataclass(frozen=True)
class Array:
    """One array as the template takes it: ``rows`` are its elements, wrapped."""

    ctype: str
    symbol: str
    count: int
    comment: str
    rows: str
    alignment: int


class Arrays:
    """The constant arrays so far; an array that is already there is not emitted again."""

    def __init__(self) -> None:
        self.symbols: dict[tuple[str, int, bytes], str] = {}
        self.emitted: list[Array] = []

    def add(self, table: Table, symbol: str) -> str:
        """Emit the table as ``symbol`` unless an equal one is there; return the name to use."""
        values = typed(table)
        key = (table.ctype, table.alignment, values.tobytes())
        if key not in self.symbols:
            self.symbols[key] = symbol
            shape = "x".join(str(d) for d in table.values.shape)
            literals = [number(value) for value in values.reshape(-1).tolist()]
            about = f"{shape}, {values.nbytes:,} bytes"
            array = Array(table.ctype, symbol, values.size, about, rows(literals), table.alignment)
            self.emitted.append(array)
        return self.symbols[key]


def typed(table: Table) -> np.ndarray:
    """Return the values as the C type holds them."""
    dtype = np.float32 if table.ctype == "float" else np.dtype(table.ctype.removesuffix("_t"))
    values = table.values.astype(dtype, order="C")
    assert np.array_equal(values, table.values), f"values do not fit {table.ctype}"
    return values


def literal(value: Value, arrays: Arrays, symbol: str, prefix: str) -> str:
    """Write a parameter's value; a table is added to ``arrays`` as ``symbol`` and referred to."""
    if value is None:
        return "NULL"
    if isinstance(value, Table):
        return prefix + arrays.add(value, symbol)
    if isinstance(value, tuple):
        return "{" + ", ".join(literal(item, arrays, symbol, prefix) for item in value) + "}"
    return number(value)


def number(value: float) -> str:
    """Write an int, or a float so that C reads back the same float32."""
    if not isinstance(value, int | np.integer):
        return f"{value:.9g}f" if any(c in f"{value:.9g}" for c in ".e") else f"{value:.9g}.0f"
    # C has no negative literals: -2147483648 is the negation of a number that no int holds.
    return "(-2147483647 - 1)" if value == -(1 << 31) else str(int(value))


def flash_bytes(layers: Iterable[Layer], graph: Graph) -> tuple[int, int]:
    """Count the bytes of (weights, everything else constant) of these kernel calls; equal arrays count once.

    A parameter counts four bytes, as does a pointer on the supported cores.
    """
    seen: set[tuple[str, bytes]] = set()
    weights = other = 0

    def array(table: Table) -> int:
        key = (table.ctype, typed(table).tobytes())
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


def rows(literals: Sequence[str], indent: int = 4) -> str:
    """Join array elements to lines of at most :data:`WIDTH` columns."""
    lines: list[str] = []
    line = ""
    for element in literals:
        if line and indent + len(line) + len(element) + 2 > WIDTH:
            lines.append(line)
            line = ""
        line += f"{' ' if line else ''}{element},"
    return "\n".join(" " * indent + line for line in [*lines, line] if line)
