"""Models of one operator whose tensors need not have a leading dimension of 1, as a model's ends must."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from support.models import O, T, build, constant


def wrapped_op(kind: str, inputs: Sequence[T], output: T, **options: Any) -> bytes:
    """Build a model of one operator, with a RESHAPE at each end that does not lead with 1.

    Tensors without data are the model's inputs.
    """
    tensors: list[T] = []
    before: list[O] = []
    ends: list[int] = []

    def add(tensor: T) -> int:
        tensors.append(tensor)
        return len(tensors) - 1

    def flat(tensor: T) -> tuple[int, T]:
        size = 1
        for dimension in tensor.shape:
            size *= dimension
        return add(constant([1, size])), replace(tensor, shape=(1, size))

    operands = []
    for tensor in inputs:
        index = add(tensor)
        operands.append(index)
        if tensor.data is None and tensor.shape[0] != 1:
            end = add(flat(tensor)[1])
            before.append(
                O("RESHAPE", [end, add(constant(tensor.shape))], [index], {"newShape": tensor.shape})
            )
            ends.append(end)
        elif tensor.data is None:
            ends.append(index)
    result = add(output)
    ops = [*before, O(kind, operands, [result], options)]
    if output.shape[0] != 1:
        shape, tensor = flat(output)
        end = add(tensor)
        ops.append(O("RESHAPE", [result, shape], [end], {"newShape": tensor.shape}))
        result = end
    return build(tensors, ops, ends, [result])
