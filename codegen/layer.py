"""What an operator becomes: one call of one kernel, with its parameters and constant tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Table:
    """A constant array that lands in flash; emitted as ``static const <ctype> <layer>_<field>[]``.

    ``alignment`` is in bytes, where the kernel wants more than the type has.
    """

    ctype: str  # "int8_t", "int32_t", ...
    values: np.ndarray
    alignment: int = 1


# A field of the parameter struct: a number, a (nested) array of numbers, or a pointer to a table.
# None becomes NULL.
Value = int | float | tuple["Value", ...] | Table | None

# Tables under these names hold what the network has learnt; the budget counts all others as tables.
WEIGHT_FIELDS = ("weights", "bias")


@dataclass(frozen=True, eq=False)
class Layer:
    """One kernel call: ``nonn_<kernel>(&params, inputs..., output[, scratch])``.

    ``kernel`` names the C function ``nonn_<kernel>``, its parameter struct
    ``nonn_<kernel>_params``, its header ``nonn/kernels/<kernel>.h`` and its source file
    ``firmware/kernels/<target>/<kernel>.c``.
    ``params`` lists the struct's fields in order of declaration.
    ``inputs`` and ``output`` are tensor indices; all data arguments are ``int8_t *``, an input that is
    constant is passed as a pointer into flash, and ``scratch`` is a ``void *`` that is passed when
    ``scratch_bytes`` is not 0. ``trail`` has one entry per input (none at all: all None): by how many bytes
    the output must start below that input for the two to overlap, when nobody reads the input any more; that
    is the most, over the whole run, of output bytes written less input bytes that are not needed again. None:
    they may not overlap at all. ``cycles`` is a kernel's own estimate of what the call takes, for comparing
    its forms with each other and with other kernels; 0: it has none. An operator with any number of inputs is
    lowered to several layers, one call per input, each writing its part of the same output.
    """

    kernel: str
    params: Mapping[str, Value]
    inputs: tuple[int, ...]
    output: int
    scratch_bytes: int = 0
    trail: tuple[int | None, ...] = ()
    macs: int = 0
    cycles: int = 0
    notes: tuple[str, ...] = field(default=())  # for the comment beside the call: "stride 2x2, SAME"
