"""The head on the host: int8 FULLY_CONNECTED in numpy, equal to the reference kernel bit for bit.

So that a base install, a Raspberry Pi's, fuses what its devices answer; the arithmetic is that of
``firmware/include/nonn/fixed_point.h`` and ``nonn_mcu.codegen.fixed_point``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nonn_mcu import codegen
from nonn_mcu.codegen.layer import Table
from nonn_mcu.errors import BadInput

_WORD = 1 << 32


@dataclass(frozen=True, eq=False)
class Head:
    """A linear layer of int8: ``weights`` int64 ``(classes, features)``, the others int64 ``(classes,)``.

    Offsets and limits are those of the kernel: ``input_offset`` is minus the input's zero point.
    """

    weights: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray
    input_offset: int
    output_offset: int
    low: int
    high: int

    def run(self, features: np.ndarray) -> np.ndarray:
        """Int8 features ``(N, features)`` to int8 logits ``(N, classes)``. Raises :class:`BadInput`."""
        if features.dtype != np.int8 or features.ndim != 2 or features.shape[1] != self.weights.shape[1]:
            raise BadInput(
                f"the head takes int8 (N, {self.weights.shape[1]}), not {features.dtype}{features.shape}"
            )
        sums = (features.astype(np.int64) + self.input_offset) @ self.weights.T + self.bias
        scaled = _wrap(_requantize(sums, self.multiplier, self.shift) + self.output_offset)
        return np.clip(scaled, self.low, self.high).astype(np.int8)


def read(model: bytes) -> Head:
    """Read a head's ``.tflite``: one FULLY_CONNECTED that sees its input as one row.

    Raises :class:`BadInput` for any other model.
    """
    _, layers = codegen.lower(codegen.load(model))
    if len(layers) != 1 or len(layers[0]) != 1 or layers[0][0].kernel != "fully_connected":
        raise BadInput("the head is not one FULLY_CONNECTED operator; run convert again")
    params = layers[0][0].params
    units = _number(params["units"])
    if params["rows"] != 1:
        raise BadInput("the head sees its input as several rows; run convert again")

    def column(name: str) -> np.ndarray:
        value = params[name]
        return np.broadcast_to(_array(value) if isinstance(value, Table) else 0, units)

    return Head(
        weights=_array(params["weights"]).reshape(units, -1),
        bias=column("bias"),
        multiplier=column("multiplier"),
        shift=column("shift"),
        input_offset=_number(params["input_offset"]),
        output_offset=_number(params["output_offset"]),
        low=_number(params["activation_min"]),
        high=_number(params["activation_max"]),
    )


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _array(value: object) -> np.ndarray:
    assert isinstance(value, Table)
    return np.asarray(value.values, np.int64)


def _wrap(values: np.ndarray) -> np.ndarray:
    """Two's complement in 32 bits."""
    return (values + _WORD // 2) % _WORD - _WORD // 2


def _requantize(x: np.ndarray, multiplier: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Multiply int64 ``x`` by multiplier * 2^(shift - 31), as ``nonn_requantize`` does."""
    shifted = _wrap(x << np.maximum(shift, 0))
    # a multiplier is below 2^31, so the product's half does not saturate
    high = (shifted * multiplier + (1 << 30)) >> 31
    right = np.maximum(-shift, 0)
    mask = (np.int64(1) << right) - 1
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))
