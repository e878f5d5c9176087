"""The int8 network as a value: an immutable list of operators and tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Quantization:
    """Affine quantisation: real = scale * (q - zero_point).

    ``scale`` and ``zero_point`` have one entry per tensor, or one per slice along ``axis``.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor; ``data`` is the constant's array (shape and dtype as declared) or None."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str  # numpy name: "int8", "int32", ...
    quant: Quantization | None = None
    data: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Number of elements; for int8 also the number of bytes."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def scale(self) -> float:
        """Scale of a per-tensor quantised tensor."""
        assert self.quant is not None and len(self.quant.scale) == 1
        return self.quant.scale[0]

    @property
    def zero_point(self) -> int:
        """Zero point of a per-tensor quantised tensor."""
        assert self.quant is not None and len(self.quant.zero_point) == 1
        return self.quant.zero_point[0]


@dataclass(frozen=True)
class Op:
    """One operator. ``kind`` is the TFLite builtin's name; -1 marks an absent optional input.

    ``options`` holds the builtin options by their schema names in snake case
    (``stride_h``, ``padding``: "SAME" or "VALID", ``fused_activation``: "NONE", "RELU", ...).
    """

    index: int
    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole network; ``tensors[i].index == i``, ``ops`` are in order of execution."""

    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
