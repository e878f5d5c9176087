"""What was typed, as a report may say it: file names in place of paths, nothing that changes no byte."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection
from typing import Any

import typer

from nonn_mcu.cli.output import one_line


def command_line(ctx: typer.Context, without: Collection[str]) -> str:
    """Give the command with its arguments and the options that were typed, but for those ``without``."""
    words = ["nonn-mcu", ctx.info_name or ""]
    for parameter in ctx.command.params:
        name = parameter.name or ""
        source = ctx.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE" or name in without:
            continue
        value = ctx.params[name]
        if parameter.param_type_name == "argument":
            words.append(_plain(value))
        elif isinstance(value, bool):
            words.append((parameter.opts if value else parameter.secondary_opts)[0])
        else:
            words += [parameter.opts[0], _plain(value)]
    return one_line(shlex.join(words))


def _plain(value: Any) -> str:
    """Leave the folders out of a path, and out of what may stand on either side of a colon."""
    text = os.fsdecode(value) if isinstance(value, os.PathLike) else str(value)
    return ":".join(os.path.basename(part.rstrip("/")) for part in text.split(":"))
