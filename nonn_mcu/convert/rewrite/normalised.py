"""An image's normalisation becomes part of the first convolution, which then takes pixels as they come.

The weights take the factors. The offsets are no bias where the convolution pads, as the border has none of
them: so a channel of one constant is put beside the image's, which the border has not either, and the offsets
are the weights of that channel.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def takes_normalisation(model: Any) -> bool:
    """Say whether :func:`fold_normalisation` can change this ``onnx.ModelProto``."""
    # before 11 a Pad has its amounts as attributes
    return all(one.version >= 11 for one in model.opset_import if not one.domain) and (
        _first(model.graph) is not None
    )


def fold_normalisation(model: Any, factor: np.ndarray, offset: np.ndarray, most: float) -> Any:
    """Give the model that of ``x`` computes what ``model`` does of ``factor * x + offset``, both ``(C,)``.

    ``model`` is an ``onnx.ModelProto`` that :func:`takes_normalisation`. The constant is a whole number from
    1 to ``most``, the least whose weights are no larger than those of the image's channels.
    """
    import onnx

    folded = onnx.ModelProto.FromString(model.SerializeToString())
    graph = folded.graph
    found = _first(graph)
    assert found is not None
    conv, tensor = found
    weight = onnx.numpy_helper.to_array(tensor).astype(np.float64)
    scaled = weight * factor[:, None, None]
    offsets = (weight * offset[:, None, None]).sum(axis=1, keepdims=True)
    largest = abs(scaled).max(axis=(1, 2, 3))
    needed = np.divide(abs(offsets).max(axis=(1, 2, 3)), largest, where=largest > 0, out=0 * largest)
    level = np.clip(np.ceil(needed.max()), 1, most)
    constants = {
        "pads": np.array([0, 0, 0, 0, 0, 1, 0, 0], np.int64),
        "level": np.array(level, np.float32),
        "weight": np.concatenate([scaled, offsets / level], axis=1).astype(np.float32),
    }
    pads, value, merged, beside = (f"{conv.name}/pixels_{part}" for part in (*constants, "beside"))
    graph.initializer.extend(
        onnx.numpy_helper.from_array(values, f"{conv.name}/pixels_{part}")
        for part, values in constants.items()
    )
    pad = onnx.helper.make_node("Pad", [conv.input[0], pads, value], [beside], f"{conv.name}_pad")
    conv.input[0], conv.input[1] = beside, merged
    graph.node.insert(0, pad)
    return folded


def _first(graph: Any) -> tuple[Any, Any] | None:
    """Find the convolution that alone reads the image, and its weights; or None."""
    readers = [node for node in graph.node if graph.input[0].name in node.input]
    if len(readers) != 1 or readers[0].op_type != "Conv":
        return None
    conv = readers[0]
    weight = next((tensor for tensor in graph.initializer if tensor.name == conv.input[1]), None)
    grouped = any(attribute.name == "group" and attribute.i != 1 for attribute in conv.attribute)
    return None if weight is None or grouped or len(weight.dims) != 4 else (conv, weight)
