"""The golden vectors that int8 treats worst, and what they looked like."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from nonn_mcu.manifest import Manifest, Preprocessing, TensorInfo
from nonn_mcu.vectors import Vectors
from nonn_mcu.verify.fidelity import dequantize, sqnr_db
from nonn_mcu.verify.reference import to_torch

COUNT = 4
SHOWN = 10  # values of an output
_LARGEST = 256  # pixels along a side of a picture


@dataclass(frozen=True)
class Value:
    """One value of an output: float, int8 and dequantised, and how far apart in LSB."""

    name: str
    exact: float
    held: int
    real: float
    lsb: float


@dataclass(frozen=True)
class Worst:
    """One vector and the output of it that is farthest off.

    ``values`` are all of a small output, else those that are farthest off; ``of`` is how many there are.
    ``picture`` is a PNG as a data URI, or None where the input is no image.
    """

    vector: int
    label: str | None
    output: str
    sqnr_db: float
    top: tuple[str, str]  # where float and int8 are largest
    values: tuple[Value, ...]
    of: int
    picture: str | None

    @property
    def most(self) -> float:
        """The largest difference among the values, in LSB."""
        return max(abs(value.lsb) for value in self.values)


def worst(manifest: Manifest, vectors: Vectors, count: int = COUNT) -> tuple[Worst, ...]:
    """Choose the ``count`` vectors of the smallest SQNR, the smallest first; none without a reference."""
    found = []
    for output, (held, exact) in enumerate(zip(vectors.outputs, vectors.references, strict=False)):
        real = dequantize(held, manifest.outputs[output])
        for vector in range(len(vectors)):
            if np.isfinite(exact[vector]).all():
                found.append((sqnr_db(exact[vector], real[vector]), vector, output))
    chosen: dict[int, Worst] = {}
    for ratio, vector, output in sorted(found):
        if vector not in chosen and len(chosen) < count:
            chosen[vector] = _one(manifest, vectors, vector, output, ratio)
    return tuple(chosen.values())


def _one(manifest: Manifest, vectors: Vectors, vector: int, output: int, ratio: float) -> Worst:
    info = manifest.outputs[output]
    held = vectors.outputs[output][vector].reshape(-1)
    exact = vectors.references[output][vector].reshape(-1).astype(np.float64)
    real = dequantize(held, info)
    lsb = (real - exact) / info.scale
    labels = () if manifest.preprocessing is None else manifest.preprocessing.labels
    farthest = sorted(range(held.size), key=lambda place: -abs(lsb[place]))[:SHOWN]
    places = sorted(farthest)

    def name(place: int) -> str:
        known = labels[place] if len(labels) == held.size else ""
        return str(place) if known in ("", str(place)) else f"{place} {known}"

    label = None if vectors.labels is None else int(vectors.labels[vector])
    return Worst(
        vector=vector,
        label=None if label is None or label < 0 else name(label) if label < held.size else str(label),
        output=info.name,
        sqnr_db=ratio,
        top=(name(int(exact.argmax())), name(int(held.argmax()))),
        values=tuple(
            Value(name(i), float(exact[i]), int(held[i]), float(real[i]), float(lsb[i])) for i in places
        ),
        of=held.size,
        picture=_picture(vectors.inputs[0][vector : vector + 1], manifest.inputs[0], manifest.preprocessing),
    )


def _picture(q: np.ndarray, info: TensorInfo, preprocessing: Preprocessing | None) -> str | None:
    """Turn an input back into pixels, as PNG; None for what is no image of one or three channels."""
    if preprocessing is None or preprocessing.layout == "FLAT" or len(info.torch_shape) != 4:
        return None
    real = to_torch(q, info)[0]
    image = real if preprocessing.layout == "HWC" else np.moveaxis(real, 0, -1)
    height, width, channels = image.shape
    if channels not in (1, 3) or len(preprocessing.mean) != channels or max(height, width) > _LARGEST:
        return None
    shares = image * np.array(preprocessing.std) + np.array(preprocessing.mean)
    return _png(np.clip(np.rint(255 * shares), 0, 255).astype(np.uint8))


def _png(pixels: np.ndarray) -> str:
    """Write ``(H, W, 1 or 3)`` bytes as a data URI."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
