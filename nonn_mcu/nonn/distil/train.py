"""The training loop, on Lightning Fabric: several processes, GPUs or machines need no code of ours.

Every epoch's order, views and rate follow from the seed, and the state is stored after each epoch: a run
that was ended goes on from there and gives the same weights, on the same machine.
"""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.distil.answers import Answers
from nonn_mcu.nonn.distil.losses import Batch, Method, Weights, loss
from nonn_mcu.nonn.distil.views import Augment, Views, view
from nonn_mcu.nonn.model import NoNN

EVALUATION_BATCH = 256
_WARMUP = 0.1  # of all steps: the rate rises
_MOMENTUM, _DECAY = 0.9, 5e-4

# Called with (images seen, images in all), as often as one likes.
Progress = Callable[[int, int], None]
# From the share of all steps that is behind, in 0..1, to the share of the highest rate, in 0..1.
Schedule = Callable[[float], float]


@dataclass(frozen=True)
class Recipe:
    """How to train.

    ``rate`` is the highest rate of SGD, which rises over a tenth of the steps and falls as a cosine.
    ``views`` is how many augmented views of an image there are, which the epochs go round.
    """

    method: Method
    epochs: int
    batch: int
    rate: float
    augment: Augment
    views: int
    seed: int
    weights: Weights


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: mean loss over its images, and accuracy on the validation images, in 0..1."""

    epoch: int
    loss: float
    validation: float


@dataclass(frozen=True)
class Outcome:
    """The history, and the weights of the epoch that was best on the validation images."""

    history: tuple[Epoch, ...]
    best: Epoch
    state_dict: dict[str, Tensor]


def start_fabric() -> Fabric:
    """One process, unless `fabric run` has started several: its environment then says which this is."""
    return Fabric() if os.environ.get("LT_CLI_USED") == "1" else Fabric(devices=1)


def cosine(done: float) -> float:
    """Fall from 1 to 0."""
    return 0.5 * (1 + float(np.cos(np.pi * done)))


def warm_up(done: float) -> float:
    """Rise over a tenth of the steps, then fall as a cosine."""
    return done / _WARMUP if done < _WARMUP else cosine((done - _WARMUP) / (1 - _WARMUP))


def train(
    module: NoNN,
    train_set: tuple[Tensor, Tensor],
    validation: tuple[Tensor, Tensor],
    recipe: Recipe,
    *,
    answers: Answers | None,
    state_file: Path,
    fabric: Fabric,
    progress: Progress,
    told: Callable[[Epoch], None],
    schedule: Schedule = warm_up,
    begin: Callable[[int], None] = lambda epoch: None,
) -> Outcome:
    """Train ``module`` in place on ``(x float32 (N, *shape), labels int64 (N,))``.

    ``answers`` are the teacher's, None for a method that asks for none. The state is kept in ``state_file``
    and taken up again from there. ``begin`` is called before every epoch, with its number from 1. Raises
    :class:`BadInput` for fewer images than a batch, a state file of another run, and where the loss is no
    number any more.
    """
    x, labels = train_set
    steps = len(x) // (recipe.batch * fabric.world_size)
    if not steps:
        raise BadInput(f"{len(x)} images are fewer than a batch of {recipe.batch * fabric.world_size}")
    optimizer = torch.optim.SGD(
        module.parameters(), recipe.rate, momentum=_MOMENTUM, weight_decay=_DECAY, nesterov=True
    )
    wrapped, optimizer = fabric.setup(module.to(memory_format=torch.channels_last), optimizer)
    wrapped.mark_forward_method("both")
    state = _State(fabric, wrapped, optimizer, state_file, _run_digest(module, recipe, x, answers))
    views = Views(recipe.augment, recipe.seed, len(x))
    history, best = state.load()
    for epoch in range(len(history) + 1, recipe.epochs + 1):
        begin(epoch)
        wrapped.train()
        total, seen = 0.0, (epoch - 1) * len(x)
        number = (epoch - 1) % recipe.views + 1  # of the view
        order = np.random.RandomState([recipe.seed, epoch, 1]).permutation(len(x))
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate * schedule(((epoch - 1) * steps + step) / (recipe.epochs * steps))
            # every process its own share of the batch's images
            place = (step * fabric.world_size + fabric.global_rank) * recipe.batch
            indices = order[place : place + recipe.batch]
            images = view(x[torch.from_numpy(indices)], indices, views, number)
            images = fabric.to_device(images.contiguous(memory_format=torch.channels_last))
            logits, features, maps = wrapped.both(images)
            batch = Batch(
                logits,
                features,
                maps,
                fabric.to_device(labels[torch.from_numpy(indices)]),
                [spec.group for spec in module.specs],
                None if answers is None else answers.of(images, indices, number),
            )
            value = loss(recipe.method, batch, recipe.weights)
            optimizer.zero_grad()
            fabric.backward(value)
            optimizer.step()
            total += value.item()
            seen += recipe.batch * fabric.world_size
            if fabric.is_global_zero:
                progress(seen, recipe.epochs * len(x))
        if not np.isfinite(total):
            raise BadInput(f"the loss is {total} in epoch {epoch}: give a lower --rate")
        wrapped.eval()
        right = accuracy(lambda part: wrapped(fabric.to_device(part)), *validation)
        history.append(Epoch(epoch, total / steps, right))
        if best is None or right >= best[0].validation:  # of equals the later one, at a lower rate
            best = (history[-1], {k: v.detach().cpu().clone() for k, v in module.state_dict().items()})
        if answers is not None:
            answers.keep(number)
        state.save(history, best)
        if fabric.is_global_zero:
            told(history[-1])
    assert best is not None
    return Outcome(tuple(history), best[0], best[1])


def accuracy(model: Callable[[Tensor], Tensor], x: Tensor, labels: Tensor) -> float:
    """Share of the images ``x`` (N, *shape), in 0..1, whose largest logit is at their label."""
    right = 0
    with torch.no_grad():
        for start in range(0, len(x), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            logits = model(x[part].contiguous(memory_format=torch.channels_last))
            right += int((logits.argmax(1).cpu() == labels[part]).sum())
    return right / len(x)


def _run_digest(module: NoNN, recipe: Recipe, x: Tensor, answers: Answers | None) -> str:
    """Tell one run from another: its students, the weights they start with, recipe, images and teacher."""
    digest = hashlib.sha256(repr((module.specs, module.head.out_features, recipe)).encode())
    for key, value in module.state_dict().items():
        # a copy: observers resize their tensors, and what numpy has seen is not to be resized
        digest.update(key.encode() + value.cpu().clone().numpy().tobytes())
    digest.update(x.numpy().tobytes())
    digest.update(b"" if answers is None else answers.teacher.encode())
    return digest.hexdigest()


class _State:
    """The state of a run on disk: one file, replaced after every epoch."""

    def __init__(self, fabric: Fabric, module: Any, optimizer: Any, path: Path, run: str) -> None:
        self._fabric, self._path, self._run = fabric, path, run
        self._parts = {"model": module, "optimizer": optimizer}

    def load(self) -> tuple[list[Epoch], tuple[Epoch, dict[str, Tensor]] | None]:
        if not self._path.exists():
            return [], None
        try:
            rest = torch.load(self._path, map_location="cpu", weights_only=True)
            if rest["run"] != self._run:
                raise BadInput(f"{self._path}: is the state of another run; remove it to start anew")
            self._fabric.load(self._path, dict(self._parts), strict=True)
            history = [Epoch(*one) for one in rest["history"]]
            return history, (history[rest["best"]], rest["best_state"])
        except BadInput:
            raise
        except Exception as error:  # a damaged file fails in many ways, none of which is ours
            raise BadInput(f"{self._path}: not a readable state ({error}); remove it to start anew") from None

    def save(self, history: list[Epoch], best: tuple[Epoch, dict[str, Tensor]]) -> None:
        rest = {
            "run": self._run,
            "history": [(one.epoch, one.loss, one.validation) for one in history],
            "best": best[0].epoch - 1,
            "best_state": copy.copy(best[1]),
        }
        staging = self._path.with_name(self._path.name + ".new")
        self._fabric.save(staging, self._parts | rest)
        if self._fabric.is_global_zero:
            os.replace(staging, self._path)
        self._fabric.barrier()
