"""What the plots of the page show, in a sentence each, for who does not see them."""

from __future__ import annotations

from dataclasses import dataclass

from nonn_mcu.manifest import BudgetInfo, Manifest
from nonn_mcu.report.charts import representable
from nonn_mcu.report.figures import Figures


@dataclass(frozen=True)
class Captions:
    """A sentence for each plot; empty where there is none."""

    budget: str
    sqnr: str
    ranges: str


def of(manifest: Manifest, measured: Figures | None) -> Captions:
    """Describe the plots of a conversion; ``measured`` has figures of some layer, or is None."""
    if measured is None:
        return Captions(_budget(manifest.budget), "", "")
    return Captions(_budget(manifest.budget), _sqnr(measured), _ranges(manifest, measured))


def _budget(info: BudgetInfo) -> str:
    def limit(size: int | None) -> str:
        return "without a limit" if size is None else f"of {size:,} B"

    return f"Flash: {info.flash:,} B {limit(info.flash_limit)}. RAM: {info.ram:,} B {limit(info.ram_limit)}."


def _sqnr(measured: Figures) -> str:
    known = [one.sqnr_db for one in measured.layers if one is not None]
    return (
        f"{len(known)} layers between {min(known):.1f} and {max(known):.1f} dB; the weakest is layer "
        f"{measured.weakest}."
    )


def _ranges(manifest: Manifest, measured: Figures) -> str:
    pairs = [
        (layer, one) for layer, one in zip(manifest.layers, measured.layers, strict=True) if one is not None
    ]
    beyond = 0
    for layer, one in pairs:
        low, high = representable(layer)
        beyond += one.low < low - layer.scale / 2 or one.high > high + layer.scale / 2
    least = min(one.used for _, one in pairs)
    return (
        f"{beyond} of {len(pairs)} layers have float values beyond what int8 holds; the least used range is "
        f"used to {least:.0%}."
    )
