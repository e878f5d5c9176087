"""A network's verdict for people: a row per device, what they answer together, PASS or FAIL of each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from nonn_mcu.cli.output import console, one_line, print_error, print_table
from nonn_mcu.cli.verdict_text import (
    ROWS,
    differences,
    equal,
    print_outcomes,
    print_passed,
    sqnr,
    top1,
    worst,
)
from nonn_mcu.nonn.devices.verdict import FusedVerdict, NetworkVerdict
from nonn_mcu.verify.verdict import MATCH, DeviceVerdict


def print_network(path: Path, verdict: NetworkVerdict) -> None:
    """Print the table of the devices that were judged, then the verdict on the network at ``path``."""
    from rich.table import Table

    judged = [device for device in verdict.devices if device.error is None]
    if judged:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        shown = [(label, cell) for label, cell in _COLUMNS if any(map(cell, judged))]
        for label, _ in shown:
            table.add_column(label, overflow="fold")
        for device in judged:
            table.add_row(*(one_line(cell(device)) for _, cell in shown))
        print_table(table)
    print_outcomes(verdict.devices)
    _print_fused(os.fsdecode(path), verdict.fused)


def _print_fused(name: str, fused: FusedVerdict) -> None:
    if fused.error is not None:
        print_error(fused.error.message)
        return
    out = console()
    rows = (
        ("answers", f"of all students together, the head on {_where(fused.head)}"),
        ("conformance", equal(fused.conformance)),
        ("fidelity", "" if fused.fidelity is None else fused.fidelity.why_not_judged),
        ("  SQNR", sqnr(fused.fidelity)),
        ("  worst error", worst(fused.fidelity)),
        ("  top-1", top1(fused.fidelity)),
        ("accuracy", _accuracy(fused)),
    )
    for label, text in rows:
        if text:
            out.print(one_line(f"{label:15}{text}"), soft_wrap=True)
    for finding in differences(fused.conformance, fused.fidelity):
        out.print(one_line(f"{name}: {finding}"), soft_wrap=True)
    print_passed(fused.exit_code == MATCH, f"{name}: {_summary(fused)}")


def _summary(fused: FusedVerdict) -> str:
    found = fused.conformance
    assert found is not None
    if fused.exit_code == MATCH:
        return f"the answers to all {found.vectors} vectors match"
    if not found.ok:
        return f"the answers to {found.mismatching_vectors} of {found.vectors} vectors differ"
    return "the answers match the oracle, but are too far from the float network"


def _where(head: str) -> str:
    return "the host" if head == "host" else f"the device of student {head.removeprefix('device:')}"


def _accuracy(fused: FusedVerdict) -> str:
    found = fused.accuracy
    if found is None:
        return ""
    right = f"{100 * found.int8:.1f} % of {found.samples} labelled vectors right"
    return f"{right}, the float network {100 * found.float_network:.1f} %"


_CELLS = dict(ROWS)
_COLUMNS: tuple[tuple[str, Callable[[DeviceVerdict], str]], ...] = (
    ("part", lambda device: Path(device.bundle or "").name),
    *((label.strip(), _CELLS[label]) for label in ("device", "board", "conformance", "  SQNR", "  top-1")),
    *((label, _CELLS[label]) for label in ("layers", "speed")),
)
