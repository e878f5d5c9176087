"""The whole verification through a line with every fault at 1 % per byte: the right verdict, to the value."""

import contextlib
import dataclasses

import numpy as np
import pytest
from support.boards import need

from nonn_mcu import bundle as bundles
from nonn_mcu.boards.start import build_and_start
from nonn_mcu.link.client import Device
from nonn_mcu.link.flaky import Faults, FlakyPort
from nonn_mcu.link.ports import SerialPort
from nonn_mcu.verify import plan
from nonn_mcu.verify.session import check_device

FAULTS = Faults(drop=0.01, corrupt=0.01, duplicate=0.01, split=0.01, delay=0.01)


@pytest.mark.xdist_group("digits host")
@pytest.mark.parametrize("vectors", [10, pytest.param(1000, marks=pytest.mark.long)])
def test_verdicts_are_right_to_the_value(converted, vectors):
    bundle = bundles.read(converted("digits"))
    made = plan.make(bundle, plan.Wishes())
    those = np.arange(vectors) % len(made.vectors)
    golden = made.vectors.outputs[0][those].copy()
    wrong = np.arange(0, vectors, 7)
    golden[wrong, 3] ^= 1  # what the device must be found guilty of, and of nothing else
    repeated = dataclasses.replace(
        made.vectors, inputs=(made.vectors.inputs[0][those],), outputs=(golden,), references=(), labels=None
    )
    reference = dataclasses.replace(made.reference, outputs=())
    wanted = dataclasses.replace(made, vectors=repeated, reference=reference, complete=False)
    with (
        build_and_start(bundle.path, need("host")) as running,
        contextlib.closing(SerialPort(running.port)) as port,
    ):
        device = Device(FlakyPort(port, FAULTS, seed=vectors))
        verdict = check_device(device, running.port, wanted, lambda done, total: None)
    assert verdict.link is not None and verdict.link.lost > vectors / 10
    found = verdict.conformance
    assert found is not None
    assert (found.runs, found.values, found.unstable_vectors) == (2 * vectors, 20 * vectors, 0)
    assert (found.mismatching_vectors, found.mismatching_values) == (len(wrong), 2 * len(wrong))
    assert found.lsb_histogram == {0: 20 * vectors - 2 * len(wrong), 1: 2 * len(wrong)}
