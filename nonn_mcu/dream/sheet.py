"""Contact sheets: the dreams of a class side by side, for people."""

from __future__ import annotations

import io
import math

import numpy as np

_MOST = 100  # images on a sheet
_SIDE = 64  # pixels at least, each way, of an image on it
_GAP = 2


def draw(images: np.ndarray) -> bytes:
    """Draw up to the first 100 of ``images``, uint8 (N, H, W, C), in rows, as a PNG."""
    from PIL import Image

    shown = images[:_MOST]
    times = max(1, math.ceil(_SIDE / max(images.shape[1:3])))
    shown = shown.repeat(times, axis=1).repeat(times, axis=2)
    shown = np.pad(shown, ((0, 0), (0, _GAP), (0, _GAP), (0, 0)), constant_values=255)
    _, height, width, depth = shown.shape
    columns = math.ceil(math.sqrt(len(shown)))
    rows = math.ceil(len(shown) / columns)
    cells = np.full((rows * columns, height, width, depth), 255, np.uint8)
    cells[: len(shown)] = shown
    sheet = cells.reshape(rows, columns, height, width, depth).swapaxes(1, 2)
    sheet = sheet.reshape(rows * height, columns * width, depth)[:-_GAP, :-_GAP]
    stream = io.BytesIO()
    Image.fromarray(sheet if depth == 3 else sheet[..., 0]).save(stream, "PNG")
    return stream.getvalue()
