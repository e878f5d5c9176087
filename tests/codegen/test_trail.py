"""Outputs that lie over dying inputs: the distance is the least that works, and every kernel bears it."""

from dataclasses import replace

import numpy as np
import pytest
from support.single_op import Case, check_cases, vectors
from test_hostile_operators import MAKERS

from nonn_mcu.codegen import load, lower, select
from nonn_mcu.codegen.trail import Axis, walk_trail, window_trail


def axis(rng):
    size, taps, stride, dilation = (int(n) for n in rng.integers(1, [12, 6, 5, 4]))
    pad = int(rng.integers(0, 2 * taps * dilation))
    out = 1 + max(0, size + int(rng.integers(0, 2 * taps)) - 1) // stride
    return Axis(size, out, taps, stride, pad, dilation)


def positions(axis, position):
    origin = position * axis.stride - axis.pad
    taken = [origin + tap * axis.dilation for tap in range(axis.taps)]
    return [place for place in taken if 0 <= place < axis.size]


def replayed(rows, columns, *, in_bytes, out_bytes, block, held):
    """Every byte that a step may write, against every byte that it or a later one reads."""
    pixels = [(y, x) for y in range(rows.out) for x in range(columns.out)]
    reads = [
        [
            (in_y * columns.size + in_x) * in_bytes
            for in_y in positions(rows, y)
            for in_x in positions(columns, x)
        ]
        for y, x in pixels
    ]
    least = 0
    for start in range(0, len(pixels), block):
        step = [byte for read in reads[start : start + block] for byte in read]
        if step:
            written = (start if held else start + block) * out_bytes
            least = max(least, written - min(step))
    return least


@pytest.mark.parametrize("seed", range(8))
def test_the_distance_is_the_least_that_works(seed):
    rng = np.random.default_rng(seed)
    for _ in range(100):
        rows, columns = axis(rng), axis(rng)
        in_bytes, out_bytes, block = (int(n) for n in rng.integers(1, [9, 9, 5]))
        form = {"in_bytes": in_bytes, "out_bytes": out_bytes, "block": block, "held": bool(rng.integers(2))}
        assert window_trail(rows, columns, **form) == replayed(rows, columns, **form), (rows, columns, form)


def test_a_walk_is_a_window_of_one():
    assert walk_trail((1, 5), (7, 3), (5, 1)) == 0
    assert walk_trail((4, 5), (9, 1), (15, 3)) == 3 * 6 + 4 * 2


def test_known_distances():
    whole, halved = Axis(8, 8, 3, 1, 1), Axis(8, 4, 3, 2, 1)
    assert window_trail(whole, whole, in_bytes=16, out_bytes=16) == 9 * 16
    assert window_trail(halved, halved, in_bytes=16, out_bytes=16) == 0
    point = Axis(8, 8, 1, 1, 0)
    assert window_trail(point, point, in_bytes=4, out_bytes=4, block=3) == 0


def beneath(distance, slot):
    """A plan whose output starts exactly its trail and ``distance`` below one of the inputs, unaligned."""
    real = select.plan

    def made(graph, order, layers):
        plan = real(graph, order, layers)
        (call,) = layers[0]
        below = call.inputs[slot % len(call.inputs)]
        trail = dict(zip(call.inputs, call.trail, strict=False)).get(below)
        if trail is None:  # a kernel of another target, which is not what runs here
            return plan
        bottom = plan.scratch_bytes[0] + -plan.scratch_bytes[0] % 16
        offset = {call.output: bottom, below: bottom + trail + distance}
        top = max(start + graph.tensors[index].size for index, start in offset.items())
        roots = {plan.alias.get(index, index): start for index, start in offset.items()}
        for index in plan.offset:
            root = plan.alias.get(index, index)
            if root not in roots:
                roots[root], top = top, top + graph.tensors[index].size
            offset[index] = roots[root]
        scratch = tuple(None if start is None else 0 for start in plan.scratch)
        return replace(
            plan, offset=dict(sorted(offset.items())), scratch=scratch, arena_bytes=top + -top % 16,
            input_survives=False,
        )  # fmt: skip

    return made


def trailing(rng, kind, count):
    """Models of one layer that has a trail for each input in the arena."""
    found = []
    for _ in range(20 * count):
        drawn = MAKERS[kind](rng)
        model = drawn if isinstance(drawn, bytes) else drawn.model()
        graph = load(model)
        _, layers = lower(graph)
        (call,) = layers[0] if len(layers) == len(layers[0]) == 1 else (None,)
        if (
            call is not None
            and call.trail
            and None not in call.trail
            and len(set(call.inputs)) == len(call.inputs)
        ):
            found.append(Case(model, vectors(rng, model)))
        if len(found) == count:
            break
    return found


KINDS = (
    "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "SOFTMAX", "MEAN", "AVERAGE_POOL_2D", "MAX_POOL_2D",
    "ADD", "MUL", "TANH", "RESIZE_NEAREST_NEIGHBOR",
)  # fmt: skip


@pytest.mark.parametrize("distance", [0, 5])
@pytest.mark.parametrize("slot", [0, 1])
def test_kernels_bear_their_output_just_below_an_input(distance, slot, kernels, tmp_path, monkeypatch):
    rng = np.random.default_rng([distance, slot])
    cases = [case for kind in KINDS for case in trailing(rng, kind, 4)]
    assert len(cases) == 4 * len(KINDS)
    monkeypatch.setattr(select, "plan", beneath(distance, slot))
    check_cases(cases, tmp_path, kernels)
