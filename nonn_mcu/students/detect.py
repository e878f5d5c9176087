"""What a file is, told from its bytes without unpickling or running any of it."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Literal

from nonn_mcu.errors import BadInput

Container = Literal["torch", "torchscript", "exported", "onnx", "tflite"]

MAX_FILE = 1 << 30
# torch stores weights as they are; a zip that unpacks to far more than it holds is not from torch.
_SLACK = 64 << 20

_PICKLE_2_TO_5 = tuple(bytes([0x80, protocol]) for protocol in (2, 3, 4, 5))
# the number that torch.save pickles first in its old format, as protocol 2 writes it
_OLD_TORCH = bytes.fromhex("8a0a6cfc9c46f9206aa85019")

_KNOWN_KINDS = "a PyTorch .pt/.pth/.pt2, a .onnx or a .tflite"


def read(path: Path) -> bytes:
    """Read the whole file. Raises :class:`BadInput`: missing, a folder, empty, unreadable, over 1 GiB."""
    if path.is_dir():
        raise BadInput(f"{path}: is a folder; give {_KNOWN_KINDS}")
    if not path.exists():
        raise BadInput(f"{path}: no such file")
    if not path.is_file():
        raise BadInput(f"{path}: is not a regular file")
    try:
        if path.stat().st_size > MAX_FILE:
            raise BadInput(f"{path}: larger than 1 GiB; a student is far smaller")
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    if not data:
        raise BadInput(f"{path}: is empty")
    return data


def sniff(path: Path, data: bytes) -> Container:
    """Tell what ``data`` is; ``path`` serves messages and, for protobuf, its suffix.

    ``torch`` covers both formats of ``torch.save``: state_dicts, checkpoints and pickled modules, which
    cannot be told apart without reading the pickle. Raises :class:`BadInput` for anything else.
    """
    if data[4:8] == b"TFL3":
        return "tflite"
    if data[:2] == b"PK":
        return _sniff_zip(path, data)
    if data[:2] in _PICKLE_2_TO_5:
        if data[2 : 2 + len(_OLD_TORCH)] == _OLD_TORCH:
            return "torch"
        raise BadInput(f"{path}: a plain pickle, never loaded; save the state_dict with torch.save instead")
    if path.suffix.lower() == ".onnx" or data[0] == 0x08:  # field 1 of ModelProto: ir_version
        return "onnx"
    raise BadInput(f"{path}: not a model this tool knows; give {_KNOWN_KINDS}")


def _sniff_zip(path: Path, data: bytes) -> Container:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError):
        raise BadInput(f"{path}: a truncated or damaged zip; copy or save the file again") from None
    _check_entries(path, entries, len(data))
    records = {entry.filename.partition("/")[2] for entry in entries}
    if "archive_format" in records:
        return "exported"
    if "constants.pkl" in records:
        return "torchscript"
    if "data.pkl" in records:
        return "torch"
    if any(entry.filename == "serialized_exported_program.json" for entry in entries):
        raise BadInput(f"{path}: a .pt2 of an old torch; export it again with torch 2.8 or later")
    raise BadInput(f"{path}: a zip, but not one that torch wrote; give {_KNOWN_KINDS}")


def _check_entries(path: Path, entries: list[zipfile.ZipInfo], size: int) -> None:
    for entry in entries:
        name = entry.filename
        if name.startswith(("/", "\\")) or "\\" in name or ".." in PurePosixPath(name).parts or ":" in name:
            raise BadInput(f"{path}: holds the name {name[:60]!r}, which leaves the archive; not from torch")
        if entry.flag_bits & 1:
            raise BadInput(f"{path}: is encrypted; save it without a password")
    name, count = max(Counter(entry.filename for entry in entries).items(), key=lambda item: item[1])
    if count > 1:
        raise BadInput(f"{path}: holds {name[:60]!r} {count} times; not from torch")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > 4 * size + _SLACK:
        raise BadInput(f"{path}: unpacks from {size:,} to {unpacked:,} bytes; not from torch")
