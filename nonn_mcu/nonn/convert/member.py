"""A member of a network, a student or the head, on its way into a bundle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from nonn_mcu.bundle import Runtime
from nonn_mcu.convert import runtimes
from nonn_mcu.convert.assemble import Assembled, assemble
from nonn_mcu.convert.int8 import Int8, Progress
from nonn_mcu.convert.pipeline import TooLarge, require_budget, to_int8
from nonn_mcu.convert.sets import Sets
from nonn_mcu.errors import BadInput
from nonn_mcu.manifest import Goal
from nonn_mcu.students import Student
from nonn_mcu.verify import oracle

# Samples between two words about the oracle's progress.
_CHUNK = 500


@dataclass(frozen=True)
class Limits:
    """Bytes of flash and RAM that a device has; None: no limit. With ``force`` they do not bind.

    ``goal`` is what kernels are chosen for within them.
    """

    flash: int | None = None
    ram: int | None = None
    force: bool = False
    goal: Goal = "balance"


@dataclass(frozen=True, eq=False)
class Member:
    """The float network, its int8 model, and the code for the device that ``limits`` are of."""

    student: Student
    int8: Int8
    code: runtimes.Code
    limits: Limits

    @property
    def name(self) -> str:
        """Of the model and of its folder."""
        return self.student.name

    def with_head(self, head: bytes) -> Member:
        """Let the firmware hold the ``head``, a ``.tflite``, too: for the native runtime alone.

        Raises as :func:`make`.
        """
        return replace(self, code=_code(self.name, self.int8, "native", self.limits, head))

    def run(self, x: np.ndarray, what: str, progress: Progress) -> np.ndarray:
        """Give the oracle's int8 outputs ``(N, f)`` for int8 ``x``, ``(N, *shape[1:])``."""
        rows = []
        for start in range(0, len(x), _CHUNK):
            progress(f"{self.name}: {what} samples, {start:,} of {len(x):,} done")
            rows += oracle.run(self.int8.model, [x[start : start + _CHUNK]])
        return np.concatenate(rows).reshape(len(x), -1)

    def assemble(self, sets: Sets, vectors: int, command: str, progress: Progress) -> Assembled:
        """Put the bundle together. Raises :class:`BadInput`."""
        with _named(self.name):
            return assemble(
                self.student,
                self.int8,
                self.code,
                sets,
                name=self.name,
                vectors=vectors,
                command=command,
                progress=lambda step: progress(f"{self.name}: {step}"),
            )


def make(
    student: Student,
    sets: Sets,
    runtime: Runtime | None,
    limits: Limits,
    progress: Progress,
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Member:
    """Quantise a student with the ``sets``, and the ``ranges`` it may have learned, and generate its code.

    Raises :class:`BadInput`, and :class:`TooLarge` beyond the limits.
    """
    with _named(student.name):
        int8 = to_int8(student, sets, lambda step: progress(f"{student.name}: {step}"), ranges=ranges)
    return Member(student, int8, _code(student.name, int8, runtime, limits), limits)


def _code(
    name: str, int8: Int8, runtime: Runtime | None, limits: Limits, head: bytes | None = None
) -> runtimes.Code:
    with _named(name):
        code = runtimes.generate(int8, name, runtime, limits.flash, limits.ram, goal=limits.goal, head=head)
        if not limits.force:
            require_budget(code)
    return code


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say in an error which member it is about."""
    try:
        yield
    except TooLarge as error:
        raise TooLarge(f"{name}: {error}", error.info, error.layers) from None
    except BadInput as error:
        if str(error).startswith(f"{name}: "):
            raise
        raise BadInput(f"{name}: {error}") from error.__cause__
