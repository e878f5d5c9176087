"""Ranges that training with fake quantisation has found, for the activations whose names are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nonn_mcu.codegen.reader import read
from nonn_mcu.convert.ptq.net import Net
from nonn_mcu.convert.ptq.ranges import Range
from nonn_mcu.convert.ptq.statistics import Activity
from nonn_mcu.convert.ptq.ties import tied


def by_index(named: bytes, ranges: Mapping[str, Range]) -> dict[int, Range]:
    """Find the tensors of an int8 ``.tflite`` that ``ranges`` names; other names are left out."""
    tensors = read(named).tensors
    return {tensor.index: ranges[tensor.name] for tensor in tensors if tensor.name in ranges}


def with_learned(
    net: Net, activities: Mapping[int, Activity], ranges: Mapping[int, Range]
) -> dict[int, Activity]:
    """Give the activities as if each learned range, and nothing else, had been seen where it holds.

    It holds for its activation, by index, and for those that share its scale; the others stay as they are.
    """
    found = dict(activities)
    for members in tied(net.graph, net.layers):
        known = [ranges[index] for index in members if index in ranges]
        if not known:
            continue
        low, high = min(low for low, _ in known), max(high for _, high in known)
        for index in members:
            seen = activities[index]
            found[index] = replace(seen, low=np.full_like(seen.low, low), high=np.full_like(seen.high, high))
    return found
