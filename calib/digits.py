"""``digits``: the 1,797 handwritten digits of 8x8 pixels that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from nonn_mcu.calib.pool import Pool
from nonn_mcu.calib.samples import Split
from nonn_mcu.errors import BadInput, MissingExtra
from nonn_mcu.students.student import InputSpec


def pool(argument: str, spec: InputSpec, split: Split) -> Pool:
    """All digits; values 0..16 become 0..1. Raises :class:`BadInput`, ``MissingExtra``."""
    if argument:
        raise BadInput(f"digits:{argument}: digits takes no folder; write it alone")
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise MissingExtra(
            "the digits need scikit-learn; install it with: pip install 'nonn-mcu[convert]'"
        ) from None
    data = load_digits()
    images = (data.images / 16).astype(np.float32)[..., None]
    return Pool("digits", len(images), data.target.astype(np.int64), images.__getitem__)
