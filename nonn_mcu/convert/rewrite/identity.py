"""Nodes that pass their input on unchanged in inference: Identity, Dropout, slices of everything."""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.convert.rewrite.match import constant, static_shape


def drop_identity(graph: Any) -> None:
    """Remove them; a tensor that is both an input and an output of the graph keeps its node."""
    for node in list(graph.nodes):
        if not node.inputs or not node.outputs or not _passes_through(node):
            continue
        source, output = node.inputs[0], node.outputs[0]
        if any(output is out for out in graph.outputs):
            if len(source.inputs) != 1 or any(source is out for out in graph.outputs):
                continue  # nothing computes the value under the output's own name
            maker = source.inputs[0]
            readers = [reader for reader in source.outputs if reader is not node]
            node.inputs.clear()
            node.outputs.clear()
            maker.outputs[maker.outputs.index(source)] = output
            _redirect(readers, source, output)
        else:
            readers = list(output.outputs)
            node.outputs.clear()
            _redirect(readers, output, source)


def _passes_through(node: Any) -> bool:
    match node.op:
        case "Identity":
            return True
        case "Dropout":
            training = constant(node.inputs[2]) if len(node.inputs) > 2 else None
            return training is None or not bool(training)
        case "Slice":
            return (
                static_shape(node.inputs[0]) is not None
                and static_shape(node.inputs[0]) == static_shape(node.outputs[0])
                and all(step > 0 for step in _steps(node))
            )
        case _:
            return False


def _steps(node: Any) -> list[int]:
    if len(node.inputs) < 5:
        return [1]
    steps = constant(node.inputs[4])
    return [-1] if steps is None else np.atleast_1d(steps).tolist()


def _redirect(readers: list[Any], old: Any, new: Any) -> None:
    for reader in readers:
        reader.inputs = [new if tensor is old else tensor for tensor in reader.inputs]
