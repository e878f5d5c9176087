"""What the plots hold can be read: inside the picture, and nothing over anything else."""

import itertools

import numpy as np
import pytest

from nonn_mcu.manifest import BudgetInfo, LayerInfo, QuantisationStep
from nonn_mcu.report import charts, plot
from nonn_mcu.report.figures import Figures, LayerFigures, Weights

KINDS = (
    "CONV_2D", "ADD", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "AVERAGE_POOL_2D", "MEAN", "PAD", "LEAKY_RELU"
)  # fmt: skip


def network(count, kinds, seed=0):
    """Layers whose ranges differ a hundredfold, and their figures; every tenth has none."""
    rng = np.random.RandomState(seed)
    layers = tuple(
        LayerInfo(
            name=f"layer{number}",
            op=KINDS[number % kinds],
            module="",
            kernel="k",
            tensor=number,
            shape=(1, 4),
            scale=float(10 ** rng.uniform(-3, -1)),
            zero_point=int(rng.randint(-128, 128)),
            macs=1,
            flash_bytes=1,
            live_bytes=1,
        )
        for number in range(count)
    )
    found = tuple(
        None
        if number % 10 == 9
        else LayerFigures(
            sqnr_db=float(rng.uniform(10, 60)),
            saturated=0.0,
            used=1.0,
            low=float(charts.representable(layer)[0]),
            high=float(charts.representable(layer)[1]),
        )
        for number, layer in enumerate(layers)
    )
    weights = tuple(None if number % 2 else Weights(low=-0.5, high=2.0, scales=1) for number in range(count))
    return layers, Figures(samples=32, layers=found, weights=weights)


def budget(flash, flash_limit, ram, ram_limit):
    third = {"weights": flash // 3, "tables": flash // 3, "code": flash - 2 * (flash // 3)}
    return BudgetInfo(
        flash=flash,
        flash_limit=flash_limit,
        ram=ram,
        ram_limit=ram_limit,
        arena=ram,
        static=0,
        stack=0,
        **third,
    )


def steps(*ends):
    names = (f"equalisation {number} of $x^2 <b>" for number in itertools.count())
    return [
        QuantisationStep(name=name, sqnr_db=end, agreement=0.5, kept=bool(number % 2))
        for number, (name, end) in enumerate(zip(names, ends, strict=False))
    ]


CASES = {
    "a bar far below its limit": lambda: charts.budget(budget(10, 2**21, 10, 2**21)),
    "a bar far over its limit": lambda: charts.budget(budget(2**22, 1, 2**22, 1)),
    "a bar at its limit": lambda: charts.budget(budget(500_000, 500_000, 0, None)),
    "one layer": lambda: charts.sqnr(*network(1, 1)),
    "the last layer is the weakest": lambda: charts.sqnr(*network(80, 8, seed=1)),
    "two hundred layers": lambda: charts.sqnr(*network(200, 5)),
    "ranges of one layer": lambda: charts.ranges(*network(1, 1)),
    "ranges of two hundred layers": lambda: charts.ranges(*network(200, 5)),
    "one step": lambda: charts.steps(steps(30.0)),
    "steps that gain and lose": lambda: charts.steps(steps(30.0, 31.0, 24.0, -200.0, 32.5)),
    "many steps": lambda: charts.steps(steps(*np.linspace(30, 31, 16))),
    "all vectors equal": lambda: charts.differences(np.zeros(204, np.int64), np.empty(0)),
    "differences of every size": lambda: charts.differences(np.arange(256), np.linspace(0, 100, 256)),
}


@pytest.fixture
def figures(monkeypatch):
    """The figures that are written, as matplotlib has them."""
    kept, written = [], plot.svg
    monkeypatch.setattr(plot, "svg", lambda figure: (kept.append(figure), written(figure))[1])
    return kept


def boxes(figure):
    """Every text of a figure that is drawn, as (text, box in pixels), and the canvas's box."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    within = {text for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) for text in _beyond(axis)}
    found = [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text not in within
    ]
    return found, figure.bbox


def _beyond(axis):
    """Labels of ticks outside the view, which are not drawn."""
    low, high = sorted(axis.get_view_interval())
    return [
        label
        for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())
        if not low - 1e-9 <= tick.get_loc() <= high + 1e-9
        for label in (tick.label1, tick.label2)
    ]


@pytest.mark.parametrize("case", CASES)
def test_no_text_is_cut_or_covered(case, figures):
    svg = CASES[case]()
    assert svg.startswith(b"<?xml")
    texts, canvas = boxes(figures[0])
    assert len(texts) > 3
    for text, box in texts:
        assert box.x0 >= -1 and box.y0 >= -1, text
        assert box.x1 <= canvas.width + 1 and box.y1 <= canvas.height + 1, text
    for (one, box), (other, second) in itertools.combinations(texts, 2):
        wide = min(box.x1, second.x1) - max(box.x0, second.x0)
        high = min(box.y1, second.y1) - max(box.y0, second.y0)
        assert not (wide > 1 and high > 1), f"{one!r} and {other!r}"


@pytest.mark.parametrize(
    "case", ["two hundred layers", "ranges of one layer", "many steps", "a bar at its limit"]
)
def test_every_axis_says_what_it_is_and_in_which_unit(case, figures):
    CASES[case]()
    for axes in figures[0].axes:
        named = [axes.get_xlabel() or axes.get_shared_x_axes().get_siblings(axes)[0].get_xlabel()]
        named += [axes.get_ylabel() or [label.get_text() for label in axes.get_yticklabels()]]
        assert all(named), case
    units = ("dB", "KB", "layer", "LSB")
    assert any(unit in axes.get_xlabel() for axes in figures[0].axes for unit in units)
