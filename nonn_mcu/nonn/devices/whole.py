"""What is run as one: a network of neural networks, or a single bundle as a network of one without a head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nonn_mcu import bundle as bundles
from nonn_mcu.bundle import Bundle, TensorInfo
from nonn_mcu.convert.golden import quantised
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn import network as networks
from nonn_mcu.nonn.network import NetworkBundle
from nonn_mcu.students import InputSpec
from nonn_mcu.verify.fidelity import dequantize
from nonn_mcu.verify.reference import to_device


@dataclass(frozen=True)
class Whole:
    """The ``students`` of a ``network``, or the one bundle at ``path``, which is none.

    All students have the one input ``input``, quantised alike; ``output`` is the whole's.
    """

    path: Path
    students: tuple[Bundle, ...]
    network: NetworkBundle | None
    input: TensorInfo
    output: TensorInfo
    spec: InputSpec

    def quantise(self, x: np.ndarray) -> np.ndarray:
        """Float32 ``(N, *spec.shape)`` as the devices take it: int8 ``(N, *input.shape[1:])``."""
        return quantised(to_device(x, self.input), self.input)

    def scores(self, output: np.ndarray) -> np.ndarray:
        """Dequantised output, float64 in the shape of the int8 ``output``."""
        return dequantize(output, self.output)


def read(path: Path) -> Whole:
    """Read a network or a bundle. Raises :class:`BadInput` unless it has one input, prepared as it says."""
    network = networks.read(path) if networks.is_network(path) else None
    students = (bundles.read(path),) if network is None else network.students
    last = students[0] if network is None else network.head
    infos = [student.manifest.inputs for student in students]
    if len(infos[0]) != 1 or len(last.manifest.outputs) != 1:
        raise BadInput(f"{path}: only a network with one input and one output can be run")
    if any(info != infos[0] for info in infos):
        raise BadInput(f"{path}: its students take different inputs; run convert again")
    prepared = students[0].manifest.preprocessing
    if prepared is None:
        raise BadInput(
            f"{path}: does not say how images become its input, since it was made from a .tflite; convert "
            "the network that this was made from"
        )
    spec = InputSpec(
        infos[0][0].torch_shape[1:], prepared.layout, prepared.mean, prepared.std, prepared.labels
    )
    return Whole(path, students, network, infos[0][0], last.manifest.outputs[0], spec)
