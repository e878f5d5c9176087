"""The main job end to end, without hardware: train, convert, build, verify on an emulated Cortex-M4.

    python examples/digits/demo.py build

Runs the same commands a user types, shows each one, and stops at the first that fails.
"""

import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent


def main(folder: Path) -> int:
    """Run the demo with its files in ``folder``; return the exit code of the last command."""
    checkpoint, bundle = folder / "digits.pt", folder / "digits"
    steps = [
        ["nonn-mcu", "convert", str(checkpoint), "-o", str(bundle)],
        ["nonn-mcu", "build", str(bundle), "--board", "mps2-an386"],
        ["nonn-mcu", "verify", str(bundle), "--board", "mps2-an386"],
    ]
    if not checkpoint.exists():
        steps.insert(0, ["python", str(HERE / "train.py"), str(checkpoint)])
    for step in steps:
        sys.stdout.write(f"\n$ {shlex.join(step)}\n")
        sys.stdout.flush()
        code = subprocess.run([str(BIN / step[0]), *step[1:]], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build")))
