"""Which runtime a firmware is built with: the native one, or a TensorFlow Lite Micro that the user has."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from nonn_mcu.boards.board import Board
from nonn_mcu.bundle import RUNTIMES, Bundle
from nonn_mcu.errors import BadInput

KERNELS = ("cmsis_nn", "reference")


@dataclass(frozen=True)
class Runtime:
    """A runtime and where it comes from; the fields after ``name`` are of TensorFlow Lite Micro alone.

    ``root`` is its source tree, ``kernels`` one of KERNELS, ``arena`` the bytes of its arena, None for those
    that the model was generated with.
    """

    name: str
    root: Path | None = None
    kernels: str = ""
    arena: int | None = None

    @property
    def label(self) -> str:
        """As the device reports it: "native", "tflm-cmsis_nn"."""
        return f"{self.name}-{self.kernels}" if self.kernels else self.name

    def settings(self) -> dict[str, str]:
        """Give the variables that CMake takes."""
        if self.name == "native":
            return {"NONN_RUNTIME": "native"}
        return {
            "NONN_RUNTIME": self.name,
            "TFLM_ROOT": str(self.root),
            "TFLM_KERNELS": self.kernels,
            "NONN_TFLM_ARENA": "" if self.arena is None else str(self.arena),
        }

    def digest(self) -> str:
        """Tell one runtime from another: everything above but the tree's place, and its built libraries."""
        total = hashlib.sha256(repr((self.name, self.kernels, self.arena)).encode())
        if self.root is not None:
            for library in sorted(self.root.glob("gen/*/lib/libtensorflow-microlite.a")):
                total.update(hashlib.sha256(library.read_bytes()).digest())
        return total.hexdigest()


NATIVE = Runtime("native")


def choose(name: str, board: Board, root: Path | None = None, kernels: str | None = None) -> Runtime:
    """Resolve what the user said about the runtime for a board.

    ``root`` is the environment's TFLM_ROOT unless given, ``kernels`` are CMSIS-NN's on a microcontroller.
    Raises :class:`BadInput`.
    """
    if name not in RUNTIMES:
        raise BadInput(f"runtime {name!r}: it is one of {', '.join(RUNTIMES)}")
    if name == "native":
        if root is not None or kernels is not None:
            raise BadInput("--tflm-root and --kernels are for --runtime tflm")
        return NATIVE
    if kernels is None:
        kernels = "reference" if board.flash_bytes is None else "cmsis_nn"
    if kernels not in KERNELS:
        raise BadInput(f"kernels {kernels!r}: they are one of {', '.join(KERNELS)}")
    if root is None and os.environ.get("TFLM_ROOT"):
        root = Path(os.environ["TFLM_ROOT"])
    if root is None:
        raise BadInput(
            "TensorFlow Lite Micro comes from you: give its built source tree with --tflm-root DIR, or in "
            "TFLM_ROOT; docs/tflm.md says how to get one"
        )
    return Runtime(name, root.resolve(), kernels)


def for_bundle(runtime: Runtime, bundle: Bundle, board: Board) -> Runtime:
    """Give the runtime the arena that the bundle has for the board and the kernels.

    Raises :class:`BadInput` where the bundle has no code for the runtime.
    """
    there = bundle.manifest.runtimes
    if runtime.name not in there:
        raise BadInput(
            f"{bundle.path}: has no code for the {runtime.name} runtime; build with --runtime {there[0]}, or "
            f"convert again with --runtime {runtime.name}"
        )
    if runtime.name == "native" or bundle.manifest.tflm is None:
        return runtime
    return replace(runtime, arena=bundle.manifest.tflm.arena(board.name, runtime.kernels))
