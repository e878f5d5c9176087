"""Counts as they were: a file of figures per model, board and level, and what has changed since."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nonn_mcu.bench.measure import Bench
from nonn_mcu.errors import BadInput

GROWTH = 0.02  # of a count: more than this is a change to be made on purpose
SCHEMA_VERSION = 1
_COMPILER = "arm-none-eabi-gcc"


@dataclass(frozen=True)
class Baseline:
    """``counts`` by "model board level", and the version of the compiler that they are of."""

    compiler: str
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Change:
    """One count that is another now; ``before`` is None where the baseline does not have it."""

    what: str
    count: str
    before: int | None
    now: int

    @property
    def grew(self) -> bool:
        """Say whether it is more than GROWTH above the baseline, or not in it."""
        return self.before is None or self.now > self.before * (1 + GROWTH)

    @property
    def share(self) -> float | None:
        """The change as a share of what was before; None without that."""
        return None if not self.before else self.now / self.before - 1


def key(bench: Bench) -> str:
    """Name the measurement: model, board, what it was built of, level."""
    return f"{bench.model} {bench.board.name} {bench.runtime} {bench.optimize}"


def counts(bench: Bench) -> dict[str, int]:
    """Give the counts that a baseline holds."""
    return {
        "instructions": bench.instructions,
        "cycles_low": bench.cycles.low,
        "cycles_high": bench.cycles.high,
        "arena": bench.sizes.arena,
        "static": bench.sizes.static,
        "stack": bench.stack,
        "flash": bench.sizes.flash,
        "engine": bench.sizes.engine,
        "weights": bench.weights,
        "tables": bench.tables,
    }


def compare(baseline: Baseline, found: Iterable[Bench]) -> tuple[Change, ...]:
    """Give every count that differs from the baseline's, or is not in it."""
    changes = []
    for one in found:
        before = baseline.counts.get(key(one), {})
        changes += [
            Change(key(one), name, before.get(name), now)
            for name, now in counts(one).items()
            if before.get(name) != now
        ]
    return tuple(changes)


def compiler() -> str:
    """Return the version of the compiler that firmware is built with, on which every count depends."""
    try:
        done = subprocess.run([_COMPILER, "-dumpfullversion"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def read(path: Path, new: bool = False) -> Baseline:
    """Read a baseline; with ``new`` a missing file is an empty one. Raises :class:`BadInput`."""
    try:
        data = json.loads(path.read_bytes())
        if data["schema_version"] != SCHEMA_VERSION:
            raise BadInput(f"{path}: a baseline of another version of nonn-mcu; write it again with --update")
        return Baseline(str(data["compiler"]), {name: _counts(one) for name, one in data["counts"].items()})
    except FileNotFoundError:
        if new:
            return Baseline(compiler(), {})
        raise BadInput(f"{path}: no such file; write it with --update") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{path}: not a baseline; write one with --update") from None


def write(path: Path, old: Baseline, found: Iterable[Bench]) -> None:
    """Put the new counts beside what else is there, by one rename. Raises :class:`BadInput`."""
    merged = dict(old.counts) | {key(one): counts(one) for one in found}
    body = {"schema_version": SCHEMA_VERSION, "compiler": compiler(), "counts": dict(sorted(merged.items()))}
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.absolute().parent, delete=False) as stream:
            stream.write(json.dumps(body, indent=2) + "\n")
        Path(stream.name).chmod(0o644)
        os.replace(stream.name, path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror or error})") from None


def _counts(one: dict[str, Any]) -> dict[str, int]:
    if not all(isinstance(name, str) and type(count) is int for name, count in one.items()):
        raise TypeError
    return one
