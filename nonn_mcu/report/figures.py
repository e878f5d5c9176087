"""What is measured of each layer at conversion, as values that report.json holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nonn_mcu.errors import BadInput

FILE = "report.json"  # in the bundle

Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LayerFigures(_Part):
    """One layer's int8 tensor against the float network's, over the same samples.

    ``sqnr_db`` holds what was lost in this layer and before it. ``saturated`` is the share of values at -128
    or 127 whose float value lies half a step and more beyond, ``used`` how much of the 256 steps lies between
    the smallest and the largest value. ``low`` and ``high`` are the float tensor's; what the int8 one can
    hold follows from its scale and zero point.
    """

    sqnr_db: float
    saturated: Share
    used: Share
    low: float
    high: float


class Weights(_Part):
    """The smallest and the largest of a layer's weights, dequantised, and how many scales they have."""

    low: float
    high: float
    scales: int = Field(ge=1)


class Figures(_Part):
    """Figures per layer, in the layers' order, over ``samples`` calibration samples.

    A layer is None where the float network has no tensor for it; all are, and ``samples`` is 0, for a ready
    ``.tflite``. ``weights`` is None for layers without.
    """

    samples: int = Field(ge=0)
    layers: tuple[LayerFigures | None, ...]
    weights: tuple[Weights | None, ...]
    notes: tuple[str, ...] = ()

    @property
    def weakest(self) -> int | None:
        """The layer of the smallest SQNR, the first of several; None where none was measured."""
        known = [(one.sqnr_db, number) for number, one in enumerate(self.layers) if one is not None]
        return min(known)[1] if known else None


def read(path: Path, layers: int) -> Figures:
    """Read the figures of a bundle of so many ``layers``, which was checked. Raises :class:`BadInput`."""
    file = path / FILE
    try:
        document: Any = json.loads(file.read_bytes())
        found = Figures.model_validate_json(json.dumps(document["figures"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it holds no figures"
        raise BadInput(f"{file}: {why}; run convert again") from None
    if {len(found.layers), len(found.weights)} != {layers}:
        raise BadInput(f"{file}: figures of other than {layers} layers; run convert again")
    return found
