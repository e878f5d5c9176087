"""Which ports hold a device: found out by talking to each, since USB ids name adapters and not boards."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from nonn_mcu.errors import BadInput, NoDevice, NonnError
from nonn_mcu.link.client import Device
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.replies import Hello

# A board that resets when its port is opened takes two seconds to come up.
PROBE_SECONDS = 5.0


@dataclass(frozen=True)
class Answer:
    """What one port gave: ``hello`` from a device, or the error that says why there is none."""

    port: str
    description: str
    hello: Hello | None
    error: NonnError | None


def ask(ports: Sequence[tuple[str, str]], baud: int, seconds: float = PROBE_SECONDS) -> list[Answer]:
    """Say hello on every port of ``(url, description)``, all at once, each for up to ``seconds``."""
    answers: list[Answer | None] = [None] * len(ports)

    def work(place: int, port: str, description: str) -> None:
        try:
            with Device.open(port, baud=baud, patience=seconds) as device:
                answers[place] = Answer(port, description, device.hello(Deadline.after(seconds)), None)
        except NonnError as error:
            answers[place] = Answer(port, description, None, error)

    threads = [
        threading.Thread(target=work, args=(place, *port), name=f"ask {port[0]}", daemon=True)
        for place, port in enumerate(ports)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answer for answer in answers if answer is not None]


def require_apart(ports: Sequence[str]) -> None:
    """Raise :class:`BadInput` where two ports are one: the same name, or links to the same file."""
    known: dict[str, str] = {}
    for port in ports:
        file = os.path.realpath(port)
        if file in known:
            name = port if known[file] == port else f"{known[file]}, also called {port},"
            raise BadInput(f"--port {name} is there twice; a port holds one device")
        known[file] = port


def only_device(answers: Sequence[Answer]) -> str:
    """Give the port of the one device that answered. Raises :class:`NoDevice` for none or several."""
    devices = [answer for answer in answers if answer.hello is not None]
    if len(devices) == 1:
        return devices[0].port
    if devices:
        names = ", ".join(f"{a.port} ({a.hello.model} on {a.hello.board})" for a in devices if a.hello)
        raise NoDevice(f"{len(devices)} devices answer: {names}; choose with --port")
    if not answers:
        raise NoDevice(
            "no serial port is there; connect a device, name its port with --port, "
            "or give --board to emulate one"
        )
    tried = "; ".join(f"{answer.port}: {why(answer)}" for answer in answers)
    raise NoDevice(f"no device answers ({tried}); name its port with --port")


def why(answer: Answer) -> str:
    """Say why there is no device, without the port's name."""
    return str(answer.error).removeprefix(f"{answer.port}: ")
