"""Damaged models of every operator: refused with one line, or harmless when generated, compiled and run.

What is accepted is compiled with every warning and run under the sanitizers: a changed number in a file
must never make generated code overflow, divide by zero or leave its memory.
"""

import numpy as np
import pytest
from support.host import compile_models
from support.single_op import vectors
from test_conv_2d import conv_2d, depthwise_conv_2d
from test_fully_connected import fully_connected
from test_ops_elementwise import draw_broadcast, draw_softmax, draw_unary
from test_ops_movement import DRAWS
from test_ops_pooling import draw_mean, draw_pool

from nonn_mcu.codegen import load, lower
from nonn_mcu.codegen.plan import plan
from nonn_mcu.errors import BadInput

UNARY = ("HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "TANH")
MAKERS = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "SOFTMAX": draw_softmax,
    "MEAN": draw_mean,
    **{kind: draw_broadcast(kind) for kind in ("ADD", "MUL", "SUB")},
    **{kind: draw_pool(kind) for kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D")},
    **{kind: draw_unary(kind) for kind in UNARY},
    **DRAWS,
}
WORDS = (0, 1, 2, 3, 5, 127, 128, 255, 256, 32767, 65535, 65536, 1 << 24, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LARGEST = 1 << 16  # elements of an accepted tensor that is worth running


def damaged(rng, model):
    """One or two words replaced by a telling value, by a neighbour, or with a bit flipped."""
    data = bytearray(model)
    for _ in range(int(rng.integers(1, 3))):
        place = 4 * int(rng.integers(len(data) // 4))
        old = int.from_bytes(data[place : place + 4], "little")
        choices = (
            int(rng.choice(WORDS)),
            old + int(rng.choice([-1, 1, 2])),
            old ^ (1 << int(rng.integers(32))),
        )
        data[place : place + 4] = (choices[int(rng.integers(3))] & 0xFFFFFFFF).to_bytes(4, "little")
    return bytes(data)


def accepted(data):
    """Whether C can be generated and the tensors are small enough to run; anything but BadInput escapes."""
    try:
        graph = load(data)
        plan(graph, *lower(graph))
    except BadInput as error:
        assert "\n" not in str(error)
        return False
    return sum(graph.tensors[i].size for op in graph.ops for i in op.outputs) <= LARGEST


@pytest.mark.parametrize(("count", "models"), [(150, 3), pytest.param(5_000, 50, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", sorted(MAKERS))
def test_damaged_models(kind, count, models, kernels, tmp_path):
    rng = np.random.default_rng(sorted(MAKERS).index(kind))
    kept = {}
    for _ in range(models):
        drawn = MAKERS[kind](rng)
        model = drawn if isinstance(drawn, bytes) else drawn.model()
        for _ in range(count // models):
            data = damaged(rng, model)
            if data != model and accepted(data):
                kept[data] = None
    # What differs in padding or names only generates the same code; a few hundred are enough to compile.
    survivors = list(kept)[:: max(1, len(kept) // (10 if count < 1000 else 300))]
    assert survivors, "every damaged model was refused: nothing was tried"
    program = compile_models(survivors, tmp_path, kernels)
    program.run([(i, [x[0] for x in vectors(rng, data)]) for i, data in enumerate(survivors)])
