"""One device's session: what a device that misbehaves gets for a verdict."""

from dataclasses import replace

import numpy as np
import pytest

from nonn_mcu.errors import WrongModel
from nonn_mcu.verify.plan import Wishes, make
from nonn_mcu.verify.session import check_device


def check(device, progress=lambda done, total: None, **wishes):
    return check_device(device, "port", make(device.bundle, Wishes(**wishes)), progress)


def test_a_faithful_device_matches(fake):
    seen = []
    device = fake()
    found = check(device, lambda done, total: seen.append((done, total)), layers=True)
    assert (found.exit_code, found.error) == (0, None)
    assert seen == [(done, 49) for done in range(50)]  # 20 vectors twice, 3 layers of 3 vectors
    assert found.layers.divergence is None
    assert (found.stats.ticks, found.stats.tick_unit) == (4000, "instructions")
    assert (found.stats.static_bytes, found.stats.stack_bytes) == (None, None)


def test_every_vector_runs_twice_in_the_order_of_the_seed(fake):
    orders = []
    for seed in (0, 0, 1):
        device = fake()
        check(device, seed=seed)
        assert sorted(device.runs.count(run) for run in set(device.runs)) == [2] * 20
        orders.append(device.runs)
    assert orders[0] == orders[1] != orders[2]


def test_a_device_that_remembers_is_unstable(fake):
    def carry(number, output):
        output[0, 2] ^= 4 if number == 39 else 0  # the last run is the second of its vector
        return output

    found = check(fake(spoil=carry)).conformance
    assert (found.mismatching_vectors, found.mismatching_values, found.unstable_vectors) == (1, 1, 1)
    assert found.first_mismatch.run == 1


def test_a_device_that_mixes_up_vectors_mismatches(fake, pocket):
    last = []

    def late(number, output):  # gives the output of the run before
        last.append(output)
        return last[-2] if number else output

    found = check(fake(spoil=late))
    assert found.exit_code == 1 and found.conformance.mismatching_vectors > 10


def test_a_kernel_that_saturates_is_found_with_its_layer(fake):
    def saturate(layer, tensor):
        return np.minimum(tensor, 100) if layer == 1 else tensor

    found = check(fake(spoil_layer=saturate), layers=True)
    divergence = found.layers.divergence
    assert found.exit_code == 1 and found.conformance.ok
    assert (divergence.layer, divergence.op) == (1, "CONV_2D")
    assert 0 < divergence.worst_lsb <= 27 and divergence.differing_values > 0


def test_a_layer_is_named_without_the_oracle_too(fake, monkeypatch):
    from nonn_mcu.errors import MissingExtra
    from nonn_mcu.verify import oracle

    def absent(*arguments):
        raise MissingExtra("no oracle")

    monkeypatch.setattr(oracle, "run_isolated", absent)
    found = check(fake(spoil_layer=lambda layer, tensor: tensor ^ 1), layers=True).layers.divergence
    assert (found.layer, found.worst_lsb, found.differing_values) == (0, None, None)


def test_another_model_is_refused_before_it_runs(fake):
    device = fake(described={"sha256": "0" * 64})
    with pytest.raises(WrongModel, match="holds pocket"):
        check(device)
    assert device.runs == []


def test_a_device_that_was_flashed_meanwhile_is_refused(fake):
    with pytest.raises(WrongModel, match="another model answers"):
        check(fake(flashed=True))


@pytest.mark.parametrize("name", ["image", "logits"])
@pytest.mark.parametrize("change", [{"shape": (1, 7)}, {"scale": 0.3}, {"zero_point": 9}])
def test_a_device_that_lies_about_its_digest_is_refused(fake, name, change):
    device = fake(spoil_spec=lambda spec: replace(spec, **change) if spec.name == name else spec)
    with pytest.raises(WrongModel, match=f"other {'in' if name == 'image' else 'out'}puts"):
        check(device)
    assert device.runs == []


@pytest.mark.parametrize(
    ("described", "counted", "ticks"),
    [
        ({}, {"ticks": 7}, 280),
        ({"tick_numerator": 1, "tick_denominator": 4}, {"ticks": 10}, 2),
        ({}, {"ticks": 30, "times": 3}, 400),
        ({}, {"ticks": 0}, None),
        ({}, {"times": 0}, None),
        ({"tick_unit": ""}, {}, None),
    ],
)
def test_ticks_are_of_one_inference(fake, described, counted, ticks):
    assert check(fake(described=described, counted=counted)).stats.ticks == ticks


def test_layers_are_refused_where_the_bundle_has_no_crcs(tmp_path):
    from support.bundles import make_bundle

    from nonn_mcu.errors import BadInput

    bundle = make_bundle(tmp_path / "bare", layer_crc=np.zeros((0, 3), np.uint32))
    with pytest.raises(BadInput, match="no CRCs of layers"):
        make(bundle, Wishes(layers=True))


def test_a_bundle_without_reference_is_judged_on_conformance_alone(fake, tmp_path):
    from support.bundles import make_bundle

    device = fake()
    device.bundle = make_bundle(tmp_path / "unreferenced", references=())
    found = check(device)
    assert found.exit_code == 0 and found.fidelity is None


def test_vectors_that_all_are_for_conformance_alone_have_no_fidelity(fake, pocket, tmp_path):
    from support.bundles import make_bundle

    device = fake()
    nothing = np.full_like(pocket.vectors().references[0], np.nan)
    device.bundle = make_bundle(tmp_path / "corners", references=(nothing,))
    found = check(device)
    assert found.exit_code == 0 and found.fidelity is None
