"""One operator per file: what each becomes in C. A file here is found by being here.

Each module has ``KINDS``, the TensorFlow Lite builtins it lowers, and
``lower(graph, op) -> Layer | tuple[Layer, ...]``. Several layers for one operator are its parts: calls
that run back to back and together write the operator's one output (CONCATENATION: one per input).
``lower`` raises :class:`nonn_mcu.codegen.unsupported.Unsupported` with the reason; it must check every
shape that its kernel relies on, because the file is hostile.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache

from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.unsupported import Unsupported, label
from nonn_mcu.errors import BadInput

Lower = Callable[[Graph, Op], Layer | tuple[Layer, ...]]


@cache
def registry() -> Mapping[str, Lower]:
    """Builtin's name -> the function that lowers it."""
    table: dict[str, Lower] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for kind in module.KINDS:
            assert kind not in table, f"{kind} is lowered twice"
            table[kind] = module.lower
    return table


def lower(graph: Graph, op: Op) -> tuple[Layer, ...]:
    """Lower one operator to the kernel calls that it takes. Raises :class:`Unsupported`."""
    if op.kind not in registry():
        kinds = ", ".join(sorted((*registry(), "RESHAPE")))
        raise Unsupported(f"{label(graph, op)}: operator is not supported; use one of {kinds}")
    try:
        layers = registry()[op.kind](graph, op)
    except BadInput as error:
        where = label(graph, op)
        if str(error).startswith(where):
            raise
        raise BadInput(f"{where}: {error}") from None
    return layers if isinstance(layers, tuple) else (layers,)
