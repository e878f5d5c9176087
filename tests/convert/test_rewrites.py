"""Every rewrite computes what the graph did before, and leaves what it is there to remove."""

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nonn_mcu.convert import check, rewrite
from nonn_mcu.convert.rewrite import (
    RULES,
    drop_identity,
    flatten_gemm,
    fold_batch_norm,
    fold_constants,
    global_pool,
    group_conv,
    leaky,
    leftover_batch_norm,
    padded_pool,
    split,
    subsample,
)
from nonn_mcu.errors import BadInput


class Apply(nn.Module):
    """A function as a module, with the layers it uses as attributes."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.function(self, x)


def bn(channels, kind=nn.BatchNorm2d):
    layer = kind(channels)
    for values, low, high in (
        (layer.weight, -2, 2),
        (layer.bias, -1, 1),
        (layer.running_mean, -1, 1),
        (layer.running_var, 0.1, 4),
    ):
        nn.init.uniform_(values, low, high)
    return layer


def option_a(net, x):
    shortcut = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 2, 2))
    return shortcut + net.conv(x)


def conv(inputs=4, outputs=4, **options):
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)


# name: module, input shape with batch, rules, operators that must be gone, operators that must be there
CASES = {
    "Identity and Dropout": (
        Apply(lambda m, x: m.drop(m.same(F.relu(x))), same=nn.Identity(), drop=nn.Dropout()),
        (1, 4, 5, 7),
        (drop_identity,),
        {"Identity", "Dropout"},
        {"Relu"},
    ),
    "a slice of everything": (
        Apply(lambda m, x: F.relu(x[:, :, 0:5])),
        (1, 4, 5, 7),
        (drop_identity, fold_constants),
        {"Slice", "Constant"},
        {"Relu"},
    ),
    "shapes computed in the graph": (
        Apply(lambda m, x: x.view(x.size(0), x.size(1) * x.size(2), -1)),
        (1, 4, 5, 7),
        (fold_constants,),
        {"Shape", "Gather", "Mul", "Constant", "Concat"},
        {"Reshape"},
    ),
    "BN after an addition": (
        Apply(lambda m, x: F.relu(m.bn(x + m.conv(x))), conv=conv(), bn=bn(4)),
        (1, 4, 5, 7),
        (drop_identity, leftover_batch_norm),
        {"BatchNormalization"},
        {"Conv", "Add", "Relu"},
    ),
    "BN over a sequence": (
        Apply(lambda m, x: m.bn(F.relu(x)), bn=bn(4, nn.BatchNorm1d)),
        (1, 4, 9),
        (drop_identity, leftover_batch_norm),
        {"BatchNormalization"},
        {"Conv"},
    ),
    "BN over a vector": (
        Apply(lambda m, x: m.bn(F.relu(x)), bn=bn(6, nn.BatchNorm1d)),
        (1, 6),
        (drop_identity, leftover_batch_norm),
        {"BatchNormalization"},
        {"Mul", "Add"},
    ),
    "BN after Linear": (
        nn.Sequential(nn.Linear(6, 5), bn(5, nn.BatchNorm1d)),
        (1, 6),
        (drop_identity, fold_batch_norm),
        {"BatchNormalization"},
        {"Gemm"},
    ),
    "Flatten and Linear over a map": (
        nn.Sequential(nn.Flatten(), nn.Linear(4 * 5 * 7, 6)),
        (1, 4, 5, 7),
        (fold_constants, flatten_gemm),
        {"Gemm"},
        {"Conv", "Flatten"},
    ),
    "Flatten and Linear over a pixel": (
        nn.Sequential(nn.Flatten(), nn.Linear(4, 6)),
        (1, 4, 1, 1),
        (fold_constants, flatten_gemm),
        {"Conv"},
        {"Gemm"},
    ),
    "Linear without bias": (
        nn.Sequential(nn.Flatten(), nn.Linear(4 * 5 * 7, 6, bias=False)),
        (1, 4, 5, 7),
        (fold_constants, flatten_gemm),
        {"Gemm", "MatMul"},
        {"Conv", "Flatten"},
    ),
    "view and Linear": (
        Apply(lambda m, x: m.fc(x.view(x.size(0), -1)), fc=nn.Linear(4 * 5 * 7, 6)),
        (1, 4, 5, 7),
        (fold_constants, flatten_gemm),
        {"Gemm", "Shape"},
        {"Conv", "Flatten"},
    ),
    "option A": (
        Apply(option_a, conv=conv(4, 8, stride=2)),
        (1, 4, 6, 8),
        RULES,
        {"Slice", "Constant", "Shape", "Cast"},
        {"MaxPool", "Pad", "Add"},
    ),
    "every third column": (
        Apply(lambda m, x: F.relu(x[:, :, :, ::3])),
        (1, 4, 5, 7),
        (fold_constants, subsample),
        {"Slice"},
        {"MaxPool"},
    ),
    "not from the first row": (
        Apply(lambda m, x: F.relu(x[:, :, 1::2])),
        (1, 4, 5, 7),
        (fold_constants, subsample),
        {"MaxPool"},
        {"Slice"},
    ),
    "not to the last row": (
        Apply(lambda m, x: F.relu(x[:, :, 0:4:2])),
        (1, 4, 5, 7),
        (fold_constants, subsample),
        {"MaxPool"},
        {"Slice"},
    ),
    "every second channel": (
        Apply(lambda m, x: F.relu(x[:, ::2])),
        (1, 4, 5, 7),
        (fold_constants, subsample),
        {"MaxPool"},
        {"Slice"},
    ),
    "pooling over the whole map": (
        Apply(lambda m, x: F.avg_pool2d(x, (5, 7))),
        (1, 4, 5, 7),
        (global_pool,),
        {"AveragePool"},
        {"GlobalAveragePool"},
    ),
    "pooling over part of the map": (
        Apply(lambda m, x: F.avg_pool2d(x, (5, 5))),
        (1, 4, 5, 7),
        (global_pool,),
        {"GlobalAveragePool"},
        {"AveragePool"},
    ),
    "mean, dimensions dropped": (
        Apply(lambda m, x: x.mean((2, 3))),
        (1, 4, 5, 7),
        (global_pool,),
        {"ReduceMean"},
        {"GlobalAveragePool", "Reshape"},
    ),
    "mean, dimensions kept": (
        Apply(lambda m, x: x.mean((-1, -2), keepdim=True)),
        (1, 4, 5, 7),
        (global_pool,),
        {"ReduceMean"},
        {"GlobalAveragePool"},
    ),
    "mean over channels": (
        Apply(lambda m, x: x.mean((1, 2))),
        (1, 4, 5, 7),
        (global_pool,),
        {"GlobalAveragePool"},
        {"ReduceMean"},
    ),
    "padded max pooling after ReLU": (
        Apply(lambda m, x: F.max_pool2d(F.relu(x), 3, 2, 1)),
        (1, 4, 6, 8),
        (padded_pool,),
        set(),
        {"Pad", "MaxPool"},
    ),
    "padded max pooling before ReLU": (
        Apply(lambda m, x: F.relu(F.max_pool2d(x, 3, 2, 1))),
        (1, 4, 6, 8),
        (padded_pool, drop_identity),
        {"Identity"},
        {"Pad", "MaxPool", "Relu"},
    ),
    "padding that SAME gives": (
        Apply(lambda m, x: F.max_pool2d(x, 3, 1, 1)),
        (1, 4, 6, 8),
        (padded_pool,),
        {"Pad"},
        {"MaxPool"},
    ),
    "PReLU with one slope": (nn.PReLU(4), (1, 4, 5, 7), (leaky,), {"PRelu"}, {"LeakyRelu"}),
    "chunks": (
        Apply(lambda m, x: torch.cat(x.split((1, 3), 1)[::-1], 1)),
        (1, 4, 5, 7),
        (fold_constants, split),
        {"Split"},
        {"Slice", "Concat"},
    ),
    "a convolution in groups": (
        nn.Conv2d(4, 6, 3, groups=2, stride=2, padding=1),
        (1, 4, 5, 7),
        (group_conv,),
        set(),
        {"Slice", "Concat"},
    ),
    "a depthwise convolution": (
        nn.Conv2d(4, 8, 3, groups=4),
        (1, 4, 5, 7),
        (group_conv,),
        {"Slice", "Concat"},
        {"Conv"},
    ),
}


def to_onnx(module, shape):
    import onnx

    buffer = io.BytesIO()
    torch.onnx.export(
        module.eval(), (torch.zeros(shape),), buffer, dynamo=False, opset_version=17, verbose=False
    )
    return onnx.load_from_string(buffer.getvalue())


def unfolded(module, shape):
    """Export without the exporter's own folding of batch norms."""
    import onnx

    buffer = io.BytesIO()
    torch.onnx.export(
        module.eval(),
        (torch.zeros(shape),),
        buffer,
        dynamo=False,
        opset_version=17,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
    )
    return onnx.load_from_string(buffer.getvalue())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CASES)
def test_same_function(name):
    module, shape, rules, gone, there = CASES[name]
    torch.manual_seed(0)
    model = to_onnx(module, shape)
    x = np.random.default_rng(1).standard_normal((3, *shape[1:])).astype(np.float32)
    before, after = model.SerializeToString(), rewrite.rewrite(model, rules)
    assert model.SerializeToString() == before, "the model passed in was changed"
    for expected, actual in zip(check.run(model, x), check.run(after, x), strict=True):
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, atol=2e-6 * max(1.0, np.abs(expected).max()), rtol=0)
    kinds = {node.op_type for node in after.graph.node}
    assert not kinds & gone
    assert there <= kinds
    assert [v.name for v in after.graph.output] == [v.name for v in model.graph.output]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (nn.Sequential(conv(), bn(4), nn.ReLU()), (1, 4, 5, 7)),
        (nn.Sequential(conv(bias=False), bn(4)), (1, 4, 5, 7)),
        (nn.Sequential(conv(groups=4), bn(4)), (1, 4, 5, 7)),
    ],
)
def test_batch_norm_folds_into_the_convolution_before_it(module, shape):
    model = unfolded(module, shape)
    assert "BatchNormalization" in {node.op_type for node in model.graph.node}
    after = rewrite.rewrite(model)
    assert [node.op_type for node in after.graph.node if node.op_type != "Relu"] == ["Conv"]
    x = np.random.default_rng(1).standard_normal((3, *shape[1:])).astype(np.float32)
    np.testing.assert_allclose(check.run(after, x)[0], check.run(model, x)[0], atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_a_convolution_with_two_readers_keeps_its_weights():
    def forward(m, x):
        y = m.conv(x)
        return m.bn(y) + y

    net = Apply(forward, conv=conv(), bn=bn(4))
    model = to_onnx(net, (1, 4, 5, 7))
    after = rewrite.rewrite(model)
    x = np.random.default_rng(1).standard_normal((2, 4, 5, 7)).astype(np.float32)
    np.testing.assert_allclose(check.run(after, x)[0], check.run(model, x)[0], atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_padding_a_map_that_can_be_negative_is_refused():
    with pytest.raises(BadInput, match=r"MaxPool pads a map that can be negative"):
        rewrite.rewrite(to_onnx(nn.MaxPool2d(3, 2, 1), (1, 4, 6, 8)))


@pytest.mark.filterwarnings("ignore")
def test_the_identity_stays():
    """An output that is an input has no other node to come from."""
    model = rewrite.rewrite(to_onnx(nn.Identity(), (1, 4)))
    assert [node.op_type for node in model.graph.node] == ["Identity"]
