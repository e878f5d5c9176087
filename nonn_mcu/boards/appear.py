"""Waiting for a board that was just flashed: it comes back, perhaps under another name, and says hello."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from nonn_mcu.errors import NoDevice, WrongModel
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.ports import Candidate, candidates
from nonn_mcu.link.replies import Hello
from nonn_mcu.verify.locate import Answer, ask, why

CHECK_SECONDS = 20.0
ROUND_SECONDS = 3.0  # a board that resets when its port is opened takes two
POLL_SECONDS = 0.25


def where(
    before: Sequence[Candidate], now: Sequence[Candidate], *, port: str | None, probe: str | None, new: bool
) -> list[tuple[str, str]]:
    """Say which ports of ``now`` may be the flashed board's, as (port, description).

    A port that was named is found again by its serial number or place on the USB tree, should it have another
    name; one of a probe by the probe's serial number. Else those count that were not there ``before``; where
    there are none, all, unless the board's must be ``new``.
    """
    if port is not None:
        known = next((one for one in before if _same_path(port, one)), None)
        found = [one for one in now if known is not None and _same_device(known, one)]
        return [(one.device, one.description) for one in found] or [(port, "")]
    number = (probe or "").lower().lstrip("0")
    found = [one for one in now if number and one.serial_number.lower().lstrip("0") == number]
    if not found:
        old = {(one.device, one.serial_number) for one in before}
        found = [one for one in now if (one.device, one.serial_number) not in old]
        if not found and not new:
            found = list(now)
    return [(one.device, one.description) for one in found]


def wait_for(
    digest: str,
    before: Sequence[Candidate],
    *,
    port: str | None,
    probe: str | None = None,
    new: bool = False,
    baud: int = 115200,
) -> tuple[str, Hello]:
    """Wait for the board that holds the model with this SHA-256, in hex; give its port and what it said.

    ``before`` are the ports that were there before the flash was written; the rest as in :func:`where`.
    Raises :class:`WrongModel` where another model answers, :class:`NoDevice` where nothing does in time or
    several boards hold the model.
    """
    deadline = Deadline.after(CHECK_SECONDS)
    answers: list[Answer] = []
    while True:
        ports = where(before, candidates(), port=port, probe=probe, new=new)
        answers = ask(ports, baud, max(0.1, min(ROUND_SECONDS, deadline.remaining()))) or answers
        held = [(answer.port, answer.hello) for answer in answers if answer.hello is not None]
        right = [(name, hello) for name, hello in held if hello.sha256 == digest]
        if len(right) == 1:
            return right[0]
        if len(right) > 1:
            names = ", ".join(name for name, _ in right)
            raise NoDevice(f"written, but {len(right)} devices hold the model ({names}); choose with --port")
        if deadline.expired():
            break
        time.sleep(POLL_SECONDS)
    if held:
        name, hello = held[0]
        raise WrongModel(
            f"{name}: written, but {hello.model} ({hello.sha256[:12]}) answers instead of "
            f"{digest[:12]}: is it "
            "another board (choose with --port), or did this one not restart (press RESET)?"
        )
    tried = "; ".join(f"{answer.port}: {why(answer)}" for answer in answers) or "no port came up"
    raise NoDevice(
        f"written, but no device says hello within {CHECK_SECONDS:.0f} s ({tried}); press RESET, connect "
        "its serial "
        "port and name it with --port, then ask it with: nonn-mcu ports"
    )


def _same_path(port: str, candidate: Candidate) -> bool:
    return os.path.realpath(port) == os.path.realpath(candidate.device)


def _same_device(known: Candidate, now: Candidate) -> bool:
    """Compare what survives a restart; a port without either is the same while its name is."""
    if known.serial_number and known.serial_number == now.serial_number:
        return True
    if known.location and known.location == now.location:
        return True
    return known.device == now.device and not (known.serial_number and now.serial_number)
