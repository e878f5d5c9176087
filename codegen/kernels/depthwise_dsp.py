"""DEPTHWISE_CONV_2D 3x3 on the DSP extension (firmware/include/nonn/kernels/depthwise_dsp.h)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.fused_requantize import Fused, fuse
from nonn_mcu.codegen.kernels.sums import folded_bias, product_range
from nonn_mcu.codegen.layer import Layer, Table, Value
from nonn_mcu.codegen.quantize import INT8_MAX, INT8_MIN

GROUP = 4  # channels
_TAPS = 9
_WEIGHTS_BYTES = 96  # NONN_DEPTHWISE_DSP_WEIGHTS
_COLUMN_BYTES, _CARRIED_BYTES = 32, 16


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take kernels of 3x3 without dilation, stride 1 or 2, that saturate to int8; as many strips as fit."""
    p: dict[str, Any] = dict(layer.params)
    if not is_3x3(p):
        return None
    channels = p["in_c"]
    filters = p["weights"].values.reshape(_TAPS, channels).T
    bias = folded_bias(filters, None if p["bias"] is None else p["bias"].values, p["input_offset"])
    fused = fuse(p["multiplier"].values, p["shift"].values, product_range(filters), bias, p["output_offset"])
    if fused is None:
        return None
    pitch = _pitch(p)
    strips, scratch = _strips(p, pitch, want.room)
    return Layer(
        kernel="depthwise_dsp",
        params={
            **{key: p[key] for key in ("in_h", "in_w")},
            "channels": channels,
            **{key: p[key] for key in ("out_h", "out_w")},
            "stride": p["stride_h"],
            **{key: p[key] for key in ("pad_h", "pad_w")},
            "input_zero_point": -p["input_offset"],
            "strips": strips,
            "pitch": pitch,
            **_tables(filters, fused),
        },
        inputs=layer.inputs,
        output=layer.output,
        scratch_bytes=scratch,
        trail=(0,),
        macs=layer.macs,
        cycles=_cycles(p, layer.macs, strips),
        notes=layer.notes,
    )


def is_3x3(p: Mapping[str, Any]) -> bool:
    """Whether it is 3x3 without dilation, at stride 1 or 2, channels in fours, outputs all of int8."""
    return (
        (p["kernel_h"], p["kernel_w"], p["dilation_h"], p["dilation_w"]) == (3, 3, 1, 1)
        and p["stride_h"] == p["stride_w"]
        and p["stride_h"] in (1, 2)
        and p["depth_multiplier"] == 1
        and p["in_c"] % GROUP == 0
        and max(p["pad_h"], p["pad_w"]) <= 1
        and (p["activation_min"], p["activation_max"]) == (INT8_MIN, INT8_MAX)
    )


def _cycles(p: dict[str, Any], macs: int, strips: int) -> int:
    """Estimate from measured layers: the products, and what each pass over four channels' strips costs."""
    total = -(-p["out_h"] // 2) if p["stride_h"] == 1 else p["out_h"]
    passes = p["in_c"] // GROUP * -(-total // strips)
    return 3 * macs + passes * (700 + 6 * p["in_w"])


def _tables(filters: np.ndarray, fused: Fused) -> dict[str, Value]:
    by_columns = filters.reshape(-1, GROUP, 3, 3).transpose(0, 3, 2, 1)
    return {
        "weights": Table("int8_t", np.ascontiguousarray(by_columns), alignment=4),
        "bias": Table("int32_t", fused.start.astype(np.int32)),
        "multiplier": Table("int32_t", fused.multiplier.astype(np.int32)),
        "addend": Table("int16_t", fused.addend.astype(np.int16)),
        "correction": Table("int16_t", fused.correction.astype(np.int16)) if fused.corrected else None,
        "scale": Table("uint8_t", fused.scale.astype(np.uint8)),
    }


def _pitch(p: dict[str, Any]) -> int:
    """Columns of a strip: the image's, the padding before it, and after it unless the next strip has it."""
    stride, before, width = p["stride_w"], p["pad_w"], p["in_w"]
    after = (p["out_w"] - 1) * stride + 3 - before - width
    columns = before + width + (1 if after > 0 and before == 0 else 0)
    return -(-columns // stride) * stride


def _strips(p: dict[str, Any], pitch: int, room: int) -> tuple[int, int]:
    """How many strips are laid out at a time, and the scratch for these."""
    total = -(-p["out_h"] // 2) if p["stride_h"] == 1 else p["out_h"]

    def scratch(strips: int) -> int:
        before = (strips - 1) * pitch
        end = (before + p["out_w"] + 3) & ~1 if p["stride_w"] == 1 else before + 2 * p["out_w"] + 2
        carried = _CARRIED_BYTES * p["in_w"] if strips < total else 0
        return _WEIGHTS_BYTES + _COLUMN_BYTES * (end + 1) + carried

    fitting = [strips for strips in range(1, total + 1) if scratch(strips) <= room]
    most = max(fitting, default=1)
    strips = -(-total // -(-total // most))  # as even as may be
    return strips, scratch(strips)
