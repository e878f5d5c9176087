"""What pooling, mean and data movement refuse: one line that names the layer and says why.

A kernel trusts its parameters, so every one of these would be a wrong result or an access out of bounds.
"""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from support.models import T, constant
from support.reshaped import single

from nonn_mcu.codegen import generate
from nonn_mcu.errors import BadInput

IMAGE = T((1, 4, 4, 2), 0.5, 3)
MATRIX, TRANSPOSED, TALL = T((1, 4, 6), 0.5, 3), T((1, 6, 4), 0.5, 3), T((1, 8, 6), 0.5, 3)
KEPT = constant([[0, 0]] * 3)
BEGIN, END, STEPS = constant([0, 0, 0]), constant([1, 4, 6]), constant([1, 1, 1])


def window(filter_h, filter_w, stride_h, stride_w, padding="SAME", activation="NONE"):  # noqa: PLR0917
    return {
        "padding": getattr(fb.Padding, padding),
        "filterHeight": filter_h,
        "filterWidth": filter_w,
        "strideH": stride_h,
        "strideW": stride_w,
        "fusedActivationFunction": activation,
    }


def value(elements, zero_point):
    return T((elements,), 0.5, zero_point, data=np.zeros(elements, np.int8))


ROWS = [
    ("MAX_POOL_2D", [IMAGE], T((1, 2, 2, 3), 0.5, 3), window(2, 2, 2, 2), "declared as [1, 2, 2, 3]"),
    ("MAX_POOL_2D", [IMAGE], T((1, 5, 4, 2), 0.5, 3), window(1, 1, 1, 1), "declared as [1, 5, 4, 2]"),
    ("MAX_POOL_2D", [IMAGE], IMAGE, window(5, 1, 1, 1, "VALID"), "no window of 5x1 fits 4x4"),
    ("MAX_POOL_2D", [IMAGE], IMAGE, window(1, 1, 1, 1, "SAME", "TANH"), "fused activation TANH"),
    ("MAX_POOL_2D", [MATRIX], MATRIX, window(1, 1, 1, 1), "has 3 dimensions, this operator takes 4"),
    ("AVERAGE_POOL_2D", [IMAGE], IMAGE, window(0, 1, 1, 1), "filter 0x1 and stride 1x1 must be in"),
    ("AVERAGE_POOL_2D", [IMAGE], IMAGE, window(1, 1, 1, -2), "filter 1x1 and stride 1x-2 must be in"),
    ("AVERAGE_POOL_2D", [IMAGE], IMAGE, window(1, 1 << 17, 1, 1), "filter 1x131072 and stride 1x1 must be"),
    ("AVERAGE_POOL_2D", [IMAGE], T((1, 4, 4, 2), 0.5, 4), window(1, 1, 1, 1), "quantised differently"),
    ("AVERAGE_POOL_2D", [IMAGE], T((1, 4, 4, 2), 0.51, 3), window(1, 1, 1, 1), "quantised differently"),
    ("MEAN", [IMAGE, constant([4])], IMAGE, {"keepDims": True}, "axes [4] do not all exist"),
    ("MEAN", [IMAGE, constant([-5])], IMAGE, {"keepDims": True}, "axes [-5] do not all exist"),
    ("MEAN", [IMAGE, constant([1])], T((1, 4, 1, 2)), {"keepDims": True}, "computes to [1, 1, 4, 2]"),
    ("MEAN", [IMAGE, constant([1])], T((1, 1, 4, 2)), {"keepDims": False}, "computes to [1, 4, 2]"),
    ("MEAN", [IMAGE, constant([1], "int64")], T((1, 1, 4, 2)), {"keepDims": True}, "axes is int64"),
    ("MEAN", [IMAGE, T((1,))], T((1, 1, 4, 2)), {"keepDims": True}, "axes is not a constant"),
    ("MEAN", [IMAGE], T((1, 1, 4, 2)), {"keepDims": True}, "has inputs [0] and outputs [1], expected 2"),
    (
        "PAD",
        [MATRIX, constant([[0, 0], [-1, 0], [0, 0]])],
        T((1, 3, 6)),
        {},
        "paddings [0, 0, -1, 0, 0, 0] must",
    ),
    ("PAD", [MATRIX, constant([[0, 0], [1, 0]])], T((1, 5, 6)), {}, "paddings [0, 0, 1, 0] must be"),
    ("PAD", [MATRIX, constant([[0, 0], [1, 0], [0, 0]])], MATRIX, {}, "computes to [1, 5, 6]"),
    ("PAD", [MATRIX, T((1, 6))], MATRIX, {}, "paddings is not a constant"),
    ("PAD", [T((1,) * 6), constant([[0, 0]] * 6)], T((1,) * 6), {}, "has 6 dimensions"),
    ("PADV2", [MATRIX, KEPT, T((1,), 0.5, 3)], MATRIX, {}, "padding value is not a constant"),
    ("PADV2", [MATRIX, KEPT, value(2, 3)], MATRIX, {}, "2 padding values, expected one"),
    ("PADV2", [MATRIX, KEPT, value(1, 4)], MATRIX, {}, "padding value is quantised unlike the output"),
    ("CONCATENATION", [MATRIX, MATRIX], TALL, {"axis": 3}, "axis 3 does not exist"),
    ("CONCATENATION", [MATRIX, MATRIX], TALL, {"axis": -4}, "axis -4 does not exist"),
    ("CONCATENATION", [MATRIX, MATRIX], T((1, 9, 6), 0.5, 3), {"axis": 1}, "computes to [1, 8, 6]"),
    (
        "CONCATENATION",
        [MATRIX, TRANSPOSED],
        T((1, 10, 6), 0.5, 3),
        {"axis": 1},
        "an input [1, 6, 4] does not fit",
    ),
    ("CONCATENATION", [MATRIX, T((1, 4, 6), 0.6, 3)], TALL, {"axis": 1}, "an input is quantised unlike"),
    (
        "CONCATENATION",
        [MATRIX, T((4, 6), 0.5, 3)],
        TALL,
        {"axis": 1},
        "has 2 dimensions, this operator takes 3",
    ),
    (
        "CONCATENATION",
        [MATRIX, constant([[[0] * 6] * 4])],
        TALL,
        {"axis": 1},
        "an input is int32, expected int8",
    ),
    (
        "CONCATENATION",
        [MATRIX, MATRIX],
        TALL,
        {"axis": 1, "fusedActivationFunction": "RELU"},
        "fused activation RELU",
    ),
    ("TRANSPOSE", [MATRIX, constant([0, 1, 1])], T((1, 4, 4), 0.5, 3), {}, "perm [0, 1, 1] does not hold"),
    ("TRANSPOSE", [MATRIX, constant([0, 2])], T((1, 6), 0.5, 3), {}, "perm [0, 2] does not hold"),
    ("TRANSPOSE", [MATRIX, constant([0, -1, 1])], TRANSPOSED, {}, "perm [0, -1, 1] does not hold"),
    ("TRANSPOSE", [MATRIX, constant([0, 2, 1], "int64")], TRANSPOSED, {}, "perm is int64, expected int32"),
    ("TRANSPOSE", [MATRIX, constant([0, 2, 1])], MATRIX, {}, "computes to [1, 6, 4]"),
    ("STRIDED_SLICE", [MATRIX, BEGIN, END, constant([1, 0, 1])], MATRIX, {}, "strides of 1 to 65535 either"),
    (
        "STRIDED_SLICE",
        [MATRIX, BEGIN, END, constant([1 << 20] * 3)],
        T((1, 1, 1)),
        {},
        "strides of 1 to 65535",
    ),
    ("STRIDED_SLICE", [MATRIX, constant([0, 0]), END, STEPS], MATRIX, {}, "must have 3 entries each"),
    ("STRIDED_SLICE", [MATRIX, constant([0, 4, 0]), END, STEPS], MATRIX, {}, "is empty or out of range"),
    (
        "STRIDED_SLICE",
        [MATRIX, constant([0, 4, 0]), END, STEPS],
        T((1, 6), 0.5, 3),
        {"shrinkAxisMask": 2},
        "is empty or out of range",
    ),
    (
        "STRIDED_SLICE",
        [MATRIX, BEGIN, END, constant([1, -1, 1])],
        T((1, 6), 0.5, 3),
        {"shrinkAxisMask": 2},
        "is empty or out of range",
    ),
    ("STRIDED_SLICE", [MATRIX, BEGIN, constant([1, 3, 6]), STEPS], MATRIX, {}, "computes to [1, 3, 6]"),
    (
        "STRIDED_SLICE",
        [MATRIX, BEGIN, END, STEPS],
        MATRIX,
        {"ellipsisMask": 2},
        "ellipsis_mask is not supported",
    ),
    (
        "STRIDED_SLICE",
        [MATRIX, BEGIN, END, STEPS],
        MATRIX,
        {"newAxisMask": 1},
        "new_axis_mask is not supported",
    ),
    ("STRIDED_SLICE", [MATRIX, BEGIN, END, STEPS], MATRIX, {"offset": True}, "offset is not supported"),
    ("RESIZE_NEAREST_NEIGHBOR", [IMAGE, constant([0, 4])], T((1, 1, 4, 2)), {}, "size [0, 4] must be"),
    ("RESIZE_NEAREST_NEIGHBOR", [IMAGE, constant([4])], IMAGE, {}, "size [4] must be"),
    ("RESIZE_NEAREST_NEIGHBOR", [IMAGE, constant([4, 5])], IMAGE, {}, "computes to [1, 4, 5, 2]"),
]


@pytest.mark.parametrize(
    ("kind", "inputs", "output", "options", "reason"), ROWS, ids=[f"{row[0]}: {row[-1]}" for row in ROWS]
)
def test_refuses(kind, inputs, output, options, reason):
    with pytest.raises(BadInput) as error:
        generate(single(kind, inputs, output, **options).model(), "model")
    message = str(error.value)
    assert reason in message
    assert message.startswith("layer ") and f"({kind})" in message and "\n" not in message
