"""What runs the model on this machine: the bundle's own firmware for the host, or an interpreter."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec

import numpy as np

from nonn_mcu import boards
from nonn_mcu.boards import runtime as firmware
from nonn_mcu.boards.board import Board
from nonn_mcu.boards.start import Running, build_and_start, start
from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import BadInput, MissingExtra
from nonn_mcu.serve.interpreter import MODULES

RUNTIMES = ("native", *MODULES)
_PACKAGES = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime==2.14.0 'numpy<2'"}


def choose(name: str | None, bundle: Bundle) -> str:
    """Check that a runtime can run here; without a name take the first that can.

    Raises :class:`BadInput` for an unknown one, :class:`MissingExtra` for one that is not installed.
    """
    if name is not None and name not in RUNTIMES:
        raise BadInput(f"runtime {name!r}: it is one of {', '.join(RUNTIMES)}")
    if name is None:
        name = next((one for one in RUNTIMES if _is_here(one, bundle)), None)
        if name is None:
            raise MissingExtra(
                f"nothing here runs the model: install an interpreter (pip install {_PACKAGES['litert']}), "
                "or for a bundle with the native runtime's code, cmake, make and gcc"
            )
    if name in MODULES and not _is_installed(name):
        raise MissingExtra(f"the runtime {name} is not installed: pip install {_PACKAGES[name]}")
    if name == "tflite-runtime" and int(np.__version__.split(".")[0]) > 1:
        raise MissingExtra(
            f"tflite-runtime does not work with numpy {np.__version__}: pip install {_PACKAGES[name]}"
        )
    return name


def start_device(bundle: Bundle, runtime: str) -> Running:
    """Start the process that answers for the bundle's model, on a pseudo-terminal of its own.

    The native firmware is built unless its build is current. Raises as
    :func:`~nonn_mcu.boards.start.build_and_start`.
    """
    if runtime == "native":
        host = boards.get("host")
        return build_and_start(bundle.path, host, runtime=firmware.for_bundle(firmware.NATIVE, bundle, host))
    return start(_board(runtime), bundle.path)


def _is_here(runtime: str, bundle: Bundle) -> bool:
    if runtime == "native":
        tools = boards.get("host").build_tools
        return "native" in bundle.manifest.runtimes and all(shutil.which(tool) for tool, _ in tools)
    return _is_installed(runtime)


def _is_installed(runtime: str) -> bool:
    return find_spec(MODULES[runtime].partition(".")[0]) is not None


def _board(runtime: str) -> Board:
    """Describe the interpreter's process as what it stands for: a board whose firmware is the bundle."""
    return Board(
        name=runtime,
        core="this machine",
        summary="an interpreter on a pseudo-terminal",
        build_tools=(),
        run_tools=(),
        firmware="",
        command=(sys.executable, "-P", "-m", "nonn_mcu.serve", runtime, "{firmware}"),
        flash_bytes=None,
        ram_bytes=None,
        instructions_per_tick=None,
    )
