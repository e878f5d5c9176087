"""The whole conversion: a student and its samples become a bundle."""

from __future__ import annotations

import importlib.metadata
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nonn_mcu import budget, bundle
from nonn_mcu.bundle import (
    VECTORS,
    BudgetInfo,
    Bundle,
    Calibration,
    Fidelity,
    LayerInfo,
    Manifest,
    Preprocessing,
    Runtime,
    Vectors,
)
from nonn_mcu.calib import Samples
from nonn_mcu.codegen.names import identifier
from nonn_mcu.convert import golden, runtimes
from nonn_mcu.convert.diagnose import first_below
from nonn_mcu.convert.int8 import Int8, Progress, from_float, from_tflite
from nonn_mcu.convert.layout import arrange
from nonn_mcu.errors import BadInput, OverBudget
from nonn_mcu.report.conversion import markdown, to_json
from nonn_mcu.students import Student, forward
from nonn_mcu.verify import fidelity, oracle
from nonn_mcu.verify.reference import to_device, to_torch

LOG = "convert.log"

# How many samples measure the fidelity that the tolerance is derived from.
FIDELITY_SAMPLES = 128

# Distributions whose versions decide what comes out.
TOOLS = ("nonn-mcu", "torch", "onnx", "onnx2tf", "tensorflow", "numpy", "tflite-micro")


class TooLarge(OverBudget):
    """The plan is over the budget; ``info`` and ``layers`` say by how much and where."""

    def __init__(self, message: str, info: BudgetInfo, layers: tuple[LayerInfo, ...]) -> None:
        super().__init__(message)
        self.info = info
        self.layers = layers


def model_name(student: Student, wanted: str | None = None) -> str:
    """Give the name that the model has in C, in file names and on the device.

    Raises :class:`BadInput` for a ``wanted`` one that cannot be.
    """
    if wanted is not None and identifier(wanted) != wanted:
        raise BadInput(
            f"--name {wanted!r}: a name in C of lower-case letters, digits and underscores, such as "
            f"{identifier(wanted)}"
        )
    return identifier(student.name) if wanted is None else wanted


@dataclass(frozen=True)
class Converted:
    """The bundle on disk, and what a user should know about it although nothing is wrong."""

    bundle: Bundle
    notes: tuple[str, ...]


def convert(
    student: Student,
    calibration: Samples | None,
    test: Samples | None,
    out: Path,
    *,
    name: str | None = None,
    runtime: Runtime | None = None,
    vectors: int = 200,
    flash_limit: int | None = None,
    ram_limit: int | None = None,
    force: bool = False,
    progress: Progress = lambda step: None,
) -> Converted:
    """Convert ``student`` and write the bundle at ``out``, whole or not at all.

    ``calibration`` are the samples to quantise with, ``test`` those that become golden vectors, at most
    ``vectors`` of them. A ready ``.tflite`` needs neither: without ``test`` its vectors are random. The
    model is called ``name``, else after the student. Without a ``runtime`` the code of each that has the
    model's operators is made. Raises :class:`BadInput`, and :class:`TooLarge` over budget unless ``force``.
    """
    if student.kind != "tflite" and (calibration is None or test is None):
        raise BadInput(f"{student.name}: quantisation needs samples; give them with --calib")
    bundle.require_free(out)
    name = model_name(student, name)
    if student.kind == "tflite":
        progress("Reading the model")
        quantised = from_tflite(student)
    else:
        assert calibration is not None
        quantised = from_float(student, calibration.x, progress)
    progress("Generating C")
    code = runtimes.generate(quantised, name, runtime, flash_limit, ram_limit)
    over = budget.overrun(code.budget)
    if over and not force:
        message = f"{over}; nothing was written, --force writes it all the same"
        raise TooLarge(message, code.budget, code.layers)
    measured = None
    if student.kind != "tflite":
        assert calibration is not None
        progress("Comparing with PyTorch")
        measured = _fidelity(student, quantised, calibration.x[:FIDELITY_SAMPLES])
        golden.require_faithful(
            measured, quantised.outputs, lambda: _where(quantised, code.layers, calibration.x[:1])
        )
    progress("Making golden vectors")
    made = _vectors(student, quantised, test, vectors, code)
    allowed = on_vectors = None
    notes = code.notes
    if measured is not None:
        on_vectors = fidelity.measure(made.outputs, made.references, quantised.outputs)
        golden.require_faithful(on_vectors, quantised.outputs, lambda: " on the test samples")
        expected = golden.expectation(measured, on_vectors.samples)
        allowed = golden.tolerance(expected, on_vectors)
        notes += tuple(
            f"the test samples fare worse than the calibration samples promise ({shortfall}); "
            "calibrate with more, or more representative, samples"
            for shortfall in fidelity.shortfalls(on_vectors, expected, quantised.outputs)
        )
    manifest = Manifest(
        name=name,
        tools=_versions(),
        model_file=f"{name}.tflite",
        model_sha256=bundle.sha256(quantised.model),
        inputs=quantised.inputs,
        outputs=quantised.outputs,
        preprocessing=_preprocessing(student),
        layers=code.layers,
        runtimes=code.runtimes,
        arena_bytes=code.arena_bytes,
        tflm=code.tflm,
        budget=code.budget,
        calibration=None if calibration is None else _calibration(calibration),
        fidelity=measured,
        tolerance=allowed,
        files={},
    )
    files = code.files | {
        manifest.model_file: quantised.model,
        VECTORS: _npz(made),
        LOG: quantised.log.encode(),
        "report.md": markdown(manifest, on_vectors, notes).encode(),
        "report.json": to_json(manifest).encode(),
    }
    return Converted(bundle.write(out, files, manifest), notes)


def _fidelity(student: Student, quantised: Int8, x: np.ndarray) -> Fidelity:
    """Measure what a user meets: the device is fed the rounded sample, the reference the sample itself."""
    (info,) = quantised.inputs
    inputs = golden.quantised(arrange(x, info.from_torch, info.shape), info)
    outputs = oracle.run(quantised.model, [inputs])
    return fidelity.measure(outputs, _references(student, quantised, x), quantised.outputs)


def _where(quantised: Int8, layers: tuple[LayerInfo, ...], x: np.ndarray) -> str:
    (info,) = quantised.inputs
    inputs = golden.quantised(arrange(x, info.from_torch, info.shape), info)
    return first_below(quantised.model, quantised.onnx, layers, inputs, x)


def _vectors(
    student: Student, quantised: Int8, test: Samples | None, count: int, code: runtimes.Code
) -> Vectors:
    references: list[np.ndarray] = []
    if test is None:
        rng = np.random.RandomState(1)  # its streams are frozen for good
        inputs = [
            rng.randint(-128, 128, (count, *info.shape[1:])).astype(np.int8) for info in quantised.inputs
        ]
    else:
        (info,) = quantised.inputs
        x = test.x[:count]
        inputs = [golden.quantised(arrange(x, info.from_torch, info.shape), info)]
        if student.kind != "tflite":
            # for what the device really is fed, so that the reference can be recomputed from the bundle
            references = _references(student, quantised, to_torch(inputs[0], info))
    return golden.make(
        quantised.model,
        inputs,
        references=references,
        labels=None if test is None or test.labels is None else test.labels[:count],
        infos=quantised.inputs,
        layers=[layer.tensor for layer in code.layers],
        isolated="native" not in code.runtimes,
    )


def _references(student: Student, quantised: Int8, x: np.ndarray) -> list[np.ndarray]:
    results = forward(student, x)
    return [to_device(result, info) for result, info in zip(results, quantised.outputs, strict=True)]


def _npz(vectors: Vectors) -> bytes:
    buffer = io.BytesIO()
    vectors.save(buffer)
    return buffer.getvalue()


def _preprocessing(student: Student) -> Preprocessing:
    spec = student.input
    return Preprocessing(layout=spec.layout, mean=spec.mean, std=spec.std, labels=spec.labels)


def _calibration(samples: Samples) -> Calibration:
    return Calibration(source=samples.source, samples=len(samples), sha256=samples.sha256)


def _versions() -> dict[str, str]:
    found = {}
    for tool in TOOLS:
        try:
            found[tool] = importlib.metadata.version(tool)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
