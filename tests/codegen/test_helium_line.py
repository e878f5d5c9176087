"""Constants that are proved equal to the reference's, against the reference on every sum that can occur."""

from __future__ import annotations

import numpy as np
import pytest

from nonn_mcu.codegen.kernels.constant_channels import settle
from nonn_mcu.codegen.kernels.helium_line import lines
from nonn_mcu.codegen.kernels.sums import sum_range
from nonn_mcu.codegen.layer import Table, Value

CHANNELS, TAPS = 24, 12


def layer(
    rng: np.random.Generator, shifts: tuple[int, int], bias: int
) -> tuple[dict[str, Value], np.ndarray]:
    filters = rng.integers(-127, 128, (CHANNELS, TAPS)).astype(np.int8)
    rows = {
        "bias": rng.integers(-bias, bias + 1, CHANNELS, dtype=np.int32),
        "multiplier": rng.integers(1 << 30, 1 << 31, CHANNELS, dtype=np.int64),
        "shift": rng.integers(*shifts, CHANNELS),
    }
    tables = {key: Table("int8_t" if key == "shift" else "int32_t", row) for key, row in rows.items()}
    limits = {"output_offset": -128, "activation_min": -128, "activation_max": 127}
    return {"input_offset": int(rng.integers(-127, 129)), **limits, **tables}, filters


def reference(params: dict[str, Value], channel: int, products: np.ndarray) -> np.ndarray:
    bias, multiplier, shift = (
        int(params[key].values[channel])  # type: ignore[union-attr]
        for key in ("bias", "multiplier", "shift")
    )
    x = ((products + bias) * multiplier + (1 << 30)) >> 31
    mask = (1 << -shift) - 1
    return np.clip((x >> -shift) + ((x & mask) > (mask >> 1) + (x < 0)) - 128, -128, 127)


def every_sum(params: dict[str, Value], filters: np.ndarray, channel: int) -> np.ndarray:
    low, high = sum_range(filters, None, int(params["input_offset"]))  # type: ignore[arg-type]
    return np.arange(low[channel], high[channel] + 1)


@pytest.mark.parametrize("seed", range(6))
def test_a_line_gives_the_reference_on_every_sum(seed: int) -> None:
    params, filters = layer(np.random.default_rng(seed), (-9, -5), 20_000)
    made = lines(params, filters)
    assert made is not None
    scale, constants = made
    offset = int(params["input_offset"])  # type: ignore[arg-type]
    for channel, (bias, multiplier) in enumerate(constants.tolist()):
        products = every_sum(params, filters, channel)
        raw = products - offset * int(filters[channel].astype(int).sum())
        x = (raw * scale + bias).astype(np.int32).astype(np.int64)
        x = (x * multiplier + (1 << 30)) >> 31
        got = np.clip((x + (1 << 13)) >> 14, -128, 127)
        assert (got == reference(params, channel, products)).all(), channel


def test_no_line_where_negative_outputs_count() -> None:
    params, filters = layer(np.random.default_rng(0), (-9, -5), 20_000)
    assert lines({**params, "output_offset": -100}, filters) is None


@pytest.mark.parametrize("seed", range(6))
def test_settled_channels_give_the_same_on_every_sum(seed: int) -> None:
    params, filters = layer(np.random.default_rng(seed), (-31, -10), (1 << 31) - 400_000)
    settled, zeroed = settle(params, filters)
    changed = 0
    for channel in range(CHANNELS):
        products = every_sum(params, filters, channel)
        wanted = reference(params, channel, products)
        if not zeroed[channel].any():
            products = np.zeros(1, np.int64)
            assert (wanted == wanted[0]).all()
            wanted = wanted[:1]
            changed += 1
        assert (reference(settled, channel, products) == wanted).all(), channel
    assert changed > 0
