"""Graph and layers -> the C++ of the TensorFlow Lite Micro runtime. Deterministic, as all of the C."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import nonn_mcu
from nonn_mcu.codegen import tflm
from nonn_mcu.codegen.constants import rows
from nonn_mcu.codegen.emit import descriptions, render
from nonn_mcu.codegen.graph import Graph


def files(
    whole: Graph,
    graph: Graph,
    layers: Mapping[int, str],
    *,
    model: bytes,
    name: str,
    arena_bytes: int,
) -> dict[str, str]:
    """Write ``tflm/model.cc``, which defines ``nonn_model``, and the model as an array.

    The array follows the library's own convention, ``g_<name>_model_data``. ``whole`` is the file as it is,
    since the library runs every operator of it; ``graph`` is the folded one, of which the operators in
    ``layers`` (number in the file -> name, in order of execution) are the layers. Raises
    :class:`Unsupported` for an operator that the library does not have.
    """
    operators = tflm.operators(whole)
    written = {op.index: op.outputs[0] for op in graph.ops}
    digest = hashlib.sha256(model).digest()
    return {
        "tflm/model.cc": render(
            "tflm_model.cc.j2",
            name=name,
            version=nonn_mcu.__version__,
            digest=digest.hex(),
            digest_bytes=rows([f"0x{byte:02x}" for byte in digest], 8),
            operators=operators,
            headers=sorted({one.header for one in operators if one.header}),
            per_channel_fully_connected=tflm.has_per_channel_dense(whole),
            arena_bytes=arena_bytes,
            tensors=descriptions(graph, [written[index] for index in layers], tuple(layers.values())),
            layer_rows=rows([f"{{{index}u, {written[index]}u}}" for index in layers]),
        ),
        f"tflm/{name}_model_data.h": render(
            "model_data.h.j2", name=name, size=len(model), guard=f"{name.upper()}_MODEL_DATA_H_"
        ),
        f"tflm/{name}_model_data.cc": render(
            "model_data.cc.j2", name=name, rows=rows([f"0x{byte:02x}" for byte in model])
        ),
    }
