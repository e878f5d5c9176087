"""From findings to verdicts, and from verdicts to JSON (docs/verify.md)."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from nonn_mcu.errors import LinkError, NonnError
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
