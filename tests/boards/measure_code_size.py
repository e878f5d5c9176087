"""Measure what code takes on a Cortex-M4 at -Os; run as a program, it rewrites the table."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from nonn_mcu import boards
from nonn_mcu.boards.build import ROOT, build
from nonn_mcu.boards.elf import measure as measure_elf
from nonn_mcu.exports.project import FIRMWARE, with_included

TABLE = ROOT / "boards" / "code_size.json"
STUB = Path(__file__).parent / "stub"
CALL_BYTES = 24  # in `invoke` of generated code: set up and call one kernel, and its entry in the switch
INVOKE_BYTES = 96  # the rest of the generated code

# TensorFlow Lite Micro of 2026-08 with CMSIS-NN on a Cortex-M4: a line through the flash without the model of
# ad01 (1 kind of operator: 51,166 B) and ic01, kws01 and vww01 (6 kinds: 80,878 to 84,302 B), the device
# library among it. The user's own library may be built smaller.
TFLM = {"flash": 44_500, "operator": 6_400, "stack": 4096, "static": 1264}


def measure(folder: Path) -> dict[str, dict[str, int]]:
    """Build the stub and the kernels' archive in ``folder``; return what code_size.json should hold."""
    cmake = [f"-DNONN_BUNDLE={STUB}", "-DNONN_BOARD=mps2-an386", "-DNONN_OPTIMIZE=Os"]
    for command in (
        ["cmake", "-S", ROOT, "-B", folder / "kernels", *cmake],
        ["cmake", "--build", folder / "kernels", "--target", "nonn_kernels", "--parallel", "2"],
    ):
        subprocess.run(command, check=True, capture_output=True)
    archive = folder / "kernels" / "libnonn_kernels.a"
    listing = subprocess.run(
        ["arm-none-eabi-size", archive], check=True, capture_output=True, text=True
    ).stdout
    objects = {}
    for line in listing.splitlines()[1:]:
        text, _data, _bss, _dec, _hex, name, *_ = line.split()
        objects[name.removesuffix(".c.obj")] = int(text)
    kernels = {
        name: with_helpers(name, objects) for name, size in objects.items() if size and is_kernel(name)
    }
    sizes = measure_elf(build(STUB, boards.get("mps2-an386"), out=folder / "stub").path)
    fixed = {
        "call": CALL_BYTES,
        "flash": sizes.device + sizes.library + sizes.port + sizes.data + sizes.other + INVOKE_BYTES,
        "stack": sizes.stack,
        "static": sizes.static,
    }
    return {"fixed": fixed, "kernels": dict(sorted(kernels.items())), "tflm": TFLM}


def is_kernel(name: str) -> bool:
    """Whether generated code calls it: its parameters have a header of its name."""
    header = FIRMWARE / "include" / "nonn" / "kernels" / f"{name}.h"
    return header.is_file() and f"nonn_{name}_params" in header.read_text(encoding="ascii")


def with_helpers(name: str, objects: Mapping[str, int]) -> int:
    """Bytes of a kernel and of all that its header leads to: what two share counts with each."""
    needed = with_included({"model/model.c": f'#include "nonn/kernels/{name}.h"\n'.encode()})
    return sum(
        objects[PurePosixPath(path).stem]
        for path in needed
        if path.startswith("kernels/") and path.endswith(".c")
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        TABLE.write_text(json.dumps(measure(Path(folder)), indent=2) + "\n", encoding="ascii")
