"""What ``nonn-mcu bench`` found, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from nonn_mcu.bench import core
from nonn_mcu.bench.baseline import Change
from nonn_mcu.bench.measure import Bench


def to_json(found: Sequence[Bench], changes: Iterable[Change]) -> dict[str, Any]:
    """Give everything that was counted, the assumptions of each core, and what has changed."""
    cores = dict.fromkeys(one.board.core for one in found)
    return {
        "results": [_one(bench) for bench in found],
        "assumptions": {name: list(core.find(name).about) for name in cores},
        "changes": [asdict(change) | {"grew": change.grew, "share": change.share} for change in changes],
    }


def _one(bench: Bench) -> dict[str, Any]:
    return {
        "model": bench.model,
        "board": bench.board.name,
        "core": bench.board.core,
        "optimize": bench.optimize,
        "runtime": bench.runtime,
        "macs": bench.macs,
        "instructions": bench.instructions,
        "ticks_instructions": bench.ticks_instructions,
        "cycles": asdict(bench.cycles),
        "ram": {"arena": bench.sizes.arena, "static": bench.sizes.static, "stack": bench.stack},
        "flash": {
            "engine": bench.sizes.engine,
            "weights": bench.weights,
            "tables": bench.tables,
            "device": bench.sizes.device,
            "library": bench.sizes.library,
            "port": bench.sizes.port + bench.sizes.data + bench.sizes.other,
            "total": bench.sizes.flash,
        },
        "layers": [asdict(layer) for layer in bench.layers],
    }
