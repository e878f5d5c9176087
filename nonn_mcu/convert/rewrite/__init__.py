"""Exact rewrites of an ONNX graph, so that it converts at all, or to fewer and better quantised operators.

Each rule is one file with one function that changes a graph in place; :func:`rewrite` works on a copy.
Every rule computes the same function as before up to the rounding of float32 (1e-6 relative).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nonn_mcu.convert.rewrite.batch_norm import fold_batch_norm, leftover_batch_norm
from nonn_mcu.convert.rewrite.constants import fold_constants
from nonn_mcu.convert.rewrite.flatten_gemm import flatten_gemm
from nonn_mcu.convert.rewrite.global_pool import global_pool
from nonn_mcu.convert.rewrite.identity import drop_identity
from nonn_mcu.convert.rewrite.leaky import leaky
from nonn_mcu.convert.rewrite.padded_pool import padded_pool
from nonn_mcu.convert.rewrite.split import group_conv, split
from nonn_mcu.convert.rewrite.subsample import subsample

Rule = Callable[[Any], None]

RULES: tuple[Rule, ...] = (
    drop_identity,
    fold_constants,
    subsample,
    split,
    leaky,
    padded_pool,
    fold_batch_norm,
    leftover_batch_norm,
    group_conv,
    flatten_gemm,
    global_pool,
)


def rewrite(model: Any, rules: Sequence[Rule] = RULES) -> Any:
    """Apply ``rules`` in order, until nothing changes, to a copy of ``model``.

    ``model`` is an ``onnx.ModelProto`` with static shapes. Inputs and outputs keep their names, shapes and
    order. The result carries the inferred shape of every tensor. Raises :class:`BadInput` for what cannot be
    quantised, and whatever ``onnx`` raises on an inconsistent graph.
    """
    while True:
        before = [node.op_type for node in model.graph.node]
        for rule in rules:
            model = _apply(rule, model)
        if [node.op_type for node in model.graph.node] == before:
            return model


def _apply(rule: Rule, model: Any) -> Any:
    import onnx
    import onnx_graphsurgeon as gs

    # each rule sees the shapes that the ones before it have made known
    graph = gs.import_onnx(onnx.shape_inference.infer_shapes(model, data_prop=True))
    rule(graph)
    graph.cleanup(remove_unused_graph_inputs=False).toposort()
    changed = gs.export_onnx(graph, do_type_check=False)
    changed.ir_version = model.ir_version  # surgeon forgets it
    return onnx.shape_inference.infer_shapes(changed, data_prop=True)
