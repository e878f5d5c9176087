"""The verdict: what verify found, as frozen values (docs/verify.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nonn_mcu.bundle import Fidelity
from nonn_mcu.errors import BadInput, DeviceError, LinkError, NoDevice, WrongModel

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
    "ns"); the rest are bytes of RAM: the arena, what the runtime takes of it, all static data with it, the
    deepest stack.
    """

    ticks: int | None
    tick_unit: str
    arena_bytes: int
    arena_used: int
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
