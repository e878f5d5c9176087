"""The stock converter's two models of a torch module, as the conversion gets them."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nonn_mcu.convert import network
from nonn_mcu.convert.export import export
from nonn_mcu.convert.layout import arrange, derive, marker
from nonn_mcu.convert.quantise import quantise
from nonn_mcu.convert.rewrite import rewrite
from nonn_mcu.students import Student, forward, input_spec


@cache
def stock(make: Any, shape: tuple[int, ...], count: int = 64) -> tuple[Any, ...]:
    """Convert ``make()``, deterministic, for inputs of ``shape``.

    Returns the int8 and the float ``.tflite``, and samples in the device's layout, ``(N, ...)`` each: those
    it was calibrated with, and as many others twice.
    """
    torch.manual_seed(0)
    student = Student("net", "module", make().eval(), input_spec(shape))
    x = np.random.default_rng(0).standard_normal((3 * count, *shape)).astype(np.float32)
    probe = np.concatenate([marker(shape), x[:2]])
    network.load_tools()
    exported, _ = export(student)
    graph = rewrite(exported)
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved"
        built, _ = network.build(graph, saved)
        arrangement = derive(built.run, built.input_shape, probe, forward(student, probe))
        samples = arrange(x, arrangement.input_axes, built.input_shape)
        int8, exact, _ = quantise(saved, samples[:count], built.sources)
    return int8, exact, *np.split(samples, 3)
