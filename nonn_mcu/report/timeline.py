"""The arena over time as a picture: which bytes hold what while which layer runs."""

from __future__ import annotations

from xml.sax.saxutils import escape

from nonn_mcu.codegen import Compiled
from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.names import printable
from nonn_mcu.codegen.placement import Block

WIDTH, HEIGHT = 900, 360  # of the drawing, within the margins
LEFT, TOP, RIGHT, BOTTOM = 96, 48, 14, 62
MARKS = 4  # on the axis of bytes
NUMBER = 26  # pixels that the number of a layer needs
TENSORS = ("#0072b2", "#56b4e9", "#3d93c8", "#8ccbf0", "#1b82bd", "#a9d8f4")
SCRATCH = "#e69f00"
INK, PEAK = "#1f2328", "#9a3c00"


def svg(compiled: Compiled, graph: Graph) -> str:
    """Draw the plan of one target: layers from left to right, bytes of the arena upwards, the peak marked.

    Where an output lies over the input that it replaces, both are drawn, the output in front. The same plan
    gives the same text. :mod:`nonn_mcu.report.drawing` lists what elements there may be.
    """
    plan = compiled.plan
    steps, size = len(compiled.layers), plan.arena_bytes
    column = WIDTH / steps
    width, height = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BOTTOM
    title = (
        f"Arena of {size:,} B on {compiled.target.summary}; no plan of these layers takes less than "
        f"{plan.lower_bound:,} B"
    )

    def y(at: int) -> float:
        return TOP + HEIGHT * (1 - at / size)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="100%" height="100%" fill="white"/><text x="{LEFT}" y="18" font-size="14">'
        f"{escape(title)}</text>",
    ]
    for mark in range(MARKS + 1):
        at = size * mark // MARKS
        parts.append(
            f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y(at):.1f}" y2="{y(at):.1f}" stroke="#d0d7de"/>'
            f'<text x="{LEFT - 8}" y="{y(at) + 4:.1f}" text-anchor="end">{at:,} B</text>'
        )
    for number, (block, at) in enumerate(sorted(plan.placed, key=lambda one: (one[0].first, one[1]))):
        left, wide = LEFT + block.first * column, (block.last - block.first + 1) * column
        colour = SCRATCH if block.tensor is None else TENSORS[number % len(TENSORS)]
        parts.append(
            f'<rect x="{left:.1f}" y="{y(at + block.size):.1f}" width="{wide:.1f}" '
            f'height="{HEIGHT * block.size / size:.1f}" fill="{colour}" fill-opacity="0.85" stroke="white">'
            f"<title>{escape(_about(block, at, graph))}</title></rect>"
        )
    every = _stride(column)
    for step, layer in enumerate(compiled.layers):
        about = f"{step} {layer.name}: {layer.kernel}, {plan.live_bytes[step]:,} B"
        number_text = str(step) if step % every == 0 else ""
        parts.append(
            f'<text x="{LEFT + (step + 0.5) * column:.1f}" y="{TOP + HEIGHT + 18}" text-anchor="middle">'
            f"{number_text}<title>{escape(about)}</title></text>"
        )
    peak = max(range(steps), key=lambda step: plan.live_bytes[step])
    parts += [
        f'<rect x="{LEFT + peak * column:.1f}" y="{TOP}" width="{column:.1f}" height="{HEIGHT}" fill="none" '
        f'stroke="{PEAK}" stroke-width="2" stroke-dasharray="5 3"/>',
        f'<text x="{LEFT}" y="38" fill="{PEAK}" font-weight="bold">'
        f"peak, dashed: {plan.live_bytes[peak]:,} B in use at layer {peak}</text>",
        f'<text x="{LEFT + WIDTH / 2:.1f}" y="{TOP + HEIGHT + 38}" text-anchor="middle">layer</text>',
        f'<rect x="{LEFT}" y="{TOP + HEIGHT + 44}" width="12" height="12" fill="{TENSORS[0]}"/>'
        f'<text x="{LEFT + 18}" y="{TOP + HEIGHT + 54}">tensors</text>'
        f'<rect x="{LEFT + 90}" y="{TOP + HEIGHT + 44}" width="12" height="12" fill="{SCRATCH}"/>'
        f'<text x="{LEFT + 108}" y="{TOP + HEIGHT + 54}">scratch of a kernel</text></svg>',
    ]
    return "\n".join(parts) + "\n"


def _stride(column: float) -> int:
    """Say which layers get their number: each, or every 2nd, 5th, 10th, ... where columns are narrow."""
    every, factors = 1, (2, 2.5, 2)
    for number in range(24):
        if every * column >= NUMBER:
            break
        every = round(every * factors[number % 3])
    return every


def _about(block: Block, at: int, graph: Graph) -> str:
    what = "scratch" if block.tensor is None else printable(graph.tensors[block.tensor].name)
    return f"{what}: {block.size:,} B at {at:,}, layers {block.first} to {block.last}"
