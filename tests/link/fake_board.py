"""The device library as a process with sanitizers, and what its fake model computes."""

import os
import pty
import signal
import subprocess
import tty
from pathlib import Path

import numpy as np

from nonn_mcu.link.client import Device

HERE = Path(__file__).resolve().parent
FIRMWARE = HERE.parents[1] / "firmware"
FLAGS = ["-std=c99", "-g", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fno-omit-frame-pointer"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def build(target: Path, *names: str) -> Path:
    sources = [HERE / name for name in names]
    sources += [*FIRMWARE.glob("link/*.c"), *FIRMWARE.glob("device/*.c")]
    sources.remove(FIRMWARE / "device/serve.c")  # it serves the one model that is linked in
    command = ["gcc", *FLAGS, *SANITIZERS, f"-I{FIRMWARE / 'include'}", *map(str, sources), "-o", str(target)]
    subprocess.run(command, check=True)
    return target


class FakeBoard:
    """A device process on a pty; ``path`` is what a program opens."""

    def __init__(self, program: Path, *options: str) -> None:
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        self.path = os.ttyname(theirs)
        self._ours, self._theirs = ours, theirs  # both stay open: the line outlives either end
        self.process = subprocess.Popen(
            [str(program), *options], stdin=ours, stdout=ours, stderr=subprocess.PIPE
        )

    def reset(self) -> None:
        self.process.send_signal(signal.SIGUSR1)

    def stop(self) -> None:
        self.process.kill()
        _, errors = self.process.communicate()
        for end in (self._ours, self._theirs):
            os.close(end)
        assert not errors, errors.decode()  # what a sanitizer or a guard found


def fake_result(image: np.ndarray, bias: np.ndarray, last: int = 2) -> list[np.ndarray]:
    """What tests/link/fake_model.c computes: [scores, spare], or [what layer ``last`` wrote]."""
    i = np.arange(100)
    middle = image.reshape(-1).astype(int)[i % 64] * 3 + bias.reshape(-1).astype(int)[i % 3] + i
    if last == 0:
        return [middle.astype(np.int8).reshape(4, 5, 5)]
    twisted = (middle ^ (i * 7)).astype(np.int8)
    if last == 1:
        return [twisted]
    scores = twisted.astype(int).reshape(10, 10).sum(axis=0).astype(np.int8).reshape(1, 10)
    return [scores, (twisted[:5].astype(int) - twisted[:-6:-1].astype(int)).astype(np.int8)]


def fake_head_result(votes: np.ndarray, last: int = 0) -> list[np.ndarray]:
    """What the head of tests/link/fake_model.c computes: the verdict, or what its one layer wrote."""
    return [(votes.reshape(-1).astype(int) * 5 + np.arange(6)).astype(np.int8)]


def random_inputs(rng: np.random.Generator) -> list[np.ndarray]:
    shapes = ((1, 8, 8, 1), (1, 3))
    return [rng.integers(-128, 128, shape, dtype=np.int8) for shape in shapes]


def assert_right(device: Device, rng: np.random.Generator) -> None:
    """Run one random vector and compare."""
    inputs = random_inputs(rng)
    for found, wanted in zip(device.run(inputs), fake_result(*inputs), strict=True):
        np.testing.assert_array_equal(found, wanted)
