"""The paper's figure: the same student, taught on noise, dreams, other images and the real ones.

All sets are of the same size, all students start with the same weights, have the same epochs and views, and
are tested on the real test images. Each is chosen by a tenth of its own set: who has no data cannot choose by
it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric

from nonn_mcu.calib import Samples
from nonn_mcu.dream.output import answers, classes
from nonn_mcu.nonn import teacher as teachers
from nonn_mcu.nonn.data import split_train
from nonn_mcu.nonn.distil.answers import Answers
from nonn_mcu.nonn.distil.distil import tensors
from nonn_mcu.nonn.distil.train import Recipe, accuracy, train
from nonn_mcu.nonn.distil.views import Views
from nonn_mcu.nonn.model import NoNN, StudentSpec
from nonn_mcu.nonn.teacher import Teacher


@dataclass(frozen=True)
class Taught:
    """A student taught on a set: its accuracies in 0..1 on a tenth of that set and on the real test images.

    ``agreement`` is the share of the test images on which it says what the teacher says.
    """

    name: str
    validation: float
    test: float
    agreement: float


def compare(
    teacher: Teacher,
    sets: Mapping[str, Samples],
    test: Samples,
    spec: StudentSpec,
    recipe: Recipe,
    *,
    states: Mapping[str, Path],
    fabric: Fabric,
    progress: Callable[[str, int, int], None],
    told: Callable[[Taught], None],
) -> list[Taught]:
    """Teach a student on each of the sets, which are labelled; ``told`` hears of each when it is tested.

    ``progress`` is told the set's name, images seen and images in all. States are kept in the files
    ``states``, by the sets' names, and remain. Raises :class:`BadInput`.
    """
    theirs = torch.from_numpy(answers(teacher, test.x))
    x, labels = tensors(test)
    results = []
    for name, samples in sets.items():
        torch.manual_seed(recipe.seed)
        module = NoNN([spec], teacher.input.shape, classes(teacher))
        train_set, validation = split_train(samples)
        views = Views(recipe.augment, recipe.seed, len(train_set))
        with tempfile.TemporaryDirectory() as cache:
            outcome = train(
                module,
                tensors(train_set),
                tensors(validation),
                recipe,
                answers=Answers(
                    lambda images: teachers.outputs(teacher, images),
                    teacher.sha256,
                    train_set.sha256,
                    views,
                    Path(cache),
                ),
                state_file=states[name],
                fabric=fabric,
                progress=lambda done, total, name=name: progress(name, done, total),  # type: ignore[misc]
                told=lambda epoch: None,
            )
        module.load_state_dict(outcome.state_dict)
        module.eval()
        right, agreed = accuracy(module, x, labels), accuracy(module, x, theirs)
        results.append(Taught(name, outcome.best.validation, right, agreed))
        told(results[-1])
    return results


def right(teacher: Teacher, test: Samples) -> float:
    """Share of the labelled samples, in 0..1, to which the teacher gives their label."""
    return float((answers(teacher, test.x) == test.labels).mean())
