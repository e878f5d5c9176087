"""The stock converter's models refined: nothing is lost on the way, and what was lacking is mended."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from support import pairs
from torch import nn

from nonn_mcu import codegen
from nonn_mcu.codegen.reader import read
from nonn_mcu.convert.ptq import simulate
from nonn_mcu.convert.ptq.bias import exact_means, with_means, with_weights_made_up
from nonn_mcu.convert.ptq.equalise import factors, scaled
from nonn_mcu.convert.ptq.gptq import with_gptq
from nonn_mcu.convert.ptq.inputs import moments
from nonn_mcu.convert.ptq.net import load
from nonn_mcu.convert.ptq.ranges import RULES, with_ranges
from nonn_mcu.convert.ptq.refine import refine
from nonn_mcu.convert.ptq.score import judge
from nonn_mcu.convert.ptq.statistics import observe
from nonn_mcu.convert.ptq.ties import SAME
from nonn_mcu.convert.ptq.write import write, write_twin
from nonn_mcu.verify import oracle

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.filterwarnings("ignore")]


class Stage(nn.Module):
    """A residual stage with an option-A shortcut, whose channels differ in size by up to 100."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.first = nn.Conv2d(8, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 16, 3, 2, 1)
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16)
        self.head = nn.Linear(16, 5)
        sizes = torch.logspace(-2, 0, 8)
        with torch.no_grad():
            for conv in (self.stem, self.first):
                conv.weight *= sizes.reshape(-1, 1, 1, 1)
                conv.bias *= sizes
            self.first.weight /= sizes.reshape(1, -1, 1, 1)
            self.second.weight /= sizes.reshape(1, -1, 1, 1)
            self.second.weight[4:12] *= sizes.reshape(-1, 1, 1, 1)
            self.second.bias[4:12] *= sizes
            self.depthwise.weight[4:12] /= sizes.reshape(-1, 1, 1, 1)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(x + self.first(x))
        y = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4)) + self.second(x)
        y = self.depthwise(F.relu(y))
        return self.head(y.mean((2, 3)))


class Twice(nn.Module):
    """One convolution used twice, a concatenation, a pooling that keeps its scale, fixed scales."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.gate = nn.Conv2d(8, 8, 1)
        self.fc = nn.Linear(8 * 3 * 3, 4)

    def forward(self, x):
        y = F.relu(self.conv(x))
        y = torch.cat([y, F.relu6(self.conv(y))], 1)
        y = F.max_pool2d(y, 2) * torch.sigmoid(self.gate(F.avg_pool2d(y, 2)))
        return torch.softmax(self.fc(F.interpolate(y, scale_factor=1.0).flatten(1)), 1)


NETS = {"stage": (Stage, (3, 8, 8)), "twice": (Twice, (4, 6, 6))}


@pytest.fixture(scope="module")
def made():
    return lambda name: pairs.stock(*NETS[name])


@pytest.fixture(scope="module")
def refined(made):
    found = {}

    def get(name):
        if name not in found:
            stock, exact, calibration, validation, _ = made(name)
            found[name] = refine(stock, exact, calibration, validation, lambda step: None)
        return found[name]

    return get


def int8_samples(model, x):
    net_input = read(model).tensors[read(model).inputs[0]]
    return np.clip(np.rint(x / np.float32(net_input.scale)) + net_input.zero_point, -128, 127).astype(np.int8)


def by_oracle(model, x):
    return oracle.run(model, [x])


@pytest.mark.parametrize("name", NETS)
def test_rewriting_without_a_step_gives_the_stock_models_outputs(made, name):
    stock, exact, _, x, _ = made(name)
    net = load(stock, exact)
    samples = int8_samples(stock, x)
    for before, after in zip(by_oracle(stock, samples), by_oracle(write(net), samples), strict=True):
        assert np.array_equal(before, after)
    for before, after in zip(simulate.outputs(exact, x), simulate.outputs(write_twin(net), x), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("name", NETS)
def test_equalisation_keeps_the_float_function(made, name):
    stock, exact, x, _, _ = made(name)
    net = load(stock, exact)
    divisors = factors(net, observe(net, x))
    assert any((one != 1).any() for one in divisors.values()) == (name == "stage")  # "twice" clips all
    twin = write_twin(scaled(net, divisors))
    for before, after in zip(simulate.outputs(exact, x), simulate.outputs(twin, x), strict=True):
        assert np.abs(before - after).max() < 1e-4 * np.abs(before).max()


def test_equalisation_evens_out_the_channels(made):
    stock, exact, x, _, _ = made("stage")
    net = load(stock, exact)

    def evenness(net):
        """Smallest reach of a channel within the residual stream, as a share of the largest."""
        reach = {i: np.maximum(-a.low, a.high) for i, a in observe(net, x).items()}
        (addition, *_) = (op for op in net.graph.ops if op.kind == "ADD")
        return reach[addition.outputs[0]].min() / reach[addition.outputs[0]].max()

    assert evenness(net) < 0.1
    assert evenness(scaled(net, factors(net, observe(net, x)))) > 0.5


def test_each_step_mends_what_it_is_for(made):
    stock, exact, x, held_out, _ = made("stage")
    net = load(stock, exact)
    by = judge(exact, held_out)
    activities = observe(net, x)
    divisors = factors(net, activities)
    seen = {index: activity.over(divisors[index]) for index, activity in activities.items()}
    equalised = with_ranges(scaled(net, divisors), seen, RULES["extremes"])
    plain = with_ranges(net, activities, RULES["extremes"])
    assert by.score(write(equalised)).gain(by.score(write(plain))) > 3
    samples = int8_samples(stock, x)
    read_by_layers = moments(equalised, samples)
    rounded = with_gptq(equalised, read_by_layers)
    assert by.score(write(rounded)).gain(by.score(write(equalised))) > 0
    shifted = equalised.with_layers(
        {
            index: replace(layer, correction=layer.correction + 0.05 * np.ptp(layer.bias))
            for index, layer in equalised.layers.items()
        }
    )
    mended = with_means(shifted, samples, exact_means(equalised, x))
    assert by.score(write(mended)).gain(by.score(write(shifted))) > 1
    assert write(with_weights_made_up(shifted, read_by_layers)) == write(
        with_weights_made_up(equalised, read_by_layers)
    )


@pytest.mark.parametrize("name", NETS)
def test_refined(made, refined, name):
    """Never below stock for the oracle, on samples that had no part in it; a file that everything takes."""
    stock, exact, _, validation, test = made(name)
    result = refined(name)
    by = judge(exact, test)
    gain = by.score(result.model, by_oracle).gain(by.score(stock, by_oracle))
    assert gain > {"stage": 3, "twice": -0.1}[name]
    first, last = result.steps[0], result.steps[-1]
    assert (first.name, last.name) == ("stock", "refined")
    kept = last if last.kept else first
    measured = judge(exact, validation).score(result.model, by_oracle)
    assert (kept.sqnr_db, kept.agreement) == (min(measured.sqnr_db), min(measured.agreement))
    assert kept.sqnr_db >= first.sqnr_db
    codegen.generate(result.model, "net")
    for before, after in zip(simulate.outputs(exact, test), simulate.outputs(result.twin, test), strict=True):
        assert np.abs(before - after).max() < 1e-4 * np.abs(before).max()


def test_samples_that_are_made_leave_room_for_real_ones(made):
    """Made ones are smaller here, those held out too, and the test samples are not."""
    stock, exact, x, held_out, test = made("stage")
    by = judge(exact, test)
    narrow, roomy = (
        refine(stock, exact, 0.8 * x, 0.8 * held_out, lambda step: None, made=how) for how in (False, True)
    )
    assert [step.name for step in roomy.steps[:2]] == ["stock", "room for real samples"]
    assert by.score(roomy.model, by_oracle).gain(by.score(narrow.model, by_oracle)) > 1


@pytest.mark.parametrize("name", NETS)
def test_the_refined_file_keeps_what_operators_require(refined, name):
    graph = read(refined(name).model)
    for op in graph.ops:
        source, target = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
        if op.kind in SAME:
            assert (source.scale, source.zero_point) == (target.scale, target.zero_point), op
        if op.kind in ("SOFTMAX", "LOGISTIC"):
            assert (target.scale, target.zero_point) == (1 / 256, -128)
        if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            weights, bias = (graph.tensors[index] for index in op.inputs[1:3])
            assert np.abs(weights.data.astype(int)).max() <= 127
            assert not any(weights.quant.zero_point)
            products = np.float32(source.scale) * np.array(weights.quant.scale, np.float32)
            assert np.array_equal(np.array(bias.quant.scale, np.float32), products)
    assert {op.kind for op in graph.ops} >= {
        "stage": {"ADD", "PAD", "MEAN", "DEPTHWISE_CONV_2D"},
        "twice": {"CONCATENATION", "MAX_POOL_2D", "AVERAGE_POOL_2D", "SOFTMAX", "LOGISTIC"},
    }[name]


@pytest.mark.parametrize("name", NETS)
def test_the_simulation_is_close_to_the_oracle(made, refined, name):
    stock, exact, _, _, x = made(name)
    by = judge(exact, x)
    for model in (stock, refined(name).model):
        simulated, real = by.score(model), by.score(model, by_oracle)
        assert np.allclose(simulated.sqnr_db, real.sqnr_db, atol=0.5)


def test_a_pair_that_is_none_stays_stock(made):
    stock, _, x, held_out, _ = made("stage")
    other = made("twice")[1]
    result = refine(stock, other, x, held_out, lambda step: None)
    assert (result.model, result.twin, result.steps) == (stock, None, ())


def test_the_same_bytes_each_time(made, refined):
    stock, exact, calibration, validation, _ = made("stage")
    assert refine(stock, exact, calibration, validation, lambda step: None).model == refined("stage").model
