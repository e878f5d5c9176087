"""The noise that is predicted, and ranges and factors chosen by it."""

import numpy as np
import pytest
import torch
from support import pairs
from torch import nn

from nonn_mcu.codegen.reader import read
from nonn_mcu.convert.ptq import simulate, torch_twin
from nonn_mcu.convert.ptq.balance import with_balance
from nonn_mcu.convert.ptq.net import load
from nonn_mcu.convert.ptq.noise import model
from nonn_mcu.convert.ptq.ranges import RULES, with_ranges
from nonn_mcu.convert.ptq.score import judge
from nonn_mcu.convert.ptq.sensitivity import sensitivities
from nonn_mcu.convert.ptq.statistics import observe
from nonn_mcu.convert.ptq.write import write, write_twin

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.filterwarnings("ignore")]


class Uneven(nn.Module):
    """Two convolutions and a residual sum, channels between them of very different sizes."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.conv = nn.Conv2d(8, 8, 3, 2, 1)
        self.deep = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 5)
        sizes = torch.logspace(-1.5, 0, 8)
        with torch.no_grad():
            self.conv.weight *= sizes.reshape(-1, 1, 1, 1)
            self.conv.bias *= sizes
            self.deep.weight *= sizes.reshape(-1, 1, 1, 1) / sizes.reshape(1, -1, 1, 1)
            self.deep.bias *= sizes
            self.head.weight /= sizes

    def forward(self, x):
        y = torch.relu(self.conv(torch.relu(self.stem(x))))
        y = torch.relu(y + self.deep(y))
        return self.head(y.mean((2, 3)))


@pytest.fixture(scope="module")
def made():
    stock, exact, x, held_out, _ = pairs.stock(Uneven, (3, 8, 8))
    net = load(stock, exact)
    felt = sensitivities(read(exact), x[:32], simulate.outputs(exact, x[:32]))
    by_index = {index: felt[twin] for index, twin in net.pair.twin.items()}
    return net, x, by_index, judge(exact, held_out)


def test_the_twin_in_torch_is_the_twin(made):
    net, x, _, _ = made
    graph = net.pair.exact
    tensors = [index for op in graph.ops for index in op.outputs]
    values = torch_twin.run(graph, torch.from_numpy(x[:4]))
    for number, sample in enumerate(simulate.walk(net.exact, x[:4], tensors)):
        for index, expected in zip(tensors, sample, strict=True):
            np.testing.assert_allclose(values[index][number].numpy(), expected[0], rtol=1e-4, atol=1e-5)


def test_a_sensitivity_is_what_noise_does(made):
    """Of the output, its own share of the power; of what the last layer reads, its weights' squares."""
    net, _, felt, by = made
    graph = net.graph
    (head,) = (op for op in graph.ops if op.kind == "FULLY_CONNECTED")
    power = np.square(by.references[0]).sum() / len(by.references[0])
    np.testing.assert_allclose(felt[head.outputs[0]], 1 / power, rtol=0.5)
    mean = felt[head.inputs[0]]
    weights = net.layers[head.index].weights
    assert np.corrcoef(np.log(mean), np.log(np.square(weights).sum(axis=0)))[0, 1] > 0.95


def test_the_prediction_is_close_to_what_is_measured(made):
    net, x, felt, by = made
    plain = with_ranges(net, observe(net, x), RULES["extremes and a quarter"])
    noise = model(plain, observe(net, x), felt)
    ranges = [[plain.affine[group[0]].real(np.array(q)) for q in (-128, 127)] for group in noise.members]
    total = noise.total(torch.tensor(ranges, dtype=torch.float32), torch.ones(len(noise.scalable)))
    (measured,) = by.score(write(plain)).sqnr_db
    assert abs(-10 * np.log10(float(total)) - measured) < 2


def test_balance_lowers_the_noise_and_keeps_the_function(made):
    net, x, felt, by = made
    activities = observe(net, x)
    balanced = with_balance(net, activities, felt)
    best = max(by.score(write(with_ranges(net, activities, rule))).sqnr_db for rule in RULES.values())
    assert by.score(write(balanced)).sqnr_db[0] > best[0] + 1
    (before,), (after,) = (simulate.outputs(twin, x) for twin in (net.exact, write_twin(balanced)))
    assert np.abs(before - after).max() < 1e-4 * np.abs(before).max()


def test_an_operator_that_is_not_known_cannot_be_differentiated():
    from support.models import O, T, build

    graph = read(build([T((1, 4), None, dtype="float32")] * 2, [O("ABS", [0], [1])], [0], [1]))
    x = np.ones((2, 4), np.float32)
    assert sensitivities(graph, x, [x]) is None
