"""The head, made to take the students' int8 outputs as they are.

A student's feature is ``scale * (q - zero_point)``, each student with its own two numbers. The head's input
is ``q + 128``, in 0..255, for all of them: scale 1 and zero point -128. What a column's scale and zero point
would have done is folded into its weights and the bias, in float64, before anything is quantised.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from nonn_mcu.bundle import TensorInfo
from nonn_mcu.convert.int8 import Int8
from nonn_mcu.errors import BadInput
from nonn_mcu.students import InputSpec, Student

_LOWEST = -128
_STEPS = 255.0


def student(
    weight: np.ndarray, bias: np.ndarray, features: Sequence[TensorInfo], labels: tuple[str, ...]
) -> Student:
    """Give the head as a float student on ``q + 128``, float32 ``(N, F)``.

    ``weight`` (classes, F) and ``bias`` (classes,) are those on real features; ``features[k]`` describes the
    int8 output of student k. As a pixel is divided by 255, "std" is 1/255.
    """
    import torch
    from torch import nn

    sizes = [math.prod(info.shape) for info in features]
    scale = np.repeat([info.scale for info in features], sizes)
    offset = np.repeat([info.zero_point - _LOWEST for info in features], sizes)
    weight = weight.astype(np.float64) * scale
    bias = bias.astype(np.float64) - weight @ offset
    linear = nn.Linear(len(scale), len(bias)).requires_grad_(False)
    linear.weight.copy_(torch.from_numpy(weight))
    linear.bias.copy_(torch.from_numpy(bias))
    spec = InputSpec((len(scale),), "FLAT", (0.0,), (1 / _STEPS,), labels)
    return Student("head", "module", linear.eval(), spec)


def samples(features: np.ndarray) -> np.ndarray:
    """Give int8 features ``(N, F)`` as the head's input, float32 ``(N, F)`` in 0..255."""
    return features.astype(np.float32) - _LOWEST


def calibration(features: np.ndarray) -> np.ndarray:
    """As :func:`samples`, with a single largest feature at 255 and a single smallest at 0.

    The converter takes scale and zero point of the input from the range that it sees. As a student's own
    range comes from the same samples, the two are there already, or a step or two away.
    """
    x = samples(features)
    x.flat[x.argmax()] = _STEPS
    x.flat[x.argmin()] = 0.0
    return x


def require_verbatim(quantised: Int8) -> None:
    """Raise :class:`BadInput` unless the quantised head's input is the students' int8 outputs verbatim."""
    (info,) = quantised.inputs
    if (info.scale, info.zero_point) != (1.0, _LOWEST):
        raise BadInput(
            f"the head's input got scale {info.scale} and zero point {info.zero_point}, not 1 and {_LOWEST}: "
            "the features hardly change over the calibration samples; give others with --calib"
        )
