"""Flash and RAM against what a device has: planned from the layers, or measured in a linked ELF.

1 KB is 1000 B, as in the paper; KiB is 1024 B. Exactly at the limit fits, one byte more does not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Protocol

from nonn_mcu.boards.elf import Sizes
from nonn_mcu.errors import BadInput
from nonn_mcu.manifest import BudgetInfo

DEFAULT_FLASH = "500KB"

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "KIB": 1 << 10, "MIB": 1 << 20}
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(B|KB|MB|KIB|MIB)", re.IGNORECASE | re.ASCII)

# sizeof(nonn_tensor), its offset in the arena, and sizeof(nonn_model_t) on a 32-bit core
_DESCRIPTION_BYTES = 32 + 4
_MODEL_BYTES = 92


class LayerCost(Protocol):
    """What the budget asks of a layer: its name, kernel, constants in flash, and arena while it runs."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def kernel(self) -> str: ...  # noqa: D102
    @property
    def flash_bytes(self) -> int: ...  # noqa: D102
    @property
    def live_bytes(self) -> int: ...  # noqa: D102


@dataclass(frozen=True)
class Row:
    """One resource: bytes needed, and the limit, None where there is none."""

    resource: str
    needed: int
    limit: int | None

    @property
    def over(self) -> int:
        """Bytes too many; 0 where it fits."""
        return 0 if self.limit is None else max(0, self.needed - self.limit)


def parse_size(text: str) -> int:
    """Bytes of "500KB", "64 KiB", "0.5MB" or "4096B". Raises :class:`BadInput`."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BadInput(
            f"size {text!r}: give a number and a unit, like 500KB (1 KB = 1000 B), 64KiB, 1MB or 4096B"
        )
    size = Fraction(match[1]) * _UNITS[match[2].upper()]
    if size.denominator != 1 or size == 0:
        raise BadInput(f"size {text!r}: not a whole number of bytes above 0")
    return int(size)


def plan(
    layers: Sequence[LayerCost],
    *,
    weights: int,
    tables: int,
    arena: int,
    ends: int = 2,
    models: int = 1,
    flash_limit: int | None = None,
    ram_limit: int | None = None,
) -> BudgetInfo:
    """Say what a network will need, before anything is compiled.

    ``weights`` and ``tables`` are the generated constants in bytes, ``ends`` counts inputs and outputs; where
    one firmware holds several ``models``, everything is the sum over them.
    Code is the sum of what each kernel, the device library and a port take on a Cortex-M4 at -Os
    (boards/code_size.json, measured).
    """
    measured = code_sizes()
    descriptions = models * _MODEL_BYTES + (len(layers) + ends) * _DESCRIPTION_BYTES
    names = sum(len(layer.name) + 1 for layer in layers) + ends * len("output_0 ")
    sizes = measured["kernels"]
    unknown = max(sizes.values())  # a kernel that was never measured counts as the largest
    kernels = sum(sizes.get(kernel, unknown) for kernel in {layer.kernel for layer in layers})
    fixed = measured["fixed"]
    code = kernels + fixed["flash"] + fixed["call"] * len(layers) + descriptions + names
    return BudgetInfo(
        flash=weights + tables + code,
        flash_limit=flash_limit,
        ram=arena + fixed["static"] + fixed["stack"],
        ram_limit=ram_limit,
        weights=weights,
        tables=tables,
        code=code,
        arena=arena,
        static=fixed["static"],
        stack=fixed["stack"],
    )


def plan_tflm(
    layers: Sequence[LayerCost],
    *,
    model: int,
    operators: int,
    arena: int,
    ends: int = 2,
    flash_limit: int | None = None,
    ram_limit: int | None = None,
) -> BudgetInfo:
    """Say what a network will need over TensorFlow Lite Micro: its file of ``model`` bytes, and the library.

    The library's code is estimated by the kinds of ``operators``: boards/code_size.json has what a Cortex-M4
    with CMSIS-NN's kernels was measured to take without and with each, on average.
    """
    measured = code_sizes()["tflm"]
    descriptions = _MODEL_BYTES + (len(layers) + ends) * _DESCRIPTION_BYTES
    names = sum(len(layer.name) + 1 for layer in layers) + ends * len("output_0 ")
    code = measured["flash"] + measured["operator"] * operators + descriptions + names
    return BudgetInfo(
        flash=model + code,
        flash_limit=flash_limit,
        ram=arena + measured["static"] + measured["stack"],
        ram_limit=ram_limit,
        weights=model,
        tables=0,
        code=code,
        arena=arena,
        static=measured["static"],
        stack=measured["stack"],
    )


def of_firmware(
    sizes: Sizes, planned: BudgetInfo, flash_limit: int | None, ram_limit: int | None
) -> BudgetInfo:
    """Say what a linked firmware needs; how its constants divide is known from the plan."""
    return BudgetInfo(
        flash=sizes.flash,
        flash_limit=flash_limit,
        ram=sizes.ram,
        ram_limit=ram_limit,
        weights=planned.weights,
        tables=planned.tables,
        code=max(0, sizes.flash - planned.weights - planned.tables),
        arena=sizes.arena,
        static=sizes.static,
        stack=sizes.stack,
    )


def rows(info: BudgetInfo) -> tuple[Row, Row]:
    """Flash and RAM against their limits."""
    return Row("flash", info.flash, info.flash_limit), Row("RAM", info.ram, info.ram_limit)


def overrun(info: BudgetInfo) -> str | None:
    """One line saying what is over by how much, or None if all fits."""
    over = [row for row in rows(info) if row.over]
    if not over:
        return None
    parts = [f"{row.resource} {row.needed:,} B of {row.limit:,} B, {row.over:,} B too many" for row in over]
    return "over budget: " + "; ".join(parts)


def advice(info: BudgetInfo, layers: Sequence[LayerCost]) -> tuple[str, ...]:
    """Say what would make it fit, most effective first; empty if all fits."""
    flash, ram = rows(info)
    lines: list[str] = []
    if flash.over and flash.limit is not None:
        fixed = info.flash - info.weights
        room = flash.limit - fixed
        largest = sorted(layers, key=lambda layer: -layer.flash_bytes)[:3]
        lines.append(
            "the largest layers: "
            + ", ".join(
                f"{layer.name} ({layer.flash_bytes:,} B, {layer.flash_bytes / info.flash:.0%})"
                for layer in largest
            )
        )
        if room > 0:
            lines.append(
                f"a narrower student: multiply every width by {_floor2(math.sqrt(room / info.weights))}"
                f" (weights shrink with its square and may take {room:,} B)"
            )
            lines.append(f"or split it over {math.ceil(info.weights / room)} devices")
        else:
            lines.append(f"without any weights it takes {fixed:,} B: no network of this shape fits")
    if ram.over:
        peak = max(layers, key=lambda layer: layer.live_bytes, default=None)
        if peak is not None:
            lines.append(
                f"the arena's peak is at {peak.name} ({peak.live_bytes:,} B live): a smaller input, an"
                f" earlier stride or fewer channels there save RAM"
            )
    return tuple(lines)


def _floor2(factor: float) -> str:
    return f"{math.floor(factor * 100) / 100:.2f}"


@cache
def code_sizes() -> dict[str, dict[str, int]]:
    """Read the table of measured code, in bytes.

    ``kernels`` has each kernel's; ``fixed`` has ``flash`` (device, port, libc), ``call`` (per layer),
    ``static`` and ``stack``.
    """
    text = (files("nonn_mcu") / "boards" / "code_size.json").read_text(encoding="ascii")
    table: dict[str, dict[str, int]] = json.loads(text)
    return table
