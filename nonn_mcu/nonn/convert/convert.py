"""A trained network becomes a folder of bundles: every student's, the head's, and their common answers.

The students go through the conversion one by one, with the same samples; the head is quantised on the
features that the int8 students give (:mod:`nonn_mcu.nonn.convert.quantise_head`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nonn_mcu import bundle
from nonn_mcu.bundle import MANIFEST, Runtime, TensorInfo
from nonn_mcu.convert import golden
from nonn_mcu.convert.assemble import FIDELITY_SAMPLES, Assembled
from nonn_mcu.convert.int8 import Progress
from nonn_mcu.convert.layout import arrange
from nonn_mcu.convert.pipeline import model_name
from nonn_mcu.convert.pixels import on_pixels
from nonn_mcu.convert.sets import Sets
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn import network as networks
from nonn_mcu.nonn.checkpoint import Trained
from nonn_mcu.nonn.convert import accuracy, member, quantise_head
from nonn_mcu.nonn.convert.member import Limits, Member
from nonn_mcu.nonn.devices import head
from nonn_mcu.nonn.network import FUSED, HEAD, HOST, NETWORK, Fused, Network, NetworkBundle, StudentInfo
from nonn_mcu.students import Student, forward
from nonn_mcu.verify import fidelity, oracle
from nonn_mcu.verify.reference import to_torch


@dataclass(frozen=True)
class Converted:
    """The network on disk, and what a user should know about it although nothing is wrong."""

    network: NetworkBundle
    notes: tuple[str, ...]


def convert(
    trained: Trained,
    sets: Sets,
    out: Path,
    *,
    name: str | None = None,
    holder: int | None = None,
    runtime: Runtime | None = None,
    vectors: int = 200,
    limits: Limits = Limits(),  # noqa: B008 - a frozen value
    command: str = "",
    progress: Progress = lambda step: None,
) -> Converted:
    """Convert a network and write its folder at ``out``, whole or not at all.

    The ``sets`` serve every student as they do in :func:`nonn_mcu.convert.pipeline.convert`. The first
    ``vectors`` for test become the golden vectors of all bundles; where they have labels, accuracy is
    measured on all of them. ``holder`` is the
    student whose device holds the head, None for the host. ``limits`` are every device's, but for the flash
    that the checkpoint knows. Raises :class:`BadInput`, and :class:`~nonn_mcu.convert.pipeline.TooLarge` for
    a student over its device's budget.
    """
    name = model_name(trained.name, name)
    bundle.require_free(out, NETWORK, "network")
    _require_holder(holder, len(trained.content.students), runtime)
    floats, sets = on_pixels(members(trained), sets)
    calibration, test = sets.calibration, sets.test
    assert calibration is not None
    assert test is not None
    net = replace(whole(trained), input=floats[0].input, model_input=floats[0].model_input)
    students = [
        member.make(
            one,
            sets,
            "native" if index == holder else runtime,
            limits if stored.flash is None else replace(limits, flash=stored.flash),
            progress,
            ranges=stored.ranges,
        )
        for index, (one, stored) in enumerate(zip(floats, trained.content.students, strict=True))
    ]
    info = _common_input(students)
    calibrated = [one.run(_fed(calibration.x, info), "calibration", progress) for one in students]
    tested = [one.run(_fed(test.x, info), "test", progress) for one in students]
    ranged = replace(calibration, x=quantise_head.calibration(_beside(calibrated)))
    head_sets = Sets(ranged, None, replace(test, x=quantise_head.samples(_beside(tested))))
    top = member.make(
        float_head(trained, [one.int8.outputs[0] for one in students]), head_sets, runtime, Limits(), progress
    )
    quantise_head.require_verbatim(top.int8)
    notes = sets.notes
    if holder is not None:
        students[holder] = students[holder].with_head(top.int8.model)
        notes += (f"{students[holder].name} is for the native runtime alone: its device holds the head",)
    made = [one.assemble(replace(sets, notes=()), vectors, command, progress) for one in students]
    last = top.assemble(head_sets, vectors, command, progress)
    progress("Comparing the network with PyTorch")
    (answers,) = oracle.run(top.int8.model, [_beside(calibrated)[:FIDELITY_SAMPLES]])
    references = forward(net, calibration.x[:FIDELITY_SAMPLES])
    measured = fidelity.measure([answers], references, top.int8.outputs)
    golden.require_faithful(measured, top.int8.outputs, lambda: " for the network as a whole")
    fused = _fused(net, made, top, info)
    judged = golden.judge(measured, [fused.outputs], [fused.references], top.int8.outputs)
    absent = [np.rint(one.mean(axis=0)).astype(np.int8) for one in calibrated]
    right = None
    if test.labels is not None:
        logits = forward(net, test.x)[0]
        right = accuracy.measure(logits, tested, absent, head.read(top.int8.model), test.labels)
    manifest = Network(
        name=name,
        students=tuple(
            StudentInfo(
                model_sha256=one.manifest.model_sha256,
                group=stored.group,
                absent=tuple(mean.tolist()),
                flash_limit=one.manifest.budget.flash_limit,
                ram_limit=one.manifest.budget.ram_limit,
            )
            for one, stored, mean in zip(made, trained.content.students, absent, strict=True)
        ),
        head=HOST if holder is None else f"device:{holder}",
        head_sha256=last.manifest.model_sha256,
        teacher=trained.content.teacher,
        fidelity=measured,
        tolerance=judged.tolerance,
        accuracy=right,
        files={},
    )
    notes += tuple(f"{one.manifest.name}: {note}" for one in (*made, last) for note in one.notes)
    return Converted(_write(out, manifest, fused, made, last), notes + judged.notes)


def whole(trained: Trained) -> Student:
    """Give the network as one student, which nothing is converted from: its float reference."""
    return Student(trained.name, "module", trained.module, trained.input)


def members(trained: Trained) -> list[Student]:
    """Give the students, each called as its folder is."""
    return [
        Student(networks.student_folder(index), "module", module, trained.input)
        for index, module in enumerate(trained.module.students)
    ]


def _require_holder(holder: int | None, count: int, runtime: Runtime | None) -> None:
    if holder is not None and not 0 <= holder < count:
        raise BadInput(f"--head device:{holder}: the devices are those of the students, 0 to {count - 1}")
    if holder is not None and runtime == "tflm":
        raise BadInput(f"--head device:{holder}: needs the native runtime there; leave --runtime out")


def _common_input(students: Sequence[Member]) -> TensorInfo:
    """Give the input of all students, for which an image is quantised once. Raises :class:`BadInput`."""
    infos = [one.int8.inputs[0] for one in students]
    for one, info in zip(students, infos, strict=True):
        if info != infos[0]:
            raise BadInput(f"{one.name}: takes its input as {info}, student0 as {infos[0]}")
    return infos[0]


def _fed(x: np.ndarray, info: TensorInfo) -> np.ndarray:
    return golden.quantised(arrange(x, info.from_torch, info.shape), info)


def _beside(features: Sequence[np.ndarray]) -> np.ndarray:
    """Int8 ``(N, f)`` of each student as the head's input ``(N, F)``."""
    return np.concatenate(features, axis=1)


def float_head(trained: Trained, features: Sequence[TensorInfo]) -> Student:
    """Give the head as a student on the int8 ``features``, the students' outputs in their order."""
    linear = trained.module.head
    return quantise_head.student(linear.weight.numpy(), linear.bias.numpy(), features, trained.input.labels)


def _fused(whole: Student, made: Sequence[Assembled], top: Member, info: TensorInfo) -> Fused:
    """Give the common answers to the vectors that all bundles share; the corners come last."""
    shared = made[0].vectors
    features = [one.vectors.outputs[0].reshape(len(shared), -1) for one in made]
    (outputs,) = oracle.run(top.int8.model, [_beside(features)])
    (references,) = forward(whole, to_torch(shared.inputs[0], info))
    references[np.isnan(shared.references[0]).reshape(len(shared), -1).all(axis=1)] = np.nan
    labels = np.full(len(shared), -1, np.int64) if shared.labels is None else shared.labels
    return Fused(outputs, references, labels)


def _write(
    out: Path, manifest: Network, fused: Fused, made: Sequence[Assembled], last: Assembled
) -> NetworkBundle:
    packed = io.BytesIO()
    np.savez_compressed(packed, outputs=fused.outputs, references=fused.references, labels=fused.labels)
    folders = {networks.student_folder(index): one for index, one in enumerate(made)} | {HEAD: last}
    with bundle.replacing(out, NETWORK, "network") as staging:
        (staging / FUSED).write_bytes(packed.getvalue())
        for folder, one in folders.items():
            bundle.write(staging / folder, one.files, one.manifest)
        listed = (FUSED, *(f"{folder}/{MANIFEST}" for folder in folders))
        files = {name: bundle.sha256((staging / name).read_bytes()) for name in listed}
        (staging / NETWORK).write_bytes(networks.to_json(manifest.model_copy(update={"files": files})))
    return networks.read(out)
