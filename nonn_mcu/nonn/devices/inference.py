"""One inference over several devices: every student on its own at the same time, then the head."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import BadInput, NoDevice, NonnError, WrongModel
from nonn_mcu.link.client import Device
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.nonn.devices import assign as holders
from nonn_mcu.nonn.devices.fuse import fuse
from nonn_mcu.nonn.devices.line import Line, hellos
from nonn_mcu.nonn.devices.whole import Whole
from nonn_mcu.nonn.network import NetworkBundle
from nonn_mcu.verify.session import check_tensors

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Answer:
    """The int8 ``output``, ``(classes,)``, the students that contributed to it, and the wall time."""

    output: np.ndarray
    answered: tuple[int, ...]
    seconds: float


class Inference:
    """The devices of a network at work.

    Up to ``missing`` of them may be absent at the start, or fall silent, fail, or turn out to hold another
    model: such a device is left out from then on, and ``warn`` is told so in one line. Its features are
    then their means (:attr:`~nonn_mcu.nonn.network.StudentInfo.absent`), and the host is the head instead.
    """

    def __init__(
        self,
        whole: Whole,
        opened: Mapping[str, Line],
        *,
        missing: int,
        timeout: float,
        warn: Callable[[str], None],
    ) -> None:
        """Find each student's device on the opened lines.

        ``timeout`` is how many seconds a device has for one inference. Raises :class:`WrongModel` for a
        device that holds none of the students, another's, or not the head that it should;
        :class:`BadInput` for a ``missing`` that would leave nobody. Where more than ``missing`` devices are
        absent, raises what one failed with, or :class:`NoDevice`.
        """
        if not 0 <= missing < len(whole.students):
            raise BadInput(f"--missing {missing}: {whole.path} has {len(whole.students)}, one must answer")
        self._whole, self._missing, self._timeout, self._warn = whole, missing, timeout, warn
        said, silent = hellos(opened)
        places = holders.assign(whole.path, whole.students, said)
        self._lines = {student: opened[port] for student, port in sorted(places.items())}
        self._require(list(silent.values()))
        self._head: Device | None = None
        self._check()

    def infer(self, x: np.ndarray) -> Answer:
        """Run the network on ``x``, int8 of the students' input shape.

        Raises what a device failed with when that is one more than may be missing.
        """
        began = time.perf_counter()
        features = self._ask({i: partial(_features, x, self._timeout) for i in self._lines})
        network = self._whole.network
        output = features[0] if network is None else self._fuse(network, features)
        return Answer(output.reshape(-1), tuple(features), time.perf_counter() - began)

    def _require(self, errors: list[NonnError]) -> None:
        """Go on without the students that no device holds, if these may be missing."""
        left = holders.absent(self._whole.students, self._lines)
        if len(left) > self._missing:
            if errors:
                raise errors[0]
            otherwise = f" (or --missing {len(left)})" if self._lines else ""
            raise NoDevice(f"no device holds {holders.lacking(left)}, and name its port{otherwise}")
        for error in errors:
            self._warn(str(error))
        for student in left:
            self._warn(f"{student.path.name}: no device holds it, all answers are partial")

    def _check(self) -> None:
        """Compare the tensors of every model with its bundle's."""
        students = self._whole.students
        checks = {i: partial(_check, line.port, students[i]) for i, line in self._lines.items()}
        self._ask(checks, fatal=(WrongModel,))
        network = self._whole.network
        holder = None if network is None else network.manifest.holder
        if network is not None and holder is not None and holder in self._lines:
            find = partial(_head_on, network, self._lines[holder].port)
            self._head = self._ask({holder: find}, fatal=(WrongModel,)).get(holder)

    def _fuse(self, network: NetworkBundle, features: Mapping[int, np.ndarray]) -> np.ndarray:
        given = [features.get(student) for student in range(len(network.students))]
        holder, head = network.manifest.holder, self._head
        if holder is not None and holder in self._lines and head is not None:
            logits = self._ask({holder: partial(_logits, network, given, self._timeout, head)})
            if logits:
                return logits[holder]
        return fuse(network, given)

    def _ask(
        self, tasks: Mapping[int, Callable[[Device], T]], fatal: tuple[type[NonnError], ...] = ()
    ) -> dict[int, T]:
        """Let these students' devices work at the same time; leave out who fails, unless that is fatal."""
        futures = {student: self._lines[student].ask(task) for student, task in tasks.items()}
        results = {}
        for student, future in futures.items():
            try:
                results[student] = future.result()
            except fatal:
                raise
            except NonnError as error:
                self._leave_out(student, error)
        return results

    def _leave_out(self, student: int, error: NonnError) -> None:
        """Go on without this student, or raise its error where that is one too many."""
        line = self._lines.pop(student)
        line.close(Deadline.after(0))
        reason = str(error).removeprefix(f"{line.port}: ")
        message = f"{self._whole.students[student].path.name} on {line.port}: {reason}"
        if len(self._whole.students) - len(self._lines) > self._missing:
            raise type(error)(message) from error
        network = self._whole.network
        heads = network is not None and network.manifest.holder == student
        self._warn(f"{message}; left out from here on{', and the host is the head' if heads else ''}")


def _check(port: str, bundle: Bundle, device: Device) -> None:
    check_tensors(device, port, bundle)


def _head_on(network: NetworkBundle, port: str, device: Device) -> Device:
    head = holders.head_on(device, port, network)
    check_tensors(head, port, network.head)
    return head


def _features(x: np.ndarray, seconds: float, device: Device) -> np.ndarray:
    deadline = Deadline.after(seconds)
    output = device.run([x], deadline=deadline)[0]
    device.check_same_model(deadline)  # a board that was flashed meanwhile gave another model's
    return output


def _logits(
    network: NetworkBundle,
    features: Sequence[np.ndarray | None],
    seconds: float,
    head: Device,
    device: Device,
) -> np.ndarray:
    deadline = Deadline.after(seconds)
    logits = holders.fuse_on(head, network, features, deadline)
    head.check_same_model(deadline)
    return logits
