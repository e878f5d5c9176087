"""The state of a generation on disk: the batches that are done, in one file that is replaced after each."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.parts import write_whole


class State:
    """The ``batches`` of images uint8 (N, H, W, C) and labels int64 (N,) that a run has made so far.

    ``run`` is the digest of all that they follow from. Raises :class:`BadInput` for a file of another run.
    """

    def __init__(self, path: Path | None, run: str) -> None:
        self._path, self._run = path, run
        self.batches: list[tuple[np.ndarray, np.ndarray]] = []
        if path is not None and path.exists():
            try:
                with np.load(path, allow_pickle=False) as arrays:
                    theirs = arrays["run"].item()
                    count = int(arrays["count"])
                    self.batches = [(arrays[f"images{i}"], arrays[f"labels{i}"]) for i in range(count)]
            except (Exception, MemoryError):  # damaged files fail in many ways
                raise BadInput(f"{path}: not a readable state; remove it to start anew") from None
            if theirs != run:
                raise BadInput(f"{path}: is the state of another run; remove it to start anew")

    def add(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Take up the next batch."""
        self.batches.append((images, labels))
        if self._path is None:
            return
        arrays = {"run": np.array(self._run), "count": np.array(len(self.batches))}
        for number, (one, two) in enumerate(self.batches):
            arrays |= {f"images{number}": one, f"labels{number}": two}
        stream = io.BytesIO()
        np.savez(stream, **arrays)  # type: ignore[arg-type]
        write_whole(self._path, stream.getvalue())
