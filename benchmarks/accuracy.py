"""What int8 costs in accuracy: a student, or a network of them, quantised in several ways.

    python benchmarks/accuracy.py --data cifar10:data/cifar-10-batches-bin student.pt
    python benchmarks/accuracy.py --data digits --calib stats,noise build/digits.pt

Prints a row of Markdown for each way, on the same labelled test images: SQNR of the outputs, share of images
whose class is the float network's, accuracy of both. The int8 model is run by TensorFlow Lite Micro's
interpreter, image by image, on as many processes as there are cores; it takes a while.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from nonn_mcu import calib
from nonn_mcu.cli.student_options import NetworkOptions
from nonn_mcu.convert import golden, sets
from nonn_mcu.convert.int8 import Int8, from_float
from nonn_mcu.convert.layout import arrange
from nonn_mcu.convert.pipeline import to_int8
from nonn_mcu.convert.pixels import on_pixels
from nonn_mcu.nonn.checkpoint import Trained
from nonn_mcu.nonn.convert import loading, quantise_head
from nonn_mcu.nonn.convert.convert import float_head, members, whole
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


def outputs(made: Int8, x: np.ndarray) -> np.ndarray:
    """Int8 outputs (N, classes) of the interpreter for float32 samples (N, *shape) of the student's."""
    (info,) = made.inputs
    inputs = golden.quantised(arrange(x, info.from_torch, info.shape), info)
    parts = [(made.model, [inputs[start : start + SHARE]]) for start in range(0, len(inputs), SHARE)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        rows = [out[0] for out in pool.map(oracle.run, *zip(*parts, strict=True))]
    return np.concatenate(rows).reshape(len(x), -1)


def network_answers(trained: Trained, given: sets.Sets) -> tuple[Int8, np.ndarray]:
    """Quantise the students and the head of a network, and ask the head what it makes of their features."""
    floats, given = on_pixels(members(trained), given)
    assert given.calibration is not None
    assert given.test is not None
    both = np.concatenate([given.calibration.x, given.test.x])
    asked = []
    for stored, one in zip(trained.content.students, floats, strict=True):
        made = to_int8(one, given, told, ranges=stored.ranges)
        asked.append((made, outputs(made, both)))
    features = np.concatenate([answers for _, answers in asked], axis=1)
    cut = len(given.calibration)
    head = float_head(trained, [made.outputs[0] for made, _ in asked])
    made = from_float(head, quantise_head.calibration(features[:cut]), told)
    return made, outputs(made, quantise_head.samples(features[cut:]))


def row(
    student: Student, trained: Trained | None, way: tuple[str, str], test: calib.Samples, exact: np.ndarray
) -> tuple[str, ...]:
    """Quantise in one way and measure on all test samples, of which the float network makes ``exact``."""
    quantiser, source = way
    given = sets.gather(student, source, test_limit=1, validate=quantiser == "auto", progress=told)
    given = replace(given, test=test)
    if trained is None:
        (fed,), given = on_pixels([student], given)
        assert given.test is not None
        made = to_int8(fed, given, told)
        answers = outputs(made, given.test.x)
    else:
        made, answers = network_answers(trained, given)
    reference = to_device(exact, made.outputs[0])
    measured = fidelity.measure([answers.reshape(reference.shape)], [reference], made.outputs)
    right = [float((one.reshape(len(test), -1).argmax(1) == test.labels).mean()) for one in (exact, answers)]
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
    parser.add_argument("--mean", help="M,.. as for convert")
    parser.add_argument("--std")
    parser.add_argument("--data", required=True, help="labelled: calibration and test images")
    parser.add_argument("--calib", default="", help="more to calibrate on: stats,noise,dream:META,dreams.npz")
    parser.add_argument("--images", type=int, default=2000)
    options = parser.parse_args()
    print(f"| {' | '.join(HEADER)} |\n|{'---|' * len(HEADER)}")
    trained = loading.load(options.student)
    if trained is None:
        student = NetworkOptions(arch=options.arch, mean=options.mean, std=options.std).load(options.student)
    else:
        student = whole(trained)
    test = calib.load(options.data, student.input, split="test", limit=options.images)
    exact = forward(student, test.x)[0]
    ways = [("stock", options.data), ("auto", options.data)]
    ways += [("auto", source) for source in options.calib.split(",") if source]
    for way in ways:
        print(f"| {' | '.join(row(student, trained, way, test, exact))} |", flush=True)


if __name__ == "__main__":
    main()
