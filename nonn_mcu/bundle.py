"""The bundle: the one folder that build, flash, verify and report read (docs/bundle.md).

A bundle is read as hostile: the manifest is validated, names are confined to the folder, and every
file's SHA-256 is checked before a byte of it is used. It is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from nonn_mcu.errors import BadInput
from nonn_mcu.manifest import (
    RUNTIMES,
    SCHEMA_VERSION,
    BudgetInfo,
    Calibration,
    Fidelity,
    FittedArena,
    LayerInfo,
    Manifest,
    Preprocessing,
    Runtime,
    TensorInfo,
    TflmInfo,
)
from nonn_mcu.vectors import Vectors

__all__ = [
    "MANIFEST",
    "RUNTIMES",
    "SCHEMA_VERSION",
    "VECTORS",
    "BudgetInfo",
    "Bundle",
    "Calibration",
    "Fidelity",
    "FittedArena",
    "LayerInfo",
    "Manifest",
    "Preprocessing",
    "Runtime",
    "TensorInfo",
    "TflmInfo",
    "Vectors",
    "amend",
    "find",
    "read",
    "read_listed",
    "replacing",
    "require_free",
    "sha256",
    "write",
]

MANIFEST = "manifest.json"
VECTORS = "vectors.npz"


@dataclass(frozen=True)
class Bundle:
    """A validated bundle on disk."""

    path: Path
    manifest: Manifest

    @property
    def model(self) -> bytes:
        """The int8 ``.tflite``."""
        return (self.path / self.manifest.model_file).read_bytes()

    def vectors(self) -> Vectors:
        """Read the golden vectors."""
        return Vectors.load(self.path / VECTORS, self.manifest)


def sha256(data: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def read(path: Path) -> Bundle:
    """Open a bundle and check every file's digest. Raises :class:`BadInput`."""
    manifest = _read_manifest(path)
    for name, digest in manifest.files.items():
        if sha256(read_listed(path, name)) != digest:
            raise BadInput(f"{path}: {name} was changed after conversion; run convert again")
    if not {manifest.model_file, VECTORS} <= manifest.files.keys():
        raise BadInput(f"{path / MANIFEST}: the model or {VECTORS} is not listed; run convert again")
    if manifest.files[manifest.model_file] != manifest.model_sha256:
        raise BadInput(f"{path / MANIFEST}: model_sha256 is not that of the model; run convert again")
    return Bundle(path, manifest)


def _read_manifest(path: Path) -> Manifest:
    try:
        text = (path / MANIFEST).read_bytes()
    except PermissionError:
        raise BadInput(f"{path / MANIFEST}: permission denied") from None
    except OSError:
        raise BadInput(f"{path}: not a bundle (no {MANIFEST}); make one with: nonn-mcu convert") from None
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        every = error.errors()
        first = next((one for one in every if one["loc"] == ("schema_version",)), every[0])
        if first["loc"] == ("schema_version",):
            raise BadInput(
                f"{path}: was made by another version of nonn-mcu (schema {first['input']!r:.20}, this reads "
                f"{SCHEMA_VERSION}); run convert again"
            ) from None
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(f"{path / MANIFEST}: {where}: {first['msg']}; run convert again") from None


def read_listed(path: Path, name: str) -> bytes:
    """Read a file that the manifest lists; only regular files inside the bundle are opened."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\0" in name:
        raise BadInput(f"{path / MANIFEST}: file name {name!r} leaves the bundle")
    file = path / name
    try:
        if not file.resolve().is_relative_to(path.resolve()):
            raise BadInput(f"{path}: {name} is a link that leaves the bundle")
        if not stat.S_ISREG(file.stat().st_mode):
            raise BadInput(f"{path}: {name} is not a file; run convert again")
        return file.read_bytes()
    except OSError:
        raise BadInput(f"{path}: {name} is missing; run convert again") from None


def require_free(path: Path, marker: str = MANIFEST, what: str = "bundle") -> None:
    """Raise :class:`BadInput` unless a bundle may be written at ``path``: nothing there, or a bundle.

    A ``marker`` is the file that makes a folder a ``what``. The nearest folder above that exists must be
    one that can be written to.
    """
    if path.is_symlink() or (
        path.exists() and not (path / marker).is_file() and (not path.is_dir() or any(path.iterdir()))
    ):
        raise BadInput(f"{path}: exists and is not a {what}; remove it or choose another with -o")
    above = next(folder for folder in path.absolute().parents if folder.exists() or folder.is_symlink())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        why = "is not writable" if above.is_dir() else "is not a folder"
        raise BadInput(f"{path}: cannot write there, {above} {why}; choose another place with -o")


@contextmanager
def replacing(path: Path, marker: str = MANIFEST, what: str = "bundle") -> Iterator[Path]:
    """Give an empty folder to write a ``what`` into, which then stands at ``path``: whole, or not at all.

    An existing one at ``path`` is replaced; anything else there is refused. The folder is written beside its
    place and renamed. Raises :class:`BadInput`, also for an OSError of the body.
    """
    require_free(path, marker, what)
    staging: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        staging.chmod(0o755)
        yield staging
        if path.exists():
            old = staging.with_name(staging.name + ".old")
            os.replace(path, old)
            try:
                os.replace(staging, path)
            except OSError:
                os.replace(old, path)
                raise
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(staging, path)
    except OSError as error:
        raise BadInput(
            f"{path}: cannot write the {what} ({error.strerror or error}); choose another place with -o"
        ) from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def write(path: Path, files: Mapping[str, bytes], manifest: Manifest) -> Bundle:
    """Write ``files`` and the manifest (whose ``files`` is filled in here) as a bundle at ``path``.

    An existing bundle at ``path`` is replaced; anything else there is refused. The folder appears whole.
    Raises :class:`BadInput`.
    """
    listed = manifest.model_copy(update={"files": {name: sha256(files[name]) for name in sorted(files)}})
    with replacing(path) as staging:
        for name, data in files.items():
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        (staging / MANIFEST).write_bytes(_json(listed))
    return Bundle(path, listed)


def amend(made: Bundle, manifest: Manifest) -> Bundle:
    """Put another manifest about the same files in place, by one rename. Raises :class:`BadInput`."""
    target = made.path / MANIFEST
    try:
        handle, name = tempfile.mkstemp(prefix=f".{MANIFEST}.", dir=made.path)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(_json(manifest))
            Path(name).chmod(0o644)
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise BadInput(f"{target}: cannot be written ({error.strerror or error})") from None
    return Bundle(made.path, manifest)


def _json(manifest: Manifest) -> bytes:
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=True)
    return f"{text}\n".encode("ascii")


def find(root: Path, model_sha256: str) -> Iterator[Bundle]:
    """Bundles directly below ``root`` that hold the model with this digest, in order of their names.

    A folder with an unreadable manifest is passed over, unless it names the digest. Raises
    :class:`BadInput` where a bundle would hold the model but cannot be read, and no other one is whole.
    """
    damaged: BadInput | None = None
    found = False
    for path in sorted(manifest.parent for manifest in root.glob(f"*/{MANIFEST}")):
        try:
            if _read_manifest(path).model_sha256 != model_sha256:
                continue
        except BadInput as error:
            damaged = damaged or (error if _names(path, model_sha256) else None)
            continue
        try:
            bundle = read(path)
        except BadInput as error:
            damaged = damaged or error
            continue
        found = True
        yield bundle
    if damaged is not None and not found:
        raise damaged


def _names(path: Path, model_sha256: str) -> bool:
    try:
        return model_sha256.encode() in (path / MANIFEST).read_bytes()
    except OSError:
        return False
