"""How much arena TensorFlow Lite Micro needs for a model: measured with the tflite-micro wheel.

The wheel is 64-bit and has the reference kernels. Its records hold pointers, so it never needs less than the
same kernels on a 32-bit core. In an arena far too small the library crashes instead of refusing; the search
runs in a process of its own, and a crash counts as too small.
"""

from __future__ import annotations

import subprocess
import sys

from nonn_mcu.codegen.check import check_order
from nonn_mcu.codegen.reader import read
from nonn_mcu.errors import BadInput, MissingExtra

STEP = 16  # the library aligns its arena so
_RECORDS = 1 << 18  # more than the interpreter's records take, beside those of tensors
_SECONDS = 120
_CRASHES = 64
_NO_WHEEL = 3


def smallest_arena(model: bytes) -> int:
    """Bytes of the smallest arena, a multiple of 16, in which the wheel can allocate the model.

    Raises :class:`BadInput`, with what the library says, when it refuses the model in any arena, and
    :class:`MissingExtra` where the wheel is not installed.
    """
    graph = read(model)
    check_order(graph)
    tensors = sum(tensor.size * 8 + 128 for tensor in graph.tensors if tensor.data is None)
    constants = sum(tensor.size + 128 for tensor in graph.tensors if tensor.data is not None)
    low, high = 0, _up(2 * tensors + constants + len(graph.ops) * 1024 + _RECORDS)
    enough = False  # whether `high` is known to be
    for _ in range(_CRASHES):
        low, high, enough, code, said = _search(model, low, high, enough)
        if not enough:
            raise BadInput(f"TensorFlow Lite Micro refuses the model: {said or f'exit code {code}'}")
        if high - low <= STEP:
            return high
    raise BadInput("TensorFlow Lite Micro crashes on this model in arenas of many sizes")


def _up(size: int) -> int:
    return -(-size // STEP) * STEP


def _search(model: bytes, low: int, high: int, enough: bool) -> tuple[int, int, bool, int, str]:
    """Narrow (low, high] until it is done or the process dies; returns also how it ended and its words."""
    command = [sys.executable, "-m", "nonn_mcu.verify.arena", str(low), str(high), str(int(enough))]
    try:
        done = subprocess.run(command, input=model, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise BadInput(f"TensorFlow Lite Micro did not allocate this model in {_SECONDS} s") from None
    if done.returncode == _NO_WHEEL:
        raise MissingExtra(
            "the arena is measured with the tflite-micro wheel (Linux x86-64): "
            "pip install 'nonn-mcu[convert]'"
        )
    for line in done.stdout.decode("ascii", "replace").splitlines():
        size, _, outcome = line.partition(" ")
        if outcome == "fits":
            high, enough = int(size), True
        elif enough:
            low = int(size)
    return low, high, enough, done.returncode, _reason(done.stderr)


def _reason(stderr: bytes) -> str:
    """Pick the library's first complaint; what follows are its callers' echoes."""
    lines = (line.strip() for line in stderr.decode("utf-8", "replace").splitlines())
    return next((line for line in lines if line.isprintable() and line), "")[:200]


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _main() -> int:
    try:
        from tflite_micro.python.tflite_micro import runtime
    except ImportError:
        return _NO_WHEEL
    low, high, enough = (int(argument) for argument in sys.argv[1:])
    model = sys.stdin.buffer.read()

    def fits(size: int) -> bool:
        _say(f"{size} ")  # a crash leaves the line without an outcome
        try:
            runtime.Interpreter.from_bytes(model, arena_size=size)
        except RuntimeError:
            _say("refused\n")
            return False
        _say("fits\n")
        return True

    if not enough and not fits(high):
        return 0
    while high - low > STEP:
        middle = (low + high) // 2 // STEP * STEP
        low, high = (low, middle) if fits(middle) else (middle, high)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
