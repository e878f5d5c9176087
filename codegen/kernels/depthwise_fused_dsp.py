"""DEPTHWISE_CONV_2D 3x3 on the DSP extension (firmware/include/nonn/kernels/depthwise_fused_dsp.h)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.depthwise_dsp import GROUP, is_3x3
from nonn_mcu.codegen.kernels.fused_line import Line, fit_line
from nonn_mcu.codegen.kernels.sums import per_channel
from nonn_mcu.codegen.layer import Layer, Table, Value

_TAPS = 9
_WEIGHTS_BYTES = 80  # NONN_DEPTHWISE_FUSED_DSP_WEIGHTS
_PAIRS_BYTES = 16  # two rows of a column
# Modelled cycles of four channels: for the call, for each turn of some strips, for each row of each.
_WIDENED, _TURN, _ROWS, _STRIP = 150, 300, 60, 23
# And for each column or output of each.
_COLUMN, _OUTPUT, _GATHERED, _GATHERED_ONCE, _PUT, _CARRIED, _COPIED = 24, 15, 21, 16, 7, 14, 13
_ENOUGH = 1.02  # what is nearly as fast in less memory is taken


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take kernels of 3x3 without dilation, stride 1 or 2, that saturate to int8; as many strips as fit."""
    p: dict[str, Any] = dict(layer.params)
    if not is_3x3(p) or (p["out_w"] - 1) * p["stride_w"] + 2 - p["pad_w"] > p["in_w"]:
        return None
    channels = p["in_c"]
    filters = p["weights"].values.reshape(_TAPS, channels).T
    line = _line(layer)
    if line is None:
        return None
    strips, scratch, cycles = _strips(p, want.room)
    return Layer(
        kernel="depthwise_fused_dsp",
        params={
            **{key: p[key] for key in ("in_h", "in_w")},
            "channels": channels,
            **{key: p[key] for key in ("out_h", "out_w")},
            "stride": p["stride_h"],
            **{key: p[key] for key in ("pad_h", "pad_w")},
            "input_zero_point": -p["input_offset"],
            "strips": strips,
            **_tables(filters, line),
        },
        inputs=layer.inputs,
        output=layer.output,
        scratch_bytes=scratch,
        trail=(0,),
        macs=layer.macs,
        cycles=cycles,
        notes=layer.notes,
    )


@lru_cache(maxsize=256)
def _line(layer: Layer) -> Line | None:
    """Search once for a layer that is asked for in several sizes of the arena."""
    p: dict[str, Any] = dict(layer.params)
    filters = p["weights"].values.reshape(_TAPS, p["in_c"]).T
    bias = per_channel(p["bias"], p["in_c"])
    rule = p["multiplier"].values, p["shift"].values
    return fit_line(rule, filters, bias, (p["input_offset"], p["output_offset"]))


def _tables(filters: np.ndarray, line: Line) -> dict[str, Value]:
    taps = np.where(line.live[:, None], filters, 0).astype(np.int8).reshape(-1, GROUP, 3, 3)
    columns = taps[:, :, :2, :].transpose(0, 3, 2, 1)  # (column, row, channel) of rows 0 and 1
    below = taps[:, :, 2, :].transpose(0, 2, 1)  # (column, channel) of row 2
    pairs = np.concatenate([columns, below[:, None, :2, :]], axis=1)
    halves = pairs.reshape(-1, 4, 2, 2, 2).transpose(0, 1, 3, 2, 4)  # two channels in a word
    words = np.concatenate([halves.reshape(-1, 32), below[:, 2, :]], axis=1)
    return {
        "weights": Table("int8_t", np.ascontiguousarray(words), alignment=4),
        "bias": Table("int32_t", line.start.astype(np.int32)),
        "multiplier": Table("int32_t", line.multiplier.astype(np.int32)),
        "halvings": Table("uint8_t", line.halvings.astype(np.uint8)) if line.halvings.any() else None,
    }


def _strips(p: dict[str, Any], room: int) -> tuple[int, int, int]:
    """How many strips are laid out at a time, the scratch for these, and about how many cycles that takes."""
    two = p["stride_h"] == 1
    total = -(-p["out_h"] // 2) if two else p["out_h"]

    def scratch(strips: int) -> int:
        if two:
            carried = p["in_w"] if strips < total else 0
            return _WEIGHTS_BYTES + _PAIRS_BYTES * (2 * strips * (p["in_w"] + 1) + carried)
        columns = p["in_w"] + 1 + (p["in_w"] + p["pad_w"]) % 2
        return _WEIGHTS_BYTES + _PAIRS_BYTES * (strips + 1) * columns

    def cycles(strips: int) -> int:
        turns = -(-total // strips)
        again = p["in_w"] * (turns - 1) * (_CARRIED if two else _COPIED if strips > 1 else 0)
        strip = GROUP * (_STRIP + (p["in_w"] * _COLUMN if two else p["out_w"] * _OUTPUT))
        pairs = (total + 1) * (_ROWS + p["in_w"] * (_GATHERED if two else _GATHERED_ONCE))
        put = total * (_ROWS // 2 + p["out_w"] * _PUT)
        return p["in_c"] // GROUP * (_WIDENED + turns * _TURN + total * strip + pairs + put + again)

    fitting = [strips for strips in range(1, total + 1) if scratch(strips) <= room] or [1]
    even = {-(-total // -(-total // strips)) for strips in fitting}
    best = min(even, key=lambda strips: (cycles(strips), scratch(strips)))
    enough = [strips for strips in even if cycles(strips) <= cycles(best) * _ENOUGH]
    strips = min(enough, key=scratch)
    return strips, scratch(strips), cycles(strips)
