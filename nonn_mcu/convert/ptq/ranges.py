"""Step: the range of every activation, from what the float twin's activations were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np

from nonn_mcu.convert.ptq.net import Affine, Net
from nonn_mcu.convert.ptq.rounding import nearest
from nonn_mcu.convert.ptq.statistics import Activity
from nonn_mcu.convert.ptq.ties import tied

Range = tuple[float, float]
Rule = Callable[[Activity], Range]


def extremes(activity: Activity) -> Range:
    """Take in everything that was seen."""
    return float(activity.low.min()), float(activity.high.max())


def wider(activity: Activity, by: float) -> Range:
    """Leave room for what was not seen."""
    low, high = extremes(activity)
    return by * low, by * high


def percentile(activity: Activity, share: float) -> Range:
    """Take in all but the ``share`` of values at either end."""
    values, counts = _sorted(activity)
    cumulated = np.cumsum(counts)
    total = cumulated[-1]
    low = values[np.searchsorted(cumulated, share * total, "right")]
    high = values[min(np.searchsorted(cumulated, (1 - share) * total), len(values) - 1)]
    widest = extremes(activity)
    edge = (widest[1] - widest[0]) / 256
    return max(low - edge, widest[0]), min(high + edge, widest[1])


def least_noise(activity: Activity) -> Range:
    """Choose the share of the extremes with the least square error of rounding and saturation together."""
    values, counts = _sorted(activity)
    low, high = extremes(activity)
    low, high = min(low, 0.0), max(high, 0.0)

    def noise(share: float) -> float:
        beyond = np.maximum(values - share * high, 0) + np.maximum(share * low - values, 0)
        step = share * (high - low) / 255
        return float(np.sum(counts * beyond**2) + np.sum(counts) * step**2 / 12)

    share = min(np.linspace(1.0, 0.3, 71), key=noise)
    return share * low, share * high


RULES: Mapping[str, Rule] = {
    "extremes": extremes,
    "extremes and a tenth": partial(wider, by=1.1),
    "extremes and a quarter": partial(wider, by=1.25),
    "99.9999 %": partial(percentile, share=1e-6),
    "99.999 %": partial(percentile, share=1e-5),
    "least noise": least_noise,
}


def with_ranges(net: Net, activities: Mapping[int, Activity], rule: Rule) -> Net:
    """Give every set of tied activations the union of its members' ranges, zero included."""
    affine: dict[int, Affine] = {}
    for members in tied(net.graph, net.layers):
        lows, highs = zip(*(rule(activities[index]) for index in members), strict=True)
        chosen = affine_of(min(lows), max(highs))
        if chosen is not None:
            affine |= dict.fromkeys(members, chosen)
    return nearest(net.with_affine(affine))


def affine_of(low: float, high: float) -> Affine | None:
    """Spread 256 steps over a range, zero included and exact; None for a range of nothing."""
    low, high = min(0.0, low), max(0.0, high)
    scale = float(np.float32((high - low) / 255))
    if scale <= np.finfo(np.float32).tiny:
        return None
    return Affine(scale, int(np.clip(np.rint(-128 - low / scale), -128, 127)))


def _sorted(activity: Activity) -> tuple[np.ndarray, np.ndarray]:
    values, counts = activity.centres.reshape(-1), activity.counts.reshape(-1)
    order = np.argsort(values, kind="stable")
    return values[order], counts[order]
