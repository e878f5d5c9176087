"""A tiny network of neural networks for the digits, to convert, build and verify."""

import sys
from pathlib import Path

import torch

from nonn_mcu import calib
from nonn_mcu.nonn.checkpoint import Training, save
from nonn_mcu.nonn.model import NoNN, StudentSpec
from nonn_mcu.students import input_spec

INPUT = input_spec((1, 8, 8), "CHW", mean=(0.3,), std=(0.38,), labels=tuple("0123456789"))
STUDENT = {"blocks": 2, "kernel_h": 3, "kernel_w": 3, "stride": 1, "height": 8, "columns": 8}
CHANNELS = 12
_STEPS = 60


def tiny_network(path: Path, students: int = 2) -> NoNN:
    """Train for a moment and save: enough to be right more often than not; the same bytes each time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    specs = [
        StudentSpec("ds-cnn-16", STUDENT, tuple(range(first, CHANNELS, students)))
        for first in range(students)
    ]
    module = NoNN(specs, INPUT.shape, 10)
    samples = calib.load("digits", INPUT)
    x, labels = torch.from_numpy(samples.x), torch.from_numpy(samples.labels)
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-2)
    for step in range(_STEPS):
        some = slice(64 * step % 1280, 64 * step % 1280 + 64)
        loss = torch.nn.functional.cross_entropy(module(x[some]), labels[some])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    torch.set_num_threads(threads)
    training = Training(
        method="ce", epochs=1, best_epoch=1, seed=0, validation=0.5, test=None, teacher_test=None
    )
    save(
        path,
        module.eval(),
        INPUT,
        teacher="0" * 64,
        training=training,
        flash=(None,) * students,
        calibration="digits",
    )
    return module


if __name__ == "__main__":
    tiny_network(Path(sys.argv[1]))
