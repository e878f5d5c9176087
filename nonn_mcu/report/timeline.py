"""The arena over time as a picture: which bytes hold what while which layer runs."""

from __future__ import annotations

from xml.sax.saxutils import escape

from nonn_mcu.codegen import Compiled
from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.names import printable
from nonn_mcu.codegen.placement import Block

WIDTH, HEIGHT = 900, 420  # of the drawing, within the margins
LEFT, TOP, BOTTOM = 70, 40, 40
MARKS = 4  # on the axis of bytes
TENSORS = ("#4c78a8", "#72a5d3", "#9ecae9", "#5d9a8b", "#86c1b2", "#b5cf6b")
SCRATCH = "#e4a85b"


def svg(compiled: Compiled, graph: Graph) -> str:
    """Draw the plan of one target: layers from left to right, bytes of the arena upwards.

    Where an output lies over the input that it replaces, both are drawn, the output in front. The same plan
    gives the same text.
    """
    plan = compiled.plan
    steps, size = len(compiled.layers), plan.arena_bytes
    column = WIDTH / steps

    def y(at: int) -> float:
        return TOP + HEIGHT * (1 - at / size)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 10}" '
        f'height="{TOP + HEIGHT + BOTTOM}" role="img" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="100%" height="100%" fill="white"/><text x="{LEFT}" y="20" font-size="13">'
        f"Arena of {size:,} B on {escape(compiled.target.summary)}; no plan of these layers takes less than "
        f"{plan.lower_bound:,} B</text>",
    ]
    for number, (block, at) in enumerate(sorted(plan.placed, key=lambda one: (one[0].first, one[1]))):
        left, wide = LEFT + block.first * column, (block.last - block.first + 1) * column
        colour = SCRATCH if block.tensor is None else TENSORS[number % len(TENSORS)]
        parts.append(
            f'<rect x="{left:.1f}" y="{y(at + block.size):.1f}" width="{wide:.1f}" '
            f'height="{HEIGHT * block.size / size:.1f}" fill="{colour}" fill-opacity="0.85" stroke="white">'
            f"<title>{escape(_about(block, at, graph))}</title></rect>"
        )
    for step, layer in enumerate(compiled.layers):
        about = f"{step} {layer.name}: {layer.kernel}, {plan.live_bytes[step]:,} B"
        parts.append(
            f'<text x="{LEFT + (step + 0.5) * column:.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">'
            f"{step}<title>{escape(about)}</title></text>"
        )
    for mark in range(MARKS + 1):
        at = size * mark // MARKS
        parts.append(f'<text x="{LEFT - 6}" y="{y(at) + 4:.1f}" text-anchor="end">{at:,}</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP + HEIGHT + 32}">layer; orange: scratch</text></svg>')
    return "\n".join(parts) + "\n"


def _about(block: Block, at: int, graph: Graph) -> str:
    what = "scratch" if block.tensor is None else printable(graph.tensors[block.tensor].name)
    return f"{what}: {block.size:,} B at {at:,}, layers {block.first} to {block.last}"
