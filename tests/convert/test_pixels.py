"""A network that takes pixels: the same function, nothing rounded at its input, and less noise behind it."""

import json

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from nonn_mcu import bundle, students
from nonn_mcu.calib import Samples
from nonn_mcu.calib.loading import preprocess
from nonn_mcu.cli import main
from nonn_mcu.codegen.reader import read
from nonn_mcu.convert import check, golden, sets
from nonn_mcu.convert.export import export
from nonn_mcu.convert.layout import arrange
from nonn_mcu.convert.pipeline import to_int8
from nonn_mcu.convert.pixels import NOTE, on_pixels
from nonn_mcu.convert.rewrite.normalised import fold_normalisation, takes_normalisation
from nonn_mcu.nonn.checkpoint import Training, save
from nonn_mcu.nonn.convert import loading
from nonn_mcu.nonn.devices import whole
from nonn_mcu.nonn.model import NoNN, StudentSpec
from nonn_mcu.students import Student, forward, zoo
from nonn_mcu.verify import fidelity, oracle
from nonn_mcu.verify.reference import to_torch

pytestmark = [
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.usefixtures("one_thread"),
]

ARCH = "ds-cnn-8"
ARGS = {"classes": 5, "channels": 3, "blocks": 2, "kernel_h": 3, "kernel_w": 3, "stride": 1, "height": 8}
ARGS |= {"columns": 8}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MIDDLE = 114  # of the means, as a pixel
SHAPE = (3, 8, 8)
SPEC = students.input_spec(SHAPE, "CHW", MEAN, STD, labels=("a", "b", "c", "d", "e"))


class Net(nn.Module):
    """A residual network with an image's usual beginning."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, padding=1)
        self.conv = nn.Conv2d(12, 12, 3, padding=1)
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.head(torch.relu(x + self.conv(x)).mean((2, 3)))


class Alone(nn.Module):
    """One convolution of an image."""

    def __init__(self, **options):
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 6, **options)

    def forward(self, x):
        return self.conv(x)


class Turned(nn.Module):
    """Something ahead of the network."""

    def __init__(self, function):
        super().__init__()
        self.function, self.net = function, net()

    def forward(self, x):
        return self.net(self.function(x))


def net():
    torch.manual_seed(0)
    return Net().eval()


def images(count=96, seed=0):
    """Smooth random images (N, H, W, C), uint8, from black to white."""
    rng = np.random.RandomState(seed)
    coarse = np.kron(rng.rand(count, 2, 2, 3), np.ones((1, 4, 4, 1)))
    return (255 * (0.7 * coarse + 0.3 * rng.rand(count, 8, 8, 3))).round().astype(np.uint8)


def seen(pixels, spec=SPEC):
    return preprocess("images", pixels.astype(np.float32) / 255, spec)


def spec(**changes):
    wanted = {"shape": SHAPE, "layout": "CHW", "mean": MEAN, "std": STD} | changes
    return students.input_spec(**wanted)


def given(x, **changes):
    parts = [Samples(x[start : start + 32], None, "images") for start in (0, 32, 64)]
    return sets.Sets(*parts, **changes)


def student(module=None, spec=SPEC, kind="module"):
    return Student("net", kind, module or net(), spec)


FIRST = {
    "padded": {},
    "strided": {"stride": 2},
    "not padded": {"padding": 0},
    "dilated, without bias": {"dilation": 2, "padding": 2, "bias": False},
    "5x5": {"kernel_size": 5, "padding": 2},
    "padded in one direction": {"padding": (0, 1)},
}


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("most", [127, 2])
def test_the_folded_network_is_the_network_on_normalised_images(name, most):
    one = student(Alone(**{"kernel_size": 3, "padding": 1} | FIRST[name]).eval())
    model, _ = export(one)
    rng = np.random.RandomState(0)
    factor, offset = rng.uniform(0.01, 0.02, 3), rng.uniform(-0.3, 0.3, 3)
    x = rng.uniform(-100, 100, (4, *SHAPE)).astype(np.float32)
    folded = fold_normalisation(model, factor, offset, most)
    onnx.checker.check_model(folded)
    normalised = (x * factor[:, None, None] + offset[:, None, None]).astype(np.float32)
    check.require_same(folded, x, forward(one, normalised), name)
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in folded.graph.initializer}
    level = next(values for key, values in held.items() if key.endswith("pixels_level"))
    weight = next(values for key, values in held.items() if key.endswith("pixels_weight"))
    assert level == round(float(level))
    assert 1 <= level <= most
    if level < most:
        image, constant = (abs(part).max(axis=(1, 2, 3)) for part in (weight[:, :3], weight[:, 3:]))
        assert (constant <= image * 1.000001).all()


def as_kind(kind, folder):
    module, example = net(), torch.zeros(1, *SHAPE)
    if kind == "torchscript":
        return torch.jit.trace(module, example)
    if kind == "exported":
        return torch.export.export(module, (example,))
    if kind == "onnx":
        torch.onnx.export(module, (example,), folder / "net.onnx", dynamo=False)
        return onnx.load(folder / "net.onnx")
    return module


@pytest.mark.parametrize("kind", ["module", "torchscript", "exported", "onnx"])
def test_every_kind_of_student_can(kind, tmp_path):
    one, x = student(as_kind(kind, tmp_path), kind=kind), seen(images())
    (fed,), changed = on_pixels([one], given(x))
    np.testing.assert_allclose(forward(fed, changed.test.x)[0], forward(one, x[64:])[0], atol=1e-5)
    check.require_same(export(fed)[0], changed.test.x, forward(one, x[64:]), kind)


def quantised(one, parts):
    """The model, its test inputs, and its SQNR on these against the network on normalised images."""
    made = to_int8(one, parts, lambda step: None)
    (info,) = made.inputs
    q = golden.quantised(arrange(parts.test.x, info.from_torch, info.shape), info)
    measured = fidelity.measure(oracle.run(made.model, [q]), forward(one, parts.test.x), made.outputs)
    return made, q, measured.sqnr_db[0]


def test_every_pixel_is_a_step_and_nothing_is_rounded():
    pixels = images()
    parts = given(seen(pixels))
    made, q, before = quantised(student(), parts)
    assert abs(to_torch(q, made.inputs[0]) - parts.test.x).max() > 0.45 * made.inputs[0].scale
    (fed,), parts = on_pixels([student()], parts)
    made, q, after = quantised(fed, parts)
    np.testing.assert_array_equal(q, pixels[64:].astype(int) - 128)
    assert (made.inputs[0].scale, made.inputs[0].zero_point) == (1.0, MIDDLE - 128)
    assert read(made.model).ops[0].kind == "PADV2"
    assert "balance" in [step.name for step in made.steps]  # the constant does not hide the network
    np.testing.assert_array_equal(to_torch(q, made.inputs[0]), parts.test.x)
    assert after > before - 0.3  # nor is anything lost behind the input


PIXELS = images()
UNCHANGED = {
    "channels normalised alike": (net, spec(mean=(0.4,), std=(0.2,))),
    "pixels as they are": (net, spec(mean=(0.0,), std=(1.0,))),
    "channels last": (
        lambda: Turned(lambda x: x.permute(0, 3, 1, 2)),
        spec(shape=(8, 8, 3), layout="HWC"),
    ),
    "something before the convolution": (lambda: Turned(torch.relu), SPEC),
    "a convolution in groups": (lambda: Alone(kernel_size=3, groups=3), SPEC),
    "two readers of the image": (lambda: Turned(lambda x: x + torch.relu(x)), SPEC),
}


@pytest.mark.parametrize("name", UNCHANGED)
def test_what_is_left_as_it_is(name):
    make, its = UNCHANGED[name]
    one, parts = student(make(), its), given(seen(PIXELS, its))
    (same,), kept = on_pixels([one], parts)
    assert same is one
    assert kept is parts


BETWEEN = {"between whole numbers": 0.3, "beyond white": 100.0}


@pytest.mark.parametrize("name", BETWEEN)
def test_samples_that_are_no_pixels_are_rounded_at_the_input(name):
    x = seen(PIXELS) + np.float32(BETWEEN[name] / 255 / STD[0])
    one = student()
    (same,), _ = on_pixels([one], given(x))
    assert same is one
    (made_up,), _ = on_pixels([one], given(x, made=True))  # these are never whole
    assert (made_up is one) == (name == "beyond white")


def test_a_graph_of_before_pads_had_inputs():
    model, _ = export(student())
    assert takes_normalisation(model)
    model.opset_import[0].version = 10
    assert not takes_normalisation(model)


@pytest.fixture
def files(tmp_path):
    """A checkpoint for images of three channels, and a network of two of its kind."""
    torch.manual_seed(0)
    students.save(tmp_path / "net.pt", zoo.build(ARCH, **ARGS).eval(), ARCH, SPEC, arch_args=ARGS)
    specs = [StudentSpec(ARCH, ARGS, (index, 2 + index)) for index in range(2)]
    training = Training(
        method="ce", epochs=1, best_epoch=1, seed=0, validation=0.5, test=None, teacher_test=None
    )
    module = NoNN(specs, SHAPE, 5).eval()
    save(
        tmp_path / "nonn.pt",
        module,
        SPEC,
        teacher="0" * 64,
        training=training,
        flash=(None, None),
        calibration=None,
    )
    np.savez(tmp_path / "images.npz", x=images())
    return tmp_path


def convert(files, capfd, name, *options):
    command = ["convert", files / name, "--calib", files / "images.npz", "-o", files / "made", *options]
    assert main([*map(str, command), "--json", "--vectors", "8"]) == 0
    return json.loads(capfd.readouterr().out)["notes"]


def test_convert_says_so(files, capfd):
    assert convert(files, capfd, "net.pt").count(NOTE) == 1
    manifest = bundle.read(files / "made").manifest
    assert np.allclose(manifest.preprocessing.mean, MIDDLE / 255)
    assert np.allclose(manifest.preprocessing.std, 1 / 255)
    assert (manifest.inputs[0].scale, manifest.inputs[0].zero_point) == (1.0, MIDDLE - 128)
    assert main(["verify", str(files / "made"), "--board", "host"]) == 0


def test_stock_takes_what_the_network_takes(files, capfd):
    assert NOTE not in convert(files, capfd, "net.pt", "--quantise", "stock")
    assert bundle.read(files / "made").manifest.preprocessing.mean == MEAN


def test_a_network_of_students_takes_pixels_as_one(files, capfd):
    """References are PyTorch's for the images that the devices are fed; ``run`` feeds them pixels."""
    assert convert(files, capfd, "nonn.pt").count(NOTE) == 1
    asked = whole.read(files / "made")
    assert all(one.manifest.inputs == asked.students[0].manifest.inputs for one in asked.students)
    pixels = images(4, seed=7)
    q = asked.quantise(seen(pixels, asked.spec))
    np.testing.assert_array_equal(q, pixels.astype(int) - 128)
    vectors = asked.students[0].vectors()
    fed = seen((vectors.inputs[0][:8].astype(int) + 128).astype(np.uint8))
    with torch.no_grad():
        wanted = loading.load(files / "nonn.pt").module(torch.from_numpy(fed)).numpy()
    np.testing.assert_allclose(asked.network.fused.references[:8], wanted, atol=1e-4)
