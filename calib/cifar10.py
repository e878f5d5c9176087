"""``cifar10:FOLDER``: CIFAR-10 in its official binary layout.

Rows of 3,073 bytes: the label, then the red, green and blue plane of a 32x32 image. ``data_batch_*.bin``
is for training and calibration, ``test_batch.bin`` for vectors.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nonn_mcu.calib.pool import Pool, unit_scale
from nonn_mcu.calib.samples import Split
from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import InputSpec

_ROW = 1 + 3 * 32 * 32


def pool(argument: str, spec: InputSpec, split: Split) -> Pool:
    """One part of the set. Raises :class:`BadInput`."""
    folder = Path(argument)
    pattern = "data_batch_*.bin" if split == "train" else "test_batch.bin"
    files = sorted(folder.glob(pattern)) if argument else []
    if not files:
        raise BadInput(f"cifar10:{argument}: no {pattern} there; give the folder of the binary version")
    rows = np.concatenate([_rows(file) for file in files])
    labels = rows[:, 0].astype(np.int64)
    if labels.max() > 9:
        raise BadInput(
            f"cifar10:{argument}: a label is {labels.max()}, above 9; not CIFAR-10's binary version"
        )

    def take(indices: np.ndarray) -> np.ndarray:
        planes = rows[indices, 1:].reshape(-1, 3, 32, 32)
        return unit_scale(planes.transpose(0, 2, 3, 1))

    return Pool(f"cifar10:{folder.resolve().name}", len(rows), labels, take, divided=True)


def _rows(file: Path) -> np.ndarray:
    try:
        data = np.fromfile(file, np.uint8)
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror or error})") from None
    if not len(data) or len(data) % _ROW:
        raise BadInput(f"{file}: {len(data)} bytes is not a multiple of {_ROW}; truncated or another layout")
    return data.reshape(-1, _ROW)
