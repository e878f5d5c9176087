"""The native runtime beside others, on the same models, in the same run, counted in the same way.

    python benchmarks/peers.py ic01_int8.tflite ... [--board mps2-an386] [--speed]

The peers are bakenn from PyPI, installed into an environment of its own, and TensorFlow Lite Micro with
CMSIS-NN where TFLM_ROOT names a tree with its library (docs/tflm.md). All run behind the same device library,
built with the same compiler at the same level, on copies of the models without softmax and float ends, which
bakenn does not take. A peer whose output is not that of the oracle's has no figures.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import peer_bakenn
from plain_model import plain

from nonn_mcu import boards
from nonn_mcu import bundle as bundles
from nonn_mcu.bench.measure import Bench, bench
from nonn_mcu.boards.board import Board
from nonn_mcu.boards.fit_arena import fit_arena
from nonn_mcu.boards.runtime import choose, for_bundle
from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import NonnError

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "peers"
LEVEL = "O2"
HEADER = (
    "model",
    "engine",
    "instructions",
    "per MAC",
    "modelled cycles",
    "per MAC",
    "arena",
    "flash",
    "engine",
)


def convert(model: Path, goal: list[str]) -> Bundle:
    """Make a bundle of a plain copy of the model."""
    WORK.mkdir(parents=True, exist_ok=True)
    copy = WORK / model.name
    copy.write_bytes(plain(model))
    out = WORK / model.stem
    arguments = ["convert", str(copy), "-o", str(out), *goal]
    subprocess.run([sys.executable, "-m", "nonn_mcu.cli", *arguments], check=True, capture_output=True)
    return bundles.read(out)


def tflm(bundle: Bundle, board: Board) -> Bench:
    """Count TensorFlow Lite Micro in the smallest arena that holds an inference."""
    runtime = choose("tflm", board)
    fitted = fit_arena(bundle, board, for_bundle(runtime, bundle, board), LEVEL, lambda step: None)
    return bench(fitted, board, LEVEL, layers=False, runtime=for_bundle(runtime, fitted, board))


def engines(bundle: Bundle, board: Board) -> Iterator[tuple[str, Callable[[], Bench]]]:
    """Give what is there to be counted."""
    yield "nonn-mcu", lambda: bench(bundle, board, LEVEL, layers=False)
    python = peer_bakenn.environment(WORK / "bakenn")
    for kernels in peer_bakenn.KERNELS:
        folder = WORK / f"{bundle.path.name}-{kernels.replace(' ', '-')}"
        yield (
            f"bakenn {peer_bakenn.VERSION}, {kernels}",
            lambda kernels=kernels, folder=folder: bench(
                peer_bakenn.firmware_of(python, bundle, kernels, folder), board, LEVEL, layers=False
            ),
        )
    if os.environ.get("TFLM_ROOT"):
        yield "TFLM, CMSIS-NN", lambda: tflm(bundle, board)


def row(name: str, count: Callable[[], Bench]) -> list[str]:
    """Count one engine; what goes wrong is said in place of the figures."""
    try:
        found = count()
    except (NonnError, subprocess.CalledProcessError) as error:
        return [name, str(error).splitlines()[0], *[""] * (len(HEADER) - 3)]
    cycles = sorted({found.cycles.low, found.cycles.high})
    return [
        name,
        f"{found.instructions:,}",
        f"{found.instructions / found.macs:.2f}",
        " to ".join(f"{one:,}" for one in cycles),
        " to ".join(f"{one / found.macs:.2f}" for one in cycles),
        f"{found.sizes.arena:,}",
        f"{found.sizes.flash:,}",
        f"{found.sizes.engine:,}",
    ]


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--board", default="mps2-an386")
    parser.add_argument("--size", action="append_const", dest="goal", const="--size")
    parser.add_argument("--speed", action="append_const", dest="goal", const="--speed")
    options = parser.parse_args()
    board = boards.get(options.board)
    print("| " + " | ".join(HEADER) + " |")
    print("|---|---|" + "---:|" * (len(HEADER) - 2))
    for model in options.models:
        bundle = convert(model, options.goal or [])
        for name, count in engines(bundle, board):
            print("| " + " | ".join([model.stem, *row(name, count)]) + " |", flush=True)


if __name__ == "__main__":
    main()
