"""The training part is divided the same way each time, and no sample is in two parts."""

import numpy as np
import pytest

from nonn_mcu import calib, students
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.data import split_train


def samples(count, labels=True):
    x = np.arange(count, dtype=np.float32)[:, None]
    return calib.Samples(x, np.arange(count) if labels else None, "numbers")


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize(("count", "held_out"), [(160, 16), (169, 16), (2000, 200)])
def test_the_last_tenth_is_for_validation(count, held_out, labels):
    whole = samples(count, labels)
    training, validation = split_train(whole)
    assert (len(training), len(validation)) == (count - held_out, held_out)
    assert (np.concatenate([training.x, validation.x]) == whole.x).all()
    for part in (training, validation):
        assert part.source == "numbers"
        assert (part.labels == part.x[:, 0]).all() if labels else part.labels is None


def test_too_few_samples_decide_nothing():
    with pytest.raises(BadInput, match="numbers: has 159 samples for training"):
        split_train(samples(159))


def test_no_test_sample_is_in_it():
    pytest.importorskip("sklearn")
    spec = students.input_spec((64,))
    training, validation = split_train(calib.load("digits", spec))
    test = calib.load("digits", spec, split="test")
    assert (len(training), len(validation), len(test)) == (1295, 143, 359)
    known = {image.tobytes() for image in test.x}
    assert not known & {image.tobytes() for part in (training, validation) for image in part.x}
