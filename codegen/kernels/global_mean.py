"""MEAN over all pixels of one image, channels innermost: what the kernels of both kinds of cores take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nonn_mcu.codegen.layer import Layer


def global_mean(layer: Layer, kernel: str) -> Layer | None:
    """Return the call of ``kernel`` for it, with ``pixels`` and ``channels``; None for another MEAN."""
    p: dict[str, Any] = dict(layer.params)
    pixels, channels = p["summed_count"][2], p["kept_count"][2]
    if (
        tuple(p["summed_count"]) != (1, 1, pixels)
        or tuple(p["kept_count"]) != (1, 1, channels)
        or p["kept_stride"][2] != 1
        or p["summed_stride"][2] != channels
    ):
        return None
    params = {
        "pixels": pixels,
        "channels": channels,
        **{key: p[key] for key in ("sum_offset", "multiplier", "shift", "output_zero_point")},
    }
    return replace(layer, kernel=kernel, params=params, trail=(0,))
