"""The bundle: the one folder that build, flash, verify and report read (docs/bundle.md).

A bundle is read as hostile: the manifest is validated, names are confined to the folder, and every
file's SHA-256 is checked before a byte of it is used. It is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nonn_mcu.errors import BadInput

MANIFEST = "manifest.json"
VECTORS = "vectors.npz"
SCHEMA_VERSION = 1

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TensorInfo(_Part):
    """An input or output as the device holds it: int8, real = scale * (q - zero_point).

    ``shape`` is the device's (batch included, channels last). ``from_torch`` is the permutation of the
    torch tensor's axes, batch included, that gives the device's order; empty where shapes are equal in
    size but not in rank (a plain reshape).
    """

    name: str
    shape: tuple[int, ...]
    scale: float = Field(gt=0)
    zero_point: int = Field(ge=-128, le=127)
    torch_shape: tuple[int, ...]
    from_torch: tuple[int, ...]


class Preprocessing(_Part):
    """What happens to an image before the network sees it: x / 255, minus mean, over std, per channel."""

    layout: Literal["CHW", "HWC", "FLAT"]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...] = ()


class LayerInfo(_Part):
    """One executed layer: what it writes, with which kernel, at what cost."""

    name: str
    op: str
    module: str  # the torch module it came from, or ""
    kernel: str
    tensor: int  # index in the .tflite
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    macs: int
    flash_bytes: int  # weights, tables and parameters
    live_bytes: int  # arena in use while it runs


class Fidelity(_Part):
    """Dequantised int8 outputs against the float reference, one entry per output."""

    samples: int
    sqnr_db: tuple[float, ...]
    worst_lsb: tuple[float, ...]
    top1_agreement: tuple[float, ...]


class Calibration(_Part):
    """Where the representative samples came from."""

    source: str
    samples: int
    sha256: Sha256


class BudgetInfo(_Part):
    """What the plan needs and what it was held against, in bytes; ``*_limit`` None means no limit."""

    flash: int
    flash_limit: int | None
    ram: int
    ram_limit: int | None
    weights: int
    tables: int
    code: int
    arena: int
    static: int
    stack: int


class Manifest(_Part):
    """Everything a later step needs to know; ``files`` holds each other file's SHA-256."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")
    tools: dict[str, str]
    model_file: str
    model_sha256: Sha256
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    preprocessing: Preprocessing | None
    layers: tuple[LayerInfo, ...]
    arena_bytes: int
    budget: BudgetInfo
    calibration: Calibration | None
    fidelity: Fidelity | None  # measured on calibration data; None when there is no float reference
    tolerance: Fidelity | None  # what verify judges against, derived from `fidelity`
    files: dict[str, Sha256]


@dataclass(frozen=True)
class Vectors:
    """Golden vectors, N of them, in the device's layout.

    ``inputs[i]`` and ``outputs[i]`` are int8 ``(N, *shape[1:])`` (outputs from the oracle);
    ``references[i]`` float32 of the same shape, empty without a float model; ``labels`` int64 ``(N,)`` or
    None; ``layer_crc`` uint32 ``(K, layers)``: the CRC-32 of each layer's tensor for the first K vectors.
    """

    inputs: tuple[np.ndarray, ...]
    outputs: tuple[np.ndarray, ...]
    references: tuple[np.ndarray, ...]
    labels: np.ndarray | None
    layer_crc: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs[0])

    def save(self, path: Path) -> None:
        """Write a ``.npz`` without pickles; the same vectors give the same bytes."""
        arrays = {f"input_{i}": a for i, a in enumerate(self.inputs)}
        arrays |= {f"output_{i}": a for i, a in enumerate(self.outputs)}
        arrays |= {f"reference_{i}": a for i, a in enumerate(self.references)}
        if self.labels is not None:
            arrays["labels"] = self.labels
        # numpy's stub takes the keyword allow_pickle for one of ours
        np.savez_compressed(path, layer_crc=self.layer_crc, **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path, manifest: Manifest) -> Vectors:
        """Read and check against the manifest's shapes. Raises :class:`BadInput`."""
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise BadInput(f"{path}: not a readable .npz ({error}); run convert again") from None

        def series(prefix: str, infos: tuple[TensorInfo, ...], dtype: str) -> tuple[np.ndarray, ...]:
            found = tuple(arrays[f"{prefix}_{i}"] for i in range(len(infos)) if f"{prefix}_{i}" in arrays)
            for array, info in zip(found, infos, strict=False):
                if array.dtype != np.dtype(dtype) or array.shape != (len(arrays["input_0"]), *info.shape[1:]):
                    raise BadInput(
                        f"{path}: {prefix} {info.name} is {array.dtype}{array.shape}; run convert again"
                    )
            return found

        if "input_0" not in arrays or "layer_crc" not in arrays:
            raise BadInput(f"{path}: input_0 or layer_crc is missing; run convert again")
        inputs = series("input", manifest.inputs, "int8")
        outputs = series("output", manifest.outputs, "int8")
        if len(inputs) != len(manifest.inputs) or len(outputs) != len(manifest.outputs):
            raise BadInput(f"{path}: vectors do not match the manifest; run convert again")
        references = series("reference", manifest.outputs, "float32")
        return cls(inputs, outputs, references, arrays.get("labels"), arrays["layer_crc"])


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
    try:
        text = (path / MANIFEST).read_bytes()
    except OSError:
        raise BadInput(f"{path}: not a bundle (no {MANIFEST}); make one with: nonn-mcu convert") from None
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(f"{path / MANIFEST}: {where}: {first['msg']}; run convert again") from None
    for name, digest in manifest.files.items():
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts:
            raise BadInput(f"{path / MANIFEST}: file name {name!r} leaves the bundle")
        try:
            actual = sha256((path / name).read_bytes())
        except OSError:
            raise BadInput(f"{path}: {name} is missing; run convert again") from None
        if actual != digest:
            raise BadInput(f"{path}: {name} was changed after conversion; run convert again")
    if not {manifest.model_file, VECTORS} <= manifest.files.keys():
        raise BadInput(f"{path / MANIFEST}: the model or {VECTORS} is not listed; run convert again")
    return Bundle(path, manifest)


def write(path: Path, files: Mapping[str, bytes], manifest: Manifest) -> Bundle:
    """Write ``files`` and the manifest (whose ``files`` is filled in here) as a bundle at ``path``.

    An existing bundle at ``path`` is replaced; anything else there is refused. The folder appears whole:
    it is written beside its place and renamed. Raises :class:`BadInput`.
    """
    if path.is_symlink() or (
        path.exists() and not (path / MANIFEST).is_file() and (not path.is_dir() or any(path.iterdir()))
    ):
        raise BadInput(f"{path}: exists and is not a bundle; remove it or choose another with -o")
    listed = manifest.model_copy(update={"files": {name: sha256(files[name]) for name in sorted(files)}})
    staging: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        staging.chmod(0o755)
        for name, data in files.items():
            target = staging / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        payload = json.dumps(listed.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=True)
        (staging / MANIFEST).write_text(payload + "\n", encoding="ascii")
        if path.exists():
            shutil.rmtree(path)
        os.replace(staging, path)
    except OSError as error:
        raise BadInput(
            f"{path}: cannot write the bundle ({error.strerror or error}); choose another place with -o"
        ) from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
    return Bundle(path, listed)


def find(root: Path, model_sha256: str) -> Iterator[Bundle]:
    """Bundles directly below ``root`` that hold the model with this digest, in order of their names."""
    for manifest in sorted(root.glob(f"*/{MANIFEST}")):
        try:
            bundle = read(manifest.parent)
        except BadInput:
            continue
        if bundle.manifest.model_sha256 == model_sha256:
            yield bundle
