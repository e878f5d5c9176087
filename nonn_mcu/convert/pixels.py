"""A network that takes the pixels themselves: the device is fed what a camera gives, less 128.

Where channels are normalised differently, one scale for all of them fits none: the pixels' 256 levels fall
between those of int8, and rounding the input alone is a quarter of all the noise of a refined ResNet-56.
Normalisation inside the network leaves nothing to round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nonn_mcu.calib import Samples
from nonn_mcu.convert.export import export
from nonn_mcu.convert.rewrite.normalised import takes_normalisation
from nonn_mcu.convert.sets import Sets
from nonn_mcu.dream.synthetic import spanning
from nonn_mcu.students import Student
from nonn_mcu.students.student import InputSpec, renormalised

NOTE = (
    "the device takes the image's own pixels, each less 128, and normalises them in its first layer; with "
    "--quantise stock it takes what the network takes"
)

# How far from a whole number a pixel may be that was one before float32 normalised it.
_SAME = 1 / 64


def on_pixels(students: Sequence[Student], sets: Sets) -> tuple[tuple[Student, ...], Sets]:
    """Give students that take pixels, less one whole number for all channels, and samples as they take them.

    ``students`` have one input between them. Calibration gets the darkest and the brightest pixel that can
    be, so that int8 steps are pixels. All is left as it is where nothing is refined (no validation), where it
    would change nothing (channels that are normalised alike), where the samples are no pixels, and where a
    student's first layer is no convolution of the image. Raises :class:`BadInput` as
    :func:`nonn_mcu.convert.export.export`.
    """
    unchanged = tuple(students), sets
    spec = students[0].input
    alike = len(set(zip(spec.mean, spec.std, strict=True))) == 1
    if sets.validation is None or alike or spec.layout != "CHW":
        return unchanged
    middle = float(np.clip(np.rint(255 * (min(spec.mean) + max(spec.mean)) / 2), 0, 254))
    fed = replace(spec, mean=(middle / 255,) * spec.channels, std=(1 / 255,) * spec.channels)

    def pixels(samples: Samples | None) -> Samples | None:
        return None if samples is None else replace(samples, x=_pixels(samples.x, spec, fed))

    calibration = pixels(sets.calibration)
    assert calibration is not None
    if not _are_pixels(calibration.x + middle, whole=not sets.made):
        return unchanged
    if not all(takes_normalisation(export(student)[0]) for student in students):
        return unchanged
    changed = tuple(replace(student, input=fed, model_input=spec) for student in students)
    return changed, replace(
        sets,
        calibration=replace(calibration, x=spanning(calibration.x, fed)),
        validation=pixels(sets.validation),
        test=pixels(sets.test),
        notes=(*sets.notes, NOTE),
    )


def _pixels(x: np.ndarray, of: InputSpec, to: InputSpec) -> np.ndarray:
    pixels = renormalised(x, of, to)
    whole = np.rint(pixels)
    return np.where(abs(pixels - whole) < _SAME, whole, pixels)


def _are_pixels(x: np.ndarray, *, whole: bool) -> bool:
    return bool((x >= 0).all() and (x <= 255).all() and not (whole and (x != np.rint(x)).any()))
