"""int8 filters as words from which SMLAD takes two taps of two filters at once.

A word has two halves, one for each of two taps; a half holds 256 * a + b, a weight of one filter and one of
another. With inputs x as pairs of 16 bits, SMLAD over the words as they are gives 256 * A + B, where A and B
are the sums of the two filters; SMLAD over what SXTB16 leaves of the words gives B. So

    A = (256 * A + B - B) >> 8,

modulo 2^32 all along, which is exact when 256 * A fits 32 bits: one instruction unpacks the weights of two
filters, and nothing grows in flash.

SXTB16 makes pairs of inputs from the bytes 0 and 2 of a word and, rotated, from 1 and 3: the order of taps.
"""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.kernels.sums import product_range

GROUP = 4  # filters whose words alternate: 0 with 1, then 2 with 3
_LARGEST = 1 << 23  # that a filter's sum, 24 bits, stays below


def pair_order(run: int) -> np.ndarray:
    """Taps of each pair of a run of taps that lie side by side, (pairs, 2); -1 is none.

    Fours give 0 with 2 and 1 with 3; the rest gives 0 alone, 0 with 1, or 0 with 2 and 1 alone.
    """
    fours = [[4 * k + first, 4 * k + first + 2] for k in range(run // 4) for first in (0, 1)]
    start = run - run % 4
    rest = [[], [[start, -1]], [[start, start + 1]], [[start, start + 2], [start + 1, -1]]][run % 4]
    return np.array(fours + rest, np.int64).reshape(-1, 2)


def in_pairs(filters: np.ndarray, runs: int) -> np.ndarray:
    """Order int8 filters, (channels, taps), as pairs, (channels, pairs, 2); taps are ``runs`` equal runs."""
    channels, taps = filters.shape
    order = pair_order(taps // runs)
    split = filters.reshape(channels, runs, -1)
    padded = np.concatenate([split, np.zeros((channels, runs, 1), np.int8)], axis=2)
    return padded[:, :, order].reshape(channels, -1, 2)


def grouped(values: np.ndarray) -> np.ndarray:
    """Split the first axis into groups of :data:`GROUP`, the last filled up with zeros."""
    missing = -len(values) % GROUP
    padded = np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
    return padded.reshape(-1, GROUP, *values.shape[1:])


def pack(filters: np.ndarray, *, whole: bool) -> np.ndarray | None:
    """Pack filters in pairs, (channels, pairs, 2), to words (groups, pairs, 2), uint32.

    None where a weight does not fit, which takes one of -128, or where ``whole`` sums over all pairs can
    leave their 24 bits.
    """
    if whole:
        low, high = product_range(filters.reshape(len(filters), -1))
        firsts = np.arange(len(filters)) % 2 == 0
        if (high[firsts] >= _LARGEST).any() or (low[firsts] < -_LARGEST).any():
            return None
    wide = grouped(filters.astype(np.int32))
    halves = 256 * wide[:, 0::2] + wide[:, 1::2]
    if halves.min(initial=0) < -(1 << 15):
        return None
    words = (halves[..., 0] & 0xFFFF) | (halves[..., 1].astype(np.int64) & 0xFFFF) << 16
    return np.ascontiguousarray(words.transpose(0, 2, 1)).astype(np.uint32)
