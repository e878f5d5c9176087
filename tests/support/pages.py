"""What a page is made of: with everything on it, with hostile texts, with long names."""

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from nonn_mcu.bundle import Bundle, Vectors
from nonn_mcu.manifest import Calibration, Fidelity, Manifest, Preprocessing, QuantisationStep
from nonn_mcu.report import charts
from nonn_mcu.report.device import Checked, Words
from nonn_mcu.report.drawing import inline
from nonn_mcu.report.figures import Figures, LayerFigures, Weights
from nonn_mcu.report.page import page
from nonn_mcu.verify.verdict import DeviceVerdict, LayerDivergence, LayersVerdict

LABELS = ("cat", "dog", "frog", "horse", "ship")
HOSTILE = "</td></script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}&\x00\u202e$x^$"
LONG = "a_rather_long_name_of_a_layer_" * 8


@dataclass(frozen=True, eq=False)
class Values:
    """What a page is made of."""

    manifest: Manifest
    figures: Figures | None
    vectors: Vectors
    drawing: str | None
    notes: tuple[str, ...]
    devices: tuple[Checked, ...]

    @cached_property
    def page(self) -> bytes:
        return page(
            self.manifest,
            self.figures,
            self.vectors,
            drawing=self.drawing,
            notes=self.notes,
            devices=self.devices,
        )

    def but(self, manifest: dict[str, Any] | None = None, **changes: Any) -> "Values":
        """Change fields, those of the manifest by a dict."""
        return replace(self, manifest=self.manifest.model_copy(update=manifest or {}), **changes)


def everything(bundled: Bundle) -> Values:
    """A converted student with its steps, and two devices: one that matches, one whose layer 1 does not."""
    manifest, vectors = bundled.manifest, bundled.vectors()
    figures = Figures(
        samples=32,
        layers=tuple(_figures(layer, number) for number, layer in enumerate(manifest.layers)),
        weights=tuple(Weights(low=-2.5, high=2.25, scales=4) for _ in manifest.layers),
    )
    return Values(
        manifest=manifest.model_copy(
            update={
                "layers": tuple(
                    layer.model_copy(update={"module": f"net.{number}"})
                    for number, layer in enumerate(manifest.layers)
                ),
                "tools": {"torch": "2.13.0", "nonn-mcu": "0.1.0"},
                "preprocessing": Preprocessing(layout="CHW", mean=(0.5,) * 3, std=(0.25,) * 3, labels=LABELS),
                "calibration": Calibration(source="digits", samples=256, sha256="ab" * 32),
                "fidelity": Fidelity(
                    samples=128, sqnr_db=(33.25,), worst_lsb=(2.5,), top1_agreement=(0.985,)
                ),
                "quantisation": tuple(
                    QuantisationStep(name=name, sqnr_db=db, agreement=share, kept=kept)
                    for name, db, share, kept in (
                        ("stock", 31.0, 0.97, True),
                        ("clean ranges", 32.5, 0.98, True),
                        ("bias correction", 32.25, 0.98, False),
                    )
                ),
                "command": "nonn-mcu convert pocket.pt --calib digits",
                "budget": manifest.budget.model_copy(
                    update={
                        "flash": 612_345,
                        "flash_limit": 500_000,
                        "weights": 580_000,
                        "code": 32_345,
                        "ram": 9_000,
                        "arena": 9_000,
                    }
                ),
            }
        ),
        figures=figures,
        vectors=replace(vectors, labels=np.arange(len(vectors), dtype=np.int64) % 5),
        drawing=inline((bundled.path / "arena.svg").read_bytes(), "arena.svg"),
        notes=("the test samples fare worse than the calibration samples promise",),
        devices=(_device(len(vectors), wrong=False), _device(len(vectors), wrong=True)),
    )


@cache
def hostile(values):
    """Every text of the page that comes from outside, replaced."""
    manifest = values.manifest
    (image,), (logits,) = manifest.inputs, manifest.outputs
    layers = [
        layer.model_copy(update=dict.fromkeys(("name", "op", "module", "kernel"), HOSTILE))
        for layer in manifest.layers
    ]
    changes = {
        "inputs": (image.model_copy(update={"name": HOSTILE}),),
        "outputs": (logits.model_copy(update={"name": HOSTILE}),),
        "layers": tuple(layers),
        "model_file": HOSTILE,
        "command": HOSTILE,
        "tools": {"torch": HOSTILE, HOSTILE: "1"},
        "calibration": Calibration(source=HOSTILE, samples=256, sha256="ab" * 32),
        "preprocessing": manifest.preprocessing.model_copy(update={"labels": (HOSTILE,) * 5}),
        "quantisation": tuple(step.model_copy(update={"name": HOSTILE}) for step in manifest.quantisation),
        "tflm": manifest.tflm.model_copy(update={"operators": (HOSTILE,)}),
        "native": {
            name: one.model_copy(update={"kernels": (HOSTILE,) * len(layers)})
            for name, one in manifest.native.items()
        },
    }
    devices = [
        replace(
            device,
            words=replace(
                device.words,
                summary=HOSTILE,
                rows=tuple((HOSTILE, HOSTILE) for _ in device.words.rows),
                findings=tuple(HOSTILE for _ in device.words.findings),
            ),
        )
        for device in values.devices
    ]
    return values.but(changes, notes=(HOSTILE,), devices=tuple(devices))


@cache
def long_names(values):
    layers = [
        layer.model_copy(update={"name": LONG, "module": LONG.replace("_", ".")})
        for layer in values.manifest.layers
    ]
    labels = values.manifest.preprocessing.model_copy(update={"labels": (LONG,) * 5})
    outputs = (values.manifest.outputs[0].model_copy(update={"name": LONG}),)
    return values.but(
        {
            "layers": tuple(layers),
            "preprocessing": labels,
            "outputs": outputs,
            "name": "a" * 48,
            "command": LONG,
        }
    )


def _figures(layer, number: int) -> LayerFigures:
    low, high = charts.representable(layer)
    return LayerFigures(
        sqnr_db=40.5 - 3 * number, saturated=0.0125 * number, used=0.75, low=low, high=1.125 * high
    )


def _device(count: int, *, wrong: bool) -> Checked:
    divergence = LayerDivergence(0, 1, "second", "CONV_2D", "net.second", "conv_2d", 1, 2, 3, 17)
    verdict = DeviceVerdict(
        "/dev/ttyACM0", int(wrong), layers=LayersVerdict(3, 3, divergence if wrong else None)
    )
    words = Words(
        "/dev/ttyACM0: pocket on fake: 2 of 20 vectors differ",
        (("board", "fake, none"), ("speed", "123,456 instructions per inference")),
        ("first mismatch: vector 3",) if wrong else (),
    )
    oracle = np.zeros(count, np.int64)
    oracle[:2] = 2 * wrong
    return Checked(verdict, words, oracle, np.linspace(0, 2.5, count))
