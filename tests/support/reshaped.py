"""Models of one operator whose tensors need not have a leading dimension of 1, as a model's ends must."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from support.models import O, T, build, constant


@dataclass(frozen=True, eq=False)
class Single:
    """One operator with its tensors; those without data are the model's inputs."""

    kind: str
    inputs: Sequence[T]
    output: T
    options: Mapping[str, Any]

    def model(self) -> bytes:
        """Build the model, with a RESHAPE at each end that does not lead with 1."""
        tensors: list[T] = []
        ops: list[O] = []
        ends: list[int] = []

        def add(tensor: T) -> int:
            tensors.append(tensor)
            return len(tensors) - 1

        def flat(tensor: T) -> T:
            return replace(tensor, shape=(1, prod(tensor.shape)))

        operands = [add(tensor) for tensor in self.inputs]
        for index, tensor in zip(operands, self.inputs, strict=True):
            if tensor.data is None and tensor.shape[0] != 1:
                ends.append(add(flat(tensor)))
                ops.append(_reshape(ends[-1], add(constant(tensor.shape)), index, tensor))
            elif tensor.data is None:
                ends.append(index)
        result = add(self.output)
        ops.append(O(self.kind, operands, [result], self.options))
        if self.output.shape[0] != 1:
            end = flat(self.output)
            ops.append(_reshape(result, add(constant(end.shape)), add(end), end))
            result = len(tensors) - 1
        return build(tensors, ops, ends, [result])


def single(kind: str, inputs: Sequence[T], output: T, **options: Any) -> Single:
    return Single(kind, inputs, output, options)


def _reshape(source: int, shape: int, result: int, tensor: T) -> O:
    return O("RESHAPE", [source, shape], [result], {"newShape": tensor.shape})
