"""How often a handshake may fail: a few times at once, then once a second for all clients together."""

from __future__ import annotations

import time
from collections.abc import Callable

FREE = 5
INTERVAL = 1.0  # seconds


class Gate:
    """Counts failures, whoever they come from, in one number (generic cell rate algorithm, ITU-T I.371)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._paid = clock()  # when the failures so far will have been waited for

    def failed(self) -> None:
        """Count a failure."""
        self._paid = max(self._paid, self._clock()) + INTERVAL

    def wait(self) -> float:
        """Return how many seconds no connection is to be taken; 0: none."""
        return max(0.0, self._paid - self._clock() - (FREE - 1) * INTERVAL)
