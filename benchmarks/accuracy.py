"""What int8 costs in accuracy: a student quantised in several ways, each on the same labelled test images.

    python benchmarks/accuracy.py --data cifar10:data/cifar-10-batches-bin student.pt
    python benchmarks/accuracy.py --data digits --calib stats,noise build/digits.pt

Prints a row of Markdown for each way: SQNR of the outputs, share of images whose class is the float
network's, accuracy of both. The int8 model is run by TensorFlow Lite Micro's interpreter, image by image, on
as many processes as there are cores; it takes a while.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from nonn_mcu import calib, students
from nonn_mcu.convert import golden, sets
from nonn_mcu.convert.int8 import from_float
from nonn_mcu.convert.layout import arrange
from nonn_mcu.nonn.convert import loading
from nonn_mcu.students import Student, forward
from nonn_mcu.verify import fidelity, oracle
from nonn_mcu.verify.reference import to_device

HEADER = (
    "student",
    "quantised",
    "calibrated on",
    "SQNR dB",
    "agreement",
    "float top-1",
    "int8 top-1",
    "images",
)
SHARE = 100  # images that a process takes at a time


def told(step: str) -> None:
    """Say nothing of the steps."""


def load(options: argparse.Namespace) -> list[Student]:
    """Give the students of a network, or the one that a file holds."""
    trained = loading.load(options.student)
    if trained is None:
        mean, std = (None if values is None else tuple(values) for values in (options.mean, options.std))
        return [students.load(options.student, arch=options.arch, mean=mean, std=std)]
    return [
        Student(f"{trained.name}_{index}", "module", one, trained.input)
        for index, one in enumerate(trained.module.students)
    ]


def outputs(model: bytes, inputs: np.ndarray) -> np.ndarray:
    """Int8 outputs (N, classes) of the interpreter for int8 inputs (N, ...)."""
    parts = [(model, [inputs[start : start + SHARE]]) for start in range(0, len(inputs), SHARE)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return np.concatenate([made[0] for made in pool.map(oracle.run, *zip(*parts, strict=True))])


def row(student: Student, quantiser: str, source: str, test: calib.Samples) -> tuple[str, ...]:
    """Quantise in one way and measure on all test samples."""
    given = sets.gather(student, source, test_limit=1, validate=quantiser == "auto", progress=told)
    validation = None if given.validation is None else given.validation.x
    made = from_float(student, given.calibration.x, told, validation=validation)
    (info,) = made.inputs
    answers = outputs(made.model, golden.quantised(arrange(test.x, info.from_torch, info.shape), info))
    reference = to_device(forward(student, test.x)[0], made.outputs[0])
    measured = fidelity.measure([answers.reshape(reference.shape)], [reference], made.outputs)
    flat, exact = answers.reshape(len(test), -1), reference.reshape(len(test), -1)
    right = [float((one.argmax(1) == test.labels).mean()) for one in (exact, flat)]
    return (
        *(student.name, quantiser, source.partition(":")[0]),
        *(f"{measured.sqnr_db[0]:.2f}", f"{measured.top1_agreement[0]:.1%}"),
        *(f"{share:.2%}" for share in right),
        f"{len(test):,}",
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("student", type=Path)
    parser.add_argument("--arch")
    parser.add_argument("--mean", type=float, nargs="*")
    parser.add_argument("--std", type=float, nargs="*")
    parser.add_argument("--data", required=True, help="labelled: calibration and test images")
    parser.add_argument("--calib", default="", help="further sources to calibrate on: stats,noise,dream:META")
    parser.add_argument("--images", type=int, default=2000)
    options = parser.parse_args()
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    for student in load(options):
        test = calib.load(options.data, student.input, split="test", limit=options.images)
        ways = [("stock", options.data), ("auto", options.data)]
        ways += [("auto", source) for source in options.calib.split(",") if source]
        for quantiser, source in ways:
            print(f"| {' | '.join(row(student, quantiser, source, test))} |", flush=True)


if __name__ == "__main__":
    main()
