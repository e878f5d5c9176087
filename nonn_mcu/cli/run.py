"""``nonn-mcu run``: what a network says about images, computed on its devices."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nonn_mcu.cli.device_options import Baud, Ports, Timeout, ports_of
from nonn_mcu.cli.output import one_line, print_json, print_warning
from nonn_mcu.errors import NonnError

if TYPE_CHECKING:
    from nonn_mcu.boards.start import Running
    from nonn_mcu.nonn.devices.results import Result, Summary


def run(
    context: typer.Context,
    bundle: Annotated[
        Path,
        typer.Argument(metavar="BUNDLE", help="Folder made by convert; a network's too.", show_default=False),
    ],
    *,
    given: Annotated[
        Path,
        typer.Option(
            "--input", "-i", metavar="PATH", help="Image, folder of images, .npy/z.", show_default=False
        ),
    ],
    port: Ports = None,
    board: Annotated[
        str | None, typer.Option(metavar="NAME", help="Start emulated boards, one per student.")
    ] = None,
    missing: Annotated[int, typer.Option(metavar="K", help="Go on without up to K of the devices.")] = 0,
    baud: Baud = 115200,
    timeout: Timeout = 30,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """Run a network on its devices: the best three classes of each input.

    [bold]nonn-mcu run[/] build/nonn --port A --port B --input cat.png
    [bold]nonn-mcu run[/] build/nonn --board mps2-an386 --input images/

    Exit codes: 0 done, 2 bad input, 3 no device, 4 link failed, 5 device error,
    6 another model, 130 interrupted.
    """
    from nonn_mcu.calib import inputs
    from nonn_mcu.nonn.devices.assign import find
    from nonn_mcu.nonn.devices.inference import Inference
    from nonn_mcu.nonn.devices.line import lines
    from nonn_mcu.nonn.devices.results import result, summary, to_json
    from nonn_mcu.nonn.devices.whole import read

    ports = ports_of(context, port, board, timeout)
    whole = read(bundle)
    names, samples = inputs.read(given, whole.spec)
    labels = [None] * len(samples) if samples.labels is None else samples.labels.tolist()
    results: list[Result] = []
    try:
        with ExitStack() as stack:
            if board is not None:
                ports = [stack.enter_context(_start(board, one.path)).port for one in whole.students]
            opened = stack.enter_context(
                lines(ports or find(whole.students, baud), baud=baud, patience=timeout)
            )
            inference = Inference(whole, opened, missing=missing, timeout=timeout, warn=print_warning)
            began = time.perf_counter()
            for name, x, label in zip(names, whole.quantise(samples.x), labels, strict=True):
                results.append(result(whole, name, inference.infer(x[None]), label))
                if not as_json:
                    print(_line(results[-1], len(whole.students)), flush=True)
            found = summary(results, time.perf_counter() - began)
    except NonnError as error:
        if not as_json:
            raise
        body = {"error": {"type": type(error).__name__, "message": str(error)}}
        print_json("run", error.exit_code, body | {"results": to_json(results)})
        return error.exit_code
    if as_json:
        print_json("run", 0, {"error": None, "results": to_json(results), "summary": asdict(found)})
    else:
        print(_summary(found))
    return 0


def _start(board: str, bundle: Path) -> Running:
    from nonn_mcu import boards
    from nonn_mcu.boards.start import build_and_start

    return build_and_start(bundle, boards.get(board))


def _line(found: Result, students: int) -> str:
    best = ", ".join(f"{one.label or one.index} ({one.score:.2f})" for one in found.best)
    who = ""
    if students > 1:
        who = f"; {'partial, ' if found.partial else ''}students {', '.join(map(str, found.answered))}"
    return one_line(f"{found.input}: {best}{who}; {found.milliseconds:.0f} ms")


def _summary(found: Summary) -> str:
    text = f"{found.inputs} inputs, {found.per_second:.1f} per second"
    if found.partial:
        text += f"; {found.partial} partial"
    return text if found.accuracy is None else f"{text}; {100 * found.accuracy:.1f} % right"
