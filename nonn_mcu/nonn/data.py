"""The samples of a teacher's training part, divided into what trains the students and what partitions."""

from __future__ import annotations

from nonn_mcu.calib import MINIMUM, Samples
from nonn_mcu.errors import BadInput

_SHARE = 10


def split_train(samples: Samples) -> tuple[Samples, Samples]:
    """Divide ``samples``, in the order of ``calib.load(split="train")``, into training and validation.

    The last tenth, rounded down, is for validation: the paper's share. That order is random but always the
    same, so whoever loads the same source divides it alike, and no test sample is in either part.
    Raises :class:`BadInput` when the tenth has fewer than 16 samples: single images would decide.
    """
    held_out = len(samples) // _SHARE
    if held_out < MINIMUM:
        raise BadInput(
            f"{samples.source}: has {len(samples)} samples for training, of which a tenth is for validation; "
            f"at least {MINIMUM * _SHARE} are needed"
        )
    border = len(samples) - held_out
    return samples.part(slice(border)), samples.part(slice(border, None))
