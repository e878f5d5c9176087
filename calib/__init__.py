"""Representative samples: folders of images, ``.npy``/``.npz``, named sets."""

from nonn_mcu.calib.loading import MINIMUM, load, preprocess
from nonn_mcu.calib.samples import Samples, Split

__all__ = ["MINIMUM", "Samples", "Split", "load", "preprocess"]
