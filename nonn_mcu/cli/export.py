"""``nonn-mcu export``: a bundle as a project of the ecosystem that its user builds in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nonn_mcu.cli.output import one_line, print_json


def export(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Folder made by convert.", show_default=False)
    ],
    *,
    to: Annotated[
        str, typer.Option("--to", metavar="NAME", help="Ecosystem, see above.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Instead of BUNDLE-NAME beside the bundle."),
    ] = None,
    runtime: Annotated[str, typer.Option("--runtime", metavar="NAME", help="native or tflm.")] = "native",
    force: Annotated[
        bool, typer.Option("--force", help="Replace edited files of an older export too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """Write the firmware of a bundle as a folder that an ecosystem's own tool accepts.

    [bold]nonn-mcu export[/] build/student --to pico-sdk

    Ecosystems: cmake, pico-sdk, esp-idf, arduino, zephyr, platformio, stm32cube. The folder has a README.md:
    how to build, flash and verify. Exporting again keeps what was added to it. Exit codes: 0 written, 2 bad
    input.
    """
    from nonn_mcu import bundle as bundles
    from nonn_mcu import exports

    written = exports.write(bundles.read(bundle), exports.get(to), out, runtime=runtime, force=force)
    if as_json:
        body = {"export": to, "runtime": runtime, "folder": str(written.folder), "files": list(written.files)}
        print_json("export", 0, body)
        return 0
    print(f"{written.about['name']} for {to}, {runtime} runtime: {len(written.files)} files")
    print(one_line(os.path.relpath(written.folder / "README.md")))
    return 0
