"""ADD and SUB as one linear form: integers a, b, c, shift that give the reference's output for every pair.

The reference rounds three times, yet its output as a function of two int8 inputs is a staircase over a plane:
wherever ``(a * x1 + b * x2 + c) >> shift``, clamped, stands on the same step for all 65,536 pairs, one
multiply-accumulate per input is exact. A pair (x1, x2) with the output t demands t <= form < t + 1, one half
of it where t is a bound of the activation. For given slopes these are bounds on c, so the slopes that work
are a convex polygon; it is found by cutting planes, and the integers by looking inside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nonn_mcu.codegen.fixed_point import scaled
from nonn_mcu.codegen.layer import Value

_LEFT_SHIFT = 20  # NONN_ADD_LEFT_SHIFT
_REACH = 2.0**-13  # how far from the ratios of the scales a slope is looked for
_MOST_CUTS = 200
_MOST_CANDIDATES = 512  # pairs (a, b) tried for one shift, the nearest to the polygon's centre first
_SHIFTS = range(24, 7, -1)  # from the finest, which fails but for want of bits
_TOLERANCE = 1e-12  # of the cutting planes; what is returned is checked in integers


class Linear(NamedTuple):
    """``clamp((a * x1 + b * x2 + c) >> shift)``; every partial sum fits 32 bits, in any order."""

    a: int
    b: int
    c: int
    shift: int


def linear(params: Mapping[str, Value]) -> Linear | None:
    """Return the finest linear form that equals ``nonn_add`` with these parameters, or None."""
    stairs = Staircase.of(params)
    return next((form for form in map(stairs.at, _SHIFTS) if form is not None), None)


def elementwise(params: Mapping[str, Value]) -> int | None:
    """Return the number of elements where both inputs have the output's own shape, else None."""
    walk: Any = params["walk"]
    row, step, counts, _ = walk
    return int(row) if tuple(step) == (1, 1) and set(counts) == {1} else None


def sums(params: Mapping[str, Value]) -> np.ndarray:
    """Return the outputs of ``nonn_add`` for its parameters: (256, 256), [wide + 128][narrow + 128]."""
    p: Mapping[str, Any] = params
    x = np.arange(-128, 128, dtype=np.int64)
    narrow = scaled((x - p["narrow_zero_point"]) << _LEFT_SHIFT, *p["narrow_factor"])
    total = ((x - p["wide_zero_point"]) * p["wide_factor"])[:, None] + p["narrow_sign"] * narrow
    out = scaled(total, *p["output_factor"]) + p["output_zero_point"]
    return np.clip(out, p["activation_min"], p["activation_max"])


@dataclass(frozen=True, eq=False)
class Staircase:
    """Which linear forms equal the outputs of one ADD, the first input being wide, the second narrow.

    ``slopes`` are the corners of the polygon of those that work (but for ``_REACH``), (corners, 2); none
    where the outputs are no staircase over a plane. ``least`` and ``most`` are the pairs that can bind,
    (n, 3): x1, x2 and the bound of the form there.
    """

    outputs: np.ndarray
    low: int
    high: int
    least: np.ndarray
    most: np.ndarray
    slopes: np.ndarray

    @classmethod
    def of(cls, params: Mapping[str, Value]) -> Staircase:
        """Look at the parameters of ``nonn_add``."""
        p: Mapping[str, Any] = params
        multiplier, right_shift = p["output_factor"]
        out = multiplier * 2.0 ** (-31 - right_shift)
        multiplier, right_shift = p["narrow_factor"]
        narrow = p["narrow_sign"] * multiplier * 2.0 ** (_LEFT_SHIFT - 31 - right_shift)
        guess = np.array([p["wide_factor"] * out, narrow * out])
        outputs, low, high = sums(params), int(p["activation_min"]), int(p["activation_max"])
        x1, x2 = np.divmod(np.arange(1 << 16), 256)
        pairs = np.stack([x1 - 128, x2 - 128, outputs.ravel()], axis=1)
        least = _binding(pairs[pairs[:, 2] > low], guess, 1)
        most = _binding(pairs[pairs[:, 2] < high] + (0, 0, 1), guess, -1)
        return cls(outputs, low, high, least, most, _polygon(least, most, guess))

    def at(self, shift: int) -> Linear | None:
        """Return a form of this shift, or None where there is none (or none among the many tried)."""
        if len(self.slopes) == 0:
            return None
        if len(self.least) == 0 or len(self.most) == 0:  # one bound of the activation, whatever comes in
            return self._proved(0, 0, int(self.outputs[0, 0]) << shift, shift)
        corners = self.slopes * 2.0**shift
        first, last = np.ceil(corners.min(axis=0) - 1e-6), np.floor(corners.max(axis=0) + 1e-6)
        centre = corners.mean(axis=0)
        half = int(_MOST_CANDIDATES**0.5 / 2)
        first, last = np.maximum(first, np.round(centre) - half), np.minimum(last, np.round(centre) + half)
        axes = [np.arange(int(a), int(b) + 1) for a, b in zip(first, last, strict=True)]
        ab = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        ab = ab[np.argsort(((ab - centre) ** 2).sum(axis=1), kind="stable")]
        for some in np.array_split(ab, max(1, len(ab) // 16)):
            lowest = ((self.least[:, 2] << shift) - some @ self.least[:, :2].T).max(
                axis=1, initial=-(1 << 62)
            )
            highest = ((self.most[:, 2] << shift) - 1 - some @ self.most[:, :2].T).min(
                axis=1, initial=1 << 62
            )
            for i in np.flatnonzero(lowest <= highest):
                form = self._proved(int(some[i, 0]), int(some[i, 1]), int(lowest[i] + highest[i]) // 2, shift)
                if form is not None:
                    return form
        return None

    def equals(self, form: np.ndarray) -> bool:
        """Whether these integers, (256, 256), once clamped are the outputs."""
        return bool(np.array_equal(np.clip(form, self.low, self.high), self.outputs))

    def _proved(self, a: int, b: int, c: int, shift: int) -> Linear | None:
        x = np.arange(-128, 128, dtype=np.int64)
        if 128 * (abs(a) + abs(b)) + abs(c) >= 1 << 31:
            return None
        fits = self.equals((a * x[:, None] + b * x + c) >> shift)
        return Linear(a, b, c, shift) if fits else None


def _binding(pairs: np.ndarray, slopes: np.ndarray, sign: int) -> np.ndarray:
    """Return the pairs that can bind for any slope within reach: nearest to the plane of these slopes."""
    if len(pairs) == 0:
        return pairs
    above = sign * (pairs[:, 2] - pairs[:, :2] @ slopes)
    return pairs[above >= above.max() - 2 * _REACH * 256]


def _polygon(least: np.ndarray, most: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Corners of the slopes that leave room for a c between the pairs' bounds."""
    corners = guess + _REACH * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    if len(least) == 0 or len(most) == 0:
        return corners
    for _ in range(_MOST_CUTS):
        lowest = least[:, 2] - corners @ least[:, :2].T
        highest = most[:, 2] - corners @ most[:, :2].T
        room = highest.min(axis=1) - lowest.max(axis=1)
        worst = int(room.argmin())
        if room[worst] >= -_TOLERANCE:
            return corners
        cut = most[highest[worst].argmin()] - least[lowest[worst].argmax()]
        corners = _clipped(corners, cut[2] - corners @ cut[:2])
        if len(corners) == 0:
            return corners
    return corners[:0]


def _clipped(corners: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Cut a polygon where ``room``, linear and given at its corners, is negative."""
    kept: list[np.ndarray] = []
    for i in range(len(corners)):
        j = (i + 1) % len(corners)
        if room[i] >= 0:
            kept.append(corners[i])
        if (room[i] >= 0) != (room[j] >= 0):
            kept.append(corners[i] + (corners[j] - corners[i]) * (room[i] / (room[i] - room[j])))
    return np.array(kept).reshape(-1, 2)
