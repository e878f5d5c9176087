"""Samples made from a network: from its batch norms' statistics, and from nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from nonn_mcu.convert.sets import gather
from nonn_mcu.dream import synthetic
from nonn_mcu.dream.batch_norm import watch
from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import Student, input_spec

pytestmark = pytest.mark.usefixtures("one_thread")

SPEC = input_spec((3, 8, 8), mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))


def network() -> nn.Module:
    """Two convolutions whose batch norms have seen images of smooth colours: nothing like noise."""
    torch.manual_seed(0)
    module = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Conv2d(8, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(72, 4)),
    )
    with torch.no_grad():
        for _ in range(60):
            module(seen(64))
    return module.eval()


def seen(count: int) -> torch.Tensor:
    colours = torch.rand(count, 3, 1, 1) * torch.linspace(0.3, 1, 8)
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (SPEC.mean, SPEC.std))
    return ((colours * torch.ones(8, 8)) - mean) / std


@pytest.fixture(scope="module")
def student() -> Student:
    return Student("net", "module", network(), SPEC)


def distance(student: Student, x: torch.Tensor) -> float:
    with torch.no_grad(), watch(student.model, "net") as value:
        student.model(x)
        return float(value())


def told(step: str) -> None:
    pass


def test_samples_of_the_statistics_have_them(student):
    made = synthetic.make(student, None, told)
    assert (made.x.shape, made.x.dtype, made.source) == ((128, 3, 8, 8), np.float32, "stats")
    parts = [distance(student, torch.from_numpy(x)) for x in np.split(made.x, 2)]
    random = distance(student, torch.from_numpy(synthetic.make(student, "noise", told).x[:64]))
    torch.manual_seed(1)
    assert max(parts) < 0.1 * random
    assert distance(student, seen(64)) < 0.1 * random  # the measure itself tells real images from noise


@pytest.mark.parametrize("source", ["stats", "noise"])
def test_values_are_those_of_pixels_and_reach_both_ends(source, student):
    x = synthetic.make(student, source, told).x
    low, high = synthetic.limits(SPEC)
    assert ((x >= low) & (x <= high)).all()
    assert x.min() == pytest.approx(low.min())
    assert x.max() == pytest.approx(high.max())


def test_the_same_network_gives_the_same_samples(student):
    assert synthetic.make(student, "stats", told).sha256 == synthetic.make(student, "stats", told).sha256


def test_an_input_without_known_limits_has_none():
    assert [float(edge) for edge in synthetic.limits(input_spec((640,)))] == [-np.inf, np.inf]


def test_who_has_samples_names_them(tmp_path):
    """A folder of one of the names is told from it by its path."""
    assert [synthetic.kind_of(text) for text in (None, "stats", "noise", "dream:a.npz")] == [
        *("stats", "stats", "noise", "dream")
    ]
    assert [synthetic.kind_of(text) for text in ("./stats", "digits", "stats:", "dream", "cifar10:a")] == [
        None
    ] * 5


BROKEN = {
    "no batch norm": (
        lambda: Student("net", "module", nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), SPEC),
        r"^net: has no batch norm with statistics of its training data; give --calib SRC: a folder of images",
    ),
    "a file whose layers cannot be watched": (
        lambda: Student("net", "torchscript", None, SPEC),
        r"^net: the batch norms of a torchscript file cannot be watched; give --calib SRC",
    ),
    "statistics that are no numbers": (
        lambda: Student("net", "module", spoilt(), SPEC),
        r"^net: batch norm '1' holds statistics that are NaN, infinite or below zero",
    ),
}


def spoilt() -> nn.Module:
    module = network()
    module[1].running_var[3] = float("nan")
    return module


@pytest.mark.parametrize("what", BROKEN)
def test_a_network_without_usable_statistics_is_refused(what):
    make, message = BROKEN[what]
    with pytest.raises(BadInput, match=message):
        synthetic.make(make(), "stats", told)


def test_made_samples_are_divided_and_say_what_is_not_known(student):
    sets = gather(student, "noise", test_limit=200, validate=True, progress=told)
    sizes = [len(part) for part in (sets.calibration, sets.validation, sets.test)]
    assert sizes == [69, 34, 25]
    rows = np.concatenate([sets.calibration.x, sets.validation.x, sets.test.x])
    assert len(np.unique(rows, axis=0)) == 128
    assert "accuracy not at all" in sets.notes[0]
    alone = gather(student, "noise", test_limit=200, validate=False, progress=told)
    assert (len(alone.calibration), alone.validation) == (103, None)


def test_few_samples_are_not_held_out(tmp_path, student):
    np.save(tmp_path / "few.npy", np.random.RandomState(0).randint(0, 256, (50, 8, 8, 3)).astype(np.uint8))
    sets = gather(student, str(tmp_path / "few.npy"), test_limit=200, validate=True, progress=told)
    assert (len(sets.calibration), sets.validation, len(sets.test), sets.notes) == (40, None, 10, ())
