"""A PReLU with one slope is a LeakyRelu, which int8 has and PReLU has not."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.convert.rewrite.match import constant, replace


def leaky(graph: Any) -> None:
    """Rewrite PRelu with a constant slope that is the same everywhere."""
    import onnx_graphsurgeon as gs

    for node in list(graph.nodes):
        slope = constant(node.inputs[1]) if node.op == "PRelu" else None
        if slope is not None and np.all(slope == slope.flat[0]):
            attrs = {"alpha": float(slope.flat[0])}
            replace(graph, node, gs.Node("LeakyRelu", node.name, attrs, [node.inputs[0]]))
