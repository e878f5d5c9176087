"""What a generation leaves: a sample file, and a contact sheet of each class beside it."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import torch

from nonn_mcu.calib import preprocess
from nonn_mcu.calib.pool import unit_scale
from nonn_mcu.dream import sheet
from nonn_mcu.nonn import teacher as teachers
from nonn_mcu.nonn.parts import write_whole
from nonn_mcu.nonn.teacher import Teacher

_BATCH = 100


def write(path: Path, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> list[Path]:
    """Write ``images`` uint8 (N, H, W, C) and ``labels`` int64 (N,) as a ``.npz``, and the sheets.

    Gives the sheets' paths: ``dreams.3-cat.png`` beside ``dreams.npz``. The sample file comes last, whole or
    not at all. Raises :class:`BadInput`.
    """
    sheets = []
    for label in np.unique(labels):
        plain = re.sub(r"[^A-Za-z0-9]+", "-", names[label]).strip("-")[:40]
        name = str(label) if plain in ("", str(label)) else f"{label}-{plain}"
        sheets.append(path.with_name(f"{path.stem}.{name}.png"))
        write_whole(sheets[-1], sheet.draw(images[labels == label]))
    stream = io.BytesIO()
    np.savez(stream, images=images, labels=labels)
    write_whole(path, stream.getvalue())
    return sheets


def seen(teacher: Teacher, images: np.ndarray) -> np.ndarray:
    """Give images uint8 (N, H, W, C) as the teacher sees them: float32 (N, *shape)."""
    return preprocess("dreams", unit_scale(images), teacher.input)


def answers(teacher: Teacher, x: np.ndarray) -> np.ndarray:
    """Classes int64 (N,) that the teacher gives to ``x``, float32 (N, *shape)."""
    with torch.no_grad():
        parts = [
            teachers.outputs(teacher, torch.from_numpy(x[start : start + _BATCH])).logits.argmax(1)
            for start in range(0, len(x), _BATCH)
        ]
    return torch.cat(parts).numpy()


def classes(teacher: Teacher) -> int:
    """Give the number of the teacher's classes."""
    with torch.no_grad():
        return teachers.outputs(teacher, torch.zeros(1, *teacher.input.shape)).logits.shape[1]
