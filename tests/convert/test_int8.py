"""Small networks through the real tools: what comes out is int8, in the order stated, and close to torch."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nonn_mcu import codegen
from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.reader import read
from nonn_mcu.convert import golden, int8, layout, pipeline
from nonn_mcu.convert.layout import Arrangement, arrange
from nonn_mcu.convert.quantise import require_int8
from nonn_mcu.convert.sets import Sets
from nonn_mcu.errors import BadInput
from nonn_mcu.students import Student, forward, input_spec
from nonn_mcu.verify import fidelity, oracle

# TensorFlow takes seconds to import: all of it in one worker
pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.filterwarnings("ignore")]


class Branches(nn.Module):
    """Outputs of three kinds, from a map that is not square; Flatten + Linear over a map."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.deep = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8 * 4 * 6, 5)

    def forward(self, x):
        y = F.relu(self.stem(x))
        z = F.max_pool2d(self.deep(y), 2)
        return self.head(z.flatten(1)), z, y.mean((2, 3))


class OptionA(nn.Module):
    """The shortcut of the CIFAR ResNets, and a batch norm after an addition."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.last = nn.BatchNorm2d(8)
        nn.init.uniform_(self.last.weight, 0.5, 2)
        nn.init.uniform_(self.last.running_mean, -0.3, 0.3)

    def forward(self, x):
        shortcut = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
        return F.relu(self.last(self.bn(self.conv(x)) + shortcut))


class Mobile(nn.Module):
    """What the MobileNets are made of: depthwise, ReLU6, hard swish, squeeze and excite."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(3, 8, 1)
        self.depthwise = nn.Conv2d(8, 8, 3, 2, 1, groups=8)
        self.squeeze = nn.Conv2d(8, 8, 1)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        y = F.hardswish(self.depthwise(F.relu6(self.expand(x))))
        y = y * torch.sigmoid(self.squeeze(F.adaptive_avg_pool2d(y, 1)))
        return torch.softmax(self.fc(F.adaptive_avg_pool2d(y, 1).flatten(1)), 1)


def cube():
    """Input and output with all axes equal: no shape tells the order."""
    return nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Tanh())


def samples(shape, count=48, seed=0):
    return np.random.default_rng(seed).standard_normal((count, *shape)).astype(np.float32)


def student(module, shape, kind="module"):
    return Student("net", kind, module, input_spec(shape))


def convert(one):
    return int8.from_float(one, samples(one.input.shape), lambda step: None)


def measured(one, made):
    x = samples(one.input.shape, 24, seed=1)
    (info,) = made.inputs
    outputs = oracle.run(made.model, [golden.quantised(arrange(x, info.from_torch, info.shape), info)])
    references = [
        arrange(r, o.from_torch, o.shape) for r, o in zip(forward(one, x), made.outputs, strict=True)
    ]
    return fidelity.measure(outputs, references, made.outputs)


LAST = (0, 2, 3, 1)
# name: module, shape, permutation of each output, operators that must be there, a layer's module
CASES = {
    "three outputs": (
        Branches,
        (3, 8, 12),
        [(0, 1), LAST, (0, 1)],
        {"CONV_2D", "MAX_POOL_2D", "MEAN"},
        ("CONV_2D", "deep"),
    ),
    "option A": (
        OptionA,
        (4, 6, 10),
        [LAST],
        {"CONV_2D", "MAX_POOL_2D", "PAD", "ADD", "DEPTHWISE_CONV_2D"},
        ("DEPTHWISE_CONV_2D", "last"),
    ),
    "mobile": (
        Mobile,
        (3, 9, 12),
        [(0, 1)],
        {"DEPTHWISE_CONV_2D", "HARD_SWISH", "LOGISTIC", "MUL", "FULLY_CONNECTED", "SOFTMAX"},
        ("FULLY_CONNECTED", "fc"),
    ),
    "a cube": (cube, (4, 4, 4), [LAST], {"CONV_2D", "TANH"}, ("CONV_2D", "0")),
    "vectors": (
        lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)),
        (6,),
        [(0, 1)],
        {"FULLY_CONNECTED"},
        ("FULLY_CONNECTED", "2"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_networks(name):
    make, shape, axes, kinds, (kind, module) = CASES[name]
    torch.manual_seed(0)
    one = student(make().eval(), shape)
    made = convert(one)
    assert [info.from_torch for info in made.outputs] == axes
    assert min(measured(one, made).sqnr_db) > 25
    layers = codegen.generate(made.model, "net").reference.layers
    assert kinds <= {layer.op for layer in layers}
    assert module in {layer.module for layer in layers if layer.op == kind}


def test_the_same_student_gives_the_same_bytes_twice_in_a_process():
    torch.manual_seed(0)
    one = student(Branches().eval(), (3, 8, 12))
    first, second = convert(one), convert(one)
    assert first.model == second.model
    assert first.log == second.log


def test_every_kind_of_student_gives_the_same_function(tmp_path):
    import onnx

    torch.manual_seed(0)
    module = Branches().eval()
    example = torch.zeros(1, 3, 8, 12)
    torch.onnx.export(module, (example,), tmp_path / "net.onnx", dynamo=False, output_names=["a", "b", "c"])
    kinds = {
        "module": module,
        "torchscript": torch.jit.trace(module, example),
        "exported": torch.export.export(module, (example,)),
        "onnx": onnx.load(tmp_path / "net.onnx"),
    }
    for kind, model in kinds.items():
        one = student(model, (3, 8, 12), kind)
        made = convert(one)
        assert [info.shape for info in made.outputs] == [(1, 5), (1, 4, 6, 8), (1, 8)], kind
        assert min(measured(one, made).sqnr_db) > 30, kind
        names = ["a", "b", "c"] if kind == "onnx" else ["output_0", "output_1", "output_2"]
        assert [info.name for info in made.outputs] == names
        modules = {layer.module for layer in codegen.generate(made.model, "net").reference.layers}
        assert "deep" in modules, kind


class Applied(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x):
        return self.function(self.conv(x))


REFUSED = {
    "an operator without int8": (F.elu, r"layer \d+ '/Elu' \(ELU\) stays float32"),
    "an operator TensorFlow Lite has not": (torch.erf, "layer '/Erf': operator Erf"),
    "an operator ONNX has not": (
        torch.special.bessel_j0,
        "cannot be exported to ONNX: .*bessel",
    ),
    "padding of negative values": (lambda x: F.max_pool2d(x, 3, 2, 1), "layer '/MaxPool': MaxPool pads"),
    "chance": (lambda x: x + torch.rand(1), "depend on chance"),
    "NaN": (lambda x: torch.sqrt(x - 100), "gives NaN or Inf"),
    "no use of the input": (lambda x: torch.ones(len(x), 3), "0 inputs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    function, message = REFUSED[name]
    with pytest.raises(BadInput, match=message) as caught:
        convert(student(Applied(function).eval(), (3, 10, 10)))
    assert "\n" not in str(caught.value)


def test_codegen_names_the_module_of_an_operator_it_has_not():
    torch.manual_seed(0)
    made = convert(student(nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8)).eval(), (8,)))
    with pytest.raises(BadInput, match=r"SQUARED_DIFFERENCE, from module 1\)"):
        codegen.generate(made.model, "net")


def test_weights_that_are_not_finite_are_refused():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    with torch.no_grad():
        module[0].weight[1, 1] = -torch.inf  # ReLU and the marker's signs may hide it from the outputs
    with pytest.raises(BadInput, match="NaN or"):
        convert(student(module.eval(), (3, 9, 9)))


def test_with_validation_samples_the_model_is_refined_and_has_a_twin():
    torch.manual_seed(0)
    one = student(OptionA().eval(), (4, 6, 10))
    held_out = samples((4, 6, 10), 48, seed=2)
    made = int8.from_float(one, samples((4, 6, 10)), lambda step: None, validation=held_out)
    assert [step.name for step in made.steps][:: len(made.steps) - 1] == ["stock", "refined"]
    assert made.steps[-1].sqnr_db > made.steps[0].sqnr_db + 1
    assert min(measured(one, made).sqnr_db) > min(measured(one, convert(one)).sqnr_db)
    stock = convert(one)
    assert stock.steps == ()
    for each in (made, stock):  # operators one to one, tensors by the same names
        device, exact = read(each.model), read(each.twin)
        assert [op.kind for op in device.ops] == [op.kind for op in exact.ops]
        for mine, twins in zip(device.ops, exact.ops, strict=True):
            names = [
                [graph.tensors[i].name for i in op.outputs] for graph, op in ((device, mine), (exact, twins))
            ]
            assert names[0] == names[1]


class Samples:
    """Stands in for calibration samples."""

    def __init__(self, x):
        self.x, self.labels, self.source, self.sha256 = x, None, "noise", "0" * 64

    def __len__(self):
        return len(self.x)


def whole(one, out, **options):
    calibration, test = Samples(samples(one.input.shape)), Samples(samples(one.input.shape, 8, 1))
    return pipeline.convert(one, Sets(calibration, None, test), out, **options)


def test_a_wrong_layout_does_not_pass(tmp_path, monkeypatch):
    """If the order found were wrong, on a cube where every order fits, the comparison would tell."""
    right = layout.derive

    def wrong(*arguments):
        found = right(*arguments)
        return Arrangement((0, 3, 2, 1), found.outputs)

    monkeypatch.setattr(int8, "derive", wrong)
    torch.manual_seed(0)
    with pytest.raises(BadInput, match="the int8 model does not match the network: SQNR of output output"):
        whole(student(cube().eval(), (4, 4, 4)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_calibration_that_does_not_fit_does_not_pass(tmp_path, monkeypatch):
    right = int8.quantise
    monkeypatch.setattr(int8, "quantise", lambda folder, x, sources: right(folder, x * 1000, sources))
    torch.manual_seed(0)
    with pytest.raises(
        BadInput, match=r"does not match the network: .*\(lost at layer m0, CONV_2D: .* dB there"
    ):
        whole(student(cube().eval(), (4, 4, 4)), tmp_path / "out")


def test_test_samples_beyond_the_calibrated_range_are_noted(tmp_path):
    one = student(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval(), (3, 6, 6))
    test = Samples(samples((3, 6, 6), 8, 1))
    test.x[0] *= 5
    made = pipeline.convert(one, Sets(Samples(samples((3, 6, 6))), None, test), tmp_path / "out")
    assert "test samples fare worse" in made.notes[0]
    vectors, manifest = made.bundle.vectors(), made.bundle.manifest
    on_vectors = fidelity.measure(vectors.outputs, vectors.references, manifest.outputs)
    assert not fidelity.shortfalls(on_vectors, manifest.tolerance, manifest.outputs)


def test_int8_is_asserted():
    quantised = [
        Tensor(i, f"t{i}", (1, 4), dtype) for i, dtype in enumerate(("int8", "float32", "float32", "int8"))
    ]
    ops = (Op(0, "DEQUANTIZE", (0,), (1,)), Op(1, "EXP", (1,), (2,)), Op(2, "QUANTIZE", (2,), (3,)))
    with pytest.raises(BadInput, match=r"layer 1 't2' \(EXP\) stays float32"):
        require_int8(Graph(tuple(quantised), ops, (0,), (3,)))
    with pytest.raises(BadInput, match="does nothing"):
        require_int8(Graph(tuple(quantised), (), (0,), (0,)))
    with pytest.raises(BadInput, match="'t1' is float32"):
        require_int8(Graph(tuple(quantised), (ops[0],), (0,), (1,)))
