"""How often a network, its teacher and a compressed net are right, over the same images where that can be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nonn_mcu.bundle import Bundle
from nonn_mcu.nonn.compare.alternatives import Score
from nonn_mcu.nonn.network import NetworkBundle


def same_images(network: NetworkBundle, others: Mapping[str, Bundle]) -> tuple[int, list[str]]:
    """Count the labelled golden vectors that all have, and say who has none or others than the network.

    Conversions take them from a data set in its order, some more and some fewer; the labels tell.
    """
    labels: dict[str, np.ndarray | None] = {"nonn": network.fused.labels}
    labels |= {kind: bundle.vectors().labels for kind, bundle in others.items()}
    known = {kind: one[one >= 0] for kind, one in labels.items() if one is not None and (one >= 0).any()}
    notes = [
        f"{kind}: no golden vector has a label, so its accuracy is not known"
        for kind in labels
        if kind not in known
    ]
    images = min(map(len, known.values()), default=0)
    notes += [
        f"{kind}: its labelled golden vectors are of other images than the network's, so the two accuracies "
        "do not compare"
        for kind, one in known.items()
        if "nonn" in known and not np.array_equal(one[:images], known["nonn"][:images])
    ]
    return images, notes


def golden(bundle: Bundle, images: int) -> Score | None:
    """Judge the first ``images`` labelled golden vectors of a bundle; None where it has none."""
    vectors = bundle.vectors()
    if vectors.labels is None:
        return None
    references = vectors.references[0] if vectors.references else None
    return score(vectors.labels, vectors.outputs[0], references, images)


def score(
    labels: np.ndarray, outputs: np.ndarray, references: np.ndarray | None, images: int
) -> Score | None:
    """Judge the outputs of the first ``images`` vectors that have a label; None where there are none.

    ``labels`` int ``(N,)``, -1 for none; ``outputs`` int8 and ``references`` float, or None, are ``(N, ...)``
    with a value for each class.
    """
    chosen = np.flatnonzero(labels >= 0)[:images]
    if not len(chosen):
        return None

    def share(values: np.ndarray) -> float:
        found = values[chosen].reshape(len(chosen), -1).argmax(axis=1)
        return float(np.mean(found == labels[chosen]))

    whole = None if references is None or np.isnan(references[chosen]).any() else share(references)
    return Score(len(chosen), share(outputs), whole)
