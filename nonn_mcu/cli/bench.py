"""``nonn-mcu bench``: what an inference costs on an emulated board, and against a baseline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nonn_mcu.cli.output import print_json
from nonn_mcu.cli.progress import steps
from nonn_mcu.errors import BadInput


def bench(
    bundle: Annotated[
        list[Path], typer.Argument(metavar="BUNDLE", help="Folders made by convert.", show_default=False)
    ],
    *,
    board: Annotated[
        list[str],
        typer.Option("--board", metavar="NAME", help="Emulated board; repeatable.", show_default=False),
    ],
    optimize: Annotated[str, typer.Option("--optimize", "-O", metavar="LEVEL", help="Os, O2 or O3.")] = "O2",
    portable: Annotated[
        bool, typer.Option("--portable", help="Plain C, without the core's own kernels.")
    ] = False,
    layers: Annotated[bool, typer.Option("--layers", help="Show every layer.")] = False,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Counts that none may exceed by more than 2 %.")
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Write the counts to that file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """Count the instructions of an inference in an emulator, and model its cycles.

    [bold]nonn-mcu bench[/] build/student --board mps2-an386 --layers

    Boards: mps2-an386 (Cortex-M4), mps2-an500 (Cortex-M7), mps3-an547 (Cortex-M55).
    Exit codes: 0 counted, 1 a count grew over the baseline, 2 bad input,
    4 link to the emulator failed, 5 the model does not run.
    """
    from nonn_mcu import boards
    from nonn_mcu import bundle as bundles
    from nonn_mcu.bench import baseline as baselines
    from nonn_mcu.bench import measure
    from nonn_mcu.bench.plain import PLAIN
    from nonn_mcu.boards.runtime import NATIVE
    from nonn_mcu.cli.bench_text import print_assumptions, print_bench, print_changes
    from nonn_mcu.report.bench import to_json

    if update and baseline is None:
        raise BadInput("--update writes the file that --baseline names; give that too")
    known = None if baseline is None else baselines.read(baseline, new=update)
    chosen = [boards.get(name) for name in dict.fromkeys(board)]
    opened = [bundles.read(path) for path in bundle]
    runtime = PLAIN if portable else NATIVE
    found = []
    with steps() as step:
        for one in opened:
            for on in chosen:
                step(f"Counting {one.manifest.name} on {on.name}")
                found.append(measure.bench(one, on, optimize, runtime=runtime))
    changes = () if known is None else baselines.compare(known, found)
    grown = [change for change in changes if change.grew]
    code = 1 if grown and not update else 0
    if baseline is not None and known is not None and update:
        baselines.write(baseline, known, found)
    if as_json:
        print_json("bench", code, {"error": None} | to_json(found, changes))
        return code
    for one_found in found:
        print_bench(one_found, layers)
    print_assumptions(one.core for one in chosen)
    if known is not None:
        print_changes(changes, known, update)
    return code
