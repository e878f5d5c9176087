"""A bundle's content from the int8 model and its code: measured, with golden vectors, reported."""

from __future__ import annotations

import importlib.metadata
import io
from dataclasses import asdict, dataclass

import numpy as np

from nonn_mcu import bundle
from nonn_mcu.bundle import VECTORS, Calibration, Fidelity, Manifest, Preprocessing, Vectors
from nonn_mcu.calib import Samples
from nonn_mcu.convert import golden, layer_figures, runtimes
from nonn_mcu.convert.diagnose import first_below
from nonn_mcu.convert.int8 import Int8, Progress
from nonn_mcu.convert.layout import arrange
from nonn_mcu.convert.sets import Sets
from nonn_mcu.manifest import QuantisationStep
from nonn_mcu.report.conversion import markdown, to_json
from nonn_mcu.report.drawing import inline
from nonn_mcu.report.figures import FILE as FIGURES
from nonn_mcu.report.page import FILE as PAGE
from nonn_mcu.report.page import page
from nonn_mcu.students import Student, forward
from nonn_mcu.verify import fidelity, oracle
from nonn_mcu.verify.reference import to_device, to_torch

LOG = "convert.log"

# How many samples measure the fidelity that the tolerance is derived from.
FIDELITY_SAMPLES = 128

# Distributions whose versions decide what comes out.
TOOLS = ("nonn-mcu", "torch", "onnx", "onnx2tf", "tensorflow", "numpy", "tflite-micro")


@dataclass(frozen=True, eq=False)
class Assembled:
    """A bundle before it is written: its files, what they say, and the vectors that are among them."""

    files: dict[str, bytes]
    manifest: Manifest
    vectors: Vectors
    notes: tuple[str, ...]


def assemble(
    student: Student,
    quantised: Int8,
    code: runtimes.Code,
    sets: Sets,
    *,
    name: str,
    vectors: int,
    command: str,
    progress: Progress,
) -> Assembled:
    """Measure the int8 model against the student, make its golden vectors, and put the bundle together.

    The ``sets``, ``vectors`` and ``command`` are as for :func:`nonn_mcu.convert.pipeline.convert`. Raises
    :class:`BadInput`.
    """
    calibration = sets.calibration
    measured = None
    seen = None  # of each layer
    if student.kind != "tflite":
        assert calibration is not None
        progress("Comparing with PyTorch")
        seen = calibration.x[: layer_figures.SAMPLES]
        measured = _fidelity(student, quantised, calibration.x[:FIDELITY_SAMPLES])
        golden.require_faithful(
            measured, quantised.outputs, lambda: first_below(quantised, code.layers, calibration.x[:1])
        )
    progress("Making golden vectors")
    made = _vectors(student, quantised, sets.test, vectors, code)
    judged = None
    if measured is not None:
        judged = golden.judge(measured, made.outputs, made.references, quantised.outputs)
    notes = sets.notes + code.notes + (() if judged is None else judged.notes)
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
        goal=code.goal,
        native=code.native,
        tflm=code.tflm,
        budget=code.budget,
        command=command,
        calibration=None if calibration is None else _calibration(calibration),
        quantisation=tuple(QuantisationStep(**asdict(step)) for step in quantised.steps),
        fidelity=measured,
        tolerance=None if judged is None else judged.tolerance,
        files={},
    )
    progress("Comparing layers")
    figures = layer_figures.measure(quantised, code.layers, seen, notes)
    progress("Writing the report")
    files = code.files | {
        manifest.model_file: quantised.model,
        VECTORS: _npz(made),
        LOG: quantised.log.encode(),
        "report.md": markdown(manifest, None if judged is None else judged.vectors, notes).encode(),
        FIGURES: to_json(manifest, figures).encode(),
        PAGE: page(manifest, figures, made, drawing=_drawing(code), notes=notes),
    }
    return Assembled(files, manifest, made, notes)


def _fidelity(student: Student, quantised: Int8, x: np.ndarray) -> Fidelity:
    """Measure what a user meets: the device is fed the rounded sample, the reference the sample itself."""
    (info,) = quantised.inputs
    inputs = golden.quantised(arrange(x, info.from_torch, info.shape), info)
    outputs = oracle.run(quantised.model, [inputs])
    return fidelity.measure(outputs, _references(student, quantised, x), quantised.outputs)


def _drawing(code: runtimes.Code) -> str | None:
    svg = code.files.get(runtimes.ARENA)
    return None if svg is None else inline(svg, runtimes.ARENA)


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
