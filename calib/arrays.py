"""``.npy`` and ``.npz`` files, read without pickles.

uint8 is images, ``(N, H, W, C)`` or ``(N, H, W)``, preprocessed as the input spec says; floats are taken as
what the network sees. A ``.npz`` holds them as ``x`` or ``images`` (or whatever comes first), and may hold
``y`` or ``labels``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nonn_mcu.calib.pool import Pool, unit_scale
from nonn_mcu.errors import BadInput


def pool(path: Path) -> Pool:
    """Read the file. Raises :class:`BadInput`."""
    x, y = _read(path)
    if x.ndim < 2 or not x.size:
        raise BadInput(f"{path}: holds {x.dtype} {x.shape}; give at least one sample, first axis the samples")
    labels = None if y is None else _labels(path, y, len(x))
    if np.issubdtype(x.dtype, np.floating):
        return Pool(path.name, len(x), labels, x.__getitem__, ready=True)
    if x.dtype != np.uint8:
        raise BadInput(
            f"{path}: dtype {x.dtype}; give uint8 images (0..255), or float32 as the network sees them"
        )
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4:
        raise BadInput(f"{path}: uint8 {x.shape} are not images; give (N, H, W, C) or (N, H, W)")
    return Pool(path.name, len(x), labels, lambda indices: unit_scale(x[indices]))


def _read(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded, None
        with loaded as archive:
            keys = archive.files
            if not keys:
                raise BadInput(f"{path}: holds no arrays")
            first = next((key for key in ("x", "images") if key in keys), keys[0])
            second = next((key for key in ("y", "labels") if key in keys and key != first), None)
            return archive[first], None if second is None else archive[second]
    except BadInput:
        raise
    except (Exception, MemoryError) as error:  # damaged headers fail in many ways
        why = "it holds pickled objects, never loaded" if "pickle" in str(error).lower() else "damaged"
        raise BadInput(f"{path}: not a readable .npy or .npz ({why}); save plain numbers") from None


def _labels(path: Path, y: np.ndarray, count: int) -> np.ndarray:
    if y.shape != (count,) or not np.issubdtype(y.dtype, np.integer):
        raise BadInput(f"{path}: labels are {y.dtype} {y.shape}; give one whole number per sample ({count},)")
    return y.astype(np.int64)
