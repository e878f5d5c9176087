"""The last feature map of the zoo's teachers and of the user's own, and what is refused as a teacher."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402 - after the skip

from nonn_mcu import students  # noqa: E402
from nonn_mcu.errors import BadInput  # noqa: E402
from nonn_mcu.nonn import teacher as teachers  # noqa: E402
from nonn_mcu.students import zoo  # noqa: E402


def student(module, shape=(3, 32, 32), kind="module"):
    return students.Student("net", kind, module.eval().requires_grad_(False), students.input_spec(shape))


def images(count=4, shape=(3, 32, 32)):
    return np.random.default_rng(3).standard_normal((count, *shape)).astype(np.float32)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


class InPlace(nn.Module):
    """A residual block as torchvision writes it: one ReLU called twice, in place."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(6, 4)

    def forward(self, x):
        first = self.relu(self.conv1(x))
        second = self.conv2(first)
        second += first
        return self.fc(self.pool(self.relu(second)).flatten(1))


def sequential(*tail):
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), *tail)


LAST = {
    # what is built: the layer that is found, its channels, and whether the classifier takes their means
    "resnet8": (lambda: zoo.build("resnet8"), "layer3.0", 64, True),
    "wrn10-1": (lambda: zoo.build("wrn10-1"), "bn1", 64, True),
    "vgg11": (lambda: zoo.build("vgg11-0.25"), "features.28", 128, True),
    "in place": (InPlace, "relu", 6, True),
    "mean by module": (
        lambda: sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)),
        "1",
        6,
        True,
    ),
    "no mean": (lambda: sequential(nn.Flatten(), nn.Linear(6 * 900, 4)), "1", 6, False),
    "convolution as classifier": (
        lambda: sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(6, 4, 1), nn.Flatten()),
        "3",
        4,
        False,
    ),
    "probabilities": (
        lambda: sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4), nn.Softmax(1)),
        "1",
        6,
        False,
    ),
}


@pytest.mark.parametrize(("make", "layer", "channels", "linear"), LAST.values(), ids=LAST)
def test_the_last_map_is_found(make, layer, channels, linear):
    found = teachers.of(student(make()))
    assert (found.layer, found.channels) == (layer, channels)
    x = torch.from_numpy(images())
    seen = teachers.outputs(found, x)
    assert torch.equal(seen.logits, found.module(x))
    assert seen.pooled.shape == (4, channels) and (seen.pooled >= 0).all() and seen.pooled.any()
    assert seen.attention.ndim == 3 and (seen.attention >= 0).all()
    head = teachers.classifier(found)
    assert (head is not None) == linear
    if head is not None:
        torch.testing.assert_close(
            nn.functional.linear(seen.pooled, *head), seen.logits, rtol=1e-3, atol=1e-4
        )


def test_activations_are_the_pooled_channels_of_every_image():
    found = teachers.of(student(InPlace()))
    x = images(130)
    told = []
    pooled = teachers.activations(found, x, lambda done, total: told.append((done, total)))
    assert pooled.dtype == np.float32 and told == [(64, 130), (128, 130), (130, 130)]
    for i in (0, 64, 129):
        alone = teachers.outputs(found, torch.from_numpy(x[i : i + 1])).pooled
        np.testing.assert_allclose(pooled[i], alone[0], rtol=1e-4, atol=1e-6)


def test_a_chosen_layer_is_observed():
    found = teachers.of(student(zoo.build("resnet8")), "layer2.0.bn1")
    assert (found.layer, found.channels) == ("layer2.0.bn1", 32)
    x = torch.from_numpy(images())
    kept = []
    found.module.layer2[0].bn1.register_forward_hook(lambda module, inputs, output: kept.append(output))
    seen = teachers.outputs(found, x)
    rectified = kept[0].clamp(min=0)
    torch.testing.assert_close(seen.pooled, rectified.mean((2, 3)))
    torch.testing.assert_close(seen.attention, (rectified**2).mean(1))
    assert teachers.classifier(found) is None


def test_outputs_are_differentiable_with_respect_to_the_images():
    found = teachers.of(student(InPlace()))
    x = torch.from_numpy(images(1)).requires_grad_()
    teachers.outputs(found, x).pooled.sum().backward()
    assert x.grad is not None and x.grad.any()


def test_no_hook_stays():
    found = teachers.of(student(InPlace()))
    teachers.classifier(found)
    assert not any(module._forward_hooks for module in found.module.modules())


def test_the_digest_is_of_the_weights_alone():
    module = zoo.build("resnet8")
    digest = teachers.weights_sha256(module)
    assert teachers.of(student(module)).sha256 == digest
    assert teachers.weights_sha256(nn.DataParallel(module)) == digest
    module.bn1.num_batches_tracked += 1
    assert teachers.weights_sha256(module) == digest
    module.linear.bias[3] += 1e-6
    assert teachers.weights_sha256(module) != digest


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)

    def forward(self, x):
        return self.conv(x), x


REFUSED = {
    "torchscript": (lambda: student(nn.Identity(), kind="torchscript"), None, "cannot be observed"),
    "mlp": (lambda: student(zoo.build("mlp:64-32-10"), (64,)), None, "no convolution"),
    "near": (lambda: student(zoo.build("resnet8")), "layer3.1", "near it are layer3"),
    "nothing like it": (lambda: student(InPlace()), "zzz", "the last are conv2, relu, pool, fc"),
    "empty": (lambda: student(InPlace()), "", "layer '' gives"),
    "not a map": (lambda: student(InPlace()), "fc", r"layer 'fc' gives \(2, 4\); give one whose output"),
    "maps for logits": (lambda: student(nn.Sequential(nn.Conv2d(3, 6, 3))), None, "is no classifier"),
    "two outputs": (lambda: student(TwoOutputs()), None, "is no classifier"),
    "cannot run": (lambda: student(nn.ModuleDict({"a": InPlace()})), None, "fails on"),
}


@pytest.mark.parametrize(("make", "layer", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_teacher_is_refused_in_one_line(make, layer, words):
    with pytest.raises(BadInput, match=words) as caught:
        teachers.of(make(), layer)
    assert "\n" not in str(caught.value)


def test_nan_is_refused():
    module = InPlace()
    module.conv1.weight.data *= 3e38
    with pytest.raises(BadInput, match="NaN or Inf"):
        teachers.activations(teachers.of(student(module)), images())
