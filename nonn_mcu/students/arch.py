"""Architectures by name: ``--arch NAME[:key=value,...]`` from the zoo, or ``--arch file.py:function``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nonn_mcu.errors import BadInput
from nonn_mcu.students import zoo
from nonn_mcu.students.student import first_line

if TYPE_CHECKING:
    from torch import nn


def resolve(text: str) -> nn.Module:
    """Build the network that ``text`` names, on the CPU, in eval mode.

    ``wrn16-1``, ``wrn16-1:classes=100,channels=1`` and ``mlp:64-32-10`` come from the zoo; ``net.py:make``
    calls ``make()`` of the user's own file, which runs that file. Raises :class:`BadInput`.
    """
    head, _, tail = text.rpartition(":")
    if head.endswith(".py"):
        return _own(Path(head), tail)
    if text.endswith(".py"):
        raise BadInput(f"arch {text}: name the function too, as in {text}:make")
    name, args = parse_name(text)
    return zoo.build(name, **args)


def parse_name(text: str) -> tuple[str, dict[str, int]]:
    """Split ``wrn16-1:classes=100,channels=1`` into name and arguments. Raises :class:`BadInput`."""
    name, separator, options = text.rpartition(":")
    if not separator or "=" not in options:
        return text, {}
    return name, dict(_option(text, item) for item in options.split(","))


def _option(text: str, item: str) -> tuple[str, int]:
    key, _, value = item.partition("=")
    if not key.isidentifier() or not value.isascii() or not value.isdigit():
        raise BadInput(f"arch {text}: {item!r} must be key=number, as in wrn16-1:classes=100")
    return key, int(value)


def _own(path: Path, function: str) -> nn.Module:
    from torch import nn

    if not path.is_file():
        raise BadInput(f"arch {path}: no such file")
    spec = importlib.util.spec_from_file_location(f"nonn_mcu_arch_{path.stem}", path)
    assert spec is not None and spec.loader is not None  # the suffix is .py
    source = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = source  # dataclasses look their module up
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # the file may import its neighbours, as when run as a script
    try:
        spec.loader.exec_module(source)
        make = getattr(source, function, None)
        if not callable(make):
            raise BadInput(f"arch {path}: has no function {function!r}")
        module = make()
    except BadInput:
        raise
    except (Exception, SystemExit) as error:
        raise BadInput(f"arch {path}:{function}: {type(error).__name__}: {first_line(error)}") from None
    finally:
        sys.path.remove(folder)
    if not isinstance(module, nn.Module):
        raise BadInput(f"arch {path}:{function} returned {type(module).__name__}, not a torch nn.Module")
    return module.cpu().float().eval()
