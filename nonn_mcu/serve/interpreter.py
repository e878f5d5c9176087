"""A bundle's model in an interpreter for Python: LiteRT, or its predecessor for 32-bit machines.

Both run with their reference kernels, without a delegate, on one thread: what an optimised kernel or a
delegate computes differs from TensorFlow Lite Micro's in many more values (docs/serve.md).
"""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from nonn_mcu.bundle import Bundle, LayerInfo, TensorInfo
from nonn_mcu.codegen.check import check_order
from nonn_mcu.codegen.reader import MAX_DIM, MAX_RANK, read
from nonn_mcu.errors import BadInput
from nonn_mcu.link.replies import TensorSpec

MODULES = {"litert": "ai_edge_litert.interpreter", "tflite-runtime": "tflite_runtime.interpreter"}


class InterpretedModel:
    """A :class:`~nonn_mcu.serve.device.Model` run by the module ``MODULES[runtime]``."""

    def __init__(self, bundle: Bundle, runtime: str) -> None:
        """Read and check the model, and start the interpreter.

        Raises :class:`BadInput` for a model that the interpreter refuses, or whose tensors are not those of
        the manifest.
        """
        manifest = bundle.manifest
        model = bundle.model
        graph = read(model)
        check_order(graph)
        computed = {index for op in graph.ops for index in op.outputs}
        tensors = [info.tensor for info in manifest.layers]
        if not tensors or not set(tensors) <= computed:
            raise BadInput(f"{bundle.path}: its layers are not those of the model; run convert again")
        self._interpreter = _start(model, runtime)
        self._inputs = _indices(self._interpreter.get_input_details(), manifest.inputs)
        self._outputs = _indices(self._interpreter.get_output_details(), manifest.outputs)
        self._layers = tensors
        self.name = manifest.name
        self.runtime = runtime
        self.board = "serve"
        self.core = platform.machine() or "unknown"
        self.sha256 = manifest.model_sha256
        self.inputs = tuple(map(_spec, manifest.inputs))
        self.outputs = tuple(map(_spec, manifest.outputs))
        self.layers = tuple(map(_spec, manifest.layers))
        self.arena_bytes = sum(spec.bytes for spec in (*self.inputs, *self.layers))
        self._check_layers()

    def invoke(self, inputs: Sequence[bytes]) -> None:
        """Run the whole model. Raises RuntimeError where the interpreter does."""
        for index, spec, data in zip(self._inputs, self.inputs, inputs, strict=True):
            self._interpreter.set_tensor(index, np.frombuffer(data, np.int8).reshape(spec.shape))
        try:
            self._interpreter.invoke()
        except ValueError as error:
            raise RuntimeError(str(error)) from None

    def output(self, index: int) -> bytes:
        """Give an output's bytes."""
        return self._tensor(self._outputs[index]).tobytes()

    def layer(self, index: int) -> bytes:
        """Give the bytes that a layer wrote."""
        return self._tensor(self._layers[index]).tobytes()

    def _tensor(self, index: int) -> np.ndarray:
        return self._interpreter.get_tensor(index)

    def _check_layers(self) -> None:
        for spec, index in zip(self.layers, self._layers, strict=True):
            tensor = self._tensor(index)
            if tensor.dtype != np.int8 or tensor.size != spec.bytes:
                raise BadInput(
                    f"layer {spec.name} is {tensor.dtype} of {tensor.size} values in {self.runtime}, int8 "
                    f"of {spec.bytes} in the manifest; run convert again"
                )


def _start(model: bytes, runtime: str) -> Any:
    module = import_module(MODULES[runtime])
    try:
        interpreter = module.Interpreter(
            model_content=model,
            num_threads=1,
            experimental_op_resolver_type=module.OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise BadInput(f"{runtime} refuses the model ({' '.join(str(error).split())})") from None
    return interpreter


def _indices(details: Sequence[dict[str, Any]], infos: Sequence[TensorInfo]) -> list[int]:
    """Where the interpreter has the manifest's tensors, in the same order."""
    theirs = [(tuple(one["shape"].tolist()), one["dtype"], *one["quantization"]) for one in details]
    mine = [(info.shape, np.int8, float(np.float32(info.scale)), info.zero_point) for info in infos]
    if theirs != mine:
        raise BadInput("the interpreter sees other inputs or outputs than the manifest; run convert again")
    return [one["index"] for one in details]


def _spec(info: TensorInfo | LayerInfo) -> TensorSpec:
    if not (0 < len(info.shape) <= MAX_RANK and all(0 < extent <= MAX_DIM for extent in info.shape)):
        raise BadInput(f"tensor {info.name} of shape {info.shape} is beyond what the protocol describes")
    return TensorSpec(info.name, info.shape, info.scale, info.zero_point, math.prod(info.shape))
