"""Step: additions that round nothing.

An ADD whose operands and sum have one scale adds their int8 numbers and rounds nothing. What it costs are
coarser steps: the scale of all three is the largest that one of them needs. In a residual stage whose ranges
hardly grow from block to block, what is left to round is the convolution before each addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nonn_mcu.convert.ptq.net import Net
from nonn_mcu.convert.ptq.rounding import nearest
from nonn_mcu.convert.ptq.ties import MOVING, Union, tied


def with_exact_sums(net: Net, felt: Mapping[int, np.ndarray]) -> Net | None:
    """Give one scale to operands and sums where that makes less noise than it takes away; None if nowhere.

    ``felt`` are the sensitivities of the net's activations, by their indices. One addition after the other
    is made exact, always the one that gains most; zero points stay.
    """
    groups = {index: number for number, group in enumerate(tied(net.graph, net.layers)) for index in group}
    scales = {number: net.affine[index].scale for index, number in groups.items()}
    sums = [
        op
        for op in net.graph.ops
        if op.kind == "ADD" and all(index in groups for index in (*op.inputs, *op.outputs))
    ]
    # what rounding of each activation makes, for steps of size 1
    rounded = {
        op.outputs[0]: float(felt[op.outputs[0]].sum())
        for op in net.graph.ops
        if op.kind not in MOVING and op.outputs[0] in groups and op.outputs[0] in felt
    }

    def spread(exact: frozenset[int]) -> dict[int, float]:
        """Give the scale of every group when these additions are exact."""
        union = Union[int]()
        for op in sums:
            if op.index in exact:
                for index in (*op.inputs, *op.outputs):
                    union.merge(groups[op.outputs[0]], groups[index])
        sets = union.sets(scales)
        return {one: max(scales[other] for other in members) for members in sets for one in members}

    def noise(exact: frozenset[int]) -> float:
        wide = spread(exact)
        silent = {op.outputs[0] for op in sums if op.index in exact}
        return sum(
            weight * wide[groups[index]] ** 2 for index, weight in rounded.items() if index not in silent
        )

    exact: frozenset[int] = frozenset()
    least = noise(exact)
    while left := [exact | {op.index} for op in sums if op.index not in exact]:
        found, best = min(((noise(one), one) for one in left), key=lambda pair: pair[0])
        if found >= least:
            break
        least, exact = found, best
    if not exact:
        return None
    wide = spread(exact)
    return nearest(
        net.with_affine(
            {index: replace(net.affine[index], scale=wide[number]) for index, number in groups.items()}
        )
    )
