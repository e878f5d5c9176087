"""Where the students meet: their int8 features, side by side, are the head's input byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.devices import head
from nonn_mcu.nonn.network import NetworkBundle


def fuse(network: NetworkBundle, features: Sequence[np.ndarray | None]) -> np.ndarray:
    """Give the int8 logits ``(N, classes)`` of what each student gave, int8 ``(N, ...)``, in order.

    None stands for a student that did not answer; its features are then their means
    (:attr:`~nonn_mcu.nonn.network.StudentInfo.absent`). Raises :class:`BadInput` where nobody answered or an
    answer is not the student's.
    """
    absent = [np.array(student.absent, np.int8) for student in network.manifest.students]
    return head.read(network.head.model).run(joined(features, absent))


def joined(features: Sequence[np.ndarray | None], absent: Sequence[np.ndarray]) -> np.ndarray:
    """Put int8 features ``(N, ...)`` side by side, ``(N, F)``; where one is None its ``absent``, ``(f,)``.

    Raises :class:`BadInput`.
    """
    count = next((len(one) for one in features if one is not None), 0)
    if not count:
        raise BadInput("no student answered: there are no features to fuse")
    parts = []
    for number, (one, mean) in enumerate(zip(features, absent, strict=True)):
        part = np.broadcast_to(mean, (count, mean.size)) if one is None else one.reshape(len(one), -1)
        if part.dtype != np.int8 or part.shape != (count, mean.size):
            raise BadInput(
                f"student {number} gave {part.dtype}{part.shape}, not its int8 features {(count, mean.size)}"
            )
        parts.append(part)
    return np.concatenate(parts, axis=1)
