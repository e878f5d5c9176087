"""What the owner of the data gives to the summary: a share of the training images, and the classes' names."""

from __future__ import annotations

import numpy as np

from nonn_mcu.calib import Samples
from nonn_mcu.dream.output import classes
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.teacher import Teacher


def share_of(samples: Samples, share: float) -> Samples:
    """Give the first ``share``, in 0..1, of ``samples``, whose order is random. Raises :class:`BadInput`."""
    if samples.labels is None:
        raise BadInput(
            f"{samples.source}: has no labels, and metadata are made by class; see docs/students.md"
        )
    count = max(1, round(share * len(samples)))
    return Samples(samples.x[:count], samples.labels[:count], samples.source)


def names_of(teacher: Teacher, samples: Samples) -> tuple[str, ...]:
    """Name the teacher's classes: as its labels do, else by numbers.

    Raises :class:`BadInput` for samples of a class that it does not have.
    """
    count = classes(teacher)
    names = teacher.input.labels or tuple(map(str, range(count)))
    if len(names) != count:
        raise BadInput(f"{teacher.name}: has {count} classes, and {len(names)} labels are given")
    labels = samples.labels
    assert labels is not None
    if (strange := np.setdiff1d(labels, np.arange(count))).size:
        raise BadInput(f"{samples.source}: has label {strange[0]}, and {teacher.name} has {count} classes")
    return names
