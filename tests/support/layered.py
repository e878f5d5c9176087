"""Models of several layers, written down one operator after another."""

import numpy as np
from support.models import O, T, build

from nonn_mcu import codegen

WINDOW = {"padding": 0, "strideH": 1, "strideW": 1, "fusedActivationFunction": "NONE"}
DILATED = WINDOW | {"dilationHFactor": 1, "dilationWFactor": 1}


class Net:
    """A model whose tensors are known by their numbers; 0 is the input."""

    def __init__(self, *shape):
        self.tensors = [T(shape, 0.1, name="input")]
        self.ops = []

    def add(self, tensor):
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def op(self, kind, inputs, shape, **options):
        output = self.add(T(shape, 0.1, name=f"{kind}{len(self.ops)}"))
        self.ops.append(O(kind, inputs, [output], options))
        return output

    def filters(self, kind, source, weights, shape, axis=0, **options):
        rng = np.random.default_rng(len(self.tensors))
        data = rng.integers(-127, 128, weights, np.int8)
        made = self.add(T(weights, [0.1] * weights[axis], data=data, axis=axis))
        bias = self.add(T((weights[axis],), [0.01] * weights[axis], data=rng.integers(-9, 9, weights[axis]),
                          dtype="int32"))  # fmt: skip
        return self.op(kind, [source, made, bias], shape, **options)

    def conv(self, source, channels, kernel=3):
        *outer, depth = self.tensors[source].shape
        weights = (channels, kernel, kernel, depth)
        return self.filters("CONV_2D", source, weights, (*outer, channels), **DILATED)

    def dense(self, source, units):
        depth = int(np.prod(self.tensors[source].shape))
        return self.filters("FULLY_CONNECTED", source, (units, depth), (1, units), keepNumDims=False)

    def model(self, *outputs):
        return build(self.tensors, self.ops, [0], outputs)

    def graph(self, *outputs):
        return codegen.load(self.model(*outputs))
