"""Which device holds which student, told by digests: in any order, and one clear line where it cannot be."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from nonn_mcu.errors import WrongModel
from nonn_mcu.nonn.devices.assign import absent, assign, head_on, lacking

PATH = Path("build/nonn")


def student(name, digest):
    return SimpleNamespace(path=PATH / name, manifest=SimpleNamespace(model_sha256=digest * 64))


STUDENTS = [student("student0", "a"), student("student1", "b"), student("student2", "c")]


def said(**devices):
    return {port: SimpleNamespace(model="some", sha256=digest * 64) for port, digest in devices.items()}


@pytest.mark.parametrize("order", ["abc", "cab", "bca", "cb", "a", ""])
def test_ports_come_in_any_order(order):
    places = assign(PATH, STUDENTS, said(**{f"P{digest}": digest for digest in order}))
    assert places == {"abc".index(digest): f"P{digest}" for digest in order}
    assert [one.path.name[-1] for one in absent(STUDENTS, places)] == [
        str(i) for i in range(3) if "abc"[i] not in order
    ]


STRANGER = "the device holds some (ffffffffffff), no model of build/nonn"
WRONG = {
    "a stranger": (
        {"X": "b", "Y": "f"},
        f"Y: {STRANGER}; no device holds student0 and student2: "
        "flash build/nonn/student0 and build/nonn/student2",
    ),
    "the same twice": (
        {"X": "b", "Y": "b", "Z": "a"},
        "Y: the device holds student1, as X does; no device holds student2: flash build/nonn/student2",
    ),
    "one too many": (
        {"X": "a", "Y": "b", "Z": "c", "W": "f"},
        f"W: {STRANGER}; every student has its device, leave it out",
    ),
    "two strangers": (
        {"X": "f", "Y": "f", "Z": "c"},
        f"X: {STRANGER}; Y: {STRANGER}; no device holds {lacking(STUDENTS[:2])}",
    ),
}


@pytest.mark.parametrize(("devices", "message"), WRONG.values(), ids=WRONG)
def test_wrong_devices_are_named_and_what_is_missing(devices, message):
    with pytest.raises(WrongModel) as caught:
        assign(PATH, STUDENTS, said(**devices))
    assert str(caught.value) == message


def test_two_students_of_one_model_take_a_device_each():
    twins = [student("student0", "a"), student("student1", "a")]
    assert assign(PATH, twins, said(X="a", Y="a")) == {0: "X", 1: "Y"}


class TwoModels:
    """What a device says about its two models; the first is a student."""

    def __init__(self, models, head="e"):
        self.models, self.head = models, head

    def hello(self):
        return SimpleNamespace(models=self.models, sha256=self.head * 64)

    def model(self, number):
        assert number == 1
        return self


def test_the_head_must_be_the_networks():
    network = SimpleNamespace(
        manifest=SimpleNamespace(holder=1, head_sha256="e" * 64), students=STUDENTS, path=PATH
    )
    found = TwoModels(2)
    assert head_on(found, "P", network) is found
    for device, words in (
        (TwoModels(1), "P: the device holds student1 without the head; flash build/nonn/student1 again"),
        (
            TwoModels(2, "f"),
            "P: the device holds student1 with another head (ffffffffffff, not eeeeeeeeeeee)",
        ),
    ):
        with pytest.raises(WrongModel) as caught:
            head_on(device, "P", network)
        assert str(caught.value).startswith(words)
