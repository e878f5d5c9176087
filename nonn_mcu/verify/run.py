"""Several devices at once: one thread and one verdict each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from nonn_mcu.errors import NonnError
from nonn_mcu.link.client import Device
from nonn_mcu.verify.judge import failed
from nonn_mcu.verify.plan import Plan, PlanFor
from nonn_mcu.verify.session import check_device, device_info
from nonn_mcu.verify.verdict import DeviceInfo, DeviceVerdict, Verdict

# Called from the devices' threads with (port, exchanges done, exchanges in all).
PortProgress = Callable[[str, int, int], None]
# Called from there too, once every vector ran: with what the device was put through, and what it gave, int8
# ``(RUNS, N, *shape[1:])`` of each output.
PortKeep = Callable[[str, Plan, Sequence[np.ndarray]], None]


def _forget(port: str, plan: Plan, outputs: Sequence[np.ndarray]) -> None:
    """Keep nothing."""


class _Stopped(Exception):
    """The caller gave up waiting."""


def verify_ports(
    ports: Sequence[str],
    plan_for: PlanFor,
    *,
    baud: int,
    timeout: float,
    progress: PortProgress,
    keep: PortKeep = _forget,
) -> Verdict:
    """Verify the device on every port, all at the same time.

    ``timeout`` is how many seconds a device may be silent. A device that fails has its error in its own
    verdict and leaves the others alone. KeyboardInterrupt ends all of them before their next exchange.
    """
    results: list[DeviceVerdict | BaseException | None] = [None] * len(ports)
    stop = threading.Event()

    def tick(port: str, done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        progress(port, done, total)

    def work(place: int, port: str) -> None:
        try:
            results[place] = _verify_port(port, plan_for, baud, timeout, tick=tick, keep=keep)
        except BaseException as error:  # a bug in one thread must surface in the caller's
            results[place] = error

    threads = [
        threading.Thread(target=work, args=item, name=f"verify {item[1]}", daemon=True)
        for item in enumerate(ports)
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        stop.set()
    devices = []
    for result in results:
        if not isinstance(result, DeviceVerdict):
            assert result is not None
            raise result
        devices.append(result)
    return Verdict(tuple(devices))


def _verify_port(
    port: str, plan_for: PlanFor, baud: int, timeout: float, *, tick: PortProgress, keep: PortKeep
) -> DeviceVerdict:
    info: DeviceInfo | None = None
    try:
        with Device.open(port, baud=baud, patience=timeout) as device:
            hello = device.hello()
            info = device_info(hello)
            plan = plan_for(hello)
            return check_device(
                device,
                port,
                plan,
                lambda done, total: tick(port, done, total),
                lambda outputs: keep(port, plan, outputs),
            )
    except NonnError as error:
        return failed(port, error, info)
