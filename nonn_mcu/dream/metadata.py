"""The metadata: what the owner of the data gives away instead of it.

A ``.npz`` of plain numbers and names. Nothing in it is of one image: see :mod:`nonn_mcu.dream.summary`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nonn_mcu.dream.summary import summarise
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.distil.views import AUGMENTS, Augment
from nonn_mcu.nonn.parts import write_whole

if TYPE_CHECKING:
    from nonn_mcu.calib import Samples
    from nonn_mcu.nonn.teacher import Teacher

FORMAT, VERSION = "nonn-mcu-dream", 1
_MAX_FILE = 256 << 20
_MAX_NAME = 1000
_ROUNDING = 1e-3


@dataclass(frozen=True, eq=False)
class Metadata:
    """Of a teacher's pooled activations, by class; ``teacher`` is the digest of its weights.

    ``centroids`` float32 (M, C) are means of ``images`` int64 (M,) images each, at least ``k``, of class
    ``classes`` int64 (M,). ``axes`` float32 (A, C), of length 1, are those of the spread around them in class
    ``axis_classes`` int64 (A,), and ``deviations`` float32 (A,) the standard deviations along them.
    ``augment`` is what is usual with such images: see :mod:`nonn_mcu.nonn.distil.views`.
    """

    teacher: str
    layer: str
    names: tuple[str, ...]
    augment: Augment
    k: int
    centroids: np.ndarray
    classes: np.ndarray
    images: np.ndarray
    axes: np.ndarray
    axis_classes: np.ndarray
    deviations: np.ndarray

    @property
    def sha256(self) -> str:
        """Digest of everything, in lower-case hex."""
        return hashlib.sha256(encode(self)).hexdigest()


def make(
    teacher: Teacher,
    samples: Samples,
    names: tuple[str, ...],
    *,
    clusters: int,
    k: int,
    augment: Augment,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Metadata:
    """Summarise labelled samples as the teacher sees them; ``names`` are those of its classes.

    Images of the same activations count once. ``progress`` is told how many images of all are done. Raises
    :class:`BadInput` where a class has fewer than ``k`` images.
    """
    from nonn_mcu.nonn import teacher as teachers

    assert samples.labels is not None
    for label, name in enumerate(names):
        _require(samples.source, (samples.labels == label).sum(), label, name, k)
    seen = teachers.activations(teacher, samples.x, progress)
    parts = []
    for label, name in enumerate(names):
        mine = np.unique(seen[samples.labels == label], axis=0)
        _require(f"{samples.source}, as {teacher.name} sees it", len(mine), label, name, k)
        parts.append(summarise(mine, clusters, k, seed))
    of_class = np.arange(len(names), dtype=np.int64)
    return Metadata(
        teacher.sha256,
        teacher.layer,
        names,
        augment,
        k,
        np.concatenate([part.centroids for part in parts]).astype(np.float32),
        np.repeat(of_class, [len(part.centroids) for part in parts]),
        np.concatenate([part.images for part in parts]).astype(np.int64),
        np.concatenate([part.axes for part in parts]).astype(np.float32),
        np.repeat(of_class, [len(part.axes) for part in parts]),
        np.concatenate([part.deviations for part in parts]).astype(np.float32),
    )


def _require(source: str, count: int, label: int, name: str, k: int) -> None:
    if count < k:
        raise BadInput(
            f"{source}: class {label} ({name}) has {count} different images, and at least k = {k} make a "
            "centroid; give a larger --share, or more images of it"
        )


def encode(metadata: Metadata) -> bytes:
    """Give the file's bytes: the same for the same metadata."""
    arrays: dict[str, Any] = {"format": np.array(FORMAT), "version": np.array(VERSION)}
    for field in fields(metadata):
        arrays[field.name] = np.asarray(getattr(metadata, field.name))
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def write(path: Path, metadata: Metadata) -> int:
    """Write the file, whole or not at all, and give its bytes. Raises :class:`BadInput`."""
    data = encode(metadata)
    write_whole(path, data)
    return len(data)


def read(path: Path) -> Metadata:
    """Read the file. Raises :class:`BadInput` naming the first thing that is wrong in it."""
    again = "make it with: nonn-mcu dream metadata"
    if not path.is_file():
        raise BadInput(f"{path}: no such file; {again}")
    if path.stat().st_size > _MAX_FILE:
        raise BadInput(f"{path}: is too large for metadata; {again}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (Exception, MemoryError):  # damaged files fail in many ways
        raise BadInput(f"{path}: not a readable .npz (damaged, or of pickled objects); {again}") from None
    wrong = next(chain(_wrong_forms(arrays), _wrong_values(arrays)), None)
    if wrong is not None:
        raise BadInput(f"{path}: {wrong}; {again}")
    values = {field.name: arrays[field.name] for field in fields(Metadata)}
    for name in ("teacher", "layer", "augment", "k"):
        values[name] = values[name].item()
    return Metadata(**values | {"names": tuple(values["names"].tolist())})


def require_weights(metadata: Metadata, teacher: Teacher) -> None:
    """Raise :class:`BadInput` unless the metadata are of a teacher with these weights."""
    if metadata.teacher != teacher.sha256:
        raise BadInput(
            f"the metadata are of another teacher ({metadata.teacher[:12]}), not of {teacher.name} "
            f"({teacher.sha256[:12]}); give that teacher, or run nonn-mcu dream metadata for this one"
        )


def require_teacher(metadata: Metadata, teacher: Teacher) -> None:
    """Raise :class:`BadInput` unless the metadata are of these weights, and of the layer that is observed."""
    require_weights(metadata, teacher)
    if (metadata.layer, metadata.centroids.shape[1]) != (teacher.layer, teacher.channels):
        raise BadInput(
            f"the metadata are of {metadata.centroids.shape[1]} channels of {metadata.layer}, and "
            f"{teacher.layer} of {teacher.name} has {teacher.channels}; run nonn-mcu dream metadata again"
        )


# of each array: its type, or U for text; its axes by name, those of the same name of the same length
_SHAPES = {
    "format": ("U", ""),
    "version": ("i8", ""),
    "teacher": ("U", ""),
    "layer": ("U", ""),
    "names": ("U", "N"),
    "augment": ("U", ""),
    "k": ("i8", ""),
    "centroids": ("f4", "MC"),
    "classes": ("i8", "M"),
    "images": ("i8", "M"),
    "axes": ("f4", "AC"),
    "axis_classes": ("i8", "A"),
    "deviations": ("f4", "A"),
}


def _wrong_forms(arrays: dict[str, np.ndarray]) -> Iterator[str]:
    """Say what is wrong with names, types and shapes; what follows the first takes it for right."""
    found = arrays.get("format", np.array(0))
    if found.shape or found.dtype.kind != "U" or found.item() != FORMAT:
        yield "holds no metadata of dreams"
    if strange := sorted(set(arrays) ^ set(_SHAPES)):
        yield f"lacks {strange[0][:80]}, or holds it besides"
    lengths: dict[str, int] = {}
    for name, (kind, axes) in _SHAPES.items():
        array = arrays[name]
        of_kind = array.dtype.kind == kind if kind == "U" else array.dtype == kind
        if not of_kind or array.ndim != len(axes):
            yield f"{name} is {array.dtype} {array.shape}"
        for axis, length in zip(axes, array.shape, strict=True):
            if lengths.setdefault(axis, length) != length:
                yield f"{name} is {array.shape}, which does not fit the others"


def _wrong_values(arrays: dict[str, np.ndarray]) -> Iterator[str]:
    """Say what is wrong with the values of arrays of the right forms."""
    classes, k = set(range(len(arrays["names"]))), arrays["k"]
    for name, (kind, _) in _SHAPES.items():
        if kind == "f4" and not np.isfinite(arrays[name]).all():
            yield f"{name} holds NaN or Inf"
        if kind == "U" and arrays[name].dtype.itemsize > 4 * _MAX_NAME:
            yield f"{name} is too long"
    if arrays["version"] != VERSION or arrays["augment"].item() not in AUGMENTS:
        yield f"version {arrays['version']} or its augment is unknown"
    if k < 2 or (arrays["images"] < k).any():
        yield f"a centroid is of fewer images than k = {k}, or k is below 2"
    if (arrays["centroids"] < 0).any() or (arrays["deviations"] < 0).any():
        yield "a centroid or a deviation is negative"
    if (abs(np.linalg.norm(arrays["axes"], axis=1) - 1) > _ROUNDING).any():
        yield "an axis is not of length 1"
    if set(arrays["classes"].tolist()) != classes:
        yield f"its centroids are not of each of the {len(classes)} classes, or of others"
    if not set(arrays["axis_classes"].tolist()) <= classes:
        yield "an axis is of no class"
