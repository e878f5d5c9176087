"""What the float twin's activations are over the calibration samples: a histogram of every channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nonn_mcu.convert.ptq import simulate
from nonn_mcu.convert.ptq.net import Net
from nonn_mcu.convert.ptq.write import write_twin

BINS = 512


@dataclass(frozen=True, eq=False)
class Activity:
    """The values of one activation, channel by channel, channels being its last axis.

    ``low`` and ``high`` are ``(C,)``, real values; ``counts`` is ``(C, BINS)``: how many values lie in each
    of ``BINS`` equal parts of a channel's range.
    """

    low: np.ndarray
    high: np.ndarray
    counts: np.ndarray

    def over(self, factors: np.ndarray) -> Activity:
        """Give the activity after a division by positive ``factors``, ``(C,)``."""
        return Activity(self.low / factors, self.high / factors, self.counts)

    @property
    def centres(self) -> np.ndarray:
        """The middle of each bin, ``(C, BINS)``."""
        width = (self.high - self.low)[:, None] / BINS
        return self.low[:, None] + (np.arange(BINS) + 0.5) * width


def observe(net: Net, x: np.ndarray) -> dict[int, Activity]:
    """Measure every activation, by its index in the int8 graph, over ``x``, float32 ``(N, *shape)``."""
    graph, exact = net.graph, write_twin(net)
    twins = {net.pair.twin[index] for index in net.affine}
    inner = sorted(twins - set(net.pair.exact.inputs))
    (source,) = net.pair.exact.inputs
    found = {
        source: _histogram(_rows(x), *_extremes(_rows(x))),
    }
    lows: dict[int, np.ndarray] = {}
    highs: dict[int, np.ndarray] = {}
    for values in simulate.walk(exact, x, inner):
        for index, value in zip(inner, values, strict=True):
            low, high = _extremes(_rows(value))
            lows[index] = np.minimum(lows.get(index, low), low)
            highs[index] = np.maximum(highs.get(index, high), high)
    counts: dict[int, np.ndarray] = {}
    for values in simulate.walk(exact, x, inner):
        for index, value in zip(inner, values, strict=True):
            seen = _histogram(_rows(value), lows[index], highs[index]).counts
            counts[index] = counts[index] + seen if index in counts else seen
    found |= {index: Activity(lows[index], highs[index], counts[index]) for index in inner}
    assert graph.inputs
    return {index: found[net.pair.twin[index]] for index in net.affine}


def _rows(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1])


def _extremes(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return rows.min(axis=0), rows.max(axis=0)


def _histogram(rows: np.ndarray, low: np.ndarray, high: np.ndarray) -> Activity:
    channels = rows.shape[1]
    width = np.where(high > low, high - low, 1).astype(np.float32)
    bins = np.minimum(((rows - low) * (np.float32(BINS) / width)).astype(np.int32), BINS - 1)
    bins += np.arange(channels, dtype=np.int32) * BINS
    counts = np.bincount(bins.reshape(-1), minlength=channels * BINS)
    return Activity(low, high, counts.reshape(channels, BINS))
