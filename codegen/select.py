"""Which kernel serves which layer: one table, and the search for the memory that makes them fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.constant_channels import settled
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.plan import Plan, plan
from nonn_mcu.target import Target

GOALS = ("balance", "size", "speed")
_FAST = ("balance", "speed")  # of kernels that take much code


@dataclass(frozen=True)
class Row:
    """``kernel`` (a module of :mod:`nonn_mcu.codegen.kernels`) is asked for what ``instead_of`` computes.

    ``goals`` are those for which it is asked; ``why`` is what it is for, in a few words.
    """

    target: str
    instead_of: str
    kernel: str
    why: str
    goals: tuple[str, ...] = GOALS


# In order of preference. A layer that no row takes is served by the portable kernel.
TABLE: tuple[Row, ...] = (
    Row("portable", "add", "add_linear", "both rescalings in one linear form, where one exists"),
    Row("portable", "depthwise_conv_2d", "scale_linear", "1x1 as a line for each channel, where one exists"),
    Row("dsp", "conv_2d", "winograd_dsp", "3x3 at stride 1 in 16 products for 36", _FAST),
    Row("dsp", "conv_2d", "conv_dsp", "three pixels by two filters, weights unpacked on the way"),
    Row("dsp", "depthwise_conv_2d", "scale_dsp", "1x1: four channels of all pixels, lines in registers"),
    Row("dsp", "depthwise_conv_2d", "scale_linear", "the same lines with any limits and channels"),
    Row("dsp", "depthwise_conv_2d", "depthwise_fused_dsp", "3x3, outputs one line of the sums", _FAST),
    Row("dsp", "depthwise_conv_2d", "depthwise_dsp", "3x3, ties to both sides of the zero point"),
    Row("dsp", "fully_connected", "fully_connected_dsp", "four units at a time, inputs widened on the way"),
    Row("dsp", "add", "add_dsp", "the linear form on two elements at once"),
    Row("dsp", "add", "add_linear", "the same form with any limits"),
    Row("dsp", "average_pool_2d", "average_pool_dsp", "four channels in a word"),
    Row("dsp", "max_pool_2d", "max_pool_dsp", "four channels in a word"),
    Row("dsp", "mean", "mean_dsp", "four channels in a word"),
    Row("helium", "conv_2d", "conv_3x3_helium", "3x3 at strides 1 and 2: windows side by side share loads"),
    Row("helium", "conv_2d", "conv_columns_helium", "few channels: a field is one run of columns"),
    Row("helium", "conv_2d", "conv_helium", "tiles of four pixels by two filters"),
    Row("helium", "depthwise_conv_2d", "scale_helium", "1x1: eight channels, their lines in registers"),
    Row("helium", "depthwise_conv_2d", "depthwise_helium", "one gather for four outputs of a channel"),
    Row("helium", "fully_connected", "fully_connected_helium", "inputs resident, weights streamed"),
    Row("helium", "add", "add_helium", "the linear form on sixteen elements at once"),
    Row("helium", "average_pool_2d", "average_pool_helium", "eight channels in a vector"),
    Row("helium", "max_pool_2d", "max_pool_helium", "sixteen channels in a vector"),
    Row("helium", "mean", "mean_helium", "eight channels in a vector"),
)

# Sizes of the arena that are tried, by goal, as ratios to the leanest.
_ARENAS: Mapping[str, tuple[float, ...]] = {"size": (1,), "balance": (1, 1.1), "speed": (4,)}

# What a percent of the arena is worth, in percent of the cycles.
_WORTH = 0.5

Calls = tuple[Layer, ...]


def choose(
    graph: Graph, order: Sequence[int], layers: Sequence[Calls], target: Target, goal: str
) -> tuple[list[Calls], Plan]:
    """Return every operator's kernel calls on a target, and where everything lies in memory.

    ``layers[i]`` are the portable calls of operator ``order[i]``. First each kernel takes its leanest form,
    which gives the smallest arena. Then kernels that get faster with more scratch are asked again, in arenas
    of the sizes that the goal allows; the best by the kernels' own estimates of cycles is taken.
    """
    ready = [calls if target.name == "portable" else tuple(map(settled, calls)) for calls in layers]
    lean = [_adapted(graph, calls, target, Want(0, goal)) for calls in ready]
    made = plan(graph, order, lean)
    if target.name == "portable":
        return lean, made

    def filled(limit: int) -> tuple[list[Calls], Plan]:
        """Ask again, the layer of most work first, with what ``limit`` leaves each."""
        chosen, planned = list(lean), made
        for step in sorted(range(len(ready)), key=lambda step: (-sum(c.macs for c in ready[step]), step)):
            own = max(call.scratch_bytes for call in chosen[step])
            calls = _adapted(graph, ready[step], target, Want(limit - planned.live_bytes[step] + own, goal))
            if not _same(calls, chosen[step]) and _cycles([calls]) <= _cycles([chosen[step]]):
                attempt = [*chosen[:step], calls, *chosen[step + 1 :]]
                tried = plan(graph, order, attempt)
                if tried.arena_bytes <= limit:
                    chosen, planned = attempt, tried
        return chosen, planned

    found = [filled(int(made.arena_bytes * ratio)) for ratio in _ARENAS[goal]]
    return min(found, key=lambda one: _cycles(one[0]) * one[1].arena_bytes ** _WORTH)


def _cycles(chosen: Sequence[Calls]) -> int:
    """Estimated cycles, by the kernels themselves; of one that has no estimate a cycle for each MAC."""
    return 1 + sum(call.cycles or call.macs for calls in chosen for call in calls)


def _adapted(graph: Graph, calls: Calls, target: Target, want: Want) -> Calls:
    if len(calls) > 1:
        return calls
    for row in TABLE:
        if (row.target, row.instead_of) == (target.name, calls[0].kernel) and want.goal in row.goals:
            adapted = import_module(f"nonn_mcu.codegen.kernels.{row.kernel}").adapt(graph, calls[0], want)
            if adapted is not None:
                return (adapted,)
    return calls


def _same(one: Calls, other: Calls) -> bool:
    return [(c.kernel, c.scratch_bytes, c.trail) for c in one] == [
        (c.kernel, c.scratch_bytes, c.trail) for c in other
    ]
