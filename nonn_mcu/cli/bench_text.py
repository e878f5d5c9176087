"""What an inference costs, for people: totals, layers, the assumptions, what changed against a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nonn_mcu.cli.output import console, one_line, print_table, print_warning

if TYPE_CHECKING:
    from rich.table import Table

    from nonn_mcu.bench.baseline import Baseline, Change
    from nonn_mcu.bench.cycles import Cycles
    from nonn_mcu.bench.measure import Bench


def print_bench(bench: Bench, layers: bool) -> None:
    """Print the totals of one model on one board, and its layers if wanted."""
    board, sizes = bench.board, bench.sizes
    print(
        one_line(f"{bench.model} on {board.name} ({board.core}), {bench.runtime}, -{bench.optimize}") + "\n"
    )
    rows = _table(("", "total", "per MAC"), left=1)
    rows.add_row("MACs", f"{bench.macs:,}")
    rows.add_row("instructions", f"{bench.instructions:,}", _per_mac(bench.instructions, bench.macs))
    rows.add_row("modelled cycles", _cycles(bench.cycles), _cycles_per_mac(bench.cycles, bench.macs))
    print_table(rows)
    parts = (
        ("RAM", ("arena", sizes.arena), ("static", sizes.static), ("stack in use", bench.stack)),
        (
            "flash",
            ("engine", sizes.engine),
            ("weights", bench.weights),
            ("tables", bench.tables),
            ("link and device", sizes.device),
            ("library", sizes.library),
            ("port", sizes.port + sizes.data + sizes.other),
        ),
    )
    print()
    for what, *named in parts:
        listed = " + ".join(f"{name} {size:,}" for name, size in named)
        print(f"{what:6}{sum(size for _, size in named):,} B = {listed}")
    print()
    if layers:
        _print_layers(bench)
        print()


def print_assumptions(cores: Iterable[str]) -> None:
    """Print what the modelled cycles of each core take for granted."""
    from nonn_mcu.bench import core

    for name in dict.fromkeys(cores):
        print(f"Cycles of {name} are modelled from the instructions that ran, not measured:")
        for line in core.find(name).about:
            print(f"- {line}")
        print()


def print_changes(changes: Sequence[Change], baseline: Baseline, updated: bool) -> None:
    """Print what differs from the baseline, what grew too much first."""
    from nonn_mcu.bench.baseline import compiler

    if baseline.compiler != compiler():
        print_warning(
            f"the baseline is of compiler {baseline.compiler}, this is {compiler()}: counts depend on it"
        )
    for what in dict.fromkeys(change.what for change in changes if change.before is None):
        print(one_line(f"{what}: not in the baseline{'' if updated else '; write it with --update'}"))
    for change in sorted(changes, key=lambda one: not one.grew):
        if change.before is not None:
            share = "" if change.share is None else f", {change.share:+.1%}"
            verdict = "GREW " if change.grew and not updated else ""
            text = f"{verdict}{change.what}: {change.count} {change.now:,} ({change.before:,} before{share})"
            console().print(one_line(text), style="bold red" if verdict else None, soft_wrap=True)
    if updated:
        print("the baseline has the counts of today")
    elif not changes:
        print("every count is that of the baseline")
    elif not any(change.grew for change in changes):
        print("no count is more than 2 % above the baseline")


def _print_layers(bench: Bench) -> None:
    header = (
        "#",
        "layer",
        "kernel",
        "MACs",
        "instr",
        "/MAC",
        "cycles",
        "/MAC",
        "flash B",
        "scratch",
        "live B",
    )
    table = _table(header, left=3)
    for number, layer in enumerate(bench.layers):
        table.add_row(
            str(number),
            one_line(layer.name),
            one_line(layer.kernel),
            f"{layer.macs:,}",
            f"{layer.instructions:,}",
            _per_mac(layer.instructions, layer.macs),
            _cycles(layer.cycles),
            _cycles_per_mac(layer.cycles, layer.macs),
            f"{layer.constant_bytes:,}",
            "" if layer.scratch_bytes is None else f"{layer.scratch_bytes:,}",
            "" if layer.live_bytes is None else f"{layer.live_bytes:,}",
        )
    print_table(table)


def _table(header: Sequence[str], left: int) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, label in enumerate(header):
        table.add_column(label, justify="left" if number < left else "right", overflow="fold")
    return table


def _per_mac(count: int, macs: int) -> str:
    return f"{count / macs:.3f}" if macs else ""


def _cycles(cycles: Cycles) -> str:
    return f"{cycles.low:,}" if cycles.low == cycles.high else f"{cycles.low:,}-{cycles.high:,}"


def _cycles_per_mac(cycles: Cycles, macs: int) -> str:
    low, high = _per_mac(cycles.low, macs), _per_mac(cycles.high, macs)
    return low if low == high else f"{low}-{high}"
