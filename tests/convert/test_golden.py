"""Golden vectors and the tolerance: rounding, corners, and what a sound device may be asked for."""

import numpy as np
import pytest

from nonn_mcu.bundle import Fidelity, TensorInfo
from nonn_mcu.convert import golden
from nonn_mcu.errors import BadInput


def info(scale=0.5, zero_point=0, shape=(1, 4)):
    axes = tuple(range(len(shape)))
    return TensorInfo(
        name="x", shape=shape, scale=scale, zero_point=zero_point, torch_shape=shape, from_torch=axes
    )


@pytest.mark.parametrize(
    ("real", "zero_point", "expected"),
    [
        (0.0, 0, 0),
        (0.0, -14, -14),
        (0.74, 0, 1),
        (0.25, 0, 0),  # halves go to the even neighbour
        (0.75, 0, 2),
        (-0.25, 0, 0),
        (63.5, 0, 127),
        (64.0, 0, 127),
        (1e30, 0, 127),
        (-64.0, 0, -128),
        (-1e30, 127, -128),
        (63.5, -128, -1),
    ],
)
def test_quantised(real, zero_point, expected):
    found = golden.quantised(np.array([[real]], np.float32), info(0.5, zero_point))
    assert found.dtype == np.int8
    assert found.tolist() == [[expected]]


def test_every_value_the_device_can_hold_comes_back():
    for scale, zero_point in ((0.0186584, -14), (1e-30, 0), (3e30, 127), (1 / 255, -128)):
        one = info(scale, zero_point, (1, 256))
        values = np.arange(-128, 128, dtype=np.int8)[None]
        real = (np.float32(scale) * (values.astype(np.float32) - zero_point)).astype(np.float32)
        assert np.array_equal(golden.quantised(real, one), values)


def test_corners():
    (found,) = golden.corners([info(shape=(1, 3, 5))])
    assert found.shape == (4, 3, 5)
    assert found.dtype == np.int8
    assert (found[0] == -128).all()
    assert (found[1] == 127).all()
    assert set(found[2].ravel().tolist()) == {-128, 127}
    assert len(set(found[3].ravel().tolist())) > 10


def one(samples, sqnr, worst, top1):
    return Fidelity(samples=samples, sqnr_db=(sqnr,), worst_lsb=(worst,), top1_agreement=(top1,))


def test_expectation_leaves_room_that_shrinks_with_the_samples():
    few, many = (golden.expectation(one(n, 30.0, 4.0, 1.0), 200) for n in (16, 1000))
    assert few.sqnr_db == many.sqnr_db == (27.0,)
    assert few.worst_lsb == (9.0,)
    assert 0.7 < few.top1_agreement[0] < 0.85
    assert 0.97 < many.top1_agreement[0] < 1.0
    assert golden.expectation(one(16, 30.0, 4.0, 0.0), 200).top1_agreement == (0.0,)


@pytest.mark.parametrize(
    "seen",
    [one(200, 35.0, 2.0, 1.0), one(200, 22.0, 30.0, 0.6), one(200, 35.0, 30.0, 1.0), one(1, 35.0, 2.0, 0.0)],
)
def test_tolerance_accepts_what_the_oracle_gives(seen):
    expected = golden.expectation(one(128, 34.0, 3.0, 0.99), seen.samples)
    found = golden.tolerance(expected, seen)
    assert found.sqnr_db[0] < seen.sqnr_db[0]
    assert found.worst_lsb[0] > seen.worst_lsb[0]
    assert found.top1_agreement[0] <= seen.top1_agreement[0]
    assert found.sqnr_db[0] <= expected.sqnr_db[0]
    assert found.worst_lsb[0] >= expected.worst_lsb[0]


def test_the_floor():
    golden.require_faithful(one(9, 10.0, 90.0, 0.0), [info()], str)
    with pytest.raises(BadInput, match=r"SQNR of output x is 9.9 dB, at least 10 dB is needed here"):
        golden.require_faithful(one(9, 9.9, 1.0, 1.0), [info()], lambda: " here")
