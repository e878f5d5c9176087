"""The arena plan: tight on chains, correct on random graphs, and a checker that notices a wrong plan."""

from dataclasses import replace

import numpy as np
import pytest

from nonn_mcu.codegen.graph import Graph, Op, Quantization, Tensor
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.placement import ALIGNMENT, Block, lower_bound, place
from nonn_mcu.codegen.plan import check_plan, plan

QUANT = Quantization((1.0,), (0,))


def network(sizes, reads, outputs, scratch=(), reshapes=()):
    """Tensor 0 is the input; operator i reads ``reads[i]`` and writes tensor i + 1."""
    tensors = tuple(Tensor(i, f"t{i}", (1, size), "int8", QUANT) for i, size in enumerate(sizes))
    ops = tuple(
        Op(i, "RESHAPE" if i in reshapes else "ADD", tuple(ins), (i + 1,)) for i, ins in enumerate(reads)
    )
    graph = Graph(tensors, ops, (0,), tuple(outputs))
    wanted = dict(scratch)
    layers = [
        (Layer("add", {}, op.inputs, op.outputs[0], wanted.get(op.index, 0)),)
        for op in ops
        if op.kind != "RESHAPE"
    ]
    order = [op.index for op in ops if op.kind != "RESHAPE"]
    return graph, order, layers


def random_network(rng):
    count = int(rng.integers(1, 14))
    sizes = [int(rng.integers(1, 400)) for _ in range(count + 1)]
    reads, reshapes = [], []
    for i in range(count):
        ins = rng.integers(0, i + 1, int(rng.integers(1, 3))).tolist()
        if i and i < count - 1 and not rng.integers(4):
            reshapes.append(i)
            ins = ins[:1]
            sizes[i + 1] = sizes[ins[0]]
        reads.append(ins)
    outputs = sorted({count, int(rng.integers(1, count + 1))})
    scratch = [(i, int(rng.integers(1, 300))) for i in range(count) if not rng.integers(3)]
    return network(sizes, reads, outputs, scratch, reshapes)


@pytest.mark.parametrize("seed", range(200))
def test_random_networks_pass_the_checker(seed):
    graph, order, layers = random_network(np.random.default_rng(seed))
    made = plan(graph, order, layers)  # checks itself
    assert made.arena_bytes % ALIGNMENT == 0
    assert max(made.live_bytes) <= made.arena_bytes
    for op in graph.ops:
        if op.kind == "RESHAPE":
            assert made.offset[op.outputs[0]] == made.offset[op.inputs[0]]


def test_a_chain_needs_no_more_than_its_largest_pair():
    sizes = [27648, 18432, 36864, 9216, 18432, 18432, 4608, 9216]
    graph, order, layers = network(sizes, [[i] for i in range(len(sizes) - 1)], [len(sizes) - 1])
    made = plan(graph, order, layers)
    assert made.arena_bytes == 18432 + 36864
    assert not made.input_survives


def test_the_input_is_kept_where_that_is_free():
    graph, order, layers = network([16, 64, 64], [[0], [1]], [2], scratch=[(0, 80)])
    made = plan(graph, order, layers)
    assert made.input_survives
    assert made.arena_bytes == 16 + 64 + 80


def test_equal_size_inputs_and_outputs_are_not_confused():
    graph, order, layers = network([64, 64], [[0, 0]], [1], [(0, 10)])
    made = plan(graph, order, layers)
    assert len({made.offset[0], made.offset[1], made.scratch[0]}) == 3


@pytest.mark.parametrize("seed", range(50))
def test_the_checker_notices_an_overlap(seed):
    """Move one tensor onto another that is live with it: the replay must fail."""
    graph, order, layers = random_network(np.random.default_rng(seed))
    made = plan(graph, order, layers)
    step = len(layers) - 1
    read, written = layers[step][0].inputs[0], layers[step][0].output
    moved = {**made.offset, written: made.offset[read]}
    with pytest.raises(AssertionError):
        check_plan(graph, layers, replace(made, offset=moved))


def test_placement_never_goes_below_what_is_live():
    blocks = [Block(i, size, first, last) for i, (size, first, last) in enumerate([(33, 0, 1), (7, 1, 2)])]
    places, size = place(blocks)
    assert size == lower_bound(blocks) == 48 + 16
    assert sorted(places) in ([0, 16], [0, 48])
    assert place([]) == ([], 0)
