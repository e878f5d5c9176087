"""The zoo against published parameter counts, published weights, and its own promises."""

import subprocess
import sys

import numpy as np
import pytest

from nonn_mcu import calib, students
from nonn_mcu.students import zoo

torch = pytest.importorskip("torch")

PARAMETERS = [
    ("wrn16-1", {}, 175_066),
    ("wrn22-1.25", {}, 424_154),
    ("wrn40-1", {}, 563_930),
    ("wrn40-2", {}, 2_243_546),
    ("wrn-16-1", {"classes": 100}, 180_916),
    ("resnet20", {}, 269_722),
    ("resnet56", {}, 853_018),
    ("vgg16", {}, 14_728_266),
    ("vgg11-0.25", {}, 579_786),
    ("mobilenetv1", {"classes": 1000}, 4_231_976),
    ("mobilenetv1-0.25", {"classes": 1000}, 470_072),
    ("mobilenetv2", {"classes": 1000}, 3_504_872),
    ("mobilenetv2-0.35", {}, 398_690),
    ("ds-cnn", {}, 23_180),
    ("ds-cnn-32", {"classes": 10, "blocks": 3, "kernel_h": 3, "kernel_w": 3}, 5_002),
    ("mlp:64-32-10", {}, 2_410),
]


@pytest.mark.parametrize(("name", "args", "count"), PARAMETERS)
def test_parameter_counts_and_shapes(name, args, count):
    net = zoo.build(name, **args)
    assert sum(parameter.numel() for parameter in net.parameters()) == count
    assert not net.training
    logits = net(torch.zeros(2, *net.input_shape))
    assert logits.ndim == 2 and len(logits) == 2


def test_the_examples_in_the_table_are_names():
    assert all(zoo.build(family.example) for family in zoo.FAMILIES)


@pytest.mark.parametrize("count", [150, pytest.param(2000, marks=pytest.mark.long)])
def test_a_published_resnet56_fits_and_still_classifies(data_dir, count):
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    path = data_dir / "resnet56" / "resnet56-4bfd9763.th"
    student = students.load(path, arch="resnet56", mean=mean, std=std)
    assert student.input.shape == (3, 32, 32)
    source = f"cifar10:{data_dir / 'cifar-10-batches-bin'}"
    samples = calib.load(source, student.input, split="test", limit=count)
    right = students.forward(student, samples.x)[0].argmax(1) == samples.labels
    assert right.mean() > 0.8  # 83.3 % of all 2,000


def test_importing_the_package_does_not_import_torch():
    code = (
        "import sys, nonn_mcu.students, nonn_mcu.calib, nonn_mcu.students.zoo;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'onnx', 'sklearn', 'PIL', 'onnxruntime')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_forward_does_not_depend_on_the_batch():
    net = zoo.build("ds-cnn-32")
    student = students.Student("n", "module", net, students.input_spec(net.input_shape))
    x = np.random.RandomState(8).rand(70, 1, 49, 10).astype(np.float32)
    whole = students.forward(student, x)[0]
    np.testing.assert_allclose(whole[66:], students.forward(student, x[66:])[0], atol=1e-5)
