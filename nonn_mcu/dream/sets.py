"""The sets that a student is taught on, to compare them: noise, dreams, other images, the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nonn_mcu import calib
from nonn_mcu.calib import Samples, inputs
from nonn_mcu.dream import image
from nonn_mcu.dream.generate import Progress, Settings, generate
from nonn_mcu.dream.metadata import Metadata
from nonn_mcu.dream.output import answers, classes, seen
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.teacher import Teacher


def gather(
    teacher: Teacher,
    metadata: Metadata,
    *,
    count: int,
    data: str,
    alternate: str | None,
    dreams: Path | None,
    seed: int,
    state: Path,
    progress: Progress,
) -> tuple[dict[str, Samples], Samples]:
    """Give the sets of ``count`` labelled images by name, and the real test images.

    ``data`` and ``alternate`` are sources as :func:`nonn_mcu.calib.load` reads them, without the latter there
    is no such set. ``dreams`` is a sample file; without one they are dreamt, by ``progress`` and with their
    ``state`` on disk. Raises :class:`BadInput`.
    """
    real, test = calib.load(data, teacher.input), calib.load(data, teacher.input, split="test")
    if real.labels is None or test.labels is None:
        raise BadInput(f"{data}: has no labels, and the test needs them; see docs/students.md")
    test = _labelled(teacher, test, len(test))
    sets = {"noise": _labelled(teacher, noise(teacher, count, seed), count)}
    if alternate is not None:
        # its classes need not be the teacher's
        other = calib.load(alternate, teacher.input)
        sets["alternate"] = _labelled(teacher, Samples(other.x, None, other.source), count)
    sets["real"] = _labelled(teacher, real, count)
    if dreams is not None:
        sets["dreams"] = _labelled(teacher, inputs.read(dreams, teacher.input)[1], count)
    else:
        images, labels = generate(teacher, metadata, count, Settings(seed), state=state, progress=progress)
        sets["dreams"] = Samples(seen(teacher, images), labels, "dreams")
    order = ("noise", "dreams", "alternate", "real")
    return {name: sets[name] for name in order if name in sets}, test


def noise(teacher: Teacher, count: int, seed: int) -> Samples:
    """Give ``count`` images of normal noise, with the mean and deviation that the input is normalised by.

    Raises :class:`BadInput` where the input is no image.
    """
    depth, height, width = image.size(teacher.input, teacher.name)
    spec = teacher.input
    drawn = np.random.RandomState(seed).standard_normal((count, height, width, depth))
    pixels = np.clip(255 * (np.array(spec.mean) + np.array(spec.std) * drawn), 0, 255).round()
    return Samples(seen(teacher, pixels.astype(np.uint8)), None, "noise")


def _labelled(teacher: Teacher, samples: Samples, count: int) -> Samples:
    """Give the first ``count`` samples; where they have no labels, these are the teacher's answers.

    Raises :class:`BadInput` where there are fewer, or labels of classes that the teacher does not have.
    """
    if len(samples) < count:
        raise BadInput(
            f"{samples.source}: has {len(samples)} images, and the sets are of {count}; give a smaller -n"
        )
    x = samples.x[:count]
    labels = answers(teacher, x) if samples.labels is None else samples.labels[:count]
    if not 0 <= labels.min() <= labels.max() < classes(teacher):
        raise BadInput(
            f"{samples.source}: has labels beyond the {classes(teacher)} classes of {teacher.name}"
        )
    return Samples(x, labels, samples.source)
