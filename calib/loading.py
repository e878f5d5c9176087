"""Load samples: choose the source, choose the samples, preprocess, check."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from nonn_mcu.calib import arrays, cifar10, digits, folder
from nonn_mcu.calib.pool import Pool
from nonn_mcu.calib.samples import Samples, Split
from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import InputSpec

# Every activation's range is measured on these samples: with fewer, single images decide it.
MINIMUM = 16
# Floats this many times beyond what normalised pixels can be are not normalised pixels.
_FAR = 4

_NAMED = {"digits": digits.pool, "cifar10": cifar10.pool}


def load(
    source: str,
    spec: InputSpec,
    *,
    split: Split = "train",
    limit: int | None = None,
    minimum: int | None = None,
) -> Samples:
    """Read samples as the network sees them, at most ``limit`` of them.

    ``source`` is ``digits``, ``cifar10:FOLDER``, a folder of images, or a ``.npy`` or ``.npz`` file.
    "train" is for calibration and "test" for vectors; the two never share a sample: a source that is not
    divided is divided here, four to one. Order and choice are random, and the same each time.

    ``minimum`` is 16 for "train" and 1 for "test" unless given. Raises :class:`BadInput` for what is
    missing, empty, too little, of the wrong shape or dtype, not finite or all the same, and
    ``MissingExtra`` when Pillow or scikit-learn is needed and not installed.
    """
    pool = _pool(source, spec, split)
    chosen = _choose(pool, split)[:limit]
    if minimum is None:
        minimum = MINIMUM if split == "train" else 1
    if len(chosen) < minimum:
        kept = "" if pool.divided else " (a fifth of all is kept for test)"
        raise BadInput(f"{source}: {len(chosen)} samples for {split}{kept}, at least {minimum} are needed")
    x = seen(source, pool, chosen, spec)
    if len(x) > 1 and (x == x[:1]).all():
        raise BadInput(f"{source}: all samples are the same; give representative ones")
    return Samples(x, None if pool.labels is None else pool.labels[chosen], pool.title)


def seen(source: str, pool: Pool, indices: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Take samples of the pool as the network sees them: float32 ``(N, *spec.shape)``.

    ``source`` serves the message of the :class:`BadInput` raised for what does not fit or is not finite.
    """
    taken = pool.take(indices)
    x = _ready(source, taken, spec) if pool.ready else preprocess(source, taken, spec)
    if not np.isfinite(x).all():
        raise BadInput(f"{source}: holds NaN or Inf; remove those samples")
    return x


def preprocess(source: str, images: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Images, float32 ``(N, H, W, C)`` in 0..1, as the network sees them: float32 ``(N, *spec.shape)``.

    For layout FLAT the pixels are normalised and flattened channel by channel, as PyTorch flattens.
    ``source`` serves the message of the :class:`BadInput` raised for a wrong size.
    """
    height, width, depth = images.shape[1:]
    image: tuple[int, ...] | None = {"HWC": (height, width, depth), "CHW": (depth, height, width)}.get(
        spec.layout
    )
    if image is None and height * width * depth == math.prod(spec.shape):
        image = spec.shape
    if image != spec.shape:
        raise BadInput(
            f"{source}: images are {height}x{width} with {depth} channels, the network takes "
            f"{spec.layout} {spec.shape}; give such images (arrays as N, H, W, C), or check --shape"
        )
    x = (images - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    if spec.layout != "HWC":
        x = x.transpose(0, 3, 1, 2).reshape(len(x), *spec.shape)
    return np.ascontiguousarray(x, np.float32)


def _ready(source: str, samples: np.ndarray, spec: InputSpec) -> np.ndarray:
    if samples.shape[1:] != spec.shape:
        raise BadInput(
            f"{source}: samples are {samples.shape[1:]}, the network takes {spec.layout} {spec.shape}; "
            "floats must have the network's own shape"
        )
    with np.errstate(over="ignore"):  # what does not fit float32 becomes Inf and is refused as such
        x = np.ascontiguousarray(samples, np.float32)
    if set(spec.std) != {1.0}:  # then pixels were normalised, and what they can become is known
        mean, std = np.array(spec.mean), np.array(spec.std)
        limit = float(np.maximum(abs(mean), abs(1 - mean)).max() / std.min())
        reached = float(abs(x).max())
        if _FAR * limit < reached < np.inf:
            raise BadInput(
                f"{source}: values reach {reached:.4g}, but mean and std give at most {limit:.3g}; "
                "floats must be normalised already, give uint8 images to have it done"
            )
    return x


def _pool(source: str, spec: InputSpec, split: Split) -> Pool:
    name, _, argument = source.partition(":")
    if name in _NAMED:
        return _NAMED[name](argument, spec, split)
    path = Path(source)
    if source and path.is_dir():
        return folder.pool(path, spec, split)
    if path.is_file() and path.suffix.lower() in (".npy", ".npz"):
        return arrays.pool(path)
    what = "is not samples" if path.exists() else "no such samples"
    raise BadInput(
        f"{source or 'the source'}: {what}; give digits, cifar10:FOLDER, a folder of images, a .npy or .npz"
    )


def _choose(pool: Pool, split: Split) -> np.ndarray:
    """Choose the indices of this split, in random order."""
    # RandomState's streams are frozen for good, those of Generator are not
    order = np.random.RandomState(0).permutation(pool.count)
    if pool.divided:
        return order
    held_out = max(1, pool.count // 5)
    return order[:held_out] if split == "test" else order[held_out:]
