"""The budget as text: flash and RAM against their limits, and what each layer takes."""

from __future__ import annotations

from collections.abc import Sequence

from nonn_mcu import budget
from nonn_mcu.boards.elf import Sizes
from nonn_mcu.budget import LayerCost
from nonn_mcu.manifest import BudgetInfo
from nonn_mcu.report.table import table


def summary(info: BudgetInfo) -> str:
    """Show flash and RAM, and what they are made of."""
    made_of = (
        f"weights {info.weights:,} + tables {info.tables:,} + code {info.code:,}",
        f"arena {info.arena:,} + static {info.static:,} + stack {info.stack:,}",
    )
    body = [
        (
            row.resource,
            f"{row.needed:,}",
            "none" if row.limit is None else f"{row.limit:,}",
            "" if row.limit is None else f"{row.needed / row.limit:.1%}",
            f"over by {row.over:,}" if row.over else "fits",
            parts,
        )
        for row, parts in zip(budget.rows(info), made_of, strict=True)
    ]
    lines = table(("", "bytes", "limit", "used", ""), [line[:5] for line in body]).splitlines()
    return "\n".join([lines[0], *(f"{line}   {row[5]}" for line, row in zip(lines[1:], body, strict=True))])


def per_layer(layers: Sequence[LayerCost]) -> str:
    """Show each layer: its kernel, constants in flash, and arena in use while it runs."""
    body = [
        (str(i), layer.name, layer.kernel, f"{layer.flash_bytes:,}", f"{layer.live_bytes:,}")
        for i, layer in enumerate(layers)
    ]
    return table(("#", "layer", "kernel", "flash B", "live arena B"), body, left=3)


def refusal(info: BudgetInfo, layers: Sequence[LayerCost]) -> str:
    """Show everything about what does not fit: the layers, the summary, and what would help."""
    parts = [per_layer(layers), "", summary(info)]
    help_lines = budget.advice(info, layers)
    if help_lines:
        parts += ["", "What would help:", *(f"- {line}" for line in help_lines)]
    return "\n".join(parts)


def parts(sizes: Sizes) -> str:
    """List what the linked firmware is made of, measured in its ELF."""
    flash = (
        ("kernels and calls", sizes.engine),
        ("weights, tables, names", sizes.model),
        ("link and device", sizes.device),
        ("startup and UART", sizes.port),
        ("memcpy, memset, compiler", sizes.library),
        ("initialised data, other", sizes.data + sizes.other),
    )
    return table(("flash", "bytes"), [(what, f"{size:,}") for what, size in flash])
