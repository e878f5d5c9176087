"""The order of operators, and PADs that become a convolution's own padding."""

from itertools import permutations

import numpy as np
import pytest
from support.models import O, T, build
from support.single_op import Case, check_cases

from nonn_mcu.codegen import load
from nonn_mcu.codegen.fold_pad import fold_pad
from nonn_mcu.codegen.graph import Graph, Op, Quantization, Tensor
from nonn_mcu.codegen.schedule import schedule

QUANT = Quantization((1.0,), (0,))


def random_graph(rng):
    """Operators of one or two inputs; tensor 0 is the input, operator i writes tensor i + 1."""
    count = int(rng.integers(2, 7))
    sizes = [int(rng.integers(1, 100)) for _ in range(count + 1)]
    reads = [tuple({int(rng.integers(0, i + 1)) for _ in range(2)}) for i in range(count)]
    tensors = tuple(Tensor(i, f"t{i}", (1, size), "int8", QUANT) for i, size in enumerate(sizes))
    ops = tuple(Op(i, "ADD", ins, (i + 1,)) for i, ins in enumerate(reads))
    return Graph(tensors, ops, (0,), (count,))


def peak(graph):
    """Most bytes of whole tensors at once; None for an order in which something is read too early."""
    made, most = set(graph.inputs), 0
    for place, op in enumerate(graph.ops):
        if not set(op.inputs) <= made:
            return None
        made |= set(op.outputs)
        later = {i for other in graph.ops[place:] for i in other.inputs} | set(graph.outputs)
        most = max(most, sum(graph.tensors[i].size for i in made if i in later or i in op.outputs))
    return most


@pytest.mark.parametrize("seed", range(60))
def test_no_order_needs_less(seed):
    graph = random_graph(np.random.default_rng(seed))
    found = schedule(graph)
    orders = [Graph(graph.tensors, ops, graph.inputs, graph.outputs) for ops in permutations(graph.ops)]
    least = min(p for order in orders if (p := peak(order)) is not None)
    assert peak(found) == least
    if peak(graph) == least:
        assert found.ops == graph.ops, "the file's order stays where nothing is better"


def padded(border, quant=(0.5, 3), padding=1, readers=1, as_output=False):
    """A PAD and convolutions that read it."""
    shape = tuple(n + b + a for n, (b, a) in zip((1, 5, 6, 2), border, strict=True))
    out = (1, (shape[1] - 3) // 2 + 1, (shape[2] - 3) // 2 + 1, 4) if padding == 1 else (1, 4, 5, 4)
    rng = np.random.default_rng(0)
    tensors = [
        T((1, 5, 6, 2), 0.5, 3),
        T((4, 2), None, data=np.array(border, np.int32), dtype="int32"),
        T(shape, *quant),
        T((4, 3, 3, 2), 0.01, data=rng.integers(-127, 128, (4, 3, 3, 2), np.int8)),
        *(T(out, 0.3, -5) for _ in range(readers)),
    ]
    options = {"padding": padding, "strideH": 2, "strideW": 2, "dilationHFactor": 1, "dilationWFactor": 1}
    convs = [O("CONV_2D", [2, 3], [4 + i], options) for i in range(readers)]
    results = [*range(4, 4 + readers), *([2] if as_output else [])]
    return build(tensors, [O("PAD", [0, 1], [2]), *convs], [0], results)


IMAGE = ((0, 0), (1, 0), (1, 2), (0, 0))


@pytest.mark.parametrize(
    ("model", "kinds"),
    [
        (padded(IMAGE), ["CONV_2D"]),
        (padded(IMAGE, readers=2), ["CONV_2D", "CONV_2D"]),
        (padded(IMAGE, as_output=True), ["PAD", "CONV_2D"]),
        (padded(((0, 0), (1, 1), (2, 1), (0, 0)), padding=0), ["PAD", "CONV_2D"]),
    ],
    ids=["folded", "read twice", "also an output", "SAME on top"],
)
def test_a_pad_becomes_padding(model, kinds, kernels, tmp_path):
    graph = load(model)
    assert [op.kind for op in graph.ops] == kinds
    assert fold_pad(graph).ops == graph.ops
    rng = np.random.default_rng(1)
    inputs = [rng.integers(-128, 128, (4, 5, 6, 2), np.int8)]
    check_cases([Case(model, inputs)], tmp_path, kernels)
