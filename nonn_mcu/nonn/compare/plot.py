"""The comparison as a picture: time, flash and accuracy of each alternative, a row each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nonn_mcu.budget import DEFAULT_FLASH, parse_size
from nonn_mcu.nonn.compare.alternatives import Alternative, Cost
from nonn_mcu.report import plot
from nonn_mcu.report.comparison import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIZE = 60  # area of a mark in square points
_FEW = 300  # from one end of a logarithmic scale to the other


def draw(alternatives: Sequence[Alternative], costs: Mapping[str, Sequence[Cost]], about: str) -> bytes:
    """Draw as SVG; the same figures give the same bytes.

    ``costs`` has those of each alternative by link, ``about`` is the line above the plots. Scales of time and
    flash are logarithmic, so what is 0 is not drawn.
    """
    from matplotlib.figure import Figure

    with plot.settings():
        figure = Figure(figsize=(12, 1.9 + 0.55 * len(alternatives)), layout="constrained")
        figure.suptitle(about, fontsize=11)
        times, flash, accuracy = figure.subplots(1, 3, sharey=True)
        _times(times, costs)
        _flash(flash, alternatives)
        _accuracy(accuracy, alternatives)
        times.set_yticks(range(len(alternatives)), [title(one) for one in alternatives])
        times.set_ylim(len(alternatives) - 0.5, -0.5)
        for axes in (times, flash, accuracy):
            axes.grid(alpha=0.3)
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False, fontsize=9)
        return plot.svg(figure)


def _times(axes: Axes, costs: Mapping[str, Sequence[Cost]]) -> None:
    compute = next(iter(costs.values()))
    _marks(axes, 0, "compute", [(1000 * one.compute_s, row) for row, one in enumerate(compute)])
    for number, (link, over) in enumerate(costs.items(), 1):
        _marks(axes, number, f"link {link}", [(1000 * one.link_s, row) for row, one in enumerate(over)])
    axes.set(xlabel="time per inference, ms (model)")
    _logarithmic(axes)


def _flash(axes: Axes, alternatives: Sequence[Alternative]) -> None:
    points = [(node.flash / 1000, row) for row, one in enumerate(alternatives) for node in one.nodes]
    _marks(axes, 0, "a device", points)
    limit = parse_size(DEFAULT_FLASH) / 1000
    axes.axvline(limit, color=plot.COLOURS[1], linestyle="--", label=f"budget, {limit:.0f} KB")
    axes.set(xlabel="flash of each device, KB (planned)")
    _logarithmic(axes)


def _accuracy(axes: Axes, alternatives: Sequence[Alternative]) -> None:
    golden = [(one.golden, row) for row, one in enumerate(alternatives) if one.golden is not None]
    test = [(one.test, row) for row, one in enumerate(alternatives) if one.test is not None]
    whole = [(score.float_network, row) for score, row in golden]
    _marks(axes, 0, "int8, golden vectors", [(100 * score.int8, row) for score, row in golden])
    _marks(
        axes,
        1,
        "float, golden vectors",
        [(100 * value, row) for value, row in whole if value is not None],
        hollow=True,
    )
    _marks(axes, 2, "int8, test images", [(100 * score.int8, row) for score, row in test])
    axes.set(xlabel="accuracy, %")


def _logarithmic(axes: Axes) -> None:
    """Label 1, 2 and 5 of each decade over few of them, else 1 alone, and with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    subs = (1.0, 2.0, 5.0) if high < _FEW * low else (1.0,)
    axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _marks(
    axes: Axes, number: int, label: str, points: Sequence[tuple[float, int]], *, hollow: bool = False
) -> None:
    """Mark points that are above 0; a series has the colour and the shape of its number."""
    there = [(x, y) for x, y in points if x > 0]
    if not there:
        return
    colour = plot.COLOURS[number % len(plot.COLOURS)]
    style: dict[str, Any] = {"facecolors": "none", "edgecolors": colour} if hollow else {"color": colour}
    axes.scatter(
        [x for x, _ in there],
        [y for _, y in there],
        s=_SIZE * (2 if hollow else 1),
        marker=plot.MARKS[number % len(plot.MARKS)],
        label=label,
        zorder=3,
        **style,
    )
