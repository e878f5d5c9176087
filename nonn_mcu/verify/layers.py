"""Layer by layer: which one is the first whose tensor differs from the oracle's."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np

from nonn_mcu.bundle import Bundle, Vectors
from nonn_mcu.errors import BadInput
from nonn_mcu.link.client import Device
from nonn_mcu.verify import oracle
from nonn_mcu.verify.verdict import LayerDivergence, LayersVerdict


def compare(
    device: Device, bundle: Bundle, vectors: Vectors, progress: Callable[[int], None]
) -> LayersVerdict:
    """Run every layer of the vectors that have layer CRCs, in order, until one tensor differs.

    The CRC-32 of each tensor is in the bundle, so no oracle is needed to find the layer; where it is
    installed it also says by how much. ``progress`` is called with the number of layers compared.
    """
    infos = bundle.manifest.layers
    native = bundle.manifest.native_on(device.hello().runtime)
    kernels = [info.kernel for info in infos] if native is None else native.kernels
    for vector, row in enumerate(vectors.layer_crc):
        inputs = [array[vector : vector + 1] for array in vectors.inputs]
        for layer, (info, expected) in enumerate(zip(infos, row, strict=True)):
            progress(vector * len(infos) + layer)
            tensor = device.run_layer(inputs, layer)
            crc = zlib.crc32(tensor.tobytes())
            if crc != expected:
                differing, worst = _how_far(bundle.model, inputs, info.tensor, tensor)
                divergence = LayerDivergence(
                    vector=vector,
                    layer=layer,
                    name=info.name,
                    op=info.op,
                    module=info.module,
                    kernel=kernels[layer],
                    expected_crc=int(expected),
                    got_crc=crc,
                    worst_lsb=worst,
                    differing_values=differing,
                )
                return LayersVerdict(vector + 1, len(infos), divergence)
    return LayersVerdict(len(vectors.layer_crc), len(infos), None)


def _how_far(
    model: bytes, inputs: Sequence[np.ndarray], tensor: int, got: np.ndarray
) -> tuple[int, int] | tuple[None, None]:
    """Count the differing values, and give the largest difference; None where the oracle cannot say."""
    try:
        (expected,) = oracle.run_isolated(model, inputs, [tensor])
    except BadInput:  # the wheel is not for every machine
        return None, None
    if expected.size != got.size:
        return None, None
    difference = np.abs(expected.ravel().astype(np.int16) - got.ravel())
    return int(np.count_nonzero(difference)), int(difference.max(initial=0))
