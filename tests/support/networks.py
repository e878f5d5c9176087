"""A small, whole network of neural networks made without a converter: pockets that meet at a dense head."""

from pathlib import Path

import numpy as np
from support.bundles import COUNT, OUTPUTS, bundle_of, model
from support.models import O, T, build

from nonn_mcu.bundle import MANIFEST, Fidelity, Preprocessing, sha256
from nonn_mcu.codegen import generate
from nonn_mcu.nonn import network as networks
from nonn_mcu.nonn.network import Network, NetworkBundle, StudentInfo
from nonn_mcu.verify import oracle
from nonn_mcu.verify.fidelity import dequantize

LABELS = ("cat", "dog", "owl")
PREPROCESSING = Preprocessing(layout="CHW", mean=(0.5,) * 3, std=(0.25,) * 3, labels=LABELS)
LABELLED = 15


def port_options(*devices) -> list[str]:
    """Name started devices, or ports, to a command."""
    return [word for one in devices for word in ("--port", getattr(one, "port", one))]


def head_model(students: int, seed: int = 0) -> bytes:
    """A dense layer over all features, int8 of scale 0.2 and zero point 1."""
    rng = np.random.default_rng(seed)
    features = students * OUTPUTS
    tensors = [
        T((1, features), 0.2, 1, name="features"),
        T((len(LABELS), features), 0.02, data=rng.integers(-127, 128, (len(LABELS), features), np.int8)),
        T((len(LABELS),), 0.004, data=rng.integers(-500, 500, len(LABELS), np.int32), dtype="int32"),
        T((1, len(LABELS)), 0.5, -2, name="logits"),
    ]
    return build(tensors, [O("FULLY_CONNECTED", [0, 1, 2], [3], {"keepNumDims": False})], [0], [3])


def make_network(path: Path, students: int = 2, head: str = "host", wrong: int = 0) -> NetworkBundle:
    """Write a network; the first ``wrong`` of its golden answers have a wrong byte."""
    inputs = np.random.default_rng(9).integers(-128, 128, (COUNT, 6, 5, 3), np.int8)
    top = head_model(students)
    holder = None if head == "host" else int(head.removeprefix("device:"))
    made = []
    for i in range(students):
        held = {}
        if i == holder:
            held = {"following": "head_", "more": generate(top, "head", prefix="head_").files}
        made.append(
            bundle_of(
                path / f"student{i}",
                model(seed=100 + i),
                f"pocket{i}",
                inputs,
                ((1, 3, 6, 5), (0, 2, 3, 1)),
                preprocessing=PREPROCESSING,
                **held,
            )
        )
    features = [one.vectors().outputs[0] for one in made]
    rows = np.concatenate(features, axis=1)
    last = bundle_of(path / "head", top, "head", rows, (rows[:1].shape, (0, 1)))
    (answers,) = oracle.run(top, [rows])
    references = dequantize(answers, last.manifest.outputs[0]).astype(np.float32)
    labels = np.where(np.arange(COUNT) < LABELLED, references.argmax(1), -1)
    answers[:wrong, 0] ^= 1
    np.savez(path / networks.FUSED, outputs=answers, references=references, labels=labels)
    figures = Fidelity(samples=COUNT, sqnr_db=(10.0,), worst_lsb=(1.01,), top1_agreement=(0.5,))
    folders = [*(f"student{i}" for i in range(students)), "head"]
    listed = [networks.FUSED, *(f"{folder}/{MANIFEST}" for folder in folders)]
    manifest = Network(
        name="pockets",
        students=tuple(
            StudentInfo(
                model_sha256=one.manifest.model_sha256,
                group=tuple(range(OUTPUTS * i, OUTPUTS * (i + 1))),
                absent=tuple(np.rint(feature.mean(axis=0)).astype(int).tolist()),
                flash_limit=None,
                ram_limit=None,
            )
            for i, (one, feature) in enumerate(zip(made, features, strict=True))
        ),
        head=head,
        head_sha256=last.manifest.model_sha256,
        teacher="0" * 64,
        fidelity=figures,
        tolerance=figures,
        accuracy=None,
        files={name: sha256((path / name).read_bytes()) for name in listed},
    )
    (path / networks.NETWORK).write_bytes(networks.to_json(manifest))
    return networks.read(path)
