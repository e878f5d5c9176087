"""``nonn-mcu build``: the firmware of a bundle for a board, held against its budget."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nonn_mcu.cli.output import one_line, print_json
from nonn_mcu.cli.progress import steps

if TYPE_CHECKING:
    from nonn_mcu.boards.fit import Fit
    from nonn_mcu.bundle import Bundle


def build(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Folder made by convert.", show_default=False)
    ],
    *,
    board: Annotated[
        str, typer.Option("--board", metavar="NAME", help="Board to build for.", show_default=False)
    ],
    optimize: Annotated[str, typer.Option("--optimize", "-O", metavar="LEVEL", help="Os, O2 or O3.")] = "Os",
    runtime: Annotated[str, typer.Option(metavar="NAME", help="native or tflm.")] = "native",
    tflm_root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Tree of TensorFlow Lite Micro, or TFLM_ROOT.")
    ] = None,
    kernels: Annotated[
        str | None, typer.Option(metavar="NAME", help="With tflm: cmsis_nn or reference.")
    ] = None,
    keep_input: Annotated[
        bool, typer.Option("--keep-input", help="Keep a copy of the input: runs can be repeated.")
    ] = False,
    no_mlperf: Annotated[
        bool, typer.Option("--no-mlperf", help="Leave out the benchmark's text commands.")
    ] = False,
    fit_arena: Annotated[
        bool, typer.Option("--fit-arena", help="With tflm: run it to find the arena that it needs.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Instead of BUNDLE/build/BOARD.")
    ] = None,
    flash: Annotated[
        str, typer.Option("--budget", metavar="SIZE", help="Flash it may take; 1 KB is 1000 B.")
    ] = "500KB",
    ram: Annotated[
        str | None, typer.Option("--ram", metavar="SIZE", help="RAM it may take; else what the board has.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Build it even over budget.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """Build the firmware of a bundle for a board.

    [bold]nonn-mcu build[/] build/student --board mps2-an386

    Boards: host, mps2-an386 (Cortex-M4), mps2-an500 (Cortex-M7), mps3-an547 (Cortex-M55).
    Exit codes: 0 built, 1 over budget, 2 bad input; of --fit-arena also 4 link failed,
    5 the model does not run.
    """
    from nonn_mcu import boards, budget
    from nonn_mcu import bundle as bundles
    from nonn_mcu.boards.fit import DoesNotFit, build_within
    from nonn_mcu.boards.runtime import choose, for_bundle
    from nonn_mcu.report import budget_report

    chosen = boards.get(board)
    limits = {
        "flash_limit": budget.parse_size(flash),
        "ram_limit": chosen.ram_bytes if ram is None else budget.parse_size(ram),
    }
    over = choose(runtime, chosen, tflm_root, kernels)
    opened = bundles.read(bundle)
    over = for_bundle(over, opened, chosen)
    if fit_arena:
        from nonn_mcu.boards.fit_arena import fit_arena as find_arena

        with steps() as progress:
            opened = find_arena(opened, chosen, over, optimize, progress)
        over = for_bundle(over, opened, chosen)
    try:
        firmware, fit = build_within(
            opened,
            chosen,
            optimize,
            out,
            runtime=over,
            keep_input=keep_input,
            mlperf=not no_mlperf,
            force=force,
            **limits,
        )
    except DoesNotFit as error:
        if as_json:
            message = {"error": {"type": "OverBudget", "message": str(error)}}
            print_json("build", error.exit_code, message | _to_json(opened, error.fit))
            return error.exit_code
        print(budget_report.refusal(error.fit.info, opened.manifest.layers))
        raise
    tflm = opened.manifest.tflm
    fitted = tflm.fit(board, over.kernels) if tflm is not None and over.name == "tflm" else None
    if as_json:
        body = {
            "board": board,
            "runtime": over.label,
            "optimize": optimize,
            "firmware": str(firmware.path),
            "fitted_arena": None if fitted is None else fitted.model_dump(mode="json"),
        }
        print_json("build", 0, body | _to_json(opened, fit))
        return 0
    print(f"{opened.manifest.name} for {board} ({chosen.core}), {over.label}, -{optimize}")
    print(one_line(os.path.relpath(firmware.path)))
    if fitted is not None:
        print(f"arena {fitted.bytes:,} B: {fitted.minimum:,} B are needed, {fitted.margin} B are margin")
    if fit is not None:
        print(f"\n{budget_report.summary(fit.info)}\n\n{budget_report.parts(fit.sizes)}")
    return 0


def _to_json(bundle: Bundle, fit: Fit | None) -> dict[str, Any]:
    from nonn_mcu import budget

    if fit is None:
        return {"fits": None}
    layers = [
        {"name": one.name, "kernel": one.kernel, "flash_bytes": one.flash_bytes, "live_bytes": one.live_bytes}
        for one in bundle.manifest.layers
    ]
    return {
        "fits": budget.overrun(fit.info) is None,
        "budget": fit.info.model_dump(mode="json"),
        "sizes": asdict(fit.sizes),
        "layers": layers,
    }
