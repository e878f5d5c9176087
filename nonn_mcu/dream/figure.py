"""The figure of a comparison: the test accuracy of the student by what it was taught on."""

from __future__ import annotations

from collections.abc import Sequence

from nonn_mcu.dream.compare import Taught
from nonn_mcu.report import plot


def draw(results: Sequence[Taught], teacher: float, title: str) -> bytes:
    """Draw a bar for each, and a line at the ``teacher``'s accuracy, as an SVG; the same bytes each time."""
    from matplotlib.figure import Figure

    with plot.settings():
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.set_title(title, fontsize=11)
        values = [100 * one.test for one in results]
        bars = axes.bar([one.name for one in results], values, color=plot.COLOURS[: len(results)], width=0.6)
        axes.bar_label(bars, fmt="%.1f", padding=2)
        axes.axhline(100 * teacher, color="black", linestyle="--", linewidth=1)
        axes.annotate(
            f"teacher {100 * teacher:.1f}",
            (1, 100 * teacher),
            xycoords=("axes fraction", "data"),
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
        )
        axes.set(xlabel="what the student was taught on", ylabel="test accuracy, %", ylim=(0, 112))
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
        return plot.svg(figure)
