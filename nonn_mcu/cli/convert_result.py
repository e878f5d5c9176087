"""What ``nonn-mcu convert`` says of a conversion, for people and for programs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nonn_mcu.cli.output import one_line

if TYPE_CHECKING:
    from nonn_mcu.bundle import Bundle
    from nonn_mcu.convert.pipeline import Converted, TooLarge
    from nonn_mcu.nonn.convert.convert import Converted as ConvertedNetwork

# What a runtime's code begins with, in the bundle.
NATIVE, TFLM = "native/model.c", "tflm/model.cc"


@dataclass(frozen=True)
class Result:
    """``lines`` for people, ``body`` for programs, ``notes`` beside the lines; ``bundles`` have logs."""

    lines: list[str]
    body: dict[str, Any]
    notes: tuple[str, ...]
    bundles: tuple[Bundle, ...]


def of_student(converted: Converted) -> Result:
    """Say where a bundle is, how faithful it is, and what it takes."""
    from nonn_mcu.report import budget_report
    from nonn_mcu.report.conversion import fidelity_lines, quantisation_line

    path, manifest = converted.bundle.path, converted.bundle.manifest
    rows = [
        ("bundle", path),
        ("model", path / manifest.model_file),
        *((label, path / file) for label, file in (("C", NATIVE), ("TFLM", TFLM)) if file in manifest.files),
        ("report", path / "report.html"),
    ]
    lines = [f"{what:8}{one_line(os.fsdecode(where))}" for what, where in rows]
    lines += [
        f"{'fidelity':8} {one_line(line)}" for line in fidelity_lines(manifest.fidelity, manifest.outputs)
    ]
    if (gained := quantisation_line(manifest.quantisation)) is not None:
        lines.append(f"{'int8':8} {gained}")
    if manifest.tflm is not None:
        lines.append(f"{'arena':8}{manifest.tflm.arena_bytes:,} B at most, over TensorFlow Lite Micro")
    lines += ["", budget_report.summary(manifest.budget)]
    body = _of_bundle(converted.bundle) | {
        "model": manifest.model_file,
        "c": NATIVE if NATIVE in manifest.files else None,
        "tflm": TFLM if TFLM in manifest.files else None,
        "tflm_arena_bytes": None if manifest.tflm is None else manifest.tflm.arena_bytes,
        "layers": len(manifest.layers),
        "notes": list(converted.notes),
    }
    return Result(lines, body, converted.notes, (converted.bundle,))


def of_network(converted: ConvertedNetwork) -> Result:
    """Say where a network is, how good it is as a whole, and what each student takes."""
    from nonn_mcu.report import network_report
    from nonn_mcu.report.conversion import fidelity_lines

    network, manifest = converted.network, converted.network.manifest
    head = network.head.manifest
    lines = [
        f"{'network':9}{one_line(os.fsdecode(network.path))}",
        f"{'head':9}on {manifest.head}, {sum(layer.flash_bytes for layer in head.layers):,} B",
        *(f"{'fidelity':9}{one_line(line)}" for line in fidelity_lines(manifest.fidelity, head.outputs)),
        *(f"{'accuracy':9}{line}" for line in network_report.accuracy_lines(manifest.accuracy)),
        "",
        network_report.summary(network),
    ]
    body = manifest.model_dump(mode="json", include={"name", "fidelity", "accuracy"}) | {
        "network": one_line(os.fsdecode(network.path)),
        "students": [_of_bundle(one) for one in network.students],
        "head": _of_bundle(network.head) | {"on": manifest.head},
        "notes": list(converted.notes),
    }
    return Result(lines, body, converted.notes, (*network.students, network.head))


def of_refusal(error: TooLarge) -> dict[str, Any]:
    """Say what does not fit, for programs."""
    return {
        "error": {"type": "OverBudget", "message": str(error)},
        "budget": error.info.model_dump(mode="json"),
        "layers": [layer.model_dump(mode="json") for layer in error.layers],
    }


def _of_bundle(bundle: Bundle) -> dict[str, Any]:
    keys = {"name", "model_sha256", "fidelity", "budget", "runtimes", "native", "calibration", "quantisation"}
    body = bundle.manifest.model_dump(mode="json", include=keys)
    return body | {"bundle": one_line(os.fsdecode(bundle.path))}
