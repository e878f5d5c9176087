"""The live reference: the student in PyTorch against what the bundle stores."""

import numpy as np
import pytest

from nonn_mcu import students
from nonn_mcu.bundle import TensorInfo
from nonn_mcu.errors import BadInput
from nonn_mcu.verify.fidelity import dequantize
from nonn_mcu.verify.plan import Wishes, make
from nonn_mcu.verify.reference import to_device, to_torch

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")

IMAGE = TensorInfo(
    name="x", shape=(1, 2, 3, 4), scale=0.5, zero_point=-3, torch_shape=(1, 4, 2, 3), from_torch=(0, 2, 3, 1)
)
FLAT = TensorInfo(name="x", shape=(1, 1, 6), scale=0.5, zero_point=0, torch_shape=(1, 2, 3), from_torch=())


def test_layouts_are_undone():
    values = np.arange(48, dtype=np.int8).reshape(2, 2, 3, 4)
    torch_order = to_torch(values, IMAGE)
    assert torch_order.shape == (2, 4, 2, 3) and torch_order.dtype == np.float32
    assert torch_order[1, 3, 1, 2] == 0.5 * (int(values[1, 1, 2, 3]) + 3)
    assert np.array_equal(to_device(torch_order, IMAGE), dequantize(values, IMAGE))
    flat = np.arange(12, dtype=np.int8).reshape(2, 1, 6)
    assert to_torch(flat, FLAT).shape == (2, 2, 3)
    assert np.array_equal(to_device(to_torch(flat, FLAT), FLAT), dequantize(flat, FLAT))


@pytest.fixture
def student(tmp_path):
    """A network for the bundle's shapes, as a file; and what it gives for the bundle's inputs."""
    torch = pytest.importorskip("torch")

    torch.manual_seed(3)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(90, 5)).eval()
    path = tmp_path / "student.ts"
    torch.jit.trace(module, torch.zeros(1, 3, 6, 5)).save(str(path))
    return path


def bundle_for(student, folder, change=lambda references: references):
    from support.bundles import make_bundle

    plain = make_bundle(folder / "plain")
    info = plain.manifest.inputs[0]
    loaded = students.load(student, shape=(3, 6, 5))
    (references,) = students.forward(loaded, to_torch(plain.vectors().inputs[0], info))
    return make_bundle(folder / "bundle", references=(change(references),))


def test_a_live_reference_equals_the_golden_one(student, tmp_path):
    bundle = bundle_for(student, tmp_path)
    reference = make(bundle, Wishes(student=student)).reference
    assert reference.source == "live" and reference.difference <= 1e-6
    assert np.allclose(reference.outputs[0], bundle.vectors().references[0])
    few = make(bundle, Wishes(student=student, vectors=3))
    assert len(few.reference.outputs[0]) == 3 and not few.complete


def test_vectors_for_conformance_alone_stay_so(student, tmp_path):
    def spare(references):
        references[4] = np.nan
        return references

    reference = make(bundle_for(student, tmp_path, spare), Wishes(student=student)).reference
    assert np.isnan(reference.outputs[0][4]).all() and np.isfinite(reference.outputs[0][5]).all()


def test_another_student_is_refused(student, tmp_path):
    def shift(references):
        references[2, 1] += 0.01
        return references

    with pytest.raises(BadInput, match="differ from the golden"):
        make(bundle_for(student, tmp_path, shift), Wishes(student=student))


def test_a_student_of_another_shape_is_refused(student, tmp_path):
    import torch
    from support.bundles import make_bundle

    other = tmp_path / "other.ts"
    torch.jit.trace(torch.nn.Flatten(), torch.zeros(1, 3, 6, 5)).save(str(other))
    bundle = make_bundle(tmp_path / "bundle")
    with pytest.raises(BadInput, match="not the outputs of"):
        make(bundle, Wishes(student=other))
    with pytest.raises(BadInput, match=r"gone\.pt"):
        make(bundle, Wishes(student=tmp_path / "gone.pt"))
