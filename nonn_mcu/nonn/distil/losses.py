"""What students learn from: labels, the teacher's answers, its features, its attention.

``L = alpha T KL(teacher / T || student / T) + (1 - alpha) CE + beta AT``, after arXiv 1907.11804, and the
three baselines that its readers ask for. Every loss is a mean over the batch. The paper has 2 T^2 where T
stands here: the gradient of T KL in a logit reaches 1, as that of CE does, so alpha says what it means and
one rate suits every method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor

from nonn_mcu.nonn.distil.answers import Answer

Method = Literal["nonn", "ce", "kd", "at"]
METHODS: tuple[Method, ...] = get_args(Method)

# of attention transfer, as its authors published it for CIFAR
_ATTENTION_BETA = 1000.0


@dataclass(frozen=True)
class Weights:
    """``alpha`` weighs the teacher's answers against the labels, ``beta`` its features; both as above."""

    alpha: float = 0.9
    temperature: float = 4.0
    beta: float = 4.0


@dataclass(frozen=True)
class Batch:
    """Students and teacher on the same images.

    ``logits`` (N, classes), ``features[i]`` (N, group i) and ``maps[i]`` (N, C, H, W) are the students';
    ``labels`` int64 (N,), ``groups`` the teacher's channels. ``answer`` is the teacher's, None where the
    method asks for no teacher.
    """

    logits: Tensor
    features: Sequence[Tensor]
    maps: Sequence[Tensor]
    labels: Tensor
    groups: Sequence[Sequence[int]]
    answer: Answer | None = None


def loss(method: Method, batch: Batch, weights: Weights) -> Tensor:
    """Compute the loss of a method, a scalar.

    "nonn" is the above, with AT the mean over the groups of the squared distance of the normalised features,
    in 0..4. "kd" is that without AT (G. Hinton et al. 2015, arXiv 1503.02531), "ce" are the labels alone,
    "at" the labels and the attention of the last map (S. Zagoruyko, N. Komodakis 2017, arXiv 1612.03928).
    """
    return _LOSSES[method](batch, weights)


def _ce(batch: Batch, weights: Weights) -> Tensor:
    return F.cross_entropy(batch.logits, batch.labels)


def _kd(batch: Batch, weights: Weights) -> Tensor:
    assert batch.answer is not None
    t = weights.temperature
    divergence = F.kl_div(
        F.log_softmax(batch.logits / t, 1), F.softmax(batch.answer.logits / t, 1), reduction="batchmean"
    )
    return weights.alpha * t * divergence + (1 - weights.alpha) * _ce(batch, weights)


def _nonn(batch: Batch, weights: Weights) -> Tensor:
    assert batch.answer is not None
    transfer = torch.stack(
        [
            (F.normalize(mine) - F.normalize(batch.answer.pooled[:, list(group)])).square().sum(1).mean()
            for mine, group in zip(batch.features, batch.groups, strict=True)
        ]
    )
    return _kd(batch, weights) + weights.beta * transfer.mean()


def _at(batch: Batch, weights: Weights) -> Tensor:
    assert batch.answer is not None
    theirs = F.normalize(batch.answer.attention.flatten(1))
    total = _ce(batch, weights)
    for maps in batch.maps:
        mine = maps.square().mean(1, keepdim=True)
        mine = F.interpolate(mine, size=batch.answer.attention.shape[1:], mode="bilinear")
        total = total + _ATTENTION_BETA * (F.normalize(mine.flatten(1)) - theirs).square().mean()
    return total


_LOSSES: dict[Method, Callable[[Batch, Weights], Tensor]] = {"nonn": _nonn, "ce": _ce, "kd": _kd, "at": _at}
