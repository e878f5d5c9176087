"""The arena plan: tight on chains, correct on random graphs, and a checker that notices a wrong plan."""

from dataclasses import replace

import numpy as np
import pytest

from nonn_mcu.codegen.graph import Graph, Op, Quantization, Tensor
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.placement import ALIGNMENT, Block, lower_bound, place
from nonn_mcu.codegen.plan import check_plan, plan

QUANT = Quantization((1.0,), (0,))


def network(sizes, reads, outputs, *, scratch=(), reshapes=(), trails=()):
    """Tensor 0 is the input; operator i reads ``reads[i]``, as far as ``trails`` has it over its output.

    It writes tensor i + 1.
    """
    tensors = tuple(Tensor(i, f"t{i}", (1, size), "int8", QUANT) for i, size in enumerate(sizes))
    ops = tuple(
        Op(i, "RESHAPE" if i in reshapes else "ADD", tuple(ins), (i + 1,)) for i, ins in enumerate(reads)
    )
    graph = Graph(tensors, ops, (0,), tuple(outputs))
    wanted, above = dict(scratch), dict(trails)
    layers = [
        (Layer("add", {}, op.inputs, op.outputs[0], wanted.get(op.index, 0), above.get(op.index, ())),)
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
    trails = [
        (i, tuple(None if rng.integers(3) else int(rng.integers(0, 200)) for _ in ins))
        for i, ins in enumerate(reads)
        if rng.integers(2)
    ]
    return network(sizes, reads, outputs, scratch=scratch, reshapes=reshapes, trails=trails)


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


def test_outputs_lie_over_inputs_that_die():
    """In place; over the start of a longer input; as far below it as the trail wants."""
    graph, order, layers = network(
        [96, 96, 48, 160], [[0], [1], [2]], [3], trails=[(0, (0,)), (1, (0,)), (2, (112,))]
    )
    made = plan(graph, order, layers)
    assert made.arena_bytes == made.lower_bound == 160
    assert made.offset[2] == made.offset[3] + 112
    assert not made.input_survives


def test_an_input_that_lives_on_is_not_overwritten():
    graph, order, layers = network([64, 64, 64], [[0], [0, 1]], [2], trails=[(0, (0,)), (1, (0, 0))])
    made = plan(graph, order, layers)
    assert made.offset[1] not in range(made.offset[0] - 63, made.offset[0] + 64)
    assert made.arena_bytes == 128


@pytest.mark.parametrize("seed", range(200))
def test_the_checker_notices_what_is_too_close(seed):
    """Move an output that lies over an input one step closer than its trail allows."""
    graph, order, layers = random_network(np.random.default_rng(seed))
    made = plan(graph, order, layers)
    for (call,) in layers:
        for tensor, trail in zip(call.inputs, call.trail, strict=False):
            near = made.offset[tensor] - (trail or 0) + ALIGNMENT
            if (
                trail
                and graph.tensors[tensor].size
                and near + graph.tensors[call.output].size > made.offset[tensor]
            ):
                moved = {**made.offset, call.output: near}
                if near >= 0 and near < made.offset[tensor] + graph.tensors[tensor].size:
                    with pytest.raises(AssertionError):
                        check_plan(graph, layers, replace(made, offset=moved))
                    return


def test_the_input_is_kept_where_that_is_free():
    graph, order, layers = network([16, 64, 64], [[0], [1]], [2], scratch=[(0, 80)])
    made = plan(graph, order, layers)
    assert made.input_survives
    assert made.arena_bytes == 16 + 64 + 80


def test_equal_size_inputs_and_outputs_are_not_confused():
    graph, order, layers = network([64, 64], [[0, 0]], [1], scratch=[(0, 10)])
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
