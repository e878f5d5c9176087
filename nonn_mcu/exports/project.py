"""What every export starts from: a bundle's firmware as a set of files, without a port and a build system."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from nonn_mcu.bundle import RUNTIMES, Bundle
from nonn_mcu.errors import BadInput, MissingExtra
from nonn_mcu.manifest import Manifest
from nonn_mcu.target import TARGETS

ROOT = Path(__file__).resolve().parent.parent  # nonn_mcu/, in a checkout and when installed
FIRMWARE = ROOT / "firmware"
DEBUG_LOG = "tflm/debug_log.cc"
_INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"\n]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Export:
    """One ecosystem: ``files`` turns a project into the folder that the ecosystem's own tool accepts.

    ``name`` is what ``--to`` takes, ``summary`` one line for people, ``runtimes`` what of RUNTIMES it offers.
    ``links_tflm`` says that TensorFlow Lite Micro comes as a static library of the user's, so that
    tflm/debug_log.cc belongs to the sources; beside an ecosystem's own package it would be one too many.
    The keys of what ``files`` returns are relative paths with forward slashes.
    """

    name: str
    summary: str
    runtimes: tuple[str, ...]
    files: Callable[[Project], dict[str, bytes]]
    links_tflm: bool = False


@dataclass(frozen=True)
class Project:
    """A bundle's firmware for one runtime, everything but the port.

    ``name`` is the bundle's, a C identifier. ``sources`` are, by relative path::

        nonn/*.h, nonn/kernels/*.h    public headers
        link/*.c, device/*.c, *.h     the device library
        kernels/<target>/*            native: those that the model calls, and what they need
        model/*.c, *.h                native: the model, model.c, and what else the bundle has beside it
        tflm/*.cc                     tflm: the runtime
        model/model.cc, <name>_model_data.cc, .h    tflm: the model

    C is C99, C++ is C++17. The folder that holds nonn/ is the only include path that any of them needs.
    No two share a name, whatever their folders.
    """

    name: str
    runtime: str
    manifest: Manifest
    sources: dict[str, bytes]


def project(bundle: Bundle, runtime: str, *, links_tflm: bool = False) -> Project:
    """Collect a bundle's firmware. Raises :class:`BadInput` where the bundle has no such runtime."""
    offered = [
        name
        for name, file in zip(RUNTIMES, ("native/model.c", "tflm/model.cc"), strict=True)
        if file in bundle.manifest.files
    ]
    if runtime not in offered:
        raise BadInput(
            f"{bundle.path}: no runtime {runtime!r} in this bundle; it has: {', '.join(offered) or 'none'}"
        )
    sources = {
        f"model/{PurePosixPath(file).name}": (bundle.path / file).read_bytes()
        for file in sorted(bundle.manifest.files)
        if file.startswith(f"{runtime}/")
    }
    for folder in ("link", "device"):
        sources |= {f"{folder}/{file.name}": file.read_bytes() for file in _files(FIRMWARE / folder, ".c")}
    if runtime == "tflm":
        sources |= {f"tflm/{file.name}": file.read_bytes() for file in _files(FIRMWARE / "tflm", ".cc")}
        if not links_tflm:
            sources.pop(DEBUG_LOG, None)
    return Project(bundle.manifest.name, runtime, bundle.manifest, with_included(sources))


def port(folder: str) -> dict[str, bytes]:
    """Every file of ``firmware/ports/<folder>``, by its path below that folder."""
    top = FIRMWARE / "ports" / folder
    found = sorted(file for file in top.rglob("*") if file.is_file() and not file.name.startswith("."))
    return {file.relative_to(top).as_posix(): file.read_bytes() for file in found}


def render(template: str, **values: Any) -> bytes:
    """Fill in ``nonn_mcu/exports/templates/<template>``; a value that is missing is an error.

    Raises :class:`MissingExtra` without jinja2.
    """
    return str(_environment().get_template(template).render(**values)).encode("utf-8")


def _files(folder: Path, suffix: str) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix == suffix)


def with_included(sources: dict[str, bytes]) -> dict[str, bytes]:
    """Add what the sources include, and the source of each header that has one, to the last."""
    found = dict(sources)
    waiting = list(sources)
    while waiting:
        including = waiting.pop()
        for match in _INCLUDE.findall(found[including]):
            for path in _meant(including, match.decode("ascii")):
                if path not in found:
                    found[path] = _read(path)
                    waiting.append(path)
    return dict(sorted(found.items()))


def _meant(including: str, included: str) -> list[str]:
    """Say where in the project ``#include "included"`` leads to: the header, and a kernel's source."""
    if included.startswith("nonn/"):
        stem = PurePosixPath(included).stem
        kernels = [f"kernels/{target.name}/{stem}.c" for target in TARGETS]
        found = [kernel for kernel in kernels if _source(kernel).is_file()]
        return [included, *(found if included.startswith("nonn/kernels/") else ())]
    beside = PurePosixPath(including).parent / included
    both = [] if including.startswith("model/") else [str(beside), str(beside.with_suffix(".c"))]
    return [path for path in both if _source(path).is_file()]


def _source(path: str) -> Path:
    """Where a path of the project lies in ``firmware/``."""
    room, _, name = path.partition("/")
    return FIRMWARE / {"nonn": "include/nonn"}.get(room, room) / name


def _read(path: str) -> bytes:
    return _source(path).read_bytes()


@cache
def _environment() -> Any:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        raise MissingExtra(
            "exporting needs the package jinja2; install it with: pip install 'nonn-mcu[export]'"
        ) from None
    # The templates write C, CMake and Markdown, not HTML; what they get are identifiers, digests and numbers.
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
