"""Samples made from the network itself, for who has no data or must not share it.

``stats``: inputs whose statistics in every batch norm are those of the training data (Cai et al., ZeroQ, CVPR
2020): they drive every layer as real samples do, so the ranges of activations come out as with real ones.
``noise``: inputs that are only random, the baseline that shows what the statistics are worth.
``dream:META``: images that the network dreams towards what metadata of its own training data say.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nonn_mcu.calib.loading import preprocess
from nonn_mcu.calib.pool import unit_scale
from nonn_mcu.calib.samples import Samples
from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import InputSpec, limits

if TYPE_CHECKING:
    from nonn_mcu.students.student import Student

STATS, NOISE, DREAM = "stats", "noise", "dream"

# A batch's own statistics must be able to match: of a few images those of the last layers cannot.
BATCH = 64
BATCHES = 2
COUNT = BATCH * BATCHES
STEPS = 200
_RATE = 0.1  # of Adam; inputs are on the scale of one
_TOLD = 20  # steps between two words about the progress

Progress = Callable[[str], None]


def kind_of(source: str | None) -> str | None:
    """Say which of ``stats``, ``noise`` and ``dream`` a source is; None for a source of real samples.

    No source at all is ``stats``.
    """
    if source is None:
        return STATS
    name, colon, _ = source.partition(":")
    return name if (name, colon) in ((STATS, ""), (NOISE, ""), (DREAM, ":")) else None


def make(student: Student, source: str | None, progress: Progress) -> Samples:
    """Make :data:`COUNT` samples as the ``source`` says, of which :func:`kind_of` says that they are made.

    Raises :class:`BadInput` for a network that they cannot be made from, and says what serves instead.
    """
    kind, _, file = (source or STATS).partition(":")
    made = {STATS: _stats, NOISE: _noise}.get(kind)
    x = _dreams(student, Path(file), progress) if made is None else made(student, progress)
    return Samples(spanning(x, student.input), None, kind)


def spanning(x: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Make one pixel the lowest and one the highest: the input's range is known and need not be measured."""
    low, high = limits(spec)
    if not np.isfinite(low).all():
        return x
    changed = x.copy(order="C")  # so that pixels are a view of it
    pixels = (
        changed[0].reshape(spec.channels, -1).T
        if spec.layout == "CHW"
        else changed[0].reshape(-1, spec.channels)
    )
    pixels[0], pixels[-1] = low.reshape(-1), high.reshape(-1)
    return changed


def _noise(student: Student, progress: Progress) -> np.ndarray:
    low, high = limits(student.input)
    return np.clip(_normal(student.input, COUNT, seed=1), low, high)


def _stats(student: Student, progress: Progress) -> np.ndarray:
    way_out = "give --calib SRC: a folder of images, a .npy or .npz, or dream:META"
    if student.kind != "module":
        raise BadInput(
            f"{student.name}: the batch norms of a {student.kind} file cannot be watched; {way_out}, or "
            "convert a checkpoint instead of this file"
        )
    try:
        return np.concatenate([_matched(student, number, progress) for number in range(BATCHES)])
    except BadInput as error:
        raise BadInput(f"{error}; {way_out}") from None


def _dreams(student: Student, file: Path, progress: Progress) -> np.ndarray:
    from nonn_mcu.dream import generate, metadata
    from nonn_mcu.nonn import teacher as teachers

    known = metadata.read(file)
    teacher = teachers.of(student, known.layer)

    def told(done: int, total: int) -> None:
        if done % _TOLD == 0:
            progress(f"Dreaming: step {done} of {total}")

    images, _ = generate.generate(teacher, known, COUNT, generate.Settings(batch=BATCH), progress=told)
    return preprocess(str(file), unit_scale(images), student.input)


def _normal(spec: InputSpec, count: int, seed: int) -> np.ndarray:
    # RandomState's streams are frozen for good, those of torch and of Generator are not
    return np.random.RandomState(seed).standard_normal((count, *spec.shape)).astype(np.float32)


def _matched(student: Student, number: int, progress: Progress) -> np.ndarray:
    """Move a batch of noise, within what normalised pixels can be, towards the statistics, with Adam."""
    import torch

    from nonn_mcu.dream.batch_norm import watch

    low, high = (torch.from_numpy(edge) for edge in limits(student.input))
    drawn = np.clip(_normal(student.input, BATCH, seed=2 + number), low.numpy(), high.numpy())
    x = torch.from_numpy(drawn).requires_grad_()
    optimiser = torch.optim.Adam([x], lr=_RATE)
    module: Any = student.model
    with watch(module, student.name) as distance:
        for step in range(STEPS):
            if step % _TOLD == 0:
                progress(
                    f"Making samples from statistics: {number * STEPS + step} of {BATCHES * STEPS} steps"
                )
            optimiser.param_groups[0]["lr"] = _RATE * 0.5 * (1 + np.cos(np.pi * step / STEPS))
            module(x)
            (x.grad,) = torch.autograd.grad(distance(), x)
            optimiser.step()
            with torch.no_grad():
                x.copy_(torch.minimum(torch.maximum(x, low), high))
    made: np.ndarray = x.detach().numpy()
    return made
