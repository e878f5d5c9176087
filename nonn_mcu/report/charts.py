"""The plots of the page: budget, layers, quantisation steps, differences of a device; SVG each.

Of what came from a file only numbers are drawn, and names as plain text. The same values give the same
bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nonn_mcu.codegen.names import printable
from nonn_mcu.manifest import BudgetInfo, LayerInfo, QuantisationStep
from nonn_mcu.report import plot
from nonn_mcu.report.figures import Figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.0  # inches, of every plot
_MUTED = "#c9d1d9"  # what a value could be, behind what it is
_INK = "#1f2328"
_HATCHES = ("", "///", "...")  # parts of a bar without colour
_MOST_BINS = 24


def budget(info: BudgetInfo) -> bytes:
    """Flash and RAM as one bar each, stacked of their parts, with the limit as a line."""
    rows = (
        (
            "flash",
            info.flash_limit,
            (("weights", info.weights), ("tables", info.tables), ("code", info.code)),
        ),
        ("RAM", info.ram_limit, (("arena", info.arena), ("static", info.static), ("stack", info.stack))),
    )
    with _figure(2.7) as figure:
        for axes, (resource, limit, parts) in zip(figure.subplots(2, 1), rows, strict=True):
            at = 0.0
            for (name, size), colour, hatch in zip(parts, plot.COLOURS, _HATCHES, strict=False):
                axes.barh(
                    0, size / 1000, left=at, color=colour, hatch=hatch, edgecolor="white", linewidth=0,
                    label=f"{name} {size / 1000:,.1f} KB",
                )  # fmt: skip
                at += size / 1000
            if limit is not None:
                axes.axvline(limit / 1000, color=_INK, linewidth=2, label=f"limit {limit / 1000:,.1f} KB")
            axes.set(
                yticks=[0], yticklabels=[resource], ylim=(-0.5, 0.5), xlabel=f"{resource}, KB (1 KB = 1000 B)"
            )
            axes.set_xlim(0, 1.04 * max(at, 0.001, 0 if limit is None else limit / 1000))
            _grid(axes, "x")
            _legend(axes, 4)
        return plot.svg(figure)


def sqnr(layers: Sequence[LayerInfo], figures: Figures) -> bytes:
    """Signal to noise of each layer's tensor; a mark by kind of operator."""
    points = [
        (n, layer.op, one.sqnr_db)
        for n, (layer, one) in enumerate(zip(layers, figures.layers, strict=True))
        if one
    ]
    kinds = sorted(
        {op for _, op, _ in points}, key=lambda op: (-sum(op == other for _, other, _ in points), op)
    )
    shown = kinds[: len(plot.MARKS) - 1] if len(kinds) > len(plot.MARKS) else kinds
    with _figure(3.4) as figure:
        axes = figure.subplots()
        axes.plot([n for n, _, _ in points], [db for *_, db in points], color=_MUTED, linewidth=1.2, zorder=1)
        for kind, colour, mark in zip([*shown, None], plot.COLOURS, plot.MARKS, strict=False):
            chosen = [(n, db) for n, op, db in points if op == kind or (kind is None and op not in shown)]
            if chosen:
                axes.plot(
                    *zip(*chosen, strict=True),
                    mark,
                    color=colour,
                    markersize=5,
                    label=printable(kind or "other"),
                )
        n, _, lowest = min(points, key=lambda one: one[2])
        side = ("left", "center", "right")[min(2, 3 * n // len(layers))]
        axes.annotate(
            f"lowest: layer {n}, {lowest:.1f} dB", (n, lowest), xytext=(0, -22), textcoords="offset points",
            ha=side, va="top", arrowprops={"arrowstyle": "-", "color": _INK}, annotation_clip=False,
        )  # fmt: skip
        low, high = axes.get_ylim()
        axes.set_ylim(low - 0.25 * (high - low), high)
        axes.set(ylabel="SQNR, dB")
        _layer_axis(axes, len(layers))
        _legend(axes, len(kinds) if len(kinds) <= 5 else 3)
        return plot.svg(figure)


def ranges(layers: Sequence[LayerInfo], figures: Figures) -> bytes:
    """Draw each layer's float values within what its int8 tensor can hold, and its weights' range."""
    places = np.array([n for n, one in enumerate(figures.layers) if one is not None])
    reals = [(one.low, one.high) for one in figures.layers if one is not None]
    holds = [representable(layers[n]) for n in places]
    weights = [(n, one.low, one.high) for n, one in enumerate(figures.weights) if one is not None]
    with _figure(5.2 if weights else 3.2) as figure:
        panels = figure.subplots(2 if weights else 1, 1, sharex=True, squeeze=False)[:, 0]
        _spans(panels[0], places, holds, width=0.9, color=_MUTED, label="int8 can hold")
        _spans(panels[0], places, reals, width=0.4, color=plot.COLOURS[0], label="float values")
        panels[0].set(ylabel="activations, real value")
        _wide_scale(panels[0], [abs(end) for pair in (*holds, *reals) for end in pair])
        if weights:
            numbers = np.array([n for n, *_ in weights])
            ends = [(low, high) for _, low, high in weights]
            _spans(panels[1], numbers, ends, width=0.5, color=plot.COLOURS[1], label="weights")
            panels[1].set(ylabel="weights, real value")
            _wide_scale(panels[1], [abs(end) for _, *pair in weights for end in pair])
        for axes in panels:
            axes.axhline(0, color=_INK, linewidth=0.8)
            _legend(axes, 2)
        _layer_axis(panels[-1], len(layers))
        return plot.svg(figure)


def steps(taken: Sequence[QuantisationStep]) -> bytes:
    """Draw what each step of the quantisation gives beyond the first one; a step not kept is pale."""
    first = taken[0].sqnr_db
    ends = [step.sqnr_db for step in taken]
    room = max(0.5, max(ends) - min(ends))
    with _figure(1.0 + 0.42 * len(taken)) as figure:
        axes = figure.subplots()
        axes.axvline(first, color=_INK, linewidth=1)
        for row, step in enumerate(taken):
            colour, hatch = (plot.COLOURS[0], "") if step.kept else (_MUTED, "///")
            gain = step.sqnr_db - first
            axes.barh(
                row, gain, left=first, height=0.65, color=colour, hatch=hatch, edgecolor="white", linewidth=0
            )
            words = f" {step.sqnr_db:.1f} dB" + ("" if step.kept else ", not kept")
            axes.text(max(step.sqnr_db, first), row, words, va="center")
        axes.set_yticks(range(len(taken)), [printable(step.name, 40) for step in taken], parse_math=False)
        axes.set(xlabel="SQNR of the output, dB, from that of the first step", ylim=(len(taken) - 0.4, -0.6))
        axes.set_xlim(min(ends) - 0.05 * room, max(ends) + 0.45 * room)
        _grid(axes, "x")
        return plot.svg(figure)


def differences(oracle: np.ndarray, reference: np.ndarray | None) -> bytes:
    """Count vectors by their largest difference in LSB: from the oracle, and from the float network."""
    sides = [("device against oracle", oracle)]
    if reference is not None and reference.size:
        sides.append(("device against the float network", reference))
    with _figure(3.0) as figure:
        panels = figure.subplots(1, len(sides), squeeze=False)[0]
        for axes, (title, values), colour in zip(panels, sides, plot.COLOURS, strict=False):
            counts, edges = _bins(values)
            axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=colour, edgecolor="white")
            axes.set(xlabel="largest difference of a vector, LSB", ylabel="vectors", title=title)
            axes.set_ylim(0, 1.1 * max(1, counts.max()))
            _whole(axes.yaxis)
            _grid(axes, "y")
        return plot.svg(figure)


def representable(layer: LayerInfo) -> tuple[float, float]:
    """Give the smallest and the largest real value of a layer's int8 tensor."""
    return layer.scale * (-128 - layer.zero_point), layer.scale * (127 - layer.zero_point)


@contextmanager
def _figure(height: float) -> Iterator[Figure]:
    from matplotlib.figure import Figure

    with plot.settings():
        yield Figure(figsize=(WIDTH, height), layout="constrained")


def _spans(axes: Axes, places: np.ndarray, pairs: Sequence[tuple[float, float]], **look: Any) -> None:
    low, high = np.array(pairs, np.float64).reshape(-1, 2).T
    axes.use_sticky_edges = False  # a bar that ends at the frame looks cut
    axes.bar(places, high - low, bottom=low, **look)


def _wide_scale(axes: Axes, sizes: Sequence[float]) -> None:
    """Make the scale logarithmic on both sides of zero where one layer would hide the others."""
    known = [size for size in sizes if size > 0]
    middle = float(np.median(known)) if known else 1.0
    if known and max(known) > 20 * middle:
        axes.set_yscale("symlog", linthresh=middle)


def _bins(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count values of 0 and more: whole numbers in bins around them, else in bins from 0 on."""
    most = float(values.max())
    if most < _MOST_BINS and np.equal(values, np.rint(values)).all():
        edges = np.arange(-0.5, max(most, 4) + 1)
    else:
        edges = np.linspace(0, most, _MOST_BINS + 1)
    return np.histogram(values, edges)


def _layer_axis(axes: Axes, layers: int) -> None:
    axes.set(xlabel="layer (its number in the table)", xlim=(-0.7, layers - 0.3))
    _whole(axes.xaxis)
    _grid(axes, "y")


def _whole(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _grid(axes: Axes, axis: Literal["x", "y"]) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis=axis, alpha=0.3)


def _legend(axes: Axes, columns: int) -> None:
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, fontsize=9)
