"""Which device holds which part of a network: its models say so by their digests, in any order of ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import WrongModel
from nonn_mcu.link.client import Device
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.ports import candidates
from nonn_mcu.link.replies import Hello
from nonn_mcu.nonn.devices.fuse import joined
from nonn_mcu.nonn.network import NetworkBundle
from nonn_mcu.verify.locate import ask


def assign(path: Path, students: Sequence[Bundle], hellos: Mapping[str, Hello]) -> dict[int, str]:
    """Give the port of each student that a device holds; ``hellos`` are what the devices said, by port.

    ``students`` are those of the network at ``path``, or the one bundle there. Raises :class:`WrongModel`
    for a device that holds none of them, or the same one as another device.
    """
    digests = [student.manifest.model_sha256 for student in students]
    places: dict[int, str] = {}
    wrong = []
    for port, hello in hellos.items():
        same = [i for i, digest in enumerate(digests) if digest == hello.sha256]
        free = next((i for i in same if i not in places), None)
        if free is not None:
            places[free] = port
        elif same:
            wrong.append(f"{port}: the device holds {students[same[0]].path.name}, as {places[same[0]]} does")
        else:
            wrong.append(f"{port}: the device holds {hello.model} ({hello.sha256[:12]}), no model of {path}")
    if wrong:
        left = absent(students, places)
        remedy = f"no device holds {lacking(left)}" if left else "every student has its device, leave it out"
        raise WrongModel(f"{'; '.join(wrong)}; {remedy}")
    return places


def find(students: Sequence[Bundle], baud: int) -> list[str]:
    """Ask all serial ports of the machine, and give those whose devices hold one of the students."""
    digests = {student.manifest.model_sha256 for student in students}
    answers = ask([(found.device, found.description) for found in candidates()], baud)
    return [one.port for one in answers if one.hello is not None and one.hello.sha256 in digests]


def absent(students: Sequence[Bundle], places: Iterable[int]) -> list[Bundle]:
    """List the students that are at none of the ``places``."""
    there = set(places)
    return [student for i, student in enumerate(students) if i not in there]


def lacking(left: Sequence[Bundle]) -> str:
    """Name students that no device holds, and the remedy."""
    names = " and ".join(student.path.name for student in left)
    return f"{names}: flash {' and '.join(str(student.path) for student in left)}"


def head_on(device: Device, port: str, network: NetworkBundle) -> Device:
    """Give the head on the device that holds it, as a device. Raises :class:`WrongModel`."""
    holder = network.manifest.holder
    assert holder is not None
    student = network.students[holder].path
    if device.hello().models < 2:
        raise WrongModel(f"{port}: the device holds {student.name} without the head; flash {student} again")
    head = device.model(1)
    hello = head.hello()
    if hello.sha256 != network.manifest.head_sha256:
        raise WrongModel(
            f"{port}: the device holds {student.name} with another head ({hello.sha256[:12]}, not "
            f"{network.manifest.head_sha256[:12]}); flash {student} again"
        )
    return head


def fuse_on(
    head: Device,
    network: NetworkBundle,
    features: Sequence[np.ndarray | None],
    deadline: Deadline | None = None,
) -> np.ndarray:
    """Let a device be the head: takes and gives what :func:`~nonn_mcu.nonn.devices.fuse.fuse` does.

    Raises BadInput as that does, and what :meth:`Device.run` raises.
    """
    means = [np.array(student.absent, np.int8) for student in network.manifest.students]
    rows = joined(features, means)
    shape = network.head.manifest.inputs[0].shape
    return np.concatenate(
        [head.run([row.reshape(shape)], deadline=deadline)[0].reshape(1, -1) for row in rows]
    )
