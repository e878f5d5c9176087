"""From findings to verdicts, and from verdicts to JSON (docs/verify.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from nonn_mcu.bundle import Fidelity, TensorInfo
from nonn_mcu.errors import LinkError, NonnError
from nonn_mcu.verify import fidelity as figures
from nonn_mcu.verify.reference import Reference
from nonn_mcu.verify.verdict import (
    MATCH,
    MISMATCH,
    STATUS,
    Conformance,
    DeviceInfo,
    DeviceVerdict,
    ErrorInfo,
    FidelityVerdict,
    LayersVerdict,
    LinkStats,
    Stats,
    Verdict,
)


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


def judge_fidelity(
    outputs: Sequence[np.ndarray],
    reference: Reference,
    infos: Sequence[TensorInfo],
    tolerance: Fidelity | None,
    *,
    complete: bool,
) -> FidelityVerdict | None:
    """Judge the first run of every vector, int8 ``(N, *shape[1:])`` per output, by the tolerance.

    ``complete`` says that all vectors ran. None where none of them has a float reference.
    """
    if not reference.outputs:
        return None
    measured = figures.measure(outputs, reference.outputs, infos)
    if not measured.samples:
        return None
    why_not = ""
    shortfalls: tuple[str, ...] = ()
    if tolerance is None:
        why_not = "the bundle states no tolerance"
    elif not complete:
        why_not = f"the tolerance is for all vectors, {len(outputs[0])} of them ran"
    else:
        shortfalls = figures.shortfalls(measured, tolerance, infos)
    return FidelityVerdict(
        reference=reference.source,
        live_difference=reference.difference,
        measured=measured,
        tolerance=tolerance,
        judged=not why_not,
        why_not_judged=why_not,
        shortfalls=shortfalls,
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
        "devices": [device_json(device) for device in verdict.devices],
    }


def device_json(device: DeviceVerdict) -> dict[str, Any]:
    """Turn one device's verdict into plain values."""
    return {"status": device.status, **asdict(device), "fidelity": fidelity_json(device.fidelity)}


def fidelity_json(found: FidelityVerdict | None) -> dict[str, Any] | None:
    """Turn what was measured into plain values."""
    if found is None:
        return None
    tolerance = None if found.tolerance is None else found.tolerance.model_dump(mode="json")
    return asdict(found) | {"measured": found.measured.model_dump(mode="json"), "tolerance": tolerance}
