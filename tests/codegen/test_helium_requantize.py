"""The constants of Helium's requantisation: its instructions, in Python integers, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from nonn_mcu.codegen.fixed_point import doubling_high_mul, requantize, wrap
from nonn_mcu.codegen.kernels.helium_requantize import channels, is_relu
from nonn_mcu.codegen.layer import Table, Value


def params(
    bias: int, multiplier: int, shift: int, *, input_offset: int = 0, output_offset: int = 0, low: int = -128
) -> dict[str, Value]:
    return {
        "input_offset": input_offset,
        "output_offset": output_offset,
        "activation_min": low,
        "activation_max": 127,
        "bias": Table("int32_t", np.array([bias], np.int32)),
        "multiplier": Table("int32_t", np.array([multiplier], np.int32)),
        "shift": Table("int8_t", np.array([shift], np.int8)),
    }


def saturate(value: int, bits: int) -> int:
    return max(-(1 << (bits - 1)), min((1 << (bits - 1)) - 1, value))


def helium(total: int, multiplier: int, word: int, offset: int, low: int) -> int:
    x = doubling_high_mul(total, multiplier)
    x = saturate(x + (2 * x * word >> 32), 32)
    s = -wrap(word, 8)
    y = (x + (1 << s >> 1)) >> s
    return max(saturate(saturate(saturate(y, 16) + offset, 16), 8), low)


def expected(total: int, multiplier: int, shift: int, offset: int, low: int) -> int:
    return max(low, min(127, requantize(total, multiplier, shift) + offset))


@pytest.mark.parametrize("shift", [0, -1, -2, -7, -13, -14, -20, -31])
@pytest.mark.parametrize("multiplier", [1 << 30, (1 << 30) + 1, 1518500250, (1 << 31) - 1])
def test_equals_the_reference_about_every_tie(shift: int, multiplier: int) -> None:
    largest = (1 << 23) if shift < -13 else (1 << 31) - 300
    made = channels(params(largest, multiplier, shift), np.zeros((1, 4), np.int8))
    assert made is not None
    word = int(made[0, 2])
    ties = [((2 * k + 1) << -shift << 30) // multiplier for k in range(-140, 141)]
    random = np.random.default_rng(shift + 99).integers(-largest, largest, 300).tolist()
    edges = [-largest, largest, -(1 << 23) - 1, -(1 << 23), 1 << 23]
    for total in [*ties, *random, *edges]:
        for near in range(total - 2, total + 3):
            if abs(near) <= largest:
                for offset in (-128, -3, 127):
                    got = helium(near, multiplier, word, offset, -128)
                    assert got == expected(near, multiplier, shift, offset, -128), (near, offset)


def test_the_inputs_offset_is_in_the_bias() -> None:
    made = channels(params(1000, 1 << 30, -4, input_offset=5), np.array([[1, -3, 7]], np.int8))
    assert made is not None and made.tolist() == [[1025, 1 << 30, 252]]


@pytest.mark.parametrize("arguments", [(0, 1 << 30, 1), ((1 << 31) - 1, 1 << 30, 0), (1 << 24, 1 << 30, -14)])
def test_refuses_what_is_not_proved(arguments: tuple[int, int, int]) -> None:
    assert channels(params(*arguments), np.zeros((1, 4), np.int8)) is None


def test_relu_is_saturation_only_at_the_lowest_offset() -> None:
    assert is_relu(params(0, 1 << 30, -4, output_offset=-128))
    assert not is_relu(params(0, 1 << 30, -4, output_offset=-127, low=-127))
    assert not is_relu(params(0, 1 << 30, -4, output_offset=-128, low=-100))
