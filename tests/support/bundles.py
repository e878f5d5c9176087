"""A small, whole bundle made without a converter: three operators, the oracle's vectors, a reference."""

import zlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

import numpy as np
from support.models import O, T, build

from nonn_mcu import bundle
from nonn_mcu.bundle import (
    BudgetInfo,
    Bundle,
    Fidelity,
    LayerInfo,
    Manifest,
    Preprocessing,
    TensorInfo,
    TflmInfo,
    Vectors,
)
from nonn_mcu.codegen import generate, generate_tflm
from nonn_mcu.convert.runtimes import native_infos
from nonn_mcu.verify import oracle
from nonn_mcu.verify.fidelity import dequantize

NAME = "pocket"
COUNT = 20
WITH_LAYERS = 3
OUTPUTS = 5
TFLM_ARENA = 8192


def model(seed: int = 1) -> bytes:
    """A convolution, another one, and a dense layer: (1, 6, 5, 3) -> (1, 5)."""
    rng = np.random.default_rng(seed)

    def weights(*shape):
        return T(shape, 0.02, data=rng.integers(-127, 128, shape, np.int8), name="weights")

    def bias(channels, scale):
        data = rng.integers(-500, 500, channels, np.int32)
        return T((channels,), scale, data=data, dtype="int32", name="bias")

    tensors = [
        T((1, 6, 5, 3), 0.02, -3, name="image"),
        weights(4, 3, 3, 3),
        bias(4, 0.02 * 0.02),
        T((1, 3, 3, 4), 0.05, 5, name="net/first/Conv2D"),
        weights(6, 1, 1, 4),
        bias(6, 0.05 * 0.02),
        T((1, 3, 3, 6), 0.05, -10, name="net/second/Conv2D"),
        weights(OUTPUTS, 54),
        bias(OUTPUTS, 0.05 * 0.02),
        T((1, OUTPUTS), 0.2, 1, name="net/head/MatMul"),
    ]
    conv = {"padding": 0, "dilationHFactor": 1, "dilationWFactor": 1, "fusedActivationFunction": "RELU"}
    ops = [
        O("CONV_2D", [0, 1, 2], [3], conv | {"strideH": 2, "strideW": 2}),
        O("CONV_2D", [3, 4, 5], [6], conv | {"strideH": 1, "strideW": 1}),
        O("FULLY_CONNECTED", [6, 7, 8], [9], {"keepNumDims": False}),
    ]
    return build(tensors, ops, [0], [9])


def tensor_info(name, tensor, torch_shape, from_torch):
    return TensorInfo(
        name=name,
        shape=tensor.shape,
        scale=tensor.scale,
        zero_point=tensor.zero_point,
        torch_shape=torch_shape,
        from_torch=from_torch,
    )


def make_bundle(path: Path, seed: int = 1, **changes) -> Bundle:
    """Write the bundle; ``changes`` replace fields of its Vectors."""
    rng = np.random.default_rng(seed)
    inputs = rng.integers(-128, 128, (COUNT, 6, 5, 3), np.int8)
    return bundle_of(path, model(seed), NAME, inputs, ((1, 3, 6, 5), (0, 2, 3, 1)), noise=rng, **changes)


def bundle_of(
    path: Path,
    tflite: bytes,
    name: str,
    inputs: np.ndarray,
    from_torch: tuple[tuple[int, ...], tuple[int, ...]],
    /,
    *,
    noise: np.random.Generator | None = None,
    preprocessing: Preprocessing | None = None,
    following: str = "",
    more: Mapping[str, str] = MappingProxyType({}),
    **changes,
) -> Bundle:
    """Write a bundle of this model for these inputs; ``more`` are the C files of the model ``following``."""
    made = generate(tflite, name, following=following)
    over_tflm = TflmInfo(operators=("CONV_2D", "FULLY_CONNECTED"), arena_bytes=TFLM_ARENA)
    (outputs,) = oracle.run(tflite, [inputs])
    layers = oracle.run_layers(
        tflite, [inputs[:WITH_LAYERS]], [layer.tensor for layer in made.reference.layers]
    )
    crcs = [[zlib.crc32(layer[v].tobytes()) for layer in layers] for v in range(WITH_LAYERS)]
    image = tensor_info("image", made.graph.tensors[made.graph.inputs[0]], *from_torch)
    logits = tensor_info("logits", made.graph.tensors[made.graph.outputs[0]], (1, outputs.shape[1]), (0, 1))
    references = dequantize(outputs, logits)
    if noise is not None:
        references = references + noise.uniform(-1, 1, outputs.shape) * logits.scale
    fields = {
        "inputs": (inputs,),
        "outputs": (outputs,),
        "references": (references.astype(np.float32),),
        "labels": None,
        "layer_crc": np.array(crcs, np.uint32),
    }
    manifest = Manifest(
        name=name,
        tools={},
        model_file=f"{name}.tflite",
        model_sha256=bundle.sha256(tflite),
        inputs=(image,),
        outputs=(logits,),
        preprocessing=preprocessing,
        layers=tuple(LayerInfo(**asdict(layer)) for layer in made.reference.layers),
        runtimes=("native", "tflm"),
        goal="balance",
        native=native_infos(made),
        tflm=over_tflm,
        budget=BudgetInfo(
            flash=0,
            flash_limit=None,
            ram=0,
            ram_limit=None,
            weights=0,
            tables=0,
            code=0,
            arena=0,
            static=0,
            stack=0,
        ),
        calibration=None,
        fidelity=None,
        tolerance=Fidelity(samples=COUNT, sqnr_db=(10.0,), worst_lsb=(1.01,), top1_agreement=(0.5,)),
        files={},
    )
    packed = path.parent / f"{path.name}.npz"
    packed.parent.mkdir(parents=True, exist_ok=True)
    Vectors(**(fields | changes)).save(packed)
    generated = made.files | generate_tflm(tflite, name, TFLM_ARENA) | more
    files = {name: text.encode() for name, text in generated.items()}
    files |= {f"{name}.tflite": tflite, bundle.VECTORS: packed.read_bytes()}
    packed.unlink()
    return bundle.write(path, files, manifest)
