"""The oracle: what TensorFlow Lite Micro's reference kernels make of a model, from the tflite-micro wheel.

Its outputs are what a device must give, byte for byte. The wheel trusts the file it is given, so a model
is read and checked by :mod:`nonn_mcu.codegen.reader` first; :func:`run_isolated` also survives a crash.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from nonn_mcu.codegen.check import check_order
from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.reader import read
from nonn_mcu.errors import BadInput, MissingExtra

# Room for the interpreter's own records beside the tensors; they do not grow with the tensors' sizes.
_ARENA_MARGIN = 1 << 18
_COMMAND = ("-m", "nonn_mcu.verify.oracle")


def run(model: bytes, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Run a batch: input i is int8 ``(N, *shape[1:])`` of the model's input i; so is each result.

    Raises :class:`BadInput` for a model or an input that does not fit, :class:`MissingExtra` where the
    wheel is not installed.
    """
    graph, interpreter = _interpreter(model)
    outputs: list[list[np.ndarray]] = [[] for _ in graph.outputs]
    for vector in _vectors(graph, inputs):
        _invoke(interpreter, vector)
        for collected, number in zip(outputs, range(len(outputs)), strict=True):
            collected.append(np.array(interpreter.get_output(number)))
    shapes = [graph.tensors[index].shape for index in graph.outputs]
    return [np.stack(rows).reshape(-1, *shape[1:]) for rows, shape in zip(outputs, shapes, strict=True)]


def run_layers(model: bytes, inputs: Sequence[np.ndarray], tensors: Sequence[int]) -> list[np.ndarray]:
    """Run a batch and return what these tensors (indices in the file) held: ``(N, *shape)`` each.

    Raises as :func:`run`.
    """
    graph, interpreter = _interpreter(model)
    computed = {index for op in graph.ops for index in op.outputs}
    for index in tensors:
        if index not in computed:  # the wheel does not check, it reads wherever that is
            raise BadInput(f"tensor {index} is not computed by any operator of the model")
    collected: list[list[np.ndarray]] = [[] for _ in tensors]
    for vector in _vectors(graph, inputs):
        _invoke(interpreter, vector)
        for rows, index in zip(collected, tensors, strict=True):
            rows.append(np.array(interpreter.GetTensor(index, 0)["tensor_data"]))
    return [np.stack(rows) for rows in collected]


def run_isolated(
    model: bytes, inputs: Sequence[np.ndarray], tensors: Sequence[int] | None = None, seconds: float = 600
) -> list[np.ndarray]:
    """Run :func:`run`, or :func:`run_layers` where ``tensors`` are given, in a process of its own.

    A crash of the wheel, or more than ``seconds``, becomes :class:`BadInput`.
    """
    payload = io.BytesIO()
    arrays = {f"input_{i}": array for i, array in enumerate(inputs)}
    chosen = np.array([-1] if tensors is None else [1, *tensors], np.int64)
    np.savez(payload, model=np.frombuffer(model, np.uint8), tensors=chosen, **arrays)  # type: ignore[arg-type]
    command = [sys.executable, *_COMMAND]
    try:
        done = subprocess.run(
            command, input=payload.getvalue(), capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadInput(f"TensorFlow Lite Micro did not finish this model in {seconds:g} s") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        known = lines[-1].partition("nonn-mcu: ")[2] if lines else ""
        raise BadInput(known or f"TensorFlow Lite Micro crashed on this model (exit code {done.returncode})")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as archive:
        return [archive[f"output_{i}"] for i in range(len(archive.files))]


@lru_cache(maxsize=2)
def _interpreter(model: bytes) -> tuple[Graph, Any]:
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        raise MissingExtra(
            "the oracle needs the tflite-micro wheel (Linux x86-64): pip install 'nonn-mcu[convert]'"
        ) from None
    graph = read(model)
    check_order(graph)
    tensors = sum(tensor.size * 8 + 64 for tensor in graph.tensors if tensor.data is None)
    constants = sum(tensor.size for tensor in graph.tensors if tensor.data is not None)
    try:
        interpreter = runtime.Interpreter.from_bytes(
            model,
            arena_size=2 * tensors + constants + len(model) + _ARENA_MARGIN,
            # The wheel spells its argument so.
            intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
        )
    except (RuntimeError, ValueError) as error:
        raise BadInput(f"TensorFlow Lite Micro refuses the model ({error})") from None
    return graph, interpreter


def _vectors(graph: Graph, inputs: Sequence[np.ndarray]) -> list[tuple[np.ndarray, ...]]:
    if len(inputs) != len(graph.inputs):
        raise BadInput(f"{len(inputs)} inputs given, the model has {len(graph.inputs)}")
    reshaped = []
    for array, index in zip(inputs, graph.inputs, strict=True):
        shape = graph.tensors[index].shape
        if array.dtype != np.int8 or array.ndim != len(shape) or array.shape[1:] != shape[1:]:
            raise BadInput(f"input {index} is {array.dtype}{array.shape}, must be int8 (N, {shape[1:]})")
        reshaped.append(np.ascontiguousarray(array).reshape(len(array), *shape))
    if len({len(array) for array in reshaped}) != 1:
        raise BadInput("the inputs have different numbers of vectors")
    return list(zip(*reshaped, strict=True))


def _invoke(interpreter: Any, vector: tuple[np.ndarray, ...]) -> None:
    try:
        for number, array in enumerate(vector):
            interpreter.set_input(array, number)
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise BadInput(f"TensorFlow Lite Micro cannot run the model ({error})") from None


def _main() -> int:
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    model, chosen = arrays.pop("model").tobytes(), arrays.pop("tensors").tolist()
    inputs = [arrays[f"input_{i}"] for i in range(len(arrays))]
    try:
        outputs = run(model, inputs) if chosen[0] < 0 else run_layers(model, inputs, chosen[1:])
    except BadInput as error:
        sys.stderr.write(f"\nnonn-mcu: {error}\n")
        return 2
    payload = io.BytesIO()
    np.savez(payload, **{f"output_{i}": array for i, array in enumerate(outputs)})  # type: ignore[arg-type]
    sys.stdout.buffer.write(payload.getvalue())
    return 0


if __name__ == "__main__":
    sys.exit(_main())
