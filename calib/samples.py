"""Samples: what a student is calibrated with and judged on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np

Split = Literal["train", "test"]


@dataclass(frozen=True, eq=False)
class Samples:
    """Representative data as the network sees it.

    ``x`` is float32 ``(N, *spec.shape)``, preprocessed exactly as the input spec says; ``labels`` int64
    ``(N,)`` or None. ``source`` says where it came from, without absolute paths.
    """

    x: np.ndarray
    labels: np.ndarray | None
    source: str

    def __len__(self) -> int:
        return len(self.x)

    def part(self, chosen: slice | np.ndarray) -> Samples:
        """Give the ``chosen`` ones, by a slice or their indices."""
        return Samples(self.x[chosen], None if self.labels is None else self.labels[chosen], self.source)

    @property
    def sha256(self) -> str:
        """Digest of the samples and their labels, in lower-case hex."""
        digest = hashlib.sha256()
        for array, dtype in ((self.x, "<f4"), (self.labels, "<i8")):
            if array is not None:
                digest.update(repr(array.shape).encode())
                digest.update(np.ascontiguousarray(array, dtype).tobytes())
        return digest.hexdigest()
