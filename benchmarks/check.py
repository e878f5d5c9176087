"""Counts against benchmarks/baseline.json: the exit code is 1 where one grew by more than 2 %.

    python benchmarks/check.py [--update]

The models are a small one of the tests and those of MLPerf Tiny, where NONN_MCU_DATA (else ../shared/data)
has them. Each is converted anew, since the generator is measured too; `nonn-mcu bench` runs it on Cortex-M4,
on Cortex-M55, and in plain C on Cortex-M4. A change that makes a count grow on purpose, or lets one shrink,
writes the baseline with --update and commits it along.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bench"
BASELINE = ROOT / "benchmarks" / "baseline.json"
MODELS = ("ad01", "ic01", "kws01", "vww01")
RUNS = (("--board", "mps2-an386", "--board", "mps3-an547"), ("--board", "mps2-an386", "--portable"))

sys.path.insert(0, str(ROOT / "tests"))


def run(*arguments: str) -> int:
    """Run ``nonn-mcu`` with this interpreter and give its exit code."""
    return subprocess.run([sys.executable, "-m", "nonn_mcu.cli", *arguments], check=False).returncode


def bundles() -> list[Path]:
    """Convert everything there is; what fails ends the program."""
    from support.bundles import NAME, make_bundle

    WORK.mkdir(parents=True, exist_ok=True)
    made = [make_bundle(WORK / NAME).path]
    data = Path(os.environ.get("NONN_MCU_DATA", ROOT.parent / "shared" / "data")) / "mlperf-tiny"
    if not data.is_dir():
        print(f"no models at {data} (set NONN_MCU_DATA): only {NAME} is counted", file=sys.stderr)
        return made
    for name in MODELS:
        made.append(WORK / name)
        if code := run("convert", str(data / f"{name}_int8.tflite"), "-o", str(made[-1])):
            sys.exit(code)
    return made


def main() -> int:
    """Convert, count, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the baseline")
    update = ["--update"] if parser.parse_args().update else []
    paths = [str(path) for path in bundles()]
    return max(run("bench", *paths, *how, "--baseline", str(BASELINE), *update) for how in RUNS)


if __name__ == "__main__":
    sys.exit(main())
