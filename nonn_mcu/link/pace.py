"""How long to wait for an answer and how much to send at once, learned from the line as it is.

Waiting follows TCP (RFC 6298: smoothed round trip plus four times its deviation) on what remains of a round
trip when the time its bytes took is taken off. No sample is ambiguous: every transmission has a number of its
own, so it is known which one an answer answers.
"""

from __future__ import annotations

from collections import defaultdict

# Seconds. Before the first answer a board may still be booting; a lost frame costs this much.
FIRST_WAIT = 0.25
SHORTEST_WAIT = 0.004
LONGEST_WAIT = 1.0
SMALLEST_CHUNK = 16  # bytes of a tensor in one message
BAD_LINE = 0.25  # share of attempts lost


class RoundTrip:
    """The time between a request and its answer, beyond that of the bytes: one for each kind of work."""

    def __init__(self) -> None:
        self._mean: float | None = None
        self._deviation = 0.0

    def sample(self, seconds: float) -> None:
        """Learn from one answered request."""
        if self._mean is None:
            self._mean, self._deviation = seconds, seconds / 2
            return
        self._deviation += (abs(seconds - self._mean) - self._deviation) / 4
        self._mean += (seconds - self._mean) / 8

    def wait(self) -> float:
        """Return how long an answer may take before its request counts as lost, in seconds."""
        if self._mean is None:
            return FIRST_WAIT
        return max(SHORTEST_WAIT, self._mean + 4 * self._deviation)


class Pace:
    """What one line can take."""

    def __init__(self, baud: int) -> None:
        # An upper bound until an exchange was faster: a pty or a USB port has no baud rate.
        self._per_byte = 10 / baud
        # A run takes as long as its model takes, everything else (None) next to nothing.
        self._round_trips: dict[int | None, RoundTrip] = defaultdict(RoundTrip)
        self._lost = 0.0  # share of the last sixteen attempts or so
        self.chunk = 1 << 15

    def wait(self, runs: int | None, size: int, silent: int) -> float:
        """Return how long to wait for an answer to a request of ``size`` bytes both ways, in seconds.

        ``runs`` is the number of the model that the request runs, None if it runs none. ``silent`` counts
        the attempts since anything came. A lost frame is noise, not congestion, so the first attempts come at
        one interval; later ones ever slower, lest a busy device finds a long queue.
        """
        once = self._round_trips[runs].wait() + size * self._per_byte
        return max(once, min(LONGEST_WAIT, once * (silent / 6) ** 2))

    def copies(self) -> int:
        """Return how many times to send a request at once: on a bad line waiting costs more than bytes."""
        return 2 if self._lost > BAD_LINE else 1

    def answered(self, runs: int | None, size: int, seconds: float) -> None:
        """Learn that ``size`` bytes both ways took ``seconds``; ``runs`` as in :meth:`wait`."""
        self._per_byte = min(self._per_byte, seconds / size)
        self._round_trips[runs].sample(max(0.0, seconds - size * self._per_byte))

    def grow(self, limit: int) -> None:
        """Learn that an attempt was answered: send more at once, up to ``limit``."""
        self._lost -= self._lost / 16
        self.chunk = min(limit, self.chunk * 2)

    def shrink(self, used: int) -> None:
        """Learn that an attempt with ``used`` bytes of a tensor was lost: send less at once.

        Doubling against three quarters settles where three transmissions of ten get through, near the
        exp(-1) that moves the most bytes on a line that loses them independently.
        """
        self._lost += (1 - self._lost) / 16
        if used:
            self.chunk = max(SMALLEST_CHUNK, min(self.chunk, used) * 3 // 4)
