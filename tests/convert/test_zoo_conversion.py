"""The zoo, and a trained ResNet-56, through the whole conversion."""

import numpy as np
import pytest
import torch
from torch import nn

from nonn_mcu import bundle, calib, codegen, students
from nonn_mcu.cli import main
from nonn_mcu.convert import golden, int8
from nonn_mcu.convert.layout import arrange
from nonn_mcu.nonn.devices import whole
from nonn_mcu.students import Student, forward, zoo
from nonn_mcu.verify import fidelity, oracle

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.filterwarnings("ignore")]

# name: the SQNR in dB that it must reach with random weights, the operators it may consist of. The MLP has
# white noise for input, whose extremes lie beyond what 32 samples show.
BASIC = {"CONV_2D", "FULLY_CONNECTED", "MEAN"}
WIDE = BASIC | {"DEPTHWISE_CONV_2D", "ADD", "PAD"}
ZOO = {
    "wrn16-1": (30, WIDE),
    "wrn22-1.25": (30, WIDE),
    "wrn40-1": (25, WIDE),
    "resnet20": (30, BASIC | {"ADD", "PAD", "MAX_POOL_2D"}),
    "vgg11-0.25": (35, BASIC | {"MAX_POOL_2D"}),
    "mobilenetv1-0.25": (30, BASIC | {"DEPTHWISE_CONV_2D", "PAD"}),
    "mobilenetv2-0.35": (25, WIDE),
    "ds-cnn-64": (30, BASIC | {"DEPTHWISE_CONV_2D", "PAD"}),
    "mlp:64-32-10": (15, {"FULLY_CONNECTED"}),
}
QUICK = ("wrn16-1", "ds-cnn-64")


def settled(name, x):
    """The architecture with random weights, and the batch-norm statistics that these samples give."""
    torch.manual_seed(0)
    module = zoo.build(name)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.2)
    module.train()
    with torch.no_grad():
        for _ in range(20):
            module(torch.from_numpy(x[:32]))
    return module.eval()


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.long) for n in ZOO])
def test_zoo(name):
    least, kinds = ZOO[name]
    shape = zoo.build(name).input_shape
    # smooth noise: like images, neighbours are alike
    x = np.random.default_rng(0).standard_normal((48, *shape)).astype(np.float32)
    for axis in range(2, x.ndim):
        x = (x + np.roll(x, 1, axis)) / np.float32(2**0.5)
    one = Student("net", "module", settled(name, x), students.input_spec(shape))
    made = int8.from_float(one, x[:32], lambda step: None)
    assert {layer.op for layer in codegen.generate(made.model, "net").reference.layers} <= kinds
    (info,) = made.inputs
    outputs = oracle.run(made.model, [golden.quantised(arrange(x[32:], info.from_torch, info.shape), info)])
    measured = fidelity.measure(outputs, forward(one, x[32:]), made.outputs)
    assert measured.sqnr_db[0] >= least


@pytest.mark.long
def test_a_trained_resnet56(data_dir, tmp_path, capfd):
    """Over the default budget, written with --force; its top-1 within 2 points of the float network's."""
    arguments = [
        "convert", str(data_dir / "resnet56" / "resnet56-4bfd9763.th"), "--arch", "resnet56",
        "--shape", "3,32,32", "--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225",
        "--calib", f"cifar10:{data_dir / 'cifar-10-batches-bin'}", "-o", str(tmp_path / "resnet56"),
    ]  # fmt: skip
    assert main(arguments) == 1
    assert "error: over budget: flash" in capfd.readouterr().err
    assert not (tmp_path / "resnet56").exists()
    assert main([*arguments, "--force"]) == 0
    made = bundle.read(tmp_path / "resnet56")
    assert made.manifest.fidelity is not None
    assert made.manifest.fidelity.sqnr_db[0] > 27  # the stock model has 25.9 dB
    source = f"cifar10:{data_dir / 'cifar-10-batches-bin'}"
    spec = students.input_spec((3, 32, 32), "CHW", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    test = calib.load(source, spec, split="test", limit=400)
    device = whole.read(made.path)
    inputs = device.quantise(calib.load(source, device.spec, split="test", limit=400).x)
    correct = float((oracle.run(made.model, [inputs])[0].argmax(1) == test.labels).mean())
    student = students.load(
        data_dir / "resnet56" / "resnet56-4bfd9763.th", arch="resnet56", mean=spec.mean, std=spec.std
    )
    assert correct > float((forward(student, test.x)[0].argmax(1) == test.labels).mean()) - 0.02
