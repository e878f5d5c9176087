"""What a reader found in a file, before options and defaults complete it to a Student."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import Kind, Layout

PICKLE_REMEDY = (
    "save its state_dict (and give --arch), TorchScript or torch.export instead, "
    "or pass --allow-pickle if you trust the file"
)


@dataclass(frozen=True, eq=False)
class Found:
    """A model and as much of its input spec as the file tells; None where it tells nothing.

    ``fixed_shape`` says that the shape is part of the graph and cannot be chosen.
    """

    kind: Kind
    model: Any
    shape: tuple[int, ...] | None = None
    layout: Layout | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    labels: tuple[str, ...] = ()
    calibration: str | None = None
    fixed_shape: bool = False


def check_finite(path: Path, tensors: Iterable[tuple[str, Any]]) -> None:
    """Refuse torch tensors or numpy arrays with NaN or Inf. Raises :class:`BadInput` naming the first."""
    for name, tensor in tensors:
        with np.errstate(invalid="ignore"):
            finite = bool((tensor * 0 == 0).all())  # 0 * NaN and 0 * Inf are NaN, in numpy and in torch
        if not finite:
            raise BadInput(f"{path}: weight {name} holds NaN or Inf; retrain or repair it")
