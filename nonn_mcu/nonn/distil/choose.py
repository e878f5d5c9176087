"""Choose a student for a device: the largest of the zoo whose generated code fits its flash and RAM.

Every candidate is converted with random weights and its C generated, so that what is compared are the bytes
of the plan (weights, tables, code, arena, stack) and not a count of parameters.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nonn_mcu import budget
from nonn_mcu.convert import runtimes
from nonn_mcu.convert.int8 import from_float
from nonn_mcu.errors import BadInput
from nonn_mcu.manifest import BudgetInfo
from nonn_mcu.nonn.model import FeatureNet, StudentSpec
from nonn_mcu.students.student import InputSpec, Student

# Families that keep a small image's resolution; MobileNets halve it five times and suit larger ones.
CANDIDATES = (
    *("wrn40-2", "wrn22-2", "wrn16-2", "wrn16-1.75", "wrn16-1.5", "wrn16-1.25", "wrn16-1", "wrn16-0.5"),
    *("wrn40-1", "wrn28-1.25", "wrn28-1", "wrn22-1.25", "wrn22-1", "wrn10-2", "wrn10-1", "wrn10-0.5"),
    *("resnet110", "resnet56", "resnet44", "resnet32", "resnet20", "resnet14", "resnet8"),
    *("vgg11-0.25", "vgg11-0.2", "vgg11-0.15", "vgg11-0.125", "vgg13-0.2", "vgg16-0.15"),
)


def choose(
    group: tuple[int, ...],
    spec: InputSpec,
    samples: np.ndarray,
    *,
    flash_limit: int,
    ram_limit: int | None,
    told: Callable[[str, BudgetInfo], None],
) -> StudentSpec:
    """Give the candidate with the most parameters that fits, for a group of the teacher's channels.

    ``samples``, float32 ``(N, *spec.shape)``, calibrate the trial conversions; ``told`` hears each trial's
    plan. Raises :class:`BadInput` where none fits.
    """
    sized = []
    for arch in CANDIDATES:
        one = StudentSpec(arch, {}, group)
        try:
            net = FeatureNet(one, spec.shape).eval()
        except BadInput:  # not for an input of this shape
            continue
        sized.append((sum(parameter.numel() for parameter in net.parameters()), one, net))
    for count, one, net in sorted(sized, key=lambda item: (-item[0], item[1].arch)):
        if count > flash_limit:  # a byte for each weight at least
            continue
        student = Student("trial", "module", net.requires_grad_(False), spec)
        quantised = from_float(student, samples, lambda step: None)
        plan = runtimes.generate(quantised, "trial", "native", flash_limit, ram_limit).budget
        told(one.arch, plan)
        if budget.overrun(plan) is None:
            return one
    limit = "" if ram_limit is None else f" and {ram_limit:,} B of RAM"
    raise BadInput(f"no student of the zoo fits {flash_limit:,} B of flash{limit}; name a smaller one")
