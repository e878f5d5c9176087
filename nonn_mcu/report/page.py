"""A conversion, and what a device made of it, as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from nonn_mcu import budget
from nonn_mcu.bundle import Bundle, read_listed
from nonn_mcu.dream import synthetic
from nonn_mcu.errors import MissingExtra
from nonn_mcu.manifest import Manifest, TargetName
from nonn_mcu.report import captions
from nonn_mcu.report.conversion import fidelity_lines
from nonn_mcu.report.device import Checked
from nonn_mcu.report.drawing import inline
from nonn_mcu.report.figures import FILE as FIGURES
from nonn_mcu.report.figures import Figures
from nonn_mcu.report.figures import read as read_figures
from nonn_mcu.report.worst import worst
from nonn_mcu.vectors import Vectors
from nonn_mcu.verify.fidelity import measure

FILE = "report.html"  # in the bundle
ARENA = "arena.svg"  # there too

_TEMPLATES = Path(__file__).resolve().parent / "templates"

# Samples that are of no data set, by their kind.
_SYNTHESISED = {
    synthetic.NOISE: "They are of no data set: random values.",
    synthetic.STATS: "They are of no data set: made from the statistics in the network's batch norms.",
    synthetic.DREAM: "They are of no data set: made from the network and statistics of its training data.",
}
_FIGURES_OF_PRINT = 4


def page(
    manifest: Manifest,
    figures: Figures | None,
    vectors: Vectors,
    *,
    drawing: str | None = None,
    notes: Sequence[str] = (),
    devices: Sequence[Checked] = (),
) -> bytes:
    """Write the page, UTF-8; the same values give the same bytes.

    ``drawing`` is the markup of the plan (:func:`nonn_mcu.report.drawing.inline`); everything else is text
    and may be anything. What is not there, None or empty, is left out, and the page says why where one could
    expect it. Raises :class:`MissingExtra` without what it is drawn with.
    """
    try:
        from nonn_mcu.report import charts

        template = _environment().get_template("page.html.j2")
        measured = figures if figures is not None and any(figures.layers) else None
        text = template.render(
            manifest=manifest,
            figures=figures,
            measured=measured,
            weakest=None if measured is None else measured.weakest,
            rows=_rows(manifest, figures, devices),
            budget_rows=_budget_rows(manifest),
            totals=_over(manifest, sum),
            most=_over(manifest, max),
            says=captions.of(manifest, measured),
            golden=_golden(manifest, vectors),
            fidelity=fidelity_lines(manifest.fidelity, manifest.outputs),
            worst=worst(manifest, vectors),
            judged=sum(bool(np.isfinite(one).all()) for one in _first(vectors.references)),
            vectors=len(vectors),
            synthesised=_synthesised(manifest),
            drawing=drawing,
            notes=notes,
            devices=devices,
            targets=get_args(TargetName),
            charts=charts,
        )
    except ImportError as error:
        raise MissingExtra(
            f"the report needs the package {error.name}; install it with: pip install 'nonn-mcu[report]'"
        ) from None
    return text.encode()


def of_bundle(bundle: Bundle, devices: Sequence[Checked]) -> bytes:
    """Write the page of a bundle and of what ``devices`` made of it. Raises :class:`BadInput`."""
    manifest = bundle.manifest
    figures = drawing = None
    if FIGURES in manifest.files:
        figures = read_figures(bundle.path, len(manifest.layers))
    if ARENA in manifest.files:
        drawing = inline(read_listed(bundle.path, ARENA), str(bundle.path / ARENA))
    notes = () if figures is None else figures.notes
    return page(manifest, figures, bundle.vectors(), drawing=drawing, notes=notes, devices=devices)


def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_plain,
    )
    environment.filters["data"] = lambda svg: f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    environment.filters["real"] = lambda value: f"{value:.{_FIGURES_OF_PRINT}g}"
    environment.filters["percent"] = lambda share: f"{100 * share:.2g}%" if share else "0"
    environment.filters["markup"] = Markup
    return environment


def _plain(value: Any) -> Any:
    """Leave nothing in a text that could end a line or turn its direction; markup is as it is."""
    if type(value) is not str:
        return value
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in value)


def _rows(manifest: Manifest, figures: Figures | None, devices: Sequence[Checked]) -> list[Mapping[str, Any]]:
    """One row per layer: what the manifest says, what was measured, what the devices gave."""
    from nonn_mcu.report.charts import representable

    count = len(manifest.layers)
    measured = (None,) * count if figures is None else figures.layers
    weights = (None,) * count if figures is None else figures.weights
    return [
        {
            "number": number,
            "layer": layer,
            "figures": found,
            "weights": held,
            "range": representable(layer),
            "devices": [_layer_on(one, number) for one in devices],
        }
        for number, (layer, found, held) in enumerate(zip(manifest.layers, measured, weights, strict=True))
    ]


def _layer_on(device: Checked, number: int) -> str:
    """Say whether a layer's tensor was the oracle's."""
    found = device.verdict.layers
    if found is None:
        return "not compared"
    first = found.divergence
    if first is None or number < first.layer:
        return "equal"
    if number > first.layer:
        return "after the first that differs"
    how_far = (
        "" if first.worst_lsb is None else f", {first.differing_values} values by up to {first.worst_lsb} LSB"
    )
    return f"differs{how_far}"


def _budget_rows(manifest: Manifest) -> list[tuple[budget.Row, tuple[tuple[str, int], ...]]]:
    info = manifest.budget
    parts = (
        (("weights", info.weights), ("tables", info.tables), ("code", info.code)),
        (("arena", info.arena), ("static data", info.static), ("stack", info.stack)),
    )
    return list(zip(budget.rows(info), parts, strict=True))


def _over(manifest: Manifest, together: Callable[[Sequence[int]], int]) -> Mapping[str, int]:
    """Sum, or take the largest of, what the layers take."""
    layers = manifest.layers
    return {
        "macs": together([layer.macs for layer in layers] or [0]),
        "flash": together([layer.flash_bytes for layer in layers] or [0]),
        "live": together([layer.live_bytes for layer in layers] or [0]),
    }


def _golden(manifest: Manifest, vectors: Vectors) -> list[str]:
    """Say how faithful the oracle is on the golden vectors, where they have a reference."""
    if not vectors.references:
        return []
    return fidelity_lines(measure(vectors.outputs, vectors.references, manifest.outputs), manifest.outputs)


def _first(references: Sequence[np.ndarray]) -> np.ndarray:
    return references[0] if references else np.empty((0, 1))


def _synthesised(manifest: Manifest) -> str | None:
    used = manifest.calibration
    return None if used is None else _SYNTHESISED.get(used.source.partition(":")[0])
