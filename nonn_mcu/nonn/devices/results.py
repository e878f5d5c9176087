"""What a network said about an input, and about all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nonn_mcu.nonn.devices.inference import Answer
from nonn_mcu.nonn.devices.whole import Whole

BEST = 3


@dataclass(frozen=True)
class Scored:
    """A class: its ``index``, its ``label`` or "", its ``score``, which is the dequantised output."""

    index: int
    label: str
    score: float


@dataclass(frozen=True)
class Result:
    """The best classes of one ``input``, best first; of equal ones the first.

    ``answered`` are the students that contributed, ``partial`` that some did not; ``right`` is None for an
    input without a label.
    """

    input: str
    best: tuple[Scored, ...]
    answered: tuple[int, ...]
    partial: bool
    right: bool | None
    milliseconds: float


@dataclass(frozen=True)
class Summary:
    """Of all results: the rate by the wall clock, and the share of those with a label that are right."""

    inputs: int
    partial: int
    per_second: float
    accuracy: float | None


def result(whole: Whole, name: str, answer: Answer, label: int | None) -> Result:
    """Name the best classes of an answer; ``label`` is the right one's index."""
    scores = whole.scores(answer.output)
    order = np.argsort(-scores, kind="stable")[:BEST]
    labels = whole.spec.labels
    named = len(labels) == len(scores)
    return Result(
        input=name,
        best=tuple(Scored(int(i), labels[i] if named else "", float(scores[i])) for i in order),
        answered=answer.answered,
        partial=len(answer.answered) < len(whole.students),
        right=None if label is None else bool(order[0] == label),
        milliseconds=1000 * answer.seconds,
    )


def summary(results: Sequence[Result], seconds: float) -> Summary:
    """Sum up results that took ``seconds`` together."""
    judged = [one.right for one in results if one.right is not None]
    return Summary(
        inputs=len(results),
        partial=sum(one.partial for one in results),
        per_second=len(results) / seconds,
        accuracy=sum(judged) / len(judged) if judged else None,
    )


def to_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Turn results into plain values."""
    return [asdict(one) for one in results]
