"""Verify a network: every student on its device, all at the same time, then what they answer together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from nonn_mcu.errors import BadInput, NoDevice, NonnError
from nonn_mcu.link.client import Device
from nonn_mcu.nonn.devices import assign as holders
from nonn_mcu.nonn.devices.fuse import fuse
from nonn_mcu.nonn.devices.line import Line, hellos, lines
from nonn_mcu.nonn.devices.verdict import FusedVerdict, NetworkVerdict, incomplete, judge_fused, not_fused
from nonn_mcu.nonn.network import Fused, NetworkBundle
from nonn_mcu.verify.conformance import RUNS
from nonn_mcu.verify.judge import failed
from nonn_mcu.verify.plan import Plan, Wishes, make
from nonn_mcu.verify.run import PortProgress
from nonn_mcu.verify.session import check_device, device_info
from nonn_mcu.verify.verdict import DeviceInfo, DeviceVerdict


class _Stopped(Exception):
    """The caller gave up waiting."""


@dataclass(frozen=True, eq=False)
class _Plans:
    """What each student's device is put through, the head's if one holds it, and the answers to expect."""

    students: tuple[Plan, ...]
    head: Plan | None
    golden: Fused
    complete: bool


@dataclass(frozen=True, eq=False)
class _Checked:
    """A device's verdict, and what it gave, int8 ``(RUNS, N, *shape[1:])``; None if it was not judged."""

    verdict: DeviceVerdict
    outputs: np.ndarray | None


def verify_network(
    network: NetworkBundle,
    ports: Sequence[str],
    wishes: Wishes,
    *,
    baud: int,
    timeout: float,
    progress: PortProgress,
) -> NetworkVerdict:
    """Verify the devices on the ports, which hold the network's students in any order.

    ``timeout`` is how many seconds a device may be silent. A device that fails has its error in its own
    verdict and leaves the others alone; the network's answers are then not judged. Raises
    :class:`NoDevice` for fewer ports than students, :class:`WrongModel` where a device holds none of the
    students or another device's, and :class:`BadInput` for a network that cannot be used.
    KeyboardInterrupt ends all devices before their next exchange.
    """
    plans = _plans(network, wishes)
    stop = threading.Event()

    def tick(label: str, done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        progress(label, done, total)

    with lines(ports, baud=baud, patience=timeout) as opened:
        try:
            return _verify(network, plans, opened, tick)
        finally:
            stop.set()


def _plans(network: NetworkBundle, wishes: Wishes) -> _Plans:
    students = tuple(make(student, wishes) for student in network.students)
    head = None if network.manifest.holder is None else make(network.head, wishes)
    everything = network.fused
    parts = (everything.outputs, everything.references, everything.labels)
    golden = Fused(*(part[: wishes.vectors] for part in parts))
    if any(len(plan.vectors) != len(golden.outputs) for plan in students):
        raise BadInput(f"{network.path}: its bundles hold different vectors; run convert again")
    return _Plans(students, head, golden, len(golden.outputs) == len(everything.outputs))


def _verify(
    network: NetworkBundle, plans: _Plans, opened: Mapping[str, Line], tick: PortProgress
) -> NetworkVerdict:
    said, silent = hellos(opened)
    places = holders.assign(network.path, network.students, said)
    if len(opened) < len(network.students):
        left = holders.absent(network.students, places)
        raise NoDevice(f"no device holds {holders.lacking(left)}, and name its port")
    asked = {
        student: opened[port].ask(partial(_check, plans.students[student], port, partial(tick, port)))
        for student, port in places.items()
    }
    checked = {student: future.result() for student, future in asked.items()}
    judged = {places[student]: one.verdict for student, one in checked.items()}
    judged |= {port: failed(port, error) for port, error in silent.items()}
    verdicts = [judged[port] for port in opened]
    holder = network.manifest.holder
    line = None if holder is None or holder not in places else opened[places[holder]]
    if line is not None and plans.head is not None:
        check = partial(_check_head, network, plans.head, line.port, partial(tick, f"{line.port} head"))
        verdicts.append(line.ask(check).result().verdict)
    unjudged = next((one for one in verdicts if one.error is not None), None)
    if unjudged is not None:
        return NetworkVerdict(tuple(verdicts), incomplete(network, unjudged))
    features = [checked[student].outputs for student in range(len(network.students))]
    return NetworkVerdict(tuple(verdicts), _fused(network, plans, features, line))


def _check(plan: Plan, port: str, tick: Callable[[int, int], None], device: Device) -> _Checked:
    info: DeviceInfo | None = None
    outputs: list[np.ndarray] = []
    try:
        info = device_info(device.hello())
        return _Checked(check_device(device, port, plan, tick, outputs.extend), outputs[0])
    except NonnError as error:
        return _Checked(replace(failed(port, error, info), bundle=str(plan.bundle.path)), None)


def _check_head(
    network: NetworkBundle, plan: Plan, port: str, tick: Callable[[int, int], None], device: Device
) -> _Checked:
    try:
        return _check(plan, port, tick, holders.head_on(device, port, network))
    except NonnError as error:
        return _Checked(replace(failed(port, error), bundle=str(plan.bundle.path)), None)


def _fused(
    network: NetworkBundle, plans: _Plans, features: Sequence[np.ndarray | None], line: Line | None
) -> FusedVerdict:
    """Judge what the head makes of what the students gave; on the device of ``line``, or here."""
    count = len(plans.golden.outputs)
    given = [None if one is None else one.reshape(RUNS * count, -1) for one in features]
    try:
        if line is None:
            logits = fuse(network, given)
        else:
            port = line.port
            logits = line.ask(
                lambda device: holders.fuse_on(holders.head_on(device, port, network), network, given)
            ).result()
        return judge_fused(network, plans.golden, logits.reshape(RUNS, count, -1), complete=plans.complete)
    except NonnError as error:
        return not_fused(network, error)
