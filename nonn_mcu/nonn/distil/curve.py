"""The curves of a training: loss and validation accuracy by epoch, one line per method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nonn_mcu.nonn.distil.train import Epoch
from nonn_mcu.report import plot


def draw(histories: Mapping[str, Sequence[Epoch]], title: str) -> bytes:
    """Draw the histories by method as an SVG; the same histories give the same bytes."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    with plot.settings():
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        figure.suptitle(title, fontsize=11)
        left, right = figure.subplots(1, 2)
        for (method, history), colour, mark in zip(histories.items(), plot.COLOURS, plot.MARKS, strict=False):
            epochs = [one.epoch for one in history]
            for axes, values in (
                (left, [one.loss for one in history]),
                (right, [100 * one.validation for one in history]),
            ):
                axes.plot(epochs, values, color=colour, marker=mark, markersize=4, label=method)
        left.set(xlabel="epoch", ylabel="loss (each method's own)", yscale="log")
        right.set(xlabel="epoch", ylabel="validation accuracy, %")
        for axes in (left, right):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)
        right.legend(frameon=False)
        return plot.svg(figure)
