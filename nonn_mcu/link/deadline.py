"""A point in time that is passed down, so that nested waits share one limit."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A moment on the monotonic clock, in seconds; infinity never comes."""

    moment: float = math.inf

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the moment ``seconds`` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.moment - time.monotonic())

    def expired(self) -> bool:
        """Whether the moment has come."""
        return time.monotonic() >= self.moment

    def earlier(self, other: Deadline) -> Deadline:
        """Whichever of the two comes first."""
        return self if self.moment <= other.moment else other
