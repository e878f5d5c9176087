"""A verdict for people: one column per device, what is wrong below, PASS or FAIL in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nonn_mcu.cli.output import console, one_line, print_error, print_table
from nonn_mcu.verify.verdict import MATCH, Conformance, DeviceVerdict, FidelityVerdict, Verdict

if TYPE_CHECKING:
    from nonn_mcu.bundle import Fidelity
    from nonn_mcu.report.device import Words


def print_verdict(verdict: Verdict) -> None:
    """Print the table of the devices that were judged, findings, PASS or FAIL; on stderr who was not."""
    from rich.table import Table

    judged = [device for device in verdict.devices if device.error is None]
    if judged:
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(style="bold")
        for _ in judged:
            table.add_column(overflow="fold")
        for label, cell in ROWS:
            cells = [cell(device) for device in judged]
            if any(cells):
                table.add_row(label, *(one_line(text) for text in cells))
        print_table(table)
    print_outcomes(verdict.devices)


def print_outcomes(devices: Sequence[DeviceVerdict]) -> None:
    """Print what is wrong with the judged ones, PASS or FAIL of each; on stderr who was not judged."""
    out = console()
    judged = [device for device in devices if device.error is None]
    for device in judged:
        for finding in findings(device):
            out.print(one_line(f"{device.port}: {finding}"), soft_wrap=True)
    for device in judged:
        print_passed(device.exit_code == MATCH, _summary(device))
    for device in devices:
        if device.error is not None:
            message = device.error.message.removeprefix(f"{device.port}: ")
            print_error(f"{device.port}: {message}")


def print_passed(passed: bool, text: str) -> None:
    """Print PASS or FAIL and what did."""
    out = console()
    out.print("PASS" if passed else "FAIL", style="bold green" if passed else "bold red", end=" ")
    out.print(one_line(text), soft_wrap=True)


def words(device: DeviceVerdict) -> Words:
    """Say for a page what :func:`print_verdict` says, without where the bundle is."""
    from nonn_mcu.report.device import Words

    if device.error is not None:
        return Words(f"{device.port}: {device.error.message.removeprefix(f'{device.port}: ')}")
    rows = [(label.strip(), cell(device)) for label, cell in ROWS if cell is not _bundle]
    return Words(_summary(device), tuple(row for row in rows if row[1]), tuple(findings(device)))


def findings(device: DeviceVerdict) -> list[str]:
    """Say what is wrong with a judged device, one sentence each; nothing for a match."""
    found = differences(device.conformance, device.fidelity)
    if device.layers is not None and device.layers.divergence is not None:
        d = device.layers.divergence
        source = f" of {d.module}" if d.module else ""
        size = "" if d.worst_lsb is None else f"; {d.differing_values} values off, by up to {d.worst_lsb} LSB"
        found.append(
            f"first diverging layer: {d.layer} {d.name} ({d.op}{source}, kernel {d.kernel}) "
            f"at vector {d.vector}{size}"
        )
    return found


def differences(conformance: Conformance | None, fidelity: FidelityVerdict | None) -> list[str]:
    """Say which values are wrong, and which figures are out of tolerance."""
    found = []
    if conformance is not None and conformance.first_mismatch is not None:
        first = conformance.first_mismatch
        index = ", ".join(str(i) for i in first.index)
        found.append(
            f"first mismatch: vector {first.vector}, run {first.run + 1}, output {first.output}[{index}]: "
            f"expected {first.expected}, got {first.got}"
        )
        spread = ", ".join(f"{count} by {lsb}" for lsb, count in conformance.lsb_histogram.items() if lsb)
        found.append(f"values off, in LSB: {spread}")
        if conformance.unstable_vectors:
            found.append(
                f"{conformance.unstable_vectors} vectors gave different outputs when they ran again: "
                "the device carries something over from one inference to the next"
            )
    if fidelity is not None:
        found += [f"fidelity: {shortfall}" for shortfall in fidelity.shortfalls]
    return found


def _summary(device: DeviceVerdict) -> str:
    conformance = device.conformance
    assert conformance is not None and device.device is not None
    what = f"{device.port}: {device.device.model} on {device.device.board}"
    if device.exit_code == MATCH:
        return f"{what}: all {conformance.vectors} vectors match, twice in shuffled order"
    if not conformance.ok:
        return f"{what}: {conformance.mismatching_vectors} of {conformance.vectors} vectors differ"
    if device.layers is not None and device.layers.divergence is not None:
        return f"{what}: outputs match, layer {device.layers.divergence.name} does not"
    return f"{what}: outputs match the oracle, but are too far from the float reference"


def _bundle(device: DeviceVerdict) -> str:
    return device.bundle or ""


def _vectors(device: DeviceVerdict) -> str:
    conformance = device.conformance
    return "" if conformance is None else f"{conformance.vectors}, {conformance.runs} runs"


def equal(found: Conformance | None) -> str:
    """Say how many values are equal."""
    if found is None:
        return ""
    same = found.values - found.mismatching_values
    share = "100 %" if found.ok else f"{min(100 * same / found.values, 99.99):.2f} %"
    return f"{share}, {same} of {found.values} values equal"


def _figure(
    found: FidelityVerdict | None,
    pick: Callable[[Fidelity], tuple[float, ...]],
    show: Callable[[float], str],
    bound: str,
) -> str:
    """Say one fidelity figure, one number per output, with its tolerance."""
    if found is None:
        return ""
    text = ", ".join(show(value) for value in pick(found.measured))
    if found.tolerance is not None and found.judged:
        text += f" ({bound} {', '.join(show(value) for value in pick(found.tolerance))})"
    return text


def sqnr(found: FidelityVerdict | None) -> str:
    """Say the SQNR."""
    return _figure(found, lambda f: f.sqnr_db, lambda v: f"{v:.2f} dB", "at least")


def worst(found: FidelityVerdict | None) -> str:
    """Say the worst error."""
    return _figure(found, lambda f: f.worst_lsb, lambda v: f"{v:.2f} LSB", "at most")


def top1(found: FidelityVerdict | None) -> str:
    """Say the top-1 agreement."""
    return _figure(found, lambda f: f.top1_agreement, lambda v: f"{100 * v:.1f} %", "at least")


def _fidelity(device: DeviceVerdict) -> str:
    found = device.fidelity
    if found is None:
        return "no float reference in the bundle"
    text = f"against the {found.reference} reference"
    if found.live_difference is not None:
        text += f", {found.live_difference:.1g} from the golden one"
    return text if found.judged else f"{text}, not judged: {found.why_not_judged}"


def _layers(device: DeviceVerdict) -> str:
    found = device.layers
    if found is None:
        return ""
    state = "all equal" if found.divergence is None else f"diverges at {found.divergence.name}"
    return f"{found.layers}, on {found.vectors} vectors: {state}"


def _speed(device: DeviceVerdict) -> str:
    stats = device.stats
    return "" if stats is None or stats.ticks is None else f"{stats.ticks:,} {stats.tick_unit} per inference"


def _memory(device: DeviceVerdict) -> str:
    stats = device.stats
    if stats is None:
        return ""
    used = f", {stats.arena_used:,} B used" if stats.arena_used < stats.arena_bytes else ""
    arena = f"arena {stats.arena_bytes:,} B"
    if stats.static_bytes is None:
        text = arena + used
    else:
        text = f"static {stats.static_bytes:,} B ({arena} of it{used})"
    return text if stats.stack_bytes is None else f"{text}, stack {stats.stack_bytes:,} B"


def _link(device: DeviceVerdict) -> str:
    link = device.link
    if link is None or not (link.lost or link.damaged or link.corrupt or link.too_long or link.refused):
        return ""
    return (
        f"{link.sent} frames sent, {link.lost} again; damaged: {link.damaged} on the way back, "
        f"{link.corrupt + link.too_long} on the way there; {link.refused} refused"
    )


ROWS: tuple[tuple[str, Callable[[DeviceVerdict], str]], ...] = (
    ("device", lambda d: d.port),
    ("board", lambda d: f"{d.device.board}, {d.device.core}" if d.device else ""),
    ("model", lambda d: f"{d.device.model} {d.device.digest[:12]}, {d.device.runtime}" if d.device else ""),
    ("bundle", _bundle),
    ("vectors", _vectors),
    ("conformance", lambda d: equal(d.conformance)),
    ("fidelity", _fidelity),
    ("  SQNR", lambda d: sqnr(d.fidelity)),
    ("  worst error", lambda d: worst(d.fidelity)),
    ("  top-1", lambda d: top1(d.fidelity)),
    ("layers", _layers),
    ("speed", _speed),
    ("memory", _memory),
    ("link", _link),
)
