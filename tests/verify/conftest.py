"""A device inside this process: the oracle behind the client's interface, and it misbehaves on request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import WrongModel
from nonn_mcu.link.exchange import Counters
from nonn_mcu.link.replies import Hello, Stats, TensorSpec
from nonn_mcu.verify import oracle


@dataclass
class FakeDevice:
    """Answers as the bundle's model does; ``spoil`` and ``spoil_layer`` may change what it gives."""

    bundle: Bundle
    spoil: Callable[[int, np.ndarray], np.ndarray] = lambda number, output: output
    spoil_layer: Callable[[int, np.ndarray], np.ndarray] = lambda layer, tensor: tensor
    spoil_spec: Callable[[TensorSpec], TensorSpec] = lambda spec: spec
    flashed: bool = False
    described: dict = field(default_factory=dict)
    counted: dict = field(default_factory=dict)
    runs: list[bytes] = field(default_factory=list)
    counters: Counters = field(default_factory=Counters)

    @property
    def arena(self):
        """Bytes, of plain C."""
        return self.bundle.manifest.native["portable"].arena_bytes

    def hello(self, deadline=None):
        fields = {
            "firmware": "1.2.3",
            "payload": 240,
            "inputs": 1,
            "outputs": 1,
            "layers": len(self.bundle.manifest.layers),
            "arena_bytes": self.arena,
            "input_survives": True,
            "tick_numerator": 40,
            "tick_denominator": 1,
            "static_bytes": 8,
            "sha256": self.bundle.manifest.model_sha256,
            "model": "pocket",
            "runtime": "native",
            "board": "fake",
            "core": "none",
            "tick_unit": "instructions",
        }
        return Hello(**(fields | self.described))

    def check_same_model(self, deadline=None):
        if self.flashed:
            raise WrongModel("port: another model answers")

    def inputs(self, deadline=None):
        return self._specs(self.bundle.manifest.inputs)

    def outputs(self, deadline=None):
        return self._specs(self.bundle.manifest.outputs)

    def _specs(self, infos):
        specs = [TensorSpec(info.name, info.shape, info.scale, info.zero_point, 0) for info in infos]
        return tuple(self.spoil_spec(spec) for spec in specs)

    def run(self, inputs, *, times=1, deadline=None):
        self.runs.append(inputs[0].tobytes())
        (output,) = oracle.run(self.bundle.model, inputs)
        return [self.spoil(len(self.runs) - 1, output.copy())]

    def run_layer(self, inputs, layer, *, deadline=None):
        tensor = self.bundle.manifest.layers[layer].tensor
        (value,) = oracle.run_layers(self.bundle.model, inputs, [tensor])
        return self.spoil_layer(layer, value[0].copy())

    def stats(self, deadline=None):
        fields = dict.fromkeys(Stats.__dataclass_fields__, 0)
        return Stats(
            **(
                fields
                | {"ticks": 100, "times": 1, "arena_bytes": self.arena, "arena_used": self.arena}
                | self.counted
            )
        )


@pytest.fixture(scope="session")
def pocket(tmp_path_factory) -> Bundle:
    """A small whole bundle."""
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.bundles import make_bundle

    return make_bundle(Path(tmp_path_factory.mktemp("session")) / "pocket")


@pytest.fixture
def fake(pocket):
    """Make a device that holds ``pocket``."""
    return lambda **changes: FakeDevice(pocket, **changes)
