"""What the teacher says of a view: asked once, and kept on disk where a folder for it is given.

On a machine without a GPU the teacher takes longer than its students; runs that share seed, views and data
(a network and its baselines, say) then share its answers too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nonn_mcu.nonn.distil.views import Views

# From images (N, *shape) to logits (N, classes), pooled channels (N, C) and attention (N, H, W).
Teacher = Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]
_NAMES = ("logits", "pooled", "attention")


@dataclass(frozen=True)
class Answer:
    """Of one batch: ``logits`` (N, classes), ``pooled`` (N, C), ``attention`` (N, H, W), all float32."""

    logits: Tensor
    pooled: Tensor
    attention: Tensor


class Answers:
    """A teacher's answers to the views of one training set.

    ``teacher`` and ``data`` are digests. With a ``folder`` each view's answers are kept there, as float16.
    """

    def __init__(
        self, ask: Teacher, teacher: str, data: str, views: Views, folder: Path | None = None
    ) -> None:
        self.teacher = teacher
        self._ask, self._count, self._folder = ask, views.count, folder
        self._key = hashlib.sha256(repr((teacher, data, views)).encode()).hexdigest()[:16]
        self._number, self._known = 0, np.zeros(0, bool)
        self._kept: dict[str, np.ndarray] = {}

    def of(self, images: Tensor, indices: np.ndarray, number: int) -> Answer:
        """Answer for the views ``images`` (N, *shape), which are the ``number``-th of ``indices``."""
        if number != self._number:
            self._open(number)
        if self._folder is None:
            return self._answer(images)
        if not self._known[indices].all():
            answer = self._answer(images)
            for name, part in zip(_NAMES, (answer.logits, answer.pooled, answer.attention), strict=True):
                if name not in self._kept:
                    self._kept[name] = np.zeros((self._count, *part.shape[1:]), np.float16)
                self._kept[name][indices] = part.cpu().numpy()
            self._known[indices] = True
        # what is kept, also the first time: a run that finds answers there gives the same weights
        parts = [torch.from_numpy(self._kept[name][indices]).float() for name in _NAMES]
        return Answer(*(part.to(images.device) for part in parts))

    def _answer(self, images: Tensor) -> Answer:
        with torch.no_grad():
            return Answer(*self._ask(images))

    def keep(self, number: int) -> None:
        """Write what was answered about this view, unless it came from there."""
        if self._folder is None or number != self._number or self._path(number).exists():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        staging = self._path(number).with_suffix(f".{os.getpid()}")
        with staging.open("wb") as stream:
            np.savez(stream, known=self._known, **self._kept)  # type: ignore[arg-type]
        os.replace(staging, self._path(number))

    def _open(self, number: int) -> None:
        self._number, self._kept = number, {}
        self._known = np.zeros(self._count if self._folder is not None else 0, bool)
        if self._folder is not None and self._path(number).exists():
            with np.load(self._path(number), allow_pickle=False) as arrays:
                self._known = arrays["known"]
                self._kept = {name: arrays[name] for name in _NAMES}

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"{self._key}-{number:04d}.npz"
