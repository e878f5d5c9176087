"""Two generated models in one firmware: each is verified against its own oracle, taking turns on one line."""

import numpy as np
import pytest
from support.boards import EMULATED, need

from nonn_mcu.boards.build import build
from nonn_mcu.boards.elf import measure
from nonn_mcu.boards.start import start
from nonn_mcu.errors import DeviceError, WrongModel
from nonn_mcu.link.client import Device
from nonn_mcu.target import of_core
from nonn_mcu.verify import plan
from nonn_mcu.verify.session import check_device


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The bundle whose firmware holds both models, and that of the second model alone."""
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.bundles import make_bundle
    from support.heads import with_head

    folder = tmp_path_factory.mktemp("pair")
    alone, second = make_bundle(folder / "first", seed=1), make_bundle(folder / "second", seed=2)
    return with_head(alone, second.model), second


def arena(bundle, board):
    return bundle.manifest.native_on(of_core(board.core).runtime).arena_bytes


def input_bytes(bundle):
    return len(bundle.vectors().inputs[0][0].tobytes())


LONG = pytest.mark.long


@pytest.mark.parametrize(
    ("name", "keep_input"),
    [
        ("host", False),
        ("mps2-an386", True),
        pytest.param("host", True, marks=LONG),
        pytest.param("mps2-an386", False, marks=LONG),
        pytest.param("mps3-an547", False, marks=LONG),
    ],
)
def test_both_models_are_those_of_their_bundles(name, keep_input, pair, tmp_path):
    board = need(name)
    made = build(
        pair[0].path, board, out=tmp_path / "firmware", keep_input=keep_input, sanitize=name == "host"
    )
    if name in EMULATED:
        arenas = sum(arena(bundle, board) for bundle in pair)
        assert measure(made.path).arena == arenas + sum(map(input_bytes, pair)) * keep_input
    with start(board, made.path) as running, Device.open(running.port) as first:
        devices = (first, first.model(1))
        plans = [plan.make(bundle, plan.Wishes(layers=True)) for bundle in pair]
        for device, wanted in zip(devices, plans, strict=True):
            verdict = check_device(device, running.port, wanted, lambda done, total: None)
            assert (verdict.status, verdict.device.digest) == ("match", wanted.bundle.manifest.model_sha256)
            assert verdict.layers is not None
            assert verdict.stats.arena_bytes == arena(wanted.bundle, board)
        for vector in np.random.default_rng(1).permutation(np.repeat(np.arange(10), 2)):
            for device, wanted in zip(devices, plans, strict=True):
                (output,) = device.run([data[vector : vector + 1] for data in wanted.vectors.inputs])
                np.testing.assert_array_equal(output, wanted.vectors.outputs[0][vector : vector + 1])
        assert [device.hello().models for device in devices] == [2, 2]
        assert devices[0].stats().invocations == devices[1].stats().invocations
        with pytest.raises(WrongModel):
            check_device(devices[1], running.port, plans[0], lambda done, total: None)
        with pytest.raises(DeviceError, match="no such model"):
            first.model(2).hello()
