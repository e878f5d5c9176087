"""Conformance: the device's int8 outputs against the oracle's, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nonn_mcu.verify.verdict import Conformance, Mismatch

RUNS = 2  # a second run in another order shows what an earlier inference left behind


def schedule(vectors: int, seed: int) -> np.ndarray:
    """Give the order of runs: int64 ``(RUNS * vectors,)``, each vector RUNS times, shuffled by ``seed``."""
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(vectors), RUNS))


def compare(expected: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> Conformance:
    """Compare ``expected[i]``, int8 ``(N, *shape[1:])``, with ``got[i]``, int8 ``(RUNS, N, *shape[1:])``."""
    vectors = len(expected[0])
    histogram = np.zeros(256, dtype=np.int64)
    wrong = np.zeros(vectors, dtype=bool)
    unstable = np.zeros(vectors, dtype=bool)
    places: list[tuple[int, int, int, int]] = []  # vector, run, output, flat index: the first of each output
    for output, (want, have) in enumerate(zip(expected, got, strict=True)):
        flat_want = want.reshape(vectors, -1).astype(np.int16)
        flat_have = have.reshape(len(have), vectors, -1).astype(np.int16)
        difference = np.abs(flat_have - flat_want)
        histogram += np.bincount(difference.ravel(), minlength=256)
        wrong |= difference.any(axis=(0, 2))
        unstable |= (flat_have != flat_have[0]).any(axis=(0, 2))
        differing = np.argwhere(difference.transpose(1, 0, 2))
        if len(differing):
            vector, run, flat = (int(place) for place in differing[0])
            places.append((vector, run, output, flat))
    return Conformance(
        vectors=vectors,
        runs=RUNS * vectors,
        values=int(histogram.sum()),
        mismatching_vectors=int(wrong.sum()),
        mismatching_values=int(histogram[1:].sum()),
        unstable_vectors=int(unstable.sum()),
        first_mismatch=_mismatch(expected, got, min(places)) if places else None,
        lsb_histogram={int(lsb): int(histogram[lsb]) for lsb in np.flatnonzero(histogram)},
    )


def _mismatch(
    expected: Sequence[np.ndarray], got: Sequence[np.ndarray], place: tuple[int, int, int, int]
) -> Mismatch:
    vector, run, output, flat = place
    shape = expected[output].shape[1:]
    inner = tuple(int(i) for i in np.unravel_index(flat, shape)) if shape else ()
    want, have = expected[output][vector], got[output][run, vector]
    return Mismatch(vector, run, output, (0, *inner), int(want[inner]), int(have[inner]))
