"""``nonn-mcu network``: a network beside its teacher and a compressed net split over as many devices."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nonn_mcu.cli.output import one_line, print_json
from nonn_mcu.cli.progress import steps
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.bundle import Bundle
    from nonn_mcu.nonn.compare.alternatives import Hardware
    from nonn_mcu.nonn.compare.measure import Run
    from nonn_mcu.nonn.network import NetworkBundle


def network(
    network: Annotated[
        Path, typer.Argument(metavar="NETWORK", help="Folder made by convert.", show_default=False)
    ],
    *,
    teacher: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="The teacher, on one device.")
    ] = None,
    split: Annotated[
        Path | None, typer.Option(metavar="BUNDLE", help="A compressed net, to split over the devices.")
    ] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(metavar="LINK", help="uart:115200, can:1M, ethernet:100M, own:..; repeatable."),
    ] = None,
    board: Annotated[
        str, typer.Option(metavar="NAME", help="Emulated board that counts instructions.")
    ] = "mps2-an386",
    device: Annotated[
        str, typer.Option(metavar="NAME", help="Real board whose clock and power are assumed.")
    ] = "nucleo-l4r5zi",
    clock: Annotated[str | None, typer.Option(metavar="HZ", help="Instead of that clock: 80MHz.")] = None,
    power_mw: Annotated[
        float | None, typer.Option("--power-mw", metavar="MW", help="Instead of that power: measured.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="SVG", help="Else NETWORK-comparison.svg beside it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """Compare a network with its teacher and with one net split layer by layer.

    [bold]nonn-mcu network[/] build/nonn --teacher build/teacher --split build/small --link can:1M

    Exit codes: 0 compared, 2 bad input, 4 link to the emulator failed, 5 a model does not run.
    """
    from nonn_mcu import boards
    from nonn_mcu.nonn.compare import links, measure
    from nonn_mcu.nonn.compare.alternatives import cost
    from nonn_mcu.nonn.compare.compare import compare
    from nonn_mcu.nonn.compare.plot import draw
    from nonn_mcu.nonn.parts import write_whole
    from nonn_mcu.report import comparison
    from nonn_mcu.students.extra import require

    require("matplotlib", "drawing the comparison", "nonn")
    folder = network.absolute()
    drawing = folder.with_name(f"{folder.name}-comparison.svg") if out is None else out
    if drawing.suffix != ".svg" or drawing.is_dir():
        raise BadInput(f"--out {drawing}: give the name of an .svg file")
    over = [links.parse(one) for one in dict.fromkeys(link or ["uart:115200"])]
    hardware = _hardware(device, clock, power_mw)
    emulated = boards.get(board)
    opened = _network(network)
    whole, compressed = _bundle(teacher, "--teacher"), _bundle(split, "--split")

    with steps() as step:

        def count(bundle: Bundle, head: Bundle | None) -> Run | None:
            step(f"Measuring {bundle.manifest.name} on {board}")
            return measure.run(bundle, emulated, head)

        found = compare(opened, whole, compressed, count)
    costs = {one.name: [cost(each, one, hardware) for each in found.alternatives] for one in over}
    about = (
        f"{opened.manifest.name}: {hardware.name} at {hardware.clock_hz / 1e6:g} MHz, one instruction a cycle"
    )
    write_whole(drawing, draw(found.alternatives, costs, about))
    notes = comparison.assumptions(hardware, emulated, {one.name: one.about for one in over}) + found.notes
    if as_json:
        body = {"board": board, "picture": one_line(os.fsdecode(drawing)), "notes": list(notes)}
        print_json("network", 0, body | comparison.to_json(found.alternatives, costs, hardware))
        return 0
    print(f"picture  {one_line(os.path.relpath(drawing))}\n")
    print(comparison.text(found.alternatives, costs))
    print()
    for note in notes:
        print(f"- {one_line(note)}")
    return 0


def _hardware(device: str, clock: str | None, power_mw: float | None) -> Hardware:
    from nonn_mcu import boards
    from nonn_mcu.nonn.compare.alternatives import Hardware
    from nonn_mcu.nonn.compare.links import parse_rate

    chosen = boards.get(device)
    if power_mw is not None and not (math.isfinite(power_mw) and power_mw > 0):
        raise BadInput(f"--power-mw {power_mw}: give milliwatts, more than 0")
    hertz = chosen.clock_hz if clock is None else parse_rate(clock, "--clock")
    if hertz is None:
        raise BadInput(f"--device {device}: has no clock of its own; give one with --clock, such as 80MHz")
    return Hardware(device, chosen.core, hertz, chosen.power_mw if power_mw is None else power_mw)


def _network(path: Path) -> NetworkBundle:
    from nonn_mcu.bundle import MANIFEST
    from nonn_mcu.nonn import network as networks

    if not networks.is_network(path) and (path / MANIFEST).is_file():
        raise BadInput(f"{path}: a bundle, not a network; it can stand beside one with --teacher or --split")
    return networks.read(path)


def _bundle(path: Path | None, option: str) -> Bundle | None:
    from nonn_mcu import bundle as bundles
    from nonn_mcu.nonn import network as networks

    if path is None:
        return None
    if networks.is_network(path):
        raise BadInput(f"{option} {path}: a network, not a bundle; give the bundle of one whole net")
    return bundles.read(path)
