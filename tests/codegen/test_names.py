"""Names from outside: identifiers, comments, layers, modules."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonn_mcu.codegen import names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ResNet-8 (CIFAR)", "resnet_8_cifar"),
        ("8bit", "m8bit"),
        ("int", "int_"),
        ("Crème Brûlée", "creme_brulee"),
        ("сеть", "model"),
        ("", "model"),
        ("___", "model"),
        ("a" * 80, "a" * 47),
    ],
)
def test_identifier(text, expected):
    assert names.identifier(text) == expected


@given(st.text())
def test_identifier_is_always_legal_and_stable(text):
    name = names.identifier(text)
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name)
    assert names.identifier(name) == name


@given(st.text(alphabet='*/?\\\n\r"ab\u2028é'))
def test_comment_cannot_escape(text):
    safe = names.comment(text)
    assert re.fullmatch(r"[ -~]*", safe)
    assert not any(bad in safe for bad in ("*/", "/*", "??", "\\"))


@pytest.mark.parametrize(
    ("tensor", "kind", "expected"),
    [
        ("/layer1/layer1.0/conv1/Conv", "CONV_2D", "layer1_0_conv1"),
        ("/layer1/layer1.0/conv1/Conv_pad", "PAD", "layer1_0_conv1_pad"),
        ("/layer1/layer1.0/Add", "ADD", "layer1_0_add"),
        ("/Add_3", "ADD", "add_3"),
        ("model/activation/Relu;model/conv2d_7/BiasAdd;x", "CONV_2D", "conv2d_7"),
        ("Identity_int8", "SOFTMAX", "softmax"),
        ("StatefulPartitionedCall:0", "CONV_2D", "conv_2d"),
        ("*/\n", "RELU", "relu"),
        ("", "RELU", "relu"),
    ],
)
def test_layer_name(tensor, kind, expected):
    assert names.layer_name(tensor, kind) == expected


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        ("/layer1/layer1.0/conv1/Conv", "layer1.0.conv1"),
        ("/fc/Gemm;other", "fc"),
        ("/Add", ""),
        ("model/conv2d/BiasAdd", ""),
        ("/a*/b/Conv", ""),
    ],
)
def test_source_module(tensor, expected):
    assert names.source_module(tensor) == expected


@given(st.lists(st.sampled_from(["a", "a_2", "a_2_2", "b"])))
def test_unique(found):
    made = names.unique(found)
    assert len(set(made)) == len(made) == len(found)
