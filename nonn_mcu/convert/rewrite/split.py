"""Split and grouped convolutions, which the device has not, become slices, convolutions and a Concat."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.convert.rewrite.match import constant, replace, static_shape


def group_conv(graph: Any) -> None:
    """Rewrite a Conv of several groups that is not depthwise as one Conv per group."""
    import onnx_graphsurgeon as gs

    for node in list(graph.nodes):
        groups = node.attrs.get("group", 1) if node.op == "Conv" else 1
        shape = static_shape(node.inputs[0]) if groups > 1 else None
        weight = constant(node.inputs[1]) if groups > 1 else None
        if shape is None or weight is None or weight.shape[1] == 1:
            continue
        bias = constant(node.inputs[2]) if len(node.inputs) > 2 else np.zeros(len(weight), np.float32)
        output = static_shape(node.outputs[0])
        if bias is None or output is None:
            continue
        width, parts = weight.shape[1], []
        for number, (kernel, offset) in enumerate(
            zip(np.split(weight, groups), np.split(bias, groups), strict=True)
        ):
            name = f"{node.name}_{number}"
            part = _slice(graph, name, node.inputs[0], (width * number, width * (number + 1)))
            inputs = [part, gs.Constant(name + "_weight", kernel), gs.Constant(name + "_bias", offset)]
            result = gs.Variable(name + "_out", np.float32, [output[0], len(kernel), *output[2:]])
            graph.nodes.append(gs.Node("Conv", name, dict(node.attrs) | {"group": 1}, inputs, [result]))
            parts.append(result)
        replace(graph, node, gs.Node("Concat", node.name, {"axis": 1}, parts))


def split(graph: Any) -> None:
    """Rewrite a Split along the channels as one Slice per output."""
    for node in list(graph.nodes):
        sizes = [static_shape(output) for output in node.outputs] if node.op == "Split" else []
        shape = static_shape(node.inputs[0]) if sizes else None
        if (
            shape is None
            or any(size is None for size in sizes)
            or node.attrs.get("axis", 0) % len(shape) != 1
        ):
            continue
        start = 0
        source, outputs = node.inputs[0], list(node.outputs)
        node.outputs.clear()
        for number, output in enumerate(outputs):
            end = start + output.shape[1]
            _slice(graph, f"{node.name}_{number}", source, (start, end), output)
            start = end


def _slice(graph: Any, name: str, source: Any, span: tuple[int, int], output: Any = None) -> Any:
    import onnx_graphsurgeon as gs

    start, end = span
    if output is None:
        shape = [source.shape[0], end - start, *source.shape[2:]]
        output = gs.Variable(name + "_slice", np.float32, shape)
    values = (("starts", start), ("ends", end), ("axes", 1), ("steps", 1))
    bounds = [gs.Constant(f"{name}_{what}", np.array([value], np.int64)) for what, value in values]
    graph.nodes.append(gs.Node("Slice", name + "_slice", {}, [source, *bounds], [output]))
    return output
