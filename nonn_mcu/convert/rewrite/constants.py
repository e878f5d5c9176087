"""Constant folding: the chains that compute shapes, paddings and slice bounds become constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.convert.rewrite.match import constant, static_shape

# Nothing that a network of the sizes in question needs is larger; a crafted file could ask for terabytes.
_MAX_ELEMENTS = 1 << 24
_NOT_FUNCTIONS = ("Random", "Multinomial", "Bernoulli", "If", "Loop", "Scan", "Optional", "Sequence")


def fold_constants(graph: Any) -> None:
    """Evaluate every node whose inputs are all constant, and ``Shape`` of a static tensor.

    Constant nodes become initialisers: onnx2tf 1.28.8 moves the axes of a Slice to channels last only when
    it finds them there, and slices the wrong axes otherwise (the "option A" shortcut of CIFAR ResNets).
    Uses the reference implementation that comes with ``onnx``, one node at a time.
    """
    import onnx_graphsurgeon as gs

    graph.toposort()
    for node in list(graph.nodes):
        if node.op.startswith(_NOT_FUNCTIONS):
            continue
        values = _evaluate(node, graph.opset)
        if values is None:
            continue
        for output, value in zip(list(node.outputs), values, strict=False):
            if any(output is out for out in graph.outputs):
                break
            folded = gs.Constant(output.name + "_folded", np.require(value, requirements="C"))
            for reader in list(output.outputs):
                reader.inputs = [folded if tensor is output else tensor for tensor in reader.inputs]


def _evaluate(node: Any, opset: int) -> list[np.ndarray] | None:
    if node.op == "Constant":
        value = constant(node.outputs[0])
        return None if value is None else [value]
    if node.op == "Shape":
        shape = static_shape(node.inputs[0])
        return None if shape is None else [_shape_slice(node, shape)]
    arrays = [None if tensor.is_empty() else constant(tensor) for tensor in node.inputs]
    if any(array is None and not t.is_empty() for array, t in zip(arrays, node.inputs, strict=True)):
        return None
    if node.op == "ConstantOfShape" and np.prod(np.asarray(arrays[0], np.float64)) > _MAX_ELEMENTS:
        return None
    sizes = [static_shape(output) for output in node.outputs]
    if any(size is not None and np.prod(size, dtype=np.float64) > _MAX_ELEMENTS for size in sizes):
        return None
    return _run(node, arrays, opset)


def _shape_slice(node: Any, shape: tuple[int, ...]) -> np.ndarray:
    return np.array(shape[node.attrs.get("start", 0) : node.attrs.get("end", len(shape))], np.int64)


def _run(node: Any, arrays: list[np.ndarray | None], opset: int) -> list[np.ndarray] | None:
    import onnx
    import onnx_graphsurgeon as gs
    from onnx.reference import ReferenceEvaluator

    inputs = [
        gs.Constant(t.name, a) if a is not None else gs.Variable.empty()
        for t, a in zip(node.inputs, arrays, strict=True)
    ]
    outputs = [gs.Variable(t.name, dtype=t.dtype) for t in node.outputs]
    single = gs.Graph(
        [gs.Node(node.op, node.name, dict(node.attrs), inputs, outputs)], [], outputs, opset=opset
    )
    try:
        model = gs.export_onnx(single, do_type_check=False)
        return [
            np.asarray(value)
            for value in ReferenceEvaluator(onnx.shape_inference.infer_shapes(model)).run(None, {})
        ]
    except Exception:  # an operator the evaluator does not know: leave it to the next tool
        return None
