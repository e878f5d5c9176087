"""A converted network: one order of vectors for all bundles, features verbatim, answers of the whole."""

import json
import shutil

import numpy as np
import pytest
import torch
from support.nonn import INPUT, tiny_network

from nonn_mcu import bundle, calib, students
from nonn_mcu.cli import main
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn import checkpoint, network
from nonn_mcu.nonn.convert import accuracy, loading, quantise_head
from nonn_mcu.nonn.devices.fuse import fuse
from nonn_mcu.verify import oracle
from nonn_mcu.verify.fidelity import dequantize, measure, shortfalls
from nonn_mcu.verify.reference import to_torch

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two checkpoints of one network: plain, and with a device too small for its first student."""
    folder = tmp_path_factory.mktemp("networks")
    tiny_network(folder / "nonn.pt")
    content = torch.load(folder / "nonn.pt", weights_only=True)
    content["students"][0]["flash"] = 2000
    torch.save(content, folder / "small.pt")
    return folder


@pytest.fixture(scope="module")
def made(converted):
    return network.read(converted("nonn"))


def run(capfd, *arguments):
    """The exit code, stdout, and stderr without the steps."""
    code = main([str(argument) for argument in arguments])
    captured = capfd.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, [line for line in captured.err.splitlines() if not line.endswith(" ...")]


def test_all_bundles_have_the_same_vectors(made):
    one, other = (student.vectors() for student in made.students)
    top = made.head.vectors()
    np.testing.assert_array_equal(one.inputs[0], other.inputs[0])
    np.testing.assert_array_equal(one.labels, other.labels)
    assert made.students[0].manifest.inputs == made.students[1].manifest.inputs
    features = np.concatenate([vectors.outputs[0] for vectors in (one, other)], axis=1)
    np.testing.assert_array_equal(top.inputs[0][:-4], features[:-4])  # each has corners of its own
    np.testing.assert_array_equal(top.labels, one.labels)
    np.testing.assert_array_equal(top.outputs[0][:-4], made.fused.outputs[:-4])


def test_the_answers_of_the_whole(made, trained):
    """The oracle's, the host's, and PyTorch's on what the devices are fed."""
    vectors = [student.vectors() for student in made.students]
    outputs = [one.outputs[0] for one in vectors]
    (wanted,) = oracle.run(made.head.model, [np.concatenate(outputs, axis=1)])
    np.testing.assert_array_equal(made.fused.outputs, wanted)
    np.testing.assert_array_equal(fuse(made, outputs), wanted)
    np.testing.assert_array_equal(made.fused.labels, vectors[0].labels)
    assert made.fused.labels[-4:].tolist() == [-1] * 4
    module = loading.load(trained / "nonn.pt").module
    x = to_torch(vectors[0].inputs[0], made.students[0].manifest.inputs[0])
    references = module(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(made.fused.references[:-4], references[:-4], rtol=0, atol=1e-4)
    assert np.isnan(made.fused.references[-4:]).all()
    found = measure([made.fused.outputs], [made.fused.references], made.head.manifest.outputs)
    assert shortfalls(found, made.manifest.tolerance, made.head.manifest.outputs) == ()
    assert made.manifest.fidelity.sqnr_db[0] > 25


def test_the_head_takes_the_features_as_they_are(made, trained):
    """Its weights hold the students' scales: on real features it is the network's own head."""
    linear = loading.load(trained / "nonn.pt").module.head
    infos = [student.manifest.outputs[0] for student in made.students]
    folded = quantise_head.student(linear.weight.numpy(), linear.bias.numpy(), infos, ())
    features = [student.vectors().outputs[0] for student in made.students]
    real = np.concatenate([dequantize(*pair) for pair in zip(features, infos, strict=True)], axis=1)
    x = quantise_head.samples(np.concatenate(features, axis=1))
    (found,) = students.forward(folded, x)
    wanted = linear(torch.from_numpy(real).float()).numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)
    (info,) = made.head.manifest.inputs
    assert (info.scale, info.zero_point) == (1.0, -128)


def test_accuracy_is_that_of_all_test_samples(made):
    """Counted anew, with the oracle, from the samples."""
    samples = calib.load("digits", INPUT, split="test")
    (info,) = made.students[0].manifest.inputs
    x = samples.x.transpose(info.from_torch) if info.from_torch else samples.x
    q = np.clip(np.rint(x / np.float32(info.scale)) + info.zero_point, -128, 127).astype(np.int8)
    features = [oracle.run(student.model, [q.reshape(-1, *info.shape[1:])])[0] for student in made.students]
    figures = made.manifest.accuracy

    def right(answers):
        return float((fuse(made, answers).argmax(1) == samples.labels).mean())

    assert (figures.samples, figures.int8) == (len(samples), right(features))
    alone = [right([features[0], None]), right([None, features[1]])]
    assert figures.missing == (figures.int8, pytest.approx(np.mean(alone)))
    assert figures.worst == (figures.int8, min(alone))
    assert abs(figures.float_network - figures.int8) < 0.05


def test_who_is_missing_is_chosen_the_same_each_time():
    assert accuracy.choices(3, 1) == [(0,), (1,), (2,)]
    assert accuracy.choices(4, 0) == [()]
    assert len(accuracy.choices(10, 5)) == 252
    many = accuracy.choices(16, 8)
    assert len(set(many)) == len(many) <= accuracy.MOST_CHOICES
    assert {student for gone in many for student in gone} == set(range(16))


def test_the_head_on_a_device(made, trained, tmp_path, capfd):
    """Only the student that holds it differs from what the host's network has, to the byte."""
    out = tmp_path / "nonn"
    shutil.copytree(made.path, out)  # is replaced
    code, printed, notes = run(
        capfd, "convert", trained / "nonn.pt", "-o", out, "--head", "device:1", "--json"
    )
    assert (code, notes) == (0, [])
    document = json.loads(printed)
    assert "student1 is for the native runtime alone: its device holds the head" in document["notes"]
    found = network.read(out)
    assert [path.name for path in tmp_path.iterdir()] == ["nonn"]
    assert found.manifest.holder == 1
    assert (document["head"]["on"], document["accuracy"]["samples"]) == ("device:1", 359)
    assert found.students[0].manifest == made.students[0].manifest, "the same network, the same bytes"
    assert found.head.manifest == made.head.manifest
    np.testing.assert_array_equal(found.fused.outputs, made.fused.outputs)
    holder, before = found.students[1].manifest, made.students[1].manifest
    assert (holder.model_sha256, holder.native) == (before.model_sha256, before.native)
    assert {"native/head_model.c", "native/head_weights.h"} <= set(holder.files)
    assert (holder.runtimes, holder.tflm) == (("native",), None)
    assert "&head_nonn_model" in (out / "student1" / "native" / "model.c").read_text()
    top = found.head.manifest
    assert holder.budget.arena == before.budget.arena + top.budget.arena
    assert holder.budget.weights == before.budget.weights + top.budget.weights
    assert holder.budget.code > before.budget.code


def test_over_the_budget_of_its_device(trained, tmp_path, capfd):
    out = tmp_path / "nonn"
    code, printed, notes = run(capfd, "convert", trained / "small.pt", "-o", out, "--budget", "1MB")
    assert code == 1
    assert notes[-1].startswith("error: student0: over budget: flash")
    assert "of 2,000 B" in notes[-1]
    assert "blocks_0_pointwise" in printed
    assert list(tmp_path.iterdir()) == []


BAD = {
    "no such device": (["--head", "device:7"], "0 to 1"),
    "no such place": (["--head", "cloud"], "host, or device:K"),
    "a runtime for one model": (["--head", "device:0", "--runtime", "tflm"], "native runtime"),
    "an option of students": (["--mean", "0.5"], "--mean"),
    "pickles": (["--allow-pickle"], "--allow-pickle"),
    "a folder of others": (["-o", "{folder}"], "not a network"),
    "a bundle": (["-o", "{bundle}"], "not a network"),
    "no samples": (["--calib", "nowhere"], "no such samples"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_options_are_one_line(name, trained, made, tmp_path, capfd):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("precious")
    arguments, says = BAD[name]
    fill = {"folder": tmp_path / "folder", "bundle": made.students[0].path}
    arguments = [argument.format(**fill) for argument in arguments]
    if "-o" not in arguments:
        arguments += ["-o", tmp_path / "out"]
    code, out, errors = run(capfd, "convert", trained / "nonn.pt", *arguments)
    assert (code, out, len(errors)) == (2, "", 1)
    assert errors[0].startswith("error: ")
    assert says in errors[0]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_head_for_a_single_student(made, tmp_path, capfd):
    code, _, errors = run(
        capfd, "convert", made.path / "head" / "head.tflite", "--head", "host", "-o", tmp_path
    )
    assert code == 2
    assert "no network of students" in errors[0]


def test_a_network_is_no_student(trained):
    with pytest.raises(BadInput, match="a network of students where a single one is wanted"):
        students.load(trained / "nonn.pt")


def test_another_file_is_no_network(trained, made, tmp_path):
    assert loading.load(made.path / "head" / "head.tflite") is None
    torch.save({"weights": torch.zeros(2), "note": "nonn-mcu-network"}, tmp_path / "other.pt")
    assert loading.load(tmp_path / "other.pt") is None
    content = torch.load(trained / "nonn.pt", weights_only=True)
    assert checkpoint.is_network(content)
    torch.save(content | {"classes": 11}, tmp_path / "wrong.pt")
    with pytest.raises(BadInput, match=r"wrong\.pt: the state_dict does not fit"):
        loading.load(tmp_path / "wrong.pt")


@pytest.mark.parametrize(
    ("failure", "raised"), [(OSError(28, "no space left"), BadInput), (KeyError(), KeyError)]
)
def test_a_network_appears_whole_or_not_at_all(failure, raised, tmp_path):
    place = tmp_path / "nonn"
    place.mkdir()
    (place / network.NETWORK).write_text("old")
    with pytest.raises(raised), bundle.replacing(place, network.NETWORK, "network") as staging:
        (staging / "half").write_text("half")
        raise failure
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [
        "nonn",
        "nonn/network.json",
    ]
    with bundle.replacing(place, network.NETWORK, "network") as staging:
        (staging / network.NETWORK).write_text("new")
    assert (place / network.NETWORK).read_text() == "new"
    assert list(tmp_path.iterdir()) == [place]
