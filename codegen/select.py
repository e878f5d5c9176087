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
from nonn_mcu.codegen.target import Target

GOALS = ("balance", "size", "speed")


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
    Row("dsp", "conv_2d", "winograd_dsp", "3x3 at stride 1 in 16 products for 36", ("balance", "speed")),
    Row("dsp", "conv_2d", "conv_dsp", "three pixels by two filters, weights unpacked on the way"),
    Row("dsp", "depthwise_conv_2d", "scale_dsp", "1x1: four channels of all pixels, lines in registers"),
    Row("dsp", "depthwise_conv_2d", "scale_linear", "the same lines with any limits and channels"),
    Row("dsp", "depthwise_conv_2d", "depthwise_fused_dsp", "3x3, outputs one linear function of the sums"),
    Row("dsp", "depthwise_conv_2d", "depthwise_dsp", "3x3, ties to both sides of the zero point"),
    Row("dsp", "fully_connected", "fully_connected_dsp", "four units at a time, inputs widened on the way"),
    Row("dsp", "add", "add_dsp", "the linear form on two elements at once"),
    Row("dsp", "add", "add_linear", "the same form with any limits"),
    Row("dsp", "average_pool_2d", "average_pool_dsp", "four channels in a word"),
    Row("dsp", "max_pool_2d", "max_pool_dsp", "four channels in a word"),
    Row("dsp", "mean", "mean_dsp", "four channels in a word"),
    Row("helium", "conv_2d", "conv_3x3_helium", "3x3 at stride 1: windows side by side share loads"),
    Row("helium", "conv_2d", "conv_columns_helium", "few channels: a field is one run of columns"),
    Row("helium", "conv_2d", "conv_helium", "tiles of four pixels by two filters"),
    Row("helium", "depthwise_conv_2d", "scale_helium", "1x1: eight channels, their lines in registers"),
    Row("helium", "depthwise_conv_2d", "depthwise_helium", "one gather for four outputs of a channel"),
    Row("helium", "fully_connected", "fully_connected_helium", "inputs resident, weights streamed"),
    Row("helium", "add", "add_helium", "the linear form on sixteen elements at once"),
    Row("helium", "average_pool_2d", "average_pool_helium", "sixteen channels in a vector"),
    Row("helium", "max_pool_2d", "max_pool_helium", "sixteen channels in a vector"),
    Row("helium", "mean", "mean_helium", "sixteen channels in a vector"),
)

# How much larger than the leanest the arena may become for the sake of speed, by goal, as a ratio.
_ARENA: Mapping[str, tuple[int, int]] = {"size": (1, 1), "balance": (11, 10), "speed": (4, 1)}

# In balance, a percent of the arena has to buy at least this many percent of the cycles.
_WORTH = 0.5

Calls = tuple[Layer, ...]


def choose(
    graph: Graph, order: Sequence[int], layers: Sequence[Calls], target: Target, goal: str
) -> tuple[list[Calls], Plan]:
    """Return every operator's kernel calls on a target, and where everything lies in memory.

    ``layers[i]`` are the portable calls of operator ``order[i]``. First each kernel takes its leanest form,
    which gives the smallest arena; then, the layer of most work first, each may take what the goal allows
    beyond that, and what others have made free.
    """
    if target.name == "portable":
        lean = [_adapted(graph, calls, target, Want(0, goal)) for calls in layers]
        return lean, plan(graph, order, lean)
    ready = [tuple(settled(call) for call in calls) for calls in layers]
    chosen = [_adapted(graph, calls, target, Want(0, goal)) for calls in ready]
    made = plan(graph, order, chosen)
    over, under = _ARENA[goal]
    limit = made.arena_bytes * over // under
    total = sum(max(call.cycles, call.macs) for calls in chosen for call in calls)
    by_work = sorted(range(len(layers)), key=lambda step: (-sum(c.macs for c in layers[step]), step))
    for most in (limit, 0):  # the second time without making the arena any larger
        for step in by_work:
            own = max(call.scratch_bytes for call in chosen[step])
            rooms = [size - made.live_bytes[step] + own for size in (most, made.arena_bytes) if size]
            for room in rooms:
                calls = _adapted(graph, ready[step], target, Want(room, goal))
                if _same(calls, chosen[step]):
                    continue
                attempt = [*chosen[:step], calls, *chosen[step + 1 :]]
                planned = plan(graph, order, attempt)
                bought = _bought(chosen[step], calls) / total
                paid = planned.arena_bytes / made.arena_bytes - 1
                worth = bought >= (_WORTH * max(0.0, paid) if goal == "balance" else 0)
                if planned.arena_bytes <= limit and worth:
                    chosen, made = attempt, planned
                    break
    return chosen, made


def _bought(before: Calls, after: Calls) -> int:
    """Cycles that the second form saves, by the kernels' own estimates; 0 where one has none."""
    cycles = [sum(call.cycles for call in calls) for calls in (before, after)]
    return cycles[0] - cycles[1] if min(cycles) > 0 else 0


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
