"""The figures of the README: instructions, RAM and flash of bundles on the emulated boards.

    python benchmarks/figures.py -O2 build/digits build/ic01

Instructions are those of one inference, counted by the board's SysTick under QEMU's -icount; bytes are those
of the linked ELF; the stack is what was in use. All of it repeats exactly with the same compiler.
"""

import argparse
import contextlib
import tempfile
from pathlib import Path

from nonn_mcu import boards, bundle
from nonn_mcu.boards.build import OPTIMIZE_LEVELS, build
from nonn_mcu.boards.elf import measure
from nonn_mcu.boards.start import start
from nonn_mcu.link.client import Device
from nonn_mcu.link.ports import SerialPort

HEADER = ("model", "board", "instructions", "arena", "other RAM", "stack used", "flash", "without weights")


def figures(path: Path, board: boards.Board, optimize: str, folder: Path) -> tuple[str, ...]:
    """Build, start and run one vector; one row of the table."""
    what = bundle.read(path)
    firmware = build(path, board, optimize, out=folder / board.name)
    sizes = measure(firmware.path)
    with start(board, firmware.path) as running, contextlib.closing(SerialPort(running.port)) as port:
        device = Device(port)
        device.run([array[:1] for array in what.vectors().inputs])
        count = device.stats()
    assert board.instructions_per_tick is not None
    numbers = (
        int(count.ticks * board.instructions_per_tick),
        sizes.arena,
        sizes.static,
        count.stack_bytes,
        sizes.flash,
        sizes.flash - what.manifest.budget.weights,
    )
    return (what.manifest.name, board.core, *(f"{number:,}" for number in numbers))


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
                    print(
                        "| " + " | ".join(figures(path, board, "O" + options.optimize, Path(folder))) + " |"
                    )


if __name__ == "__main__":
    main()
