"""The samples of a conversion: to calibrate with, to choose the quantisation by, and to test on."""

from __future__ import annotations

import os
from dataclasses import dataclass

from nonn_mcu import calib
from nonn_mcu.calib import Samples
from nonn_mcu.convert.int8 import Progress
from nonn_mcu.dream import synthetic
from nonn_mcu.students import Student

# Ranges of activations settle within a few hundred samples; each costs an inference.
CALIBRATION_SAMPLES = 256
VALIDATION_SAMPLES = 128
# Fewer than this decide nothing.
LEAST_VALIDATION = 16
_TEST_SHARE = 5  # of samples that were made, one in so many is for test

_MADE = {
    synthetic.STATS: "samples made from the network's own batch norms",
    synthetic.NOISE: "random noise",
    synthetic.DREAM: "dreams of this network",
}


@dataclass(frozen=True, eq=False)
class Sets:
    """Disjoint samples, all real or all ``made``; ``notes`` say what is not known with them.

    ``validation`` is None where nothing is to be chosen, or by too few. A ready ``.tflite`` needs no
    ``calibration``, and may go without ``test``.
    """

    calibration: Samples | None
    validation: Samples | None
    test: Samples | None
    made: bool = False
    notes: tuple[str, ...] = ()


def gather(
    student: Student, source: str | None, *, test_limit: int | None, validate: bool, progress: Progress
) -> Sets:
    """Read or make the samples of ``source``: one of ``calib.load``, or ``stats``, ``noise``, ``dream:META``.

    None is ``stats``. At most ``test_limit`` samples are for test; none are held out for validation unless
    asked for. Raises :class:`BadInput`.
    """
    kind = synthetic.kind_of(source)
    if kind is not None:
        return _made(student, kind, source, validate, progress)
    assert source is not None
    progress(f"Reading {os.path.basename(source) or source}")
    test = calib.load(source, student.input, split="test", limit=test_limit)
    train = calib.load(
        source, student.input, limit=CALIBRATION_SAMPLES + (VALIDATION_SAMPLES if validate else 0)
    )
    return Sets(*_divide(train, validate), test)


def _made(student: Student, kind: str, source: str | None, validate: bool, progress: Progress) -> Sets:
    everything = synthetic.make(student, source, progress)
    cut = len(everything) - len(everything) // _TEST_SHARE
    note = (
        f"calibrated without data, on {_MADE[kind]}: fidelity was measured on such samples too, accuracy not "
        "at all; give real samples with --calib, or to verify with labels, to see it"
    )
    train, test = everything.part(slice(cut)), everything.part(slice(cut, None))
    return Sets(*_divide(train, validate), test, made=True, notes=(note,))


def _divide(train: Samples, validate: bool) -> tuple[Samples, Samples | None]:
    """Hold out the last third of the samples, if that is enough to choose by."""
    held_out = len(train) // 3
    if not validate or held_out < LEAST_VALIDATION:
        return train, None
    return train.part(slice(-held_out)), train.part(slice(-held_out, None))
