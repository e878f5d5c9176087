"""Dream images: from noise, until the teacher's pooled activations are those of the targets.

K. Bhardwaj, N. Suda, R. Marculescu, "Dream Distillation: A Data-Independent Model Compression Framework",
2019, arXiv 1905.07072. Beside their targets the images match the statistics of the teacher's batch norms,
where it has any. Batch i follows from the seed, the settings and i alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nonn_mcu.dream import batch_norm, image, targets
from nonn_mcu.dream.metadata import Metadata, require_teacher
from nonn_mcu.dream.state import State
from nonn_mcu.dream.transform import settled, transform
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn import teacher as teachers
from nonn_mcu.nonn.teacher import Teacher

# Called with (steps done, steps in all) of those that are left, as often as one likes.
Progress = Callable[[int, int], None]

_BETAS = (0.9, 0.99)


@dataclass(frozen=True)
class Settings:
    """How to dream.

    ``steps`` of Adam with ``rate`` optimise a ``batch`` of images. Targets lie around centroids with
    ``spread`` times the deviation along each axis. The loss is the distance from them, relative to their
    squares, ``norms`` times that from the batch norms' statistics, and ``variation`` times the mean
    difference of neighbouring pixels, which are in 0..1.
    """

    seed: int = 0
    batch: int = 100
    steps: int = 100
    rate: float = 0.1
    spread: float = 0.5
    norms: float = 1.0
    variation: float = 0.0


DEFAULT = Settings()


def generate(
    teacher: Teacher,
    metadata: Metadata,
    count: int,
    settings: Settings = DEFAULT,
    *,
    state: Path | None = None,
    progress: Progress = lambda done, total: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Dream ``count`` images, uint8 (N, H, W, C), of the classes int64 (N,) of their targets.

    After every batch the state is kept in the file ``state``, if one is named: a run that was ended goes on
    from there and gives the same images, on the same machine. Raises :class:`BadInput` for metadata of
    another teacher, an input that is no image, a state of another run, and a teacher that gives NaN.
    """
    require_teacher(metadata, teacher)
    image.size(teacher.input, teacher.name)
    run = hashlib.sha256(repr((metadata.sha256, teacher.input, count, settings)).encode()).hexdigest()
    kept = State(state, run)
    starts = range(0, count, settings.batch)
    left = range(len(kept.batches), len(starts))
    for number in left:
        size = min(settings.batch, count - starts[number])

        def told(step: int, before: int = number - left.start) -> None:
            progress(before * settings.steps + step, len(left) * settings.steps)

        kept.add(*_batch(teacher, metadata, settings, number=number, size=size, told=told))
    images, labels = zip(*kept.batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _batch(
    teacher: Teacher,
    metadata: Metadata,
    settings: Settings,
    *,
    number: int,
    size: int,
    told: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray]:
    shape = image.size(teacher.input, teacher.name)
    # RandomState's streams are frozen for good, those of Generator are not
    rng = np.random.RandomState([settings.seed, number])
    wanted, labels = targets.draw(metadata, number * settings.batch, size, settings.spread, rng)
    target = torch.from_numpy(wanted)
    parameters = image.start(size, shape, rng)
    optimizer = torch.optim.Adam([parameters], settings.rate, _BETAS)
    with ExitStack() as stack:
        distance = None
        if settings.norms and batch_norm.layers(teacher.module, teacher.name):
            distance = stack.enter_context(batch_norm.watch(teacher.module, teacher.name))
        for step in range(settings.steps):
            for group in optimizer.param_groups:
                group["lr"] = settings.rate * _schedule(step / settings.steps)
            pixels = image.render(parameters, shape)
            views = image.seen(transform(pixels, metadata.augment, rng), teacher.input)
            pooled = teachers.outputs(teacher, views.contiguous()).pooled
            loss = (pooled - target).square().sum() / target.square().sum()
            if distance is not None:
                loss = loss + settings.norms * distance()
            if settings.variation:
                loss = loss + settings.variation * _variation(pixels)
            if not loss.isfinite():
                raise BadInput(f"{teacher.name}: gives {loss.item()} for a dream; check its weights")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            told(step + 1)
    with torch.no_grad():
        pixels = settled(image.render(parameters, shape), metadata.augment).permute(0, 2, 3, 1)
    return (pixels * 255).round().to(torch.uint8).numpy(), labels


def _schedule(done: float) -> float:
    """Give the rate's share of its highest when ``done``, in 0..1, of the steps are behind."""
    return 0.5 * (1 + float(np.cos(np.pi * done)))


def _variation(pixels: Tensor) -> Tensor:
    down, across = pixels.diff(dim=2).abs().mean(), pixels.diff(dim=3).abs().mean()
    return down + across
