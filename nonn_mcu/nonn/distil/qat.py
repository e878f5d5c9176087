"""Students that learn to bear the rounding of int8: training goes on with it, and gives ranges, too."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor, nn

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.distil.rounded_student import Range, RoundedStudent
from nonn_mcu.nonn.distil.train import Epoch, Outcome, Recipe, cosine
from nonn_mcu.nonn.model import FeatureNet, NoNN
from nonn_mcu.students.student import first_line

_RATE = 0.02  # of the rate before
# Shares of the epochs after which batch norms and ranges stay as they are; the first epoch is always theirs.
_STATISTICS, _RANGES = 1 / 3, 2 / 3


@dataclass(frozen=True)
class Tuned:
    """What fine-tuning gave: weights for :class:`NoNN`, each student's ranges, and how it went.

    Accuracies in ``history`` and ``best`` are those of the rounded network.
    """

    state_dict: dict[str, Tensor]
    ranges: tuple[dict[str, Range], ...]
    history: tuple[Epoch, ...]
    best: Epoch


def round_students(module: NoNN) -> NoNN:
    """Give a copy whose students are rounded; the head, which is quantised on its own, is not.

    Raises :class:`BadInput` for a student that cannot be traced.
    """
    copied = copy.deepcopy(module)
    students = []
    for index, (student, spec) in enumerate(zip(copied.students, module.specs, strict=True)):
        assert isinstance(student, FeatureNet)
        try:
            students.append(RoundedStudent(student))
        except Exception as error:  # tracing runs the student, which may raise anything
            raise BadInput(
                f"student {index}, {spec.arch}: cannot be traced for --qat ({first_line(error)}); "
                "name another one or leave --qat out"
            ) from None
    copied.students = nn.ModuleList(students)
    return copied


def tune(module: NoNN, recipe: Recipe, epochs: int, go: Callable[..., Outcome]) -> Tuned:
    """Go on training ``module`` for ``epochs``, rounded; it stays as it is itself.

    ``recipe`` is what it was trained with; ``go`` is :func:`~nonn_mcu.nonn.distil.train.train` with all but
    module, recipe and schedule given. The rate is a fiftieth and falls to 0; batch norms stay as they are
    after a third of the epochs, ranges after two. Raises as ``go`` and :func:`round_students` do.
    """
    tuned = round_students(module)
    slow = replace(recipe, epochs=epochs, rate=_RATE * recipe.rate)
    outcome = go(tuned, recipe=slow, schedule=cosine, begin=partial(_begin, tuned, epochs))
    tuned.load_state_dict(outcome.state_dict)
    weights = {f"head.{key}": value for key, value in tuned.head.state_dict().items()}
    for index, student in enumerate(tuned.students):
        weights |= {f"students.{index}.{key}": value for key, value in student.floats().items()}
    ranges = tuple(student.ranges() for student in tuned.students)
    return Tuned(weights, ranges, outcome.history, outcome.best)


def _begin(tuned: NoNN, epochs: int, epoch: int) -> None:
    shares = {"statistics": _STATISTICS, "ranges": _RANGES}
    for student in tuned.students:
        student.moving = {what for what, share in shares.items() if epoch <= max(1, share * epochs)}
        if "ranges" in student.moving:
            student.forget_ranges()
