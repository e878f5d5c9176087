"""A student becomes an ONNX graph: batch 1, static shapes, one input, named nodes."""

from __future__ import annotations

import ast
import io
from typing import Any

from nonn_mcu.convert.quiet import ToolError, call
from nonn_mcu.convert.rewrite.normalised import fold_normalisation
from nonn_mcu.errors import BadInput
from nonn_mcu.students import Student
from nonn_mcu.students.student import affine_between, first_line, limits

# The tracing exporter writes 17, which every tool downstream reads; the dynamo exporter starts at 18.
_OPSET = 17
_DYNAMO_OPSET = 18


def export(student: Student) -> tuple[Any, str]:
    """Return the ONNX ``ModelProto`` and what the exporter said.

    It computes what :func:`nonn_mcu.students.forward` does. Its one input has shape
    ``(1, *student.input.shape)``; its outputs come in the network's order. Every
    node has a unique name that starts with the path of its torch module where the exporter knows it
    (``/layer1.0.conv1/Conv``). Modules and TorchScript go through the tracing exporter, a ``.pt2`` through
    the dynamo exporter, ONNX as it is. Raises :class:`BadInput`.
    """
    try:
        model, log = call(lambda: _to_onnx(student))
    except ToolError as error:
        cause = error.__cause__ or error
        raise BadInput(
            f"{student.name}: cannot be exported to ONNX: {first_line(cause)}; "
            "use operators with static shapes that ONNX knows"
        ) from error
    _name_nodes(model)
    if len(model.graph.input) != 1:
        raise BadInput(f"{student.name}: has {len(model.graph.input)} inputs; only one is supported")
    if not model.graph.output:
        raise BadInput(f"{student.name}: has no outputs")
    _refuse_non_finite(student.name, model)
    if student.model_input is not None:
        _, brightest = limits(student.input)
        affine = affine_between(student.input, student.model_input)
        model = fold_normalisation(model, *affine, float(brightest.min()))
    return model, log


def _to_onnx(student: Student) -> Any:
    import onnx

    if student.kind == "onnx":
        model = onnx.ModelProto()
        model.CopyFrom(student.model)
        initialisers = {tensor.name for tensor in model.graph.initializer}
        inputs = [value for value in model.graph.input if value.name not in initialisers]
        del model.graph.input[:]
        model.graph.input.extend(inputs)  # IR versions before 4 list the weights as inputs, too
        return model

    import torch

    if student.kind == "exported":
        program = torch.onnx.export(
            student.model, (), dynamo=True, opset_version=_DYNAMO_OPSET, external_data=False, verbose=False
        )
        return program.model_proto
    buffer = io.BytesIO()
    example = torch.zeros(1, *student.input.shape)
    with torch.no_grad():
        torch.onnx.export(
            student.model, (example,), buffer, dynamo=False, opset_version=_OPSET, input_names=["input"]
        )
    return onnx.load_from_string(buffer.getvalue())


def _name_nodes(model: Any) -> None:
    taken: set[str] = set()
    for index, node in enumerate(model.graph.node):
        scopes = next((p.value for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"), None)
        if scopes is not None:
            path = (ast.literal_eval(scopes) or [""])[:-1]
            node.name = "/" + "/".join([part for part in path[-1:] if part] + [node.op_type])
        base = node.name or f"{node.op_type}_{index}"
        name, count = base, 1
        while name in taken:
            name, count = f"{base}_{count}", count + 1
        node.name = name
        taken.add(name)


def _refuse_non_finite(name: str, model: Any) -> None:
    import numpy as np
    import onnx

    for tensor in model.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise BadInput(f"{name}: weight {tensor.name!r} holds NaN or infinity; train or export it again")
