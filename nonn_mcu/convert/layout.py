"""Which axis is which: from a torch tensor's order of axes to the device's, found by value.

The tools move channels last, usually but not always, and may reorder outputs. Nothing here believes a
shape or a name alone: an arrangement counts only when the float network, fed and read that way, gives
the reference's values for an input that looks different from every side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from nonn_mcu.errors import BadInput

Axes = tuple[int, ...]

# float32 rounding through 100 layers stays below 1e-4 of the largest value; a wrong order is off by 1.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Output:
    """Output i of the reference is output ``position`` of the network, its axes permuted by ``axes``."""

    position: int
    axes: Axes
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Arrangement:
    """How to feed and read the network: permutations of torch's axes, batch included (see TensorInfo)."""

    input_axes: Axes
    outputs: tuple[Output, ...]


def arrange(x: np.ndarray, axes: Axes, shape: Sequence[int]) -> np.ndarray:
    """Bring ``x``, ``(N, ...)`` in torch's order, into the device's: ``shape[1:]`` per sample."""
    ordered = np.transpose(x, axes) if axes else x
    return np.ascontiguousarray(ordered.reshape(len(x), *shape[1:]))


def marker(shape: tuple[int, ...]) -> np.ndarray:
    """One sample ``(1, *shape)`` that no flip, rotation or exchange of axes leaves as it is."""
    return np.random.default_rng(20).standard_normal((1, *shape)).astype(np.float32)


def derive(
    run: Callable[[np.ndarray], list[np.ndarray]],
    input_shape: tuple[int, ...],
    x: np.ndarray,
    references: Sequence[np.ndarray],
) -> Arrangement:
    """Find the arrangement under which ``run`` computes ``references`` from ``x``.

    ``run`` takes batch 1 of ``input_shape``; ``x`` is ``(N, ...)`` and ``references[i]`` ``(N, ...)`` in
    torch's order. Where several fit, channels last wins. Raises :class:`BadInput` where none does.
    """
    closest = np.inf
    for axes in _candidates((1, *x.shape[1:]), input_shape):
        runs = [run(sample[None]) for sample in arrange(x, axes, input_shape)]
        values = [np.concatenate(series) for series in zip(*runs, strict=True)]
        found, worst = _match(values, references)
        if found is not None:
            return Arrangement(axes, found)
        closest = min(closest, worst)
    raise BadInput(
        "the converted float network does not compute what the original does "
        f"(relative error {closest:.1e} with the best order of axes, {TOLERANCE:.0e} is allowed); "
        "simplify the reshapes and transposes of the network"
    )


def _match(
    values: Sequence[np.ndarray], references: Sequence[np.ndarray]
) -> tuple[tuple[Output, ...] | None, float]:
    left = list(range(len(values)))
    outputs, worst = [], 0.0
    for reference in references:
        best: tuple[float, Output] | None = None
        for position in left:
            shape = (1, *values[position].shape[1:])
            for axes in _candidates((1, *reference.shape[1:]), shape):
                error = _relative(arrange(reference, axes, shape), values[position])
                if best is None or error < best[0] / 2:  # a later candidate has to be clearly better
                    best = error, Output(position, axes, shape)
        worst = max(worst, np.inf if best is None else best[0])
        if best is None or not best[0] <= TOLERANCE:
            return None, worst
        outputs.append(best[1])
        left.remove(best[1].position)
    return tuple(outputs), worst


def _candidates(torch_shape: tuple[int, ...], shape: tuple[int, ...]) -> list[Axes]:
    """Permutations that keep the batch first and give ``shape``; channels last comes first."""
    rank = len(torch_shape)
    if np.prod(torch_shape) != np.prod(shape):
        return []
    if rank != len(shape):
        return [()]
    every = [(0, *axes) for axes in permutations(range(1, rank))]
    channels_last = (0, *range(2, rank), 1) if rank > 1 else (0,)
    every.sort(key=lambda axes: (axes != channels_last, axes))
    return [axes for axes in every if tuple(torch_shape[a] for a in axes) == tuple(shape)]


def _relative(expected: np.ndarray, actual: np.ndarray) -> float:
    scale = float(np.max(np.abs(expected), initial=0.0)) or 1.0
    return float(np.max(np.abs(expected - actual), initial=0.0)) / scale
