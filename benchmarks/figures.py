"""The figures of the README: instructions, cycles, RAM and flash of bundles on the emulated boards.

    python benchmarks/figures.py -O2 build/digits build/ic01

Instructions are counted one by one in the emulator, cycles are modelled from them (docs/bench.md); bytes are
those of the linked ELF; the stack is what was in use. All of it repeats exactly with the same compiler.
"""

import argparse
import tempfile
from pathlib import Path

from nonn_mcu import boards, bundle
from nonn_mcu.bench.measure import bench
from nonn_mcu.boards.build import OPTIMIZE_LEVELS

HEADER = (
    *("model", "board", "instructions", "per MAC", "modelled cycles", "per MAC"),
    *("arena", "other RAM", "stack used", "flash", "without weights"),
)


def figures(opened: bundle.Bundle, board: boards.Board, optimize: str, folder: Path) -> tuple[str, ...]:
    """Build, start and run one vector; one row of the table."""
    found = bench(opened, board, optimize, layers=False, out=folder / board.name)
    cycles = sorted({found.cycles.low, found.cycles.high})
    sizes = (found.sizes.arena, found.sizes.static, found.stack, found.sizes.flash)
    return (
        found.model,
        board.core,
        f"{found.instructions:,}",
        f"{found.instructions / found.macs:.2f}",
        " to ".join(f"{count:,}" for count in cycles),
        " to ".join(f"{count / found.macs:.2f}" for count in cycles),
        *(f"{size:,}" for size in (*sizes, found.sizes.flash - found.weights)),
    )


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("-O", dest="optimize", choices=[level[1:] for level in OPTIMIZE_LEVELS], default="2")
    options = parser.parse_args()
    print("| " + " | ".join(HEADER) + " |")
    print("|---|---|" + "---:|" * (len(HEADER) - 2))
    for path in options.bundles:
        for board in boards.BOARDS.values():
            if board.instructions_per_tick is not None:
                with tempfile.TemporaryDirectory() as folder:
                    row = figures(bundle.read(path), board, "O" + options.optimize, Path(folder))
                print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
