"""The zoo: architectures that have a name, one family per file.

A name such as ``wrn16-1`` is parsed by the table below; what it does not fix is given as arguments
(``classes=100``). Layers are named as the widely used PyTorch implementation of each family names them,
so that published state_dicts fit. Every module has ``input_shape``: its usual input without batch, CHW.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nonn_mcu.errors import BadInput
from nonn_mcu.students.extra import require

if TYPE_CHECKING:
    from torch import nn

# A name comes from a file: refuse what no microcontroller and no teacher needs before it takes the memory.
MAX_PARAMETERS = 64_000_000


@dataclass(frozen=True)
class Family:
    """``pattern`` matches the whole name; its groups are the arguments of ``zoo.<module>.build``."""

    pattern: re.Pattern[str]
    module: str
    example: str


FAMILIES = tuple(
    Family(re.compile(pattern), module, example)
    for pattern, module, example in (
        (r"wrn-?(\d{1,3})-(\d{1,2}(?:\.\d{1,3})?)", "wrn", "wrn16-1"),
        (r"resnet-?(\d{1,3})", "resnet", "resnet20"),
        (r"vgg-?(11|13|16|19)(?:-(\d(?:\.\d{1,3})?))?", "vgg", "vgg11-0.25"),
        (r"mobilenetv1(?:-(\d(?:\.\d{1,3})?))?", "mobilenetv1", "mobilenetv1-0.25"),
        (r"mobilenetv2(?:-(\d(?:\.\d{1,3})?))?", "mobilenetv2", "mobilenetv2-0.35"),
        (r"ds-cnn(?:-(\d{1,4}))?", "ds_cnn", "ds-cnn-64"),
        (r"mlp:(\d{1,6}(?:-\d{1,6})+)", "mlp", "mlp:64-32-10"),
    )
)


def build(name: str, **args: int) -> nn.Module:
    """Build an untrained network by name, on the CPU, in eval mode, with PyTorch's random initialisation.

    ``args`` are whole numbers such as ``classes=10``. Raises :class:`BadInput` for a name or argument
    that is not known (the message lists those that are) and for absurd sizes.
    """
    family, groups = parse(name)
    require("torch", "building a network")
    import torch

    make = maker(family)
    known = [p.name for p in inspect.signature(make).parameters.values() if p.kind is p.KEYWORD_ONLY]
    _check_args(name, args, known)
    try:
        with torch.device("meta"):  # nothing is allocated
            count = sum(p.numel() for p in make(*groups, **args).parameters())
        if count > MAX_PARAMETERS:
            raise BadInput(f"arch {name}: {count:,} parameters, the limit is {MAX_PARAMETERS:,}")
        module: nn.Module = make(*groups, **args)
    except BadInput:
        raise
    except (ValueError, RuntimeError, ArithmeticError, AssertionError) as error:
        raise BadInput(f"arch {name}: {error or 'cannot be built'} (arguments {args})") from None
    return module.eval()


def maker(family: Family) -> Callable[..., nn.Module]:
    """Give the family's own ``build``, which takes the groups of its pattern and arguments by name."""
    make: Callable[..., nn.Module] = importlib.import_module(f"{__name__}.{family.module}").build
    return make


def parse(name: str) -> tuple[Family, tuple[str | None, ...]]:
    """Find the family that ``name`` is of, and what the name says. Raises :class:`BadInput`."""
    for family in FAMILIES:
        if match := family.pattern.fullmatch(name):
            return family, match.groups()
    examples = ", ".join(family.example for family in FAMILIES)
    raise BadInput(f"arch {name!r} is not known; there is {examples}, or your own as file.py:function")


def _check_args(name: str, args: Mapping[str, int], known: list[str]) -> None:
    for key, value in args.items():
        if key not in known:
            takes = ", ".join(known) or "no arguments"
            raise BadInput(f"arch {name}: argument {key!r} is not known; it takes {takes}")
        if not isinstance(value, int) or not 0 <= value <= 100_000:
            raise BadInput(f"arch {name}: argument {key}={value!r} must be a whole number from 0 to 100000")
