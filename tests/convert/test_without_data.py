"""``convert`` without samples: from the network's batch norms, from noise, from dreams."""

import json

import numpy as np
import pytest
import torch

from nonn_mcu import bundle, students
from nonn_mcu.calib import Samples
from nonn_mcu.cli import main
from nonn_mcu.dream import metadata, synthetic
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn import teacher as teachers
from nonn_mcu.students import zoo

pytestmark = pytest.mark.usefixtures("one_thread")

SPEC = students.input_spec((1, 8, 8), mean=(0.3,), std=(0.4,), labels=("a", "b", "c"))
ARCH, ARGS = "ds-cnn-8", {"classes": 3, "kernel_h": 3, "kernel_w": 3, "stride": 1, "height": 8, "columns": 8}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network whose batch norms have seen data, one without batch norms; neither names samples."""
    made = tmp_path_factory.mktemp("students")
    torch.manual_seed(0)
    module = zoo.build(ARCH, **ARGS)
    with torch.no_grad():
        for _ in range(40):
            module(torch.randn(32, 1, 1, 1) + 0.3 * torch.randn(32, 1, 8, 8))
    students.save(made / "net.pt", module.eval(), ARCH, SPEC, arch_args=ARGS)
    students.save(made / "plain.pt", zoo.build("mlp:64-16-10"), "mlp:64-16-10", students.input_spec((64,)))
    return made


def convert(capfd, *arguments):
    """Exit code, JSON, stderr."""
    code = main(["convert", *map(str, arguments), "--json", "--vectors", "8"])
    out, err = capfd.readouterr()
    return code, json.loads(out), err


def test_statistics_are_what_is_left_without_samples(folder, tmp_path, capfd):
    code, body, _ = convert(capfd, folder / "net.pt", "-o", tmp_path / "a")
    assert code == 0
    (note,) = [note for note in body["notes"] if "without data" in note]
    assert "batch norms" in note
    assert "accuracy not at all" in note
    assert (body["calibration"]["source"], body["calibration"]["samples"]) == ("stats", 69)
    manifest = bundle.read(tmp_path / "a").manifest
    assert manifest.command == "nonn-mcu convert net.pt --vectors 8"
    tried = [step.name for step in manifest.quantisation]
    assert (tried[:2], tried[-1]) == (["stock", "room for real samples"], "refined")


def test_noise_and_the_stock_model_on_request(folder, tmp_path, capfd):
    asked = ("--calib", "noise", "--quantise", "stock")
    code, body, _ = convert(capfd, folder / "net.pt", *asked, "-o", tmp_path / "a")
    assert (code, body["calibration"]["source"], body["quantisation"]) == (0, "noise", [])
    assert any("random noise" in note for note in body["notes"])


REFUSED = {
    "no batch norm": (("plain.pt",), "has no batch norm with statistics of its training data; give --calib"),
    "no such quantiser": (("net.pt", "--quantise", "best"), "--quantise 'best': it is auto or stock"),
    "no metadata": (("net.pt", "--calib", "dream:none.npz"), "none.npz: no such file; make it with"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_had_is_one_line(what, folder, tmp_path, capfd):
    (name, *rest), says = REFUSED[what]
    code, body, _ = convert(capfd, folder / name, *rest, "-o", tmp_path / "a")
    assert (code, (tmp_path / "a").exists()) == (2, False)
    assert says in body["error"]["message"]
    assert "\n" not in body["error"]["message"]


def test_dreams_are_of_this_network_alone(folder, tmp_path):
    student = students.load(folder / "net.pt")
    rng = np.random.RandomState(0)
    x = rng.standard_normal((90, 1, 8, 8)).astype(np.float32) + rng.standard_normal((90, 1, 1, 1))
    samples = Samples(x.astype(np.float32), np.arange(90) % 3, "made up")
    teacher = teachers.of(student)
    known = metadata.make(teacher, samples, SPEC.labels, clusters=2, k=10, augment="none", seed=0)
    metadata.write(tmp_path / "meta.npz", known)
    made = synthetic.make(student, f"dream:{tmp_path / 'meta.npz'}", lambda step: None)
    low, high = synthetic.limits(SPEC)
    assert (made.x.shape, made.source) == ((128, 1, 8, 8), "dream")
    assert ((made.x >= low - 1e-6) & (made.x <= high + 1e-6)).all()
    assert (made.x.min(), made.x.max()) == (low.min(), high.max())  # of any pixel, whatever was dreamt
    with torch.no_grad():
        next(student.model.parameters()).add_(0.1)
    with pytest.raises(BadInput, match="metadata are of another teacher"):
        synthetic.make(student, f"dream:{tmp_path / 'meta.npz'}", lambda step: None)
