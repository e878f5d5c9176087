"""Additions whose operands and sum have one scale: nothing is rounded there, and less in all."""

import numpy as np
import pytest
import torch
from support import pairs
from torch import nn

from nonn_mcu.codegen.reader import read
from nonn_mcu.convert.ptq import simulate
from nonn_mcu.convert.ptq.net import load
from nonn_mcu.convert.ptq.ranges import RULES, with_ranges
from nonn_mcu.convert.ptq.refine import refine
from nonn_mcu.convert.ptq.score import judge
from nonn_mcu.convert.ptq.sensitivity import sensitivities
from nonn_mcu.convert.ptq.statistics import observe
from nonn_mcu.convert.ptq.sums import with_exact_sums
from nonn_mcu.convert.ptq.write import write, write_twin
from nonn_mcu.verify import oracle

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.filterwarnings("ignore")]


class Level(nn.Module):
    """Residual blocks that hardly change the stream's range; the last multiplies it, if ``growing``."""

    def __init__(self, growing=1.0):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(8, 8, 1) for _ in range(12))
        self.head = nn.Conv2d(8, 5, 8)
        with torch.no_grad():
            for block in self.blocks:
                block.bias -= 3.2 * block.weight.mean((1, 2, 3))  # the stream's mean is not added to it
            self.blocks[-1].weight *= growing

    def forward(self, x):
        x = torch.relu(self.stem(x))
        for block in self.blocks:
            x = torch.relu(x + block(x))
        return self.head(x).flatten(1)


class Plain(Level):
    def forward(self, x):
        return self.head(torch.relu(self.stem(x))).flatten(1)


def growing():
    return Level(30.0)


@pytest.fixture(scope="module")
def prepared():
    found = {}

    def get(make):
        if make not in found:
            stock, exact, x, held_out, test = pairs.stock(make, (3, 8, 8))
            net = load(stock, exact)
            ranged = with_ranges(net, observe(net, x), RULES["extremes"])
            felt = sensitivities(read(exact), x[:32], simulate.outputs(exact, x[:32]))
            by_index = {index: felt[twin] for index, twin in net.pair.twin.items()}
            found[make] = ranged, by_index, np.concatenate([held_out, test])
        return found[make]

    return get


def adds(net):
    return [op for op in net.graph.ops if op.kind == "ADD"]


def exact(net, op):
    return len({net.affine[index].scale for index in (*op.inputs, *op.outputs)}) == 1


def test_an_exact_sum_is_that_of_the_numbers(prepared):
    """By the oracle, which computes it as every device does."""
    net, felt, x = prepared(Level)
    summed = with_exact_sums(net, felt)
    chosen = [op for op in adds(summed) if exact(summed, op)]
    assert len(chosen) >= 6
    assert not any(exact(net, op) for op in adds(net))
    model = write(summed)
    q = summed.affine[summed.graph.inputs[0]].quantised(x[:20])
    for op in chosen:
        wanted = (*op.inputs, *op.outputs)
        zero = [summed.affine[index].zero_point for index in wanted]
        values = oracle.run_layers(model, [q], wanted)
        left, right, total = (v.astype(int) - z for v, z in zip(values, zero, strict=True))
        limits = (np.array([-128, 127]) - zero[2]).clip(
            0 if op.options["fused_activation"] == "RELU" else None
        )
        np.testing.assert_array_equal(total, np.clip(left + right, *limits))


def test_there_is_less_noise_and_no_range_is_narrower(prepared):
    net, felt, x = prepared(Level)
    summed = with_exact_sums(net, felt)
    by = judge(net.exact, x)
    assert by.score(write(summed)).gain(by.score(write(net))) > 0.4
    for index, affine in summed.affine.items():
        assert affine.zero_point == net.affine[index].zero_point
        assert affine.scale >= net.affine[index].scale
    (before,), (after,) = (simulate.outputs(twin, x) for twin in (net.exact, write_twin(summed)))
    np.testing.assert_array_equal(before, after)


def test_a_range_that_grows_is_not_forced_on_the_others(prepared):
    net, felt, _ = prepared(growing)
    summed = with_exact_sums(net, felt)
    *level, last = adds(summed)
    assert sum(exact(summed, op) for op in level) >= 6
    assert not exact(summed, last)


def test_nothing_to_add_up(prepared):
    net, felt, _ = prepared(Plain)
    assert with_exact_sums(net, felt) is None


def test_refinement_tries_it():
    stock, twin, x, held_out, _ = pairs.stock(Level, (3, 8, 8))
    steps = {step.name: step for step in refine(stock, twin, x, held_out, lambda step: None).steps}
    assert steps["exact sums"].kept
