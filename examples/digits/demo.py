"""A network of two students end to end, without hardware: one teacher, two emulated Cortex-M4s, one answer.

    python examples/digits/demo.py build

Runs the same commands a user types, shows each one, and stops at the first that fails. What has been trained
is not trained again.
"""

import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent

TRAINING = (
    "python {here}/train.py {folder}/teacher.pt --arch wrn16-2",
    "nonn-mcu partition {folder}/teacher.pt --data digits --students 2 -o {folder}/parts.json",
    "nonn-mcu distil {folder}/teacher.pt {folder}/parts.json --data digits --student wrn10-0.5 "
    "--epochs 12 --batch 64 -o {folder}/nonn.pt",
)
STEPS = (
    "nonn-mcu convert {folder}/nonn.pt --vectors 359 -o {folder}/nonn",
    "nonn-mcu verify {folder}/nonn --board mps2-an386",
)


def main(folder: Path) -> int:
    """Run the demo with its files in ``folder``; return the exit code of the last command."""
    trained = (folder / "nonn.pt").exists()
    for step in (*(() if trained else TRAINING), *STEPS):
        words = [word.format(folder=folder, here=HERE) for word in shlex.split(step)]
        sys.stdout.write(f"\n$ {shlex.join(words)}\n")
        sys.stdout.flush()
        code = subprocess.run([str(BIN / words[0]), *words[1:]], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build")))
