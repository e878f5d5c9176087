"""Is the ONNX graph still the function that the student is? Asked before anything is quantised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nonn_mcu.errors import BadInput

# Exporting and rewriting only reorder float32 sums; 1e-4 of the largest value is far more than they do.
TOLERANCE = 1e-4


def require_same(model: Any, x: np.ndarray, references: Sequence[np.ndarray], step: str) -> None:
    """Run ``model`` (ONNX, batch 1) on ``x`` ``(N, ...)`` and compare with ``references[i]`` ``(N, ...)``.

    Raises :class:`BadInput`, naming ``step``, when an output is missing, of another shape, or off by more
    than :data:`TOLERANCE` of the reference's largest value.
    """
    results = run(model, x)
    if [r.shape for r in results] != [r.shape for r in references]:
        raise BadInput(
            f"{step} gives outputs {[r.shape[1:] for r in results]} for {[r.shape[1:] for r in references]}; "
            "export the network yourself and give the .onnx"
        )
    for number, (result, reference) in enumerate(zip(results, references, strict=True)):
        size = float(np.max(np.abs(reference), initial=0.0)) or 1.0
        error = float(np.max(np.abs(result - reference), initial=0.0)) / size
        if not error <= TOLERANCE:  # also when it is NaN
            raise BadInput(
                f"{step} changes output {number} by {error:.1e} of its largest value; "
                "does the network depend on chance, on the batch size, or on its own state?"
            )


def run(model: Any, x: np.ndarray, extra: Sequence[str] = ()) -> list[np.ndarray]:
    """Run an ONNX model sample by sample; the outputs named in ``extra`` follow the graph's own."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # the order of summation does not depend on the machine
    if extra:
        model = onnx.ModelProto.FromString(model.SerializeToString())
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in extra)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    rows = [session.run(None, {name: sample[None]}) for sample in x]
    return [np.concatenate(series) for series in zip(*rows, strict=True)]
