"""Plain-text tables."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], body: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Align columns: the first ``left`` to the left, the others to the right; two spaces between."""
    everything = [list(header), *[list(line) for line in body]]
    widths = [max(len(line[i]) for line in everything) for i in range(len(header))]
    lines = []
    for line in everything:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
