"""The exported folder on disk: written whole or not at all, and never over what somebody edited."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import Any

from nonn_mcu.bundle import sha256
from nonn_mcu.errors import BadInput

STAMP = "nonn-export.json"
STAMP_VERSION = 1


def write(folder: Path, about: Mapping[str, str], files: Mapping[str, bytes], *, force: bool = False) -> None:
    """Write ``files`` (by relative path) and the stamp, which holds ``about`` and their digests.

    An export of the same kind (``about["export"]``) at ``folder`` is replaced. What was added to it (builds,
    settings, sources of one's own) stays; a file of ours that was edited or deleted refuses the export
    unless ``force``. Anything else at ``folder`` is refused, with ``force`` too. Raises :class:`BadInput`.
    """
    old = _require_ours(folder, about, force)
    stamp = {
        "schema_version": STAMP_VERSION,
        **about,
        "files": {name: sha256(files[name]) for name in sorted(files)},
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as room:
            made = Path(room) / "made"
            for name, data in files.items():
                target = made / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            (made / STAMP).write_text(json.dumps(stamp, indent=2) + "\n", encoding="ascii")
            _replace(folder, made, Path(room) / "old", old, force)
    except OSError as error:
        raise BadInput(
            f"{folder}: cannot write the export ({error.strerror or error}); choose another place with --out"
        ) from None


def _require_ours(folder: Path, about: Mapping[str, str], force: bool) -> Mapping[str, Any] | None:
    """Give the digests of the export that is there, None where there is nothing."""
    if not folder.is_symlink() and (not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))):
        return None
    stamp = None if folder.is_symlink() else _read_stamp(folder)
    if stamp is None or stamp.get("export") != about["export"]:
        kind = about["export"]
        raise BadInput(f"{folder}: exists and is no {kind} export; remove it or choose another with --out")
    old: Mapping[str, Any] = stamp["files"]
    changed = [name for name in old if _digest(folder, name) != old[name]]
    if changed and not force:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise BadInput(
            f"{folder}: {changed[0]}{more} changed since the export; copy what matters, then use --force"
        )
    return old


def _read_stamp(folder: Path) -> dict[str, Any] | None:
    try:
        stamp = json.loads((folder / STAMP).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return stamp if isinstance(stamp, dict) and isinstance(stamp.get("files"), dict) else None


def _digest(folder: Path, name: str) -> str | None:
    """Digest a file of the export; None where it is none, or lies elsewhere by way of links."""
    file = folder / name
    try:
        if file.is_symlink() or not file.resolve().is_relative_to(folder.resolve()):
            return None
        return sha256(file.read_bytes())
    except (OSError, ValueError):
        return None


def _replace(folder: Path, made: Path, aside: Path, old: Mapping[str, Any] | None, force: bool) -> None:
    """Put ``made`` at ``folder`` together with what was added there; on any failure all is as it was."""
    if old is None:
        os.replace(made, folder)
        return
    with ExitStack() as undo:
        for name in _added(folder, PurePosixPath(), {*old, STAMP}):
            if os.path.lexists(made / name):
                if force and not (folder / name).is_dir():
                    continue
                raise BadInput(f"{folder}: {name} is in the way of a new file; move it elsewhere")
            os.makedirs(os.path.dirname(made / name), exist_ok=True)
            undo.callback(_move_back, made / name, folder / name)
            os.replace(folder / name, made / name)
        undo.callback(_move_back, aside, folder)
        os.replace(folder, aside)
        os.replace(made, folder)
        undo.pop_all()
    shutil.rmtree(aside, ignore_errors=True)


def _move_back(source: Path, target: Path) -> None:
    """Undo a move if it took place: an interrupt may have come before it."""
    if os.path.lexists(source) and not os.path.lexists(target):
        os.replace(source, target)


def _added(folder: Path, below: PurePosixPath, known: set[str]) -> Iterator[PurePosixPath]:
    """Paths that are not of the export; a folder without anything of ours is one of them."""
    ours = {PurePosixPath(name) for name in known}
    folders = {parent for path in ours for parent in path.parents}
    for entry in sorted(os.listdir(folder / below)):
        path = below / entry
        if path in folders and not (folder / path).is_symlink():
            yield from _added(folder, path, known)
        elif path not in ours:
            yield path
