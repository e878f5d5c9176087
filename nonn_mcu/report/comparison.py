"""The comparison of a network with its alternatives: a table for people, and JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nonn_mcu.boards.board import Board
from nonn_mcu.nonn.compare.alternatives import Alternative, Cost, Hardware, Score
from nonn_mcu.report.table import table

_TITLES = {"teacher": "teacher", "split": "split over {}", "nonn": "NoNN of {}"}


def title(alternative: Alternative) -> str:
    """Name an alternative: "teacher", "split over 4", "NoNN of 4"."""
    return _TITLES[alternative.kind].format(len(alternative.nodes))


def text(alternatives: Sequence[Alternative], costs: Mapping[str, Sequence[Cost]]) -> str:
    """Write the table: a column for each alternative, and how many times the network's each figure is.

    ``costs`` has those of each alternative by link. Where devices differ, the largest figure stands.
    """
    rows = [
        _row("model", [one.model for one in alternatives]),
        _row("devices", [f"{len(one.nodes)}" for one in alternatives]),
        _figures("parameters a device", [max(n.parameters for n in one.nodes) for one in alternatives]),
        _figures("MACs a device", [max(n.macs for n in one.nodes) for one in alternatives]),
        _figures("flash a device, B", [max(n.flash for n in one.nodes) for one in alternatives]),
        _figures("RAM a device, B", [max(n.ram for n in one.nodes) for one in alternatives]),
        _figures("instructions", [one.critical for one in alternatives]),
        _figures("bytes over the link", [one.bytes() for one in alternatives]),
    ]
    for link, over in costs.items():
        rows.append(_figures(f"latency, ms ({link})", [1000 * one.latency_s for one in over], "{:,.2f}"))
        energies = [1000 * max(one.energy_j) for one in over if one.energy_j]
        if len(energies) == len(over):
            rows.append(_figures(f"energy a node, mJ ({link})", energies, "{:,.3f}"))
    for name, score in (
        ("accuracy, golden vectors", lambda one: one.golden),
        ("accuracy, test images", lambda one: one.test),
    ):
        rows += _scores(name, [score(one) for one in alternatives])
    return table(("", *(title(one) for one in alternatives)), rows)


def assumptions(hardware: Hardware, board: Board, links: Mapping[str, str]) -> tuple[str, ...]:
    """Say what the figures rest on; ``board`` counted instructions, ``links`` says of each what it counts."""
    power = (
        f"no energy: {hardware.name} has no power from a datasheet here; give --power-mw"
        if hardware.power_mw is None
        else f"energy is an estimate: {hardware.power_mw:g} mW while a device computes, sends or receives"
    )
    other = "" if hardware.core.startswith(board.core) else f", as if {hardware.core} took as many"
    return (
        "flash and RAM are planned, for a Cortex-M4 at -Os; the split net's without code for the exchange",
        f"instructions are measured at -O2 on {board.name} ({board.core}){other}; of the split net, "
        "the whole net's times the largest share of its MACs",
        f"latency is a model: one instruction a cycle at {hardware.clock_hz / 1e6:g} MHz ({hardware.name}), "
        "and then the bytes, each sent once for all; without the input and the protocol's frames",
        *(f"{link}: {about}" for link, about in links.items()),
        power,
    )


def to_json(
    alternatives: Sequence[Alternative], costs: Mapping[str, Sequence[Cost]], hardware: Hardware
) -> dict[str, Any]:
    """Give all figures: seconds, joules, bytes; ``times`` are multiples of the network's latency."""
    return {
        "device": asdict(hardware),
        "alternatives": [
            {
                "kind": one.kind,
                "model": one.model,
                "devices": [asdict(node) for node in one.nodes],
                "instructions": one.critical,
                "measured": one.measured,
                "firmware": [asdict(run) for run in one.runs],
                "messages": len(one.messages),
                "bytes": {"broadcast": one.bytes(), "addressed": one.bytes(broadcast=False)},
                "protocol_bytes": one.protocol_bytes,
                "costs": [_cost_json(over[number], over[-1]) for over in costs.values()],
                "accuracy": {
                    name: None if score is None else asdict(score)
                    for name, score in (("golden", one.golden), ("test", one.test))
                },
            }
            for number, one in enumerate(alternatives)
        ],
    }


def _cost_json(one: Cost, network: Cost) -> dict[str, Any]:
    return {
        "link": one.link,
        "compute_s": one.compute_s,
        "link_s": {"broadcast": one.link_s, "addressed": one.addressed_s},
        "latency_s": one.latency_s,
        "times": one.latency_s / network.latency_s,
        "energy_j": None if one.energy_j is None else list(one.energy_j),
    }


def _row(name: str, cells: Sequence[str]) -> tuple[str, ...]:
    return (name, *cells)


def _figures(name: str, values: Sequence[float], form: str = "{:,}") -> tuple[str, ...]:
    """Write figures, all but the last with their multiple of it where that says something."""
    last = values[-1]
    cells = [
        form.format(value) + (f" ({value / last:.1f}x)" if last and value else "") for value in values[:-1]
    ]
    return (name, *cells, form.format(last))


def _scores(name: str, scores: Sequence[Score | None]) -> list[tuple[str, ...]]:
    """Write int8 and float accuracies, or nothing where none is known."""
    if not any(scores):
        return []

    def cells(value: Callable[[Score], float | None]) -> list[str]:
        found = [None if score is None else value(score) for score in scores]
        return ["-" if one is None else f"{one:.1%}" for one in found]

    return [
        _row(f"{name}: int8", cells(lambda score: score.int8)),
        _row(f"{name}: float", cells(lambda score: score.float_network)),
        _row(f"{name}: how many", ["-" if score is None else f"{score.samples:,}" for score in scores]),
    ]
