"""Firmware of a bundle for a board: CMake as a subprocess, and a stamp that says what was built from what."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nonn_mcu.boards.board import Board
from nonn_mcu.boards.runtime import NATIVE, Runtime
from nonn_mcu.errors import BadInput

OPTIMIZE_LEVELS = ("Os", "O2", "O3")
STAMP = "firmware.json"
MAP = "firmware.map"
ROOT = Path(__file__).resolve().parent.parent  # nonn_mcu/, in a checkout and when installed
CONFIGURE_SECONDS = 120
COMPILE_SECONDS = 1800


@dataclass(frozen=True)
class Firmware:
    """A linked program: ``path`` is the ELF, ``sources`` the SHA-256 of all that went in."""

    board: Board
    path: Path
    optimize: str
    sources: str


def build(
    bundle: Path,
    board: Board,
    optimize: str | None = None,
    out: Path | None = None,
    *,
    runtime: Runtime = NATIVE,
    keep_input: bool = False,
    mlperf: bool = True,
    sanitize: bool = False,
    accept: Callable[[Path], None] = lambda program: None,
) -> Firmware:
    """Build a bundle's model over ``runtime`` for ``board`` into the folder ``out``.

    ``optimize`` is one of OPTIMIZE_LEVELS; None is that of the build that is there, else Os. ``out`` is
    ``<bundle>/build/<board>`` unless given, with the runtime behind the board where that is not the native
    one; it appears whole or not at all and an older build there is
    replaced. A build of the same sources is used as it is, so what is returned is never stale.
    ``keep_input`` takes RAM for a copy of the inputs, so that a run can be repeated on them; without
    ``mlperf`` the text commands of the benchmark are left out.
    The compiler's output goes to ``<out>.log``. ``accept`` gets the linked program's path before it is put in
    place and may raise, which leaves everything as it was.

    Raises :class:`BadInput` for a missing tool, a folder that holds something else, and code that does not
    compile.
    """
    if board.flashing is not None:
        raise BadInput(
            f"{board.name} is built by its ecosystem's own tools; write a project for them with: "
            f"nonn-mcu export {shlex.quote(str(bundle))} --to {board.flashing.export}"
        )
    bundle = bundle.resolve()
    if out is None:
        out = bundle / "build" / (board.name if runtime.name == "native" else f"{board.name}-{runtime.label}")
    out = out.absolute()
    if optimize is None:
        optimize = _level_of(out)
    if optimize not in OPTIMIZE_LEVELS:
        raise BadInput(f"optimisation {optimize!r}: it is one of {', '.join(OPTIMIZE_LEVELS)}")
    flags = {"NONN_KEEP_INPUT": keep_input, "NONN_MLPERF": mlperf, "NONN_SANITIZE": sanitize}
    sources = _digest(bundle / runtime.name, [board.name, optimize, flags, runtime.digest()])
    firmware = Firmware(board, out / board.firmware, optimize, sources)
    if _is_current(firmware):
        accept(firmware.path)
        return firmware
    if out.is_symlink() or (out.exists() and not (out.is_dir() and _is_ours(out))):
        raise BadInput(f"{out}: exists and is not a firmware build; remove it or choose another with --out")
    require(board.build_tools, f"building for {board.name}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as staging:
            program = link(
                Path(staging) / "cmake",
                out.with_name(out.name + ".log"),
                bundle=bundle,
                board=board,
                optimize=optimize,
                runtime=runtime,
                flags=flags,
            )
            accept(program)
            _publish(Path(staging), firmware)
    except OSError as error:
        raise BadInput(
            f"{out}: cannot write the firmware ({error.strerror or error}); choose another place with --out"
        ) from None
    return firmware


def link(
    folder: Path,
    log: Path,
    *,
    bundle: Path,
    board: Board,
    optimize: str,
    runtime: Runtime,
    flags: Mapping[str, bool],
) -> Path:
    """Run CMake in ``folder`` and return the linked program there.

    In a folder that has been built before, only what changed is compiled. What the compiler says goes to
    ``log``. Raises :class:`BadInput`.
    """
    settings = {"NONN_BUNDLE": str(bundle), "NONN_BOARD": board.name, "NONN_OPTIMIZE": optimize}
    settings |= {name: "ON" if on else "OFF" for name, on in flags.items()}
    _compile(settings | runtime.settings(), folder, log)
    return folder / board.firmware


def require(tools: tuple[tuple[str, str], ...], purpose: str) -> None:
    """Check that the programs of ``(program, Debian package)`` pairs are there. Raises :class:`BadInput`."""
    missing = [(tool, package) for tool, package in tools if shutil.which(tool) is None]
    if missing:
        names = ", ".join(tool for tool, _ in missing)
        packages = " ".join(package for _, package in missing)
        raise BadInput(f"{purpose} needs {names}; install with: sudo apt-get install {packages}")


def _digest(model: Path, options: list[object]) -> str:
    """SHA-256 over everything the compiler reads of ours, each file with its name."""
    models = sorted(path for path in model.glob("*") if path.suffix in {".c", ".cc", ".h"})
    if not any(path.suffix in {".c", ".cc"} for path in models):
        raise BadInput(
            f"{model.parent}: no model for the {model.name} runtime there; make one with: nonn-mcu convert"
        )
    firmware = ROOT / "firmware"
    ours = sorted(
        path
        for path in firmware.resolve().rglob("*")
        if path.is_file() and (path.suffix in {".c", ".cc", ".h", ".ld", ".cmake"})
    )
    total = hashlib.sha256(json.dumps(options).encode())
    for path in [ROOT / "CMakeLists.txt", *ours, *models]:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
        name = path.name if path in models else os.path.relpath(path, firmware.resolve())
        total.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        total.update(content)
    return total.hexdigest()


def _stamp(firmware: Firmware, elf: Path) -> dict[str, str]:
    return {
        "board": firmware.board.name,
        "optimize": firmware.optimize,
        "sources": firmware.sources,
        "firmware": hashlib.sha256(elf.read_bytes()).hexdigest(),
    }


def _level_of(out: Path) -> str:
    try:
        level = json.loads((out / STAMP).read_bytes())["optimize"]
    except (OSError, ValueError, TypeError, LookupError):
        return OPTIMIZE_LEVELS[0]
    return level if level in OPTIMIZE_LEVELS else OPTIMIZE_LEVELS[0]


def _is_current(firmware: Firmware) -> bool:
    """Say whether this very program is there, unchanged since it was linked."""
    try:
        stamp = json.loads((firmware.path.parent / STAMP).read_bytes())
        return bool(stamp == _stamp(firmware, firmware.path))
    except (OSError, ValueError):
        return False


def _is_ours(out: Path) -> bool:
    return (out / STAMP).is_file() or not any(out.iterdir())


def _compile(settings: dict[str, str], folder: Path, log: Path) -> None:
    """Run CMake in ``folder``; what it and the compiler say goes to ``log``."""
    configure = ["cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Unix Makefiles"]
    configure += [f"-D{key}={value}" for key, value in settings.items()]
    make = ["cmake", "--build", str(folder), "--parallel", str(min(os.cpu_count() or 1, 8))]
    for command, limit in ((configure, CONFIGURE_SECONDS), (make, COMPILE_SECONDS)):
        with log.open("ab" if command is make else "wb") as output:
            try:
                code = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=limit,
                    check=False,
                    env=_environment(),
                ).returncode
            except subprocess.TimeoutExpired:
                raise BadInput(
                    f"building for {settings['NONN_BOARD']} took more than {limit} s; the log is {log}"
                ) from None
        if code != 0:
            raise BadInput(
                f"building for {settings['NONN_BOARD']} failed: {_first_error(log)}; the log is {log}"
            )


def _environment() -> dict[str, str]:
    """Leave out what would change the compiler's output or its messages' language."""
    ignored = {"CFLAGS", "LDFLAGS", "CC", "CMAKE_GENERATOR", "CMAKE_TOOLCHAIN_FILE", "MAKEFLAGS", "MAKELEVEL"}
    return {key: value for key, value in os.environ.items() if key not in ignored} | {"LC_ALL": "C"}


def _first_error(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    lines = [line for line in lines if line]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("CMake Error"):
            return following or line
        if "error:" in line or "overflowed" in line or "undefined reference" in line:
            return line
    return lines[-1] if lines else "no output"


def _publish(staging: Path, firmware: Firmware) -> None:
    """Put what a user needs at ``firmware.path.parent`` by one rename."""
    product = staging / "product"
    product.mkdir(mode=0o755)
    shutil.move(staging / "cmake" / firmware.board.firmware, product)
    if (staging / "cmake" / MAP).exists():
        shutil.move(staging / "cmake" / MAP, product)
    stamp = _stamp(firmware, product / firmware.board.firmware)
    (product / STAMP).write_text(json.dumps(stamp, indent=2) + "\n", encoding="ascii")
    out = firmware.path.parent
    if out.exists():
        os.replace(out, staging / "old")
    try:
        os.replace(product, out)
    except OSError:
        # Another process built the same in the meantime.
        with contextlib.suppress(OSError):
            if _is_current(firmware):
                return
        raise
