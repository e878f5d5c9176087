"""Where in the network a conversion loses it: for the message of a refused one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nonn_mcu.bundle import LayerInfo
from nonn_mcu.convert.golden import FLOOR_DB
from nonn_mcu.convert.int8 import Int8
from nonn_mcu.convert.layer_figures import measure


def first_below(quantised: Int8, layers: Sequence[LayerInfo], x: np.ndarray) -> str:
    """Say which is the first layer whose SQNR over the samples ``x`` is below the floor, or nothing.

    ``x`` is float32 ``(N, *student.input.shape)``.
    """
    for layer, found in zip(layers, measure(quantised, layers, x).layers, strict=True):
        if found is not None and found.sqnr_db < FLOOR_DB:
            return f" (lost at layer {layer.name}, {layer.op}: {found.sqnr_db:.1f} dB there)"
    return ""
