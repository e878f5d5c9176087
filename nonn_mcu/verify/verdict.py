"""The verdict: what verify found, as frozen values that become JSON as they are (docs/verify.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from nonn_mcu.bundle import Fidelity
from nonn_mcu.errors import BadInput, DeviceError, LinkError, NoDevice, NonnError, WrongModel

MATCH, MISMATCH = 0, 1

# A device that was caught giving a wrong answer outweighs one that could not be asked; among those the
# code that says most about the device comes first.
PRECEDENCE = (
    MISMATCH,
    BadInput.exit_code,
    WrongModel.exit_code,
    DeviceError.exit_code,
    LinkError.exit_code,
    NoDevice.exit_code,
    MATCH,
)


@dataclass(frozen=True)
class DeviceInfo:
    """Who answered on a port, in its own words; shown as untrusted text."""

    model: str
    digest: str  # SHA-256 of the .tflite, hex
    runtime: str
    board: str
    core: str
    firmware: str


@dataclass(frozen=True)
class Mismatch:
    """One int8 value that differs: ``index`` is its place in the output, batch axis included."""

    vector: int
    run: int  # 0 or 1
    output: int
    index: tuple[int, ...]
    expected: int
    got: int


@dataclass(frozen=True)
class Conformance:
    """Device against oracle, byte for byte, every vector twice in shuffled order.

    ``lsb_histogram`` counts the values of all runs by their absolute difference in LSB (0 to 255), only
    those that occur. ``unstable_vectors`` gave two different outputs in two runs.
    """

    vectors: int
    runs: int
    values: int
    mismatching_vectors: int
    mismatching_values: int
    unstable_vectors: int
    first_mismatch: Mismatch | None
    lsb_histogram: dict[int, int]

    @property
    def ok(self) -> bool:
        """All equal."""
        return self.mismatching_values == 0


@dataclass(frozen=True)
class FidelityVerdict:
    """Device against the PyTorch reference. ``judged`` is False where there was nothing to judge it by.

    ``reference`` is "golden" (stored in the bundle) or "live" (recomputed), ``live_difference`` how far the
    two are apart relative to the largest value; ``shortfalls`` is empty when all figures are within
    ``tolerance``.
    """

    reference: str
    live_difference: float | None
    measured: Fidelity
    tolerance: Fidelity | None
    judged: bool
    why_not_judged: str
    shortfalls: tuple[str, ...]


@dataclass(frozen=True)
class LayerDivergence:
    """The first layer whose tensor differs from the oracle's, for the first vector where one does."""

    vector: int
    layer: int
    name: str
    op: str
    module: str  # torch module, or ""
    kernel: str
    expected_crc: int
    got_crc: int
    worst_lsb: int | None  # largest difference; None where the oracle is not installed
    differing_values: int | None


@dataclass(frozen=True)
class LayersVerdict:
    """How many layers of how many vectors were compared, and the first that diverges."""

    vectors: int
    layers: int
    divergence: LayerDivergence | None


@dataclass(frozen=True)
class Stats:
    """What the device counted; None where its board cannot tell.

    ``ticks`` is what the last inference took, in ``tick_unit`` ("instructions" under emulation, "cycles",
    "ns"); the rest are bytes of RAM: the arena, all static data with it, the deepest stack.
    """

    ticks: int | None
    tick_unit: str
    arena_bytes: int
    static_bytes: int | None
    stack_bytes: int | None


@dataclass(frozen=True)
class LinkStats:
    """What happened on the line, in frames.

    The host: ``sent``, of which ``lost`` had no answer in time and were sent again; ``damaged`` runs of
    bytes that were no frame. The device: frames ``corrupt`` or ``too_long``, and requests ``refused``.
    """

    sent: int
    lost: int
    damaged: int
    corrupt: int
    too_long: int
    refused: int


@dataclass(frozen=True)
class ErrorInfo:
    """Why a device could not be judged: the class of the error and its one line."""

    type: str
    message: str


@dataclass(frozen=True)
class DeviceVerdict:
    """One device; ``bundle`` is the folder it was held against.

    Either ``error`` is there, or ``conformance`` and all that was asked for beyond it.
    """

    port: str
    exit_code: int
    device: DeviceInfo | None = None
    bundle: str | None = None
    conformance: Conformance | None = None
    fidelity: FidelityVerdict | None = None
    layers: LayersVerdict | None = None
    stats: Stats | None = None
    link: LinkStats | None = None
    error: ErrorInfo | None = None

    @property
    def status(self) -> str:
        """One word for the exit code (:data:`STATUS`)."""
        return STATUS[self.exit_code]


STATUS = {
    MATCH: "match",
    MISMATCH: "mismatch",
    BadInput.exit_code: "bad-input",
    WrongModel.exit_code: "wrong-model",
    DeviceError.exit_code: "device-error",
    LinkError.exit_code: "link-failed",
    NoDevice.exit_code: "no-device",
}


@dataclass(frozen=True)
class Verdict:
    """What one call of verify found, per device in the order of the ports given."""

    devices: tuple[DeviceVerdict, ...]

    @property
    def exit_code(self) -> int:
        """The worst of the devices' exit codes, by :data:`PRECEDENCE`."""
        return worst(device.exit_code for device in self.devices)


def worst(codes: Iterable[int]) -> int:
    """Pick the exit code that comes first in :data:`PRECEDENCE`."""
    return min(codes, key=PRECEDENCE.index)


def failed(port: str, error: NonnError, device: DeviceInfo | None = None) -> DeviceVerdict:
    """Give the verdict on a device that could not be judged."""
    return DeviceVerdict(port, error.exit_code, device, error=ErrorInfo(type(error).__name__, str(error)))


def explain(verdict: Verdict, obituary: str | None) -> Verdict:
    """Say in every link error how the device's process ended; ``obituary`` is None while it runs."""
    if obituary is None:
        return verdict
    devices = tuple(
        device
        if device.error is None or device.exit_code != LinkError.exit_code
        else replace(device, error=replace(device.error, message=f"{obituary} ({device.error.message})"))
        for device in verdict.devices
    )
    return Verdict(devices)


def judge(
    port: str,
    device: DeviceInfo,
    *,
    bundle: str,
    conformance: Conformance,
    fidelity: FidelityVerdict | None,
    layers: LayersVerdict | None,
    stats: Stats,
    link: LinkStats,
) -> DeviceVerdict:
    """Match only when every byte, every judged figure and every compared layer agrees."""
    good = (
        conformance.ok
        and (fidelity is None or not fidelity.shortfalls)
        and (layers is None or layers.divergence is None)
    )
    return DeviceVerdict(
        port,
        MATCH if good else MISMATCH,
        device,
        bundle=bundle,
        conformance=conformance,
        fidelity=fidelity,
        layers=layers,
        stats=stats,
        link=link,
    )


def to_json(verdict: Verdict) -> dict[str, Any]:
    """Turn the verdict into plain dicts, lists, numbers and text.

    ``error`` at the top is that of the device which decides the exit code, None for match and mismatch.
    """
    code = verdict.exit_code
    decisive = next(device for device in verdict.devices if device.exit_code == code)
    return {
        "status": STATUS[code],
        "error": None if decisive.error is None else asdict(decisive.error),
        "devices": [_device_json(device) for device in verdict.devices],
    }


def _device_json(device: DeviceVerdict) -> dict[str, Any]:
    body = asdict(device)
    for key in ("measured", "tolerance"):
        if device.fidelity is not None and getattr(device.fidelity, key) is not None:
            body["fidelity"][key] = getattr(device.fidelity, key).model_dump(mode="json")
    return {"status": device.status, **body}
