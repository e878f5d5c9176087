"""Distil a partitioned teacher: students and head trained together, chosen on validation, tested once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from nonn_mcu import calib
from nonn_mcu.calib import Samples
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn import checkpoint, teacher
from nonn_mcu.nonn.data import split_train
from nonn_mcu.nonn.distil import qat
from nonn_mcu.nonn.distil.answers import Answers
from nonn_mcu.nonn.distil.train import Epoch, Progress, Recipe, accuracy, train
from nonn_mcu.nonn.distil.views import Views
from nonn_mcu.nonn.model import NoNN, StudentSpec
from nonn_mcu.nonn.parts import Parts
from nonn_mcu.nonn.teacher import Teacher
from nonn_mcu.students.student import InputSpec


@dataclass(frozen=True, eq=False)
class Data:
    """A labelled data set: nine tenths of its training part to train on, one to choose by, and its test part.

    ``source`` is what it was loaded from.
    """

    source: str
    train: Samples
    validation: Samples
    test: Samples


@dataclass(frozen=True, eq=False)
class Distilled:
    """A trained network, how it got there, and where its checkpoint is."""

    path: Path
    module: NoNN
    history: tuple[Epoch, ...]
    training: checkpoint.Training


def load_data(source: str, spec: InputSpec) -> Data:
    """Load all of a data set. Raises :class:`BadInput`, also for one without labels."""
    everything = calib.load(source, spec)
    test = calib.load(source, spec, split="test")
    if everything.labels is None or test.labels is None:
        raise BadInput(f"{source}: has no labels, and training needs them; see docs/students.md")
    return Data(source, *split_train(everything), test)


def tensors(samples: Samples) -> tuple[Tensor, Tensor]:
    """Images float32 (N, *shape) and labels int64 (N,) of labelled samples."""
    assert samples.labels is not None
    return torch.from_numpy(samples.x), torch.from_numpy(samples.labels)


def student_specs(names: Sequence[tuple[str, dict[str, int]]], parts: Parts) -> tuple[StudentSpec, ...]:
    """Give each group its student; one name serves all. Raises :class:`BadInput` for another number."""
    groups = [group.channels for group in parts.groups]
    if len(names) not in (1, len(groups)):
        raise BadInput(f"{len(names)} students are named for {len(groups)} groups; name one, or one for each")
    each = list(names) * (len(groups) if len(names) == 1 else 1)
    return tuple(StudentSpec(*name, group) for name, group in zip(each, groups, strict=True))


def distil(
    taught_by: Teacher,
    parts: Parts,
    data: Data,
    specs: Sequence[StudentSpec],
    recipe: Recipe,
    *,
    tuning: int = 0,
    out: Path,
    cache: Path | None,
    fabric: Fabric,
    progress: Progress,
    told: Callable[[Epoch], None],
) -> Distilled:
    """Train, and write the checkpoint ``out``; its state lies beside it until then.

    After the recipe's epochs come those of ``tuning``, rounded as on the device: :mod:`.qat`.
    The teacher's answers are kept in the folder ``cache``, if there is one. With the method "nonn" the head
    starts as the teacher's own classifier where it has one over its channels. Raises :class:`BadInput`.
    """
    spec = taught_by.input
    if recipe.augment != "none" and spec.layout != "CHW":
        raise BadInput(f"augmentation {recipe.augment} is for images, CHW; the input is {spec.layout}")
    torch.manual_seed(recipe.seed)
    module = NoNN(specs, spec.shape, _classes(taught_by, data))
    own = teacher.classifier(taught_by) if recipe.method == "nonn" else None
    if own is not None:
        order = [channel for one in specs for channel in one.group]
        with torch.no_grad():
            module.head.weight.copy_(own[0][:, order])
            module.head.bias.copy_(own[1])
    module_of_teacher = fabric.to_device(taught_by.module.to(memory_format=torch.channels_last))
    answers = None
    if recipe.method != "ce":
        answers = Answers(
            lambda images: teacher.outputs(taught_by, images),
            taught_by.sha256,
            data.train.sha256,
            Views(recipe.augment, recipe.seed, len(data.train)),
            cache,
        )
    if tuning:
        qat.round_students(module)  # what cannot be is said before the training, not after it
    out.parent.mkdir(parents=True, exist_ok=True)
    states = [out.with_name(f"{out.name}{suffix}") for suffix in (".state", ".qat.state")]
    total = (recipe.epochs + tuning) * len(data.train)
    done = recipe.epochs * len(data.train)
    go = partial(
        train,
        train_set=tensors(data.train),
        validation=tensors(data.validation),
        answers=answers,
        fabric=fabric,
    )
    outcome = go(
        module,
        recipe=recipe,
        state_file=states[0],
        progress=lambda seen, _: progress(seen, total),
        told=told,
    )
    module.load_state_dict(outcome.state_dict)
    history, best, ranges = outcome.history, outcome.best, None
    if tuning:
        tuned = qat.tune(
            module,
            recipe,
            tuning,
            partial(
                go,
                state_file=states[1],
                progress=lambda seen, _: progress(done + seen, total),
                told=lambda epoch: told(_later(epoch, recipe.epochs)),
            ),
        )
        module.load_state_dict(tuned.state_dict)
        history += tuple(_later(epoch, recipe.epochs) for epoch in tuned.history)
        best, ranges = _later(tuned.best, recipe.epochs), tuned.ranges
    module.eval()
    test = tensors(data.test)
    training = checkpoint.Training(
        method=recipe.method,
        epochs=recipe.epochs,
        qat=tuning,
        best_epoch=best.epoch,
        seed=recipe.seed,
        validation=best.validation,
        test=accuracy(lambda part: module(fabric.to_device(part)), *test),
        teacher_test=accuracy(lambda part: module_of_teacher(fabric.to_device(part)), *test),
    )
    if fabric.is_global_zero:
        checkpoint.save(
            out,
            module,
            spec,
            teacher=taught_by.sha256,
            training=training,
            flash=tuple(group.budget for group in parts.groups),
            calibration=data.source,
            ranges=ranges,
        )
        for state in states:
            state.unlink(missing_ok=True)
    return Distilled(out, module, history, training)


def _later(epoch: Epoch, before: int) -> Epoch:
    return replace(epoch, epoch=before + epoch.epoch)


def _classes(taught_by: Teacher, data: Data) -> int:
    with torch.no_grad():
        logits = teacher.outputs(taught_by, torch.zeros(1, *taught_by.input.shape)).logits
    classes = logits.shape[1]
    for samples in (data.train, data.validation, data.test):
        assert samples.labels is not None
        if samples.labels.max() >= classes or samples.labels.min() < 0:
            raise BadInput(f"{data.source}: has labels beyond the teacher's {classes} classes")
    return classes
