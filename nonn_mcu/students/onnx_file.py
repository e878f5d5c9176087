"""ONNX: one float32 input, static shapes, batch 1; external weights only from the model's own folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nonn_mcu.errors import BadInput
from nonn_mcu.students.extra import require
from nonn_mcu.students.found import Found, check_finite
from nonn_mcu.students.student import first_line


def read(path: Path, data: bytes) -> Found:
    """Parse and check a model; its free batch axis becomes 1. Raises :class:`BadInput`."""
    require("onnx", "reading ONNX")
    import onnx
    from onnx import external_data_helper, numpy_helper

    try:
        model = onnx.load_model_from_string(data)
    except Exception:  # the protobuf runtimes raise different ones
        raise BadInput(f"{path}: not an ONNX model, or damaged; export it again") from None
    if not model.graph.node:
        raise BadInput(f"{path}: an ONNX model without nodes, or another protobuf; export it again")
    _check_external(path, model)
    try:
        external_data_helper.load_external_data_for_model(model, str(path.resolve().parent))
        onnx.checker.check_model(model)
    except Exception as error:  # checker.ValidationError, OSError and others
        raise BadInput(f"{path}: ONNX's checker refuses it: {first_line(error)}") from None
    shape = _fix_batch(path, model)
    try:
        check_finite(path, ((t.name, numpy_helper.to_array(t)) for t in _tensors(model) if _is_float(t)))
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path}: a weight cannot be read ({first_line(error)})") from None
    return Found("onnx", model, shape, fixed_shape=True)


def _tensors(model: Any) -> Iterator[Any]:
    """Every constant tensor: initialisers and attributes, in subgraphs and functions too."""

    def of_nodes(nodes: Any) -> Iterator[Any]:
        for node in nodes:
            for attribute in node.attribute:
                yield attribute.t
                yield from attribute.tensors
                for graph in (attribute.g, *attribute.graphs):
                    yield from of_graph(graph)

    def of_graph(graph: Any) -> Iterator[Any]:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        yield from of_nodes(graph.node)

    yield from of_graph(model.graph)
    for function in model.functions:
        yield from of_nodes(function.node)


def _is_float(tensor: Any) -> bool:
    from onnx import TensorProto

    return tensor.data_type in (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16)


def _check_external(path: Path, model: Any) -> None:
    folder = path.resolve().parent
    for tensor in _tensors(model):
        for entry in tensor.external_data:
            if entry.key != "location":
                continue
            place = (folder / entry.value).resolve()  # symlinks followed
            if not place.is_relative_to(folder) or not place.is_file():
                raise BadInput(
                    f"{path}: weight {tensor.name!r} is in {entry.value[:80]!r}, "
                    "which is not a file in the model's folder"
                )


def _fix_batch(path: Path, model: Any) -> tuple[int, ...]:
    """Set the free batch axis of the only input to 1; the input's shape without it."""
    from onnx import TensorProto

    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    if len(inputs) != 1:
        raise BadInput(f"{path}: has {len(inputs)} inputs; networks with one input are supported")
    tensor_type = inputs[0].type.tensor_type
    if tensor_type.elem_type != TensorProto.FLOAT:
        raise BadInput(f"{path}: input {inputs[0].name!r} is not float32; export the float network")
    dims = tensor_type.shape.dim
    if len(dims) < 2:
        raise BadInput(f"{path}: input {inputs[0].name!r} has {len(dims)} axes; the first must be the batch")
    for axis, dim in enumerate(dims):
        if dim.dim_value > 0:
            continue
        if axis:
            name = dim.dim_param or f"axis {axis}"
            raise BadInput(
                f"{path}: input {inputs[0].name!r} is dynamic at {name!r}; export with fixed shapes"
            )
        free = dim.dim_param
        for value in (inputs[0], *model.graph.output):
            for same in value.type.tensor_type.shape.dim[:1]:
                if same is dim or not same.dim_value or (free and same.dim_param == free):
                    same.dim_value = 1
        del model.graph.value_info[:]  # inferred again where needed; they name the axis that is gone
    if dims[0].dim_value != 1:
        raise BadInput(f"{path}: has batch {dims[0].dim_value}; export with batch 1")
    return tuple(dim.dim_value for dim in dims[1:])
