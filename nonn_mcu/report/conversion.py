"""The report of a conversion: what each layer costs, how faithful the int8 model is, whether it fits."""

from __future__ import annotations

import json
from collections.abc import Sequence

from nonn_mcu.manifest import Fidelity, LayerInfo, Manifest, QuantisationStep, TensorInfo
from nonn_mcu.report.budget_report import summary
from nonn_mcu.report.figures import Figures
from nonn_mcu.report.table import table


def per_layer(layers: Sequence[LayerInfo]) -> str:
    """One line per layer, and a line of totals: operator, output shape, MACs, flash, arena in use."""
    body = [
        (
            str(number),
            layer.name,
            layer.op,
            "x".join(str(extent) for extent in layer.shape[1:]),
            f"{layer.macs:,}",
            f"{layer.flash_bytes:,}",
            f"{layer.live_bytes:,}",
        )
        for number, layer in enumerate(layers)
    ]
    totals = (
        f"{sum(layer.macs for layer in layers):,}",
        f"{sum(layer.flash_bytes for layer in layers):,}",
        f"{max((layer.live_bytes for layer in layers), default=0):,}",
    )
    body.append(("", "total (RAM: peak)", "", "", *totals))
    return table(("#", "layer", "operator", "output", "MACs", "flash B", "live RAM B"), body, left=3)


def per_target(manifest: Manifest) -> str:
    """For each kind of core: bytes of arena, beside the least it could be, and constants; kernels in use."""
    body = [
        (
            name,
            *(f"{size:,}" for size in (one.arena_bytes, one.lower_bound, one.weights, one.tables)),
            ", ".join(sorted(set(one.kernels))),
        )
        for name, one in (manifest.native or {}).items()
    ]
    lines = table(
        ("core", "arena B", "bound B", "weights B", "tables B"), [line[:5] for line in body], left=1
    )
    head, *rest = lines.splitlines()
    return "\n".join(
        [f"{head}   kernels", *(f"{line}   {row[5]}" for line, row in zip(rest, body, strict=True))]
    )


def fidelity_lines(measured: Fidelity | None, infos: Sequence[TensorInfo]) -> list[str]:
    """One line per output: SQNR, worst error, top-1 agreement; or why there is none."""
    if measured is None:
        return ["not measured: a ready int8 model has no float reference"]
    rows = zip(infos, measured.sqnr_db, measured.worst_lsb, measured.top1_agreement, strict=True)
    return [
        f"{info.name}: SQNR {sqnr:.1f} dB, worst error {worst:.1f} LSB, top-1 agreement {top1:.1%}"
        f" over {measured.samples} samples"
        for info, sqnr, worst, top1 in rows
    ]


def quantisation_line(steps: Sequence[QuantisationStep]) -> str | None:
    """Say what refining the stock converter's model gained; None where it was not tried."""
    if not steps:
        return None
    stock, last = steps[0], steps[-1]
    gained = f"refined {last.sqnr_db:.1f} dB" if last.kept else "no step gained on it"
    return f"SQNR stock {stock.sqnr_db:.1f} dB, {gained}, on held-out samples"


def markdown(manifest: Manifest, golden: Fidelity | None, notes: Sequence[str]) -> str:
    """Write the report as Markdown; nothing in it depends on when or where it was made."""
    lines = [
        f"# {manifest.name}",
        "",
        f"Model `{manifest.model_file}`, SHA-256 `{manifest.model_sha256}`.",
        "",
        "## Inputs and outputs",
        "",
        *_tensors("input", manifest.inputs),
        *_tensors("output", manifest.outputs),
        "",
        "## Fidelity against the float network",
        "",
        *(f"- {line}" for line in fidelity_lines(manifest.fidelity, manifest.outputs)),
    ]
    if golden is not None:
        lines += [f"- golden vectors: {line}" for line in fidelity_lines(golden, manifest.outputs)]
    lines += [f"- note: {note}" for note in notes]
    if (gained := quantisation_line(manifest.quantisation)) is not None:
        kept = ", ".join(dict.fromkeys(step.name for step in manifest.quantisation[1:-1] if step.kept))
        lines.append(f"- quantised: {gained}; steps kept: {kept or 'none'}")
    if manifest.calibration is not None:
        used = manifest.calibration
        lines.append(f"- calibrated with {used.samples} samples of {_inline(used.source)}")
    lines += ["", "## Budget", "", *_block(summary(manifest.budget))]
    lines += ["", "## Layers", "", *_block(per_layer(manifest.layers))]
    if manifest.native is not None:
        lines += ["", "## Native runtime", "", *_block(per_target(manifest)), "", "![arena](arena.svg)"]
    lines += ["", "## Made with", ""]
    lines += [f"- {tool} {version}" for tool, version in sorted(manifest.tools.items())]
    return "\n".join(lines) + "\n"


def to_json(manifest: Manifest, figures: Figures) -> str:
    """Write the same figures for programs: a JSON object, ASCII, with sorted keys."""
    document = manifest.model_dump(mode="json", exclude={"files", "schema_version"})
    document["totals"] = {
        "macs": sum(layer.macs for layer in manifest.layers),
        "layer_flash_bytes": sum(layer.flash_bytes for layer in manifest.layers),
        "peak_live_bytes": max((layer.live_bytes for layer in manifest.layers), default=0),
    }
    document["figures"] = figures.model_dump(mode="json")
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _tensors(what: str, infos: Sequence[TensorInfo]) -> list[str]:
    return [
        f"- {what} {_inline(info.name)}: int8 {list(info.shape)}, "
        f"real = {info.scale:.9g} * (q - {info.zero_point}); "
        f"torch's {list(info.torch_shape)} in the order of axes {list(info.from_torch) or 'as it is'}"
        for info in infos
    ]


def _inline(text: str) -> str:
    """Text of unknown origin as code; it cannot end the code or the line."""
    plain = "".join(c if c.isprintable() and c != "`" else "?" for c in text)
    return f"`{plain}`"


def _block(text: str) -> list[str]:
    return ["```", *text.splitlines(), "```"]
