"""A folder of images: PNG, JPEG and what else Pillow reads.

Images lie in the folder or in subfolders; subfolders named as the network's labels give the labels. With
subfolders ``train`` and ``test`` each is one part. Nothing is resized: a wrong size is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nonn_mcu.calib.pool import Pool, unit_scale
from nonn_mcu.calib.samples import Split
from nonn_mcu.errors import BadInput, MissingExtra
from nonn_mcu.students.student import InputSpec

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pnm", ".tif", ".tiff"}
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# more than 8 bits a channel: Pillow would clip instead of scale
_DEEP_MODES = ("I", "F")


def pool(folder: Path, spec: InputSpec, split: Split) -> Pool:
    """List the images by name; they are opened when taken. Raises :class:`BadInput`, ``MissingExtra``."""
    divided = (folder / "train").is_dir() and (folder / "test").is_dir()
    root = folder / split if divided else folder
    return of_files(root, images_in(root), spec, title=f"{folder.resolve().name}/", divided=divided)


def images_in(root: Path) -> list[Path]:
    """List the images in ``root`` and below, by name."""
    return sorted(
        (
            path
            for path in root.rglob("*")
            if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.name.startswith(".")
        ),
        key=lambda path: path.relative_to(root).as_posix(),
    )


def of_files(root: Path, files: list[Path], spec: InputSpec, *, title: str, divided: bool = False) -> Pool:
    """Offer images in ``root``, which are opened when taken. Raises :class:`BadInput`, ``MissingExtra``."""
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtra("images need Pillow; install it with: pip install 'nonn-mcu[convert]'") from None
    if spec.layout == "FLAT":
        raise BadInput(f"{root}: images need an input of layout CHW or HWC, not FLAT {spec.shape}")
    if spec.channels not in _MODES:
        raise BadInput(f"{root}: no image has {spec.channels} channels; give the samples as .npy")
    if not files:
        raise BadInput(f"{root}: holds no images (PNG, JPEG, ...)")
    size = spec.shape[:0:-1] if spec.layout == "CHW" else spec.shape[1::-1]  # Pillow's: width, height

    def take(indices: np.ndarray) -> np.ndarray:
        pixels = np.stack([_pixels(Image, files[i], (size[0], size[1]), spec.channels) for i in indices])
        return unit_scale(pixels.reshape(len(pixels), size[1], size[0], spec.channels))

    return Pool(title, len(files), _labels(root, files, spec.labels), take, divided=divided)


def _labels(root: Path, files: list[Path], labels: tuple[str, ...]) -> np.ndarray | None:
    names = [path.relative_to(root).parts[0] for path in files]
    if not set(names) <= set(labels):
        return None
    return np.array([labels.index(name) for name in names], np.int64)


def _pixels(image_module: Any, path: Path, size: tuple[int, int], channels: int) -> np.ndarray:
    try:
        with image_module.open(path) as image:
            if image.size != size:  # known before anything is decoded
                raise BadInput(
                    f"{path}: is {image.size[0]}x{image.size[1]}, the network takes {size[0]}x{size[1]}; "
                    "resize the images as was done for training"
                )
            if image.mode.startswith(_DEEP_MODES):
                raise BadInput(f"{path}: has more than 8 bits a channel; save it with 8")
            return np.asarray(image.convert(_MODES[channels]), np.uint8)
    except BadInput:
        raise
    except Exception as error:  # Pillow's decoders raise many kinds
        raise BadInput(f"{path}: not a readable image ({type(error).__name__}); remove it") from None
