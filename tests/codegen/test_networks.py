"""Whole networks: generated C against the oracle, outputs and every layer's tensor, under the sanitizers."""

import numpy as np
import pytest
from support.host import PLAIN, compile_models, kernel_objects
from support.single_op import vectors

from nonn_mcu.verify import oracle

NAMES = ("ad01", "ic01", "kws01", "vww01")


@pytest.fixture(scope="module")
def networks(data_dir):
    folder = data_dir / "mlperf-tiny"
    if not folder.is_dir():
        pytest.skip(f"no networks at {folder}")
    return [(folder / f"{name}_int8.tflite").read_bytes() for name in NAMES]


@pytest.fixture(scope="module")
def program(networks, kernels, tmp_path_factory):
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    return compile_models(networks, tmp_path_factory.mktemp("networks"), kernels)


@pytest.mark.parametrize("count", [6, pytest.param(200, marks=pytest.mark.long)])
@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_outputs_equal_the_oracle(networks, program, number, count):
    inputs = vectors(np.random.default_rng(number), networks[number], count)
    expected = oracle.run(networks[number], inputs)
    made = program.run([(number, [array[v] for array in inputs]) for v in range(count)])
    for output, wanted in enumerate(expected):
        np.testing.assert_array_equal(
            np.stack([row[output].reshape(wanted[0].shape) for row in made]), wanted
        )


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_every_layer_equals_the_oracle(networks, program, number):
    inputs = [array[3:] for array in vectors(np.random.default_rng(number), networks[number], 4)]
    layers = program.generated[number].reference.layers
    expected = oracle.run_layers(networks[number], inputs, [layer.tensor for layer in layers])
    [made] = program.run([(number, [array[0] for array in inputs])], layers=True)
    for layer, tensor, wanted in zip(layers, made, expected, strict=True):
        np.testing.assert_array_equal(tensor, wanted[0], err_msg=layer.name)


@pytest.mark.long
@pytest.mark.parametrize("level", ["-Os", "-O3", "-Ofast"])
def test_optimisation_changes_nothing(networks, level, tmp_path):
    flags = (level, *PLAIN)
    program = compile_models(networks, tmp_path, kernel_objects(tmp_path, flags), flags)
    for number, model in enumerate(networks):
        inputs = vectors(np.random.default_rng(number), model, 20)
        made = program.run([(number, [array[v] for array in inputs]) for v in range(20)])
        for output, wanted in enumerate(oracle.run(model, inputs)):
            np.testing.assert_array_equal(np.stack([row[output][0] for row in made]), wanted)


def test_costs_of_the_networks(program):
    """MACs as the benchmark publishes them; an arena close to the layer that needs most."""
    macs = [sum(layer.macs for layer in made.reference.layers) for made in program.generated]
    assert macs == [264_192, 12_501_632, 2_656_768, 7_489_664]
    for made in program.generated:
        assert (
            max(made.reference.plan.live_bytes)
            <= made.reference.plan.arena_bytes
            <= 1.1 * max(made.reference.plan.live_bytes) + 64
        )
