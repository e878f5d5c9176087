"""What each kernel takes of flash on a Cortex-M4 at -Os: the table that plans use (boards/code_size.json).

    python benchmarks/code_sizes.py [--update]

A kernel counts with the sources that its header leads to, so what two kernels share is counted with each. The
other figures of the table, of the device and of TensorFlow Lite Micro, stay as they are.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path, PurePosixPath

from nonn_mcu.codegen.target import DSP, PORTABLE
from nonn_mcu.exports.project import FIRMWARE, with_included

TABLE = FIRMWARE.resolve().parent / "nonn_mcu" / "boards" / "code_size.json"
COMPILE = ("arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=soft", "-Os", "-std=c99", "-c")


def size_of(source: Path, folder: Path) -> int:
    """Bytes of code and constants of one compiled source."""
    made = folder / "one.o"
    subprocess.run([*COMPILE, "-I", FIRMWARE / "include", source, "-o", made], check=True)
    listed = subprocess.run(["arm-none-eabi-size", made], check=True, capture_output=True, text=True).stdout
    return int(listed.splitlines()[1].split()[0])


def sizes() -> dict[str, int]:
    """Measure every kernel that a core with the DSP extension may run."""
    with tempfile.TemporaryDirectory() as folder:
        of_source = {
            f"kernels/{target.name}/{source.name}": size_of(source, Path(folder))
            for target in (PORTABLE, DSP)
            for source in sorted((FIRMWARE / "kernels" / target.name).glob("*.c"))
        }
    found = {}
    for header in sorted((FIRMWARE / "include" / "nonn" / "kernels").glob("*.h")):
        include = f'#include "nonn/kernels/{header.name}"\n'.encode()
        needed = with_included({"model/model.c": include})
        if any(PurePosixPath(path).stem == header.stem for path in of_source if path in needed):
            found[header.stem] = sum(of_source[path] for path in needed if path in of_source)
    return found


def main() -> int:
    """Compare with the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the table")
    update = parser.parse_args().update
    table = json.loads(TABLE.read_text(encoding="ascii"))
    measured = sizes()
    for name in sorted({*measured, *table["kernels"]}):
        before, now = table["kernels"].get(name), measured.get(name)
        print(f"{name:24} {now} B" + ("" if before == now else f", {before} in the table"))
    if update:
        table["kernels"] = measured
        TABLE.write_text(json.dumps(table, indent=2, sort_keys=True) + "\n", encoding="ascii")
    return 0 if update or measured == table["kernels"] else 1


if __name__ == "__main__":
    sys.exit(main())
