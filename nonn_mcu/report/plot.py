"""Plots that are the same bytes for the same figures, and can be told apart without colour vision."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# M. Okabe, K. Ito, "Color Universal Design", 2008; black and yellow left out
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKS = ("o", "s", "^", "D", "v", "P")


@contextmanager
def settings() -> Iterator[None]:
    """Let matplotlib draw without a display, a clock or random names while the context lasts."""
    import matplotlib as mpl

    style = {"svg.hashsalt": "nonn-mcu", "svg.fonttype": "path", "font.family": "DejaVu Sans"}
    with mpl.rc_context(style):
        yield


def svg(figure: Figure) -> bytes:
    """Give the figure as an SVG; to be called within :func:`settings`."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
