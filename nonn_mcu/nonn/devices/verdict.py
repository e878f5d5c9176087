"""The verdict on a network: that on every device, and that on what they answer together (docs/verify.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nonn_mcu.errors import BadInput, NonnError
from nonn_mcu.nonn.network import Fused, NetworkBundle
from nonn_mcu.verify import conformance
from nonn_mcu.verify.judge import device_json, explain, fidelity_json, judge_fidelity
from nonn_mcu.verify.reference import Reference
from nonn_mcu.verify.verdict import (
    MATCH,
    MISMATCH,
    STATUS,
    Conformance,
    DeviceVerdict,
    ErrorInfo,
    FidelityVerdict,
    Verdict,
    worst,
)


@dataclass(frozen=True)
class FusedAccuracy:
    """Shares, in 0..1, of the labelled vectors that the float network and the devices classify right."""

    samples: int
    float_network: float
    int8: float


@dataclass(frozen=True)
class FusedVerdict:
    """What the devices answer together; ``head`` is "host" or "device:K".

    Either ``error`` is there, or ``conformance`` and what the vectors have references and labels for.
    """

    head: str
    exit_code: int
    conformance: Conformance | None = None
    fidelity: FidelityVerdict | None = None
    accuracy: FusedAccuracy | None = None
    error: ErrorInfo | None = None

    @property
    def status(self) -> str:
        """One word for the exit code."""
        return STATUS[self.exit_code]


@dataclass(frozen=True)
class NetworkVerdict:
    """What verify found: on each device in the order of ports, on the head on a device, on them together."""

    devices: tuple[DeviceVerdict, ...]
    fused: FusedVerdict

    @property
    def parts(self) -> tuple[DeviceVerdict | FusedVerdict, ...]:
        """The devices' verdicts and that on all of them together."""
        return (*self.devices, self.fused)

    @property
    def exit_code(self) -> int:
        """The worst of all exit codes, by :data:`~nonn_mcu.verify.verdict.PRECEDENCE`."""
        return worst(one.exit_code for one in self.parts)


def judge_fused(network: NetworkBundle, golden: Fused, got: np.ndarray, *, complete: bool) -> FusedVerdict:
    """Hold ``got``, int8 ``(RUNS, N, classes)``, against the golden answers to the same N vectors.

    ``complete`` says that these are all vectors, which the tolerance is for. Raises :class:`BadInput` where
    the network contradicts itself.
    """
    manifest = network.manifest
    if got.shape[1:] != golden.outputs.shape or len(manifest.tolerance.sqnr_db) != 1:
        raise BadInput(f"{network.path}: the head's answers are not those of the network; run convert again")
    exact = conformance.compare([golden.outputs], [got])
    close = judge_fidelity(
        [got[0]],
        Reference("golden", (golden.references,)),
        network.head.manifest.outputs,
        manifest.tolerance,
        complete=complete,
    )
    good = exact.ok and (close is None or not close.shortfalls)
    return FusedVerdict(manifest.head, MATCH if good else MISMATCH, exact, close, _accuracy(golden, got[0]))


def not_fused(network: NetworkBundle, error: NonnError) -> FusedVerdict:
    """Give the verdict where the head gave no answer."""
    return FusedVerdict(
        network.manifest.head, error.exit_code, error=ErrorInfo(type(error).__name__, str(error))
    )


def incomplete(network: NetworkBundle, device: DeviceVerdict) -> FusedVerdict:
    """Give the verdict where the head was not asked, because ``device`` could not be judged."""
    assert device.error is not None
    message = f"{network.path}: its answers were not judged, since {device.port} could not be"
    return FusedVerdict(network.manifest.head, device.exit_code, error=replace(device.error, message=message))


def _accuracy(golden: Fused, answers: np.ndarray) -> FusedAccuracy | None:
    labelled = (golden.labels >= 0) & np.isfinite(golden.references).all(axis=1)
    if not labelled.any():
        return None
    labels = golden.labels[labelled]

    def right(values: np.ndarray) -> float:
        return float(np.mean(values[labelled].argmax(axis=1) == labels))

    return FusedAccuracy(len(labels), right(golden.references), right(answers))


def explain_each(verdict: NetworkVerdict, obituaries: Mapping[str, str | None]) -> NetworkVerdict:
    """Say in the link errors of a port how its device's process ended; None while it runs."""
    devices = (explain(Verdict((one,)), obituaries.get(one.port)).devices[0] for one in verdict.devices)
    return replace(verdict, devices=tuple(devices))


def to_json(verdict: NetworkVerdict) -> dict[str, Any]:
    """Turn the verdict into plain dicts, lists, numbers and text; the error that decides is on top."""
    code, fused = verdict.exit_code, verdict.fused
    decisive = next(one for one in verdict.parts if one.exit_code == code)
    return {
        "status": STATUS[code],
        "error": None if decisive.error is None else asdict(decisive.error),
        "devices": [device_json(device) for device in verdict.devices],
        "fused": {"status": fused.status, **asdict(fused), "fidelity": fidelity_json(fused.fidelity)},
    }
