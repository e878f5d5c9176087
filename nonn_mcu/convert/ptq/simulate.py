"""Run a ``.tflite`` on many samples, fast: TensorFlow Lite's optimised kernels, and any tensor on the way.

Its int8 kernels round a sum in another way than TensorFlow Lite Micro's reference does: single values differ
by a step, the noise at the outputs by less than 0.15 dB. It is for choosing; what is reported comes from the
oracle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nonn_mcu.codegen.pack import pack, unpack
from nonn_mcu.convert.quiet import call


def walk(model: bytes, x: np.ndarray, tensors: Sequence[int] | None = None) -> Iterator[list[np.ndarray]]:
    """Give for each sample of ``x``, ``(N, ...)`` in the input's dtype, the arrays of these tensors.

    ``tensors`` are indices in the file, computed by its operators; without them, its outputs.
    """
    tree = unpack(model)
    graph = tree.subgraphs[0]
    wanted = [int(index) for index in (graph.outputs if tensors is None else tensors)]
    hidden = [index for index in dict.fromkeys(wanted) if index not in set(map(int, graph.outputs))]
    # an optimised kernel keeps only what leaves the network
    graph.outputs = np.array([*graph.outputs, *hidden], np.int32)
    source = int(graph.inputs[0])
    interpreter = _interpreter(pack(tree) if hidden else model)
    for sample in x:
        interpreter.set_tensor(source, sample[None])
        interpreter.invoke()
        yield [interpreter.get_tensor(index) for index in wanted]


def outputs(model: bytes, x: np.ndarray) -> list[np.ndarray]:
    """Give each output for all samples: ``(N, *shape[1:])``."""
    rows = list(walk(model, x))
    return [np.concatenate(column) for column in zip(*rows, strict=True)]


def _interpreter(model: bytes):  # type: ignore[no-untyped-def]
    def make():  # type: ignore[no-untyped-def]
        from ai_edge_litert.interpreter import Interpreter

        made = Interpreter(model_content=model, num_threads=1)
        made.allocate_tensors()
        return made

    made, _ = call(make)  # it speaks of the machine's delegate
    return made
