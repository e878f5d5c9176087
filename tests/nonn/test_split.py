"""A net split layer by layer: what crosses the link and what a device holds, worked out by hand."""

import pytest
from support import bundles
from support.layered import DILATED, WINDOW, Net
from support.models import T, constant

from nonn_mcu import codegen
from nonn_mcu.codegen import generate
from nonn_mcu.codegen.constants import flash_bytes
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.compare.split import split


def residual():
    """Two convolutions around which the input of the second goes, a pool over the image, a dense layer."""
    net = Net(1, 4, 4, 3)
    first = net.conv(0, 8)
    second = net.conv(first, 8)
    total = net.op("ADD", [first, second], (1, 4, 4, 8))
    pooled = net.op("MEAN", [total, net.add(constant([1, 2]))], (1, 8), keepDims=False)
    return net.graph(net.dense(pooled, 3))


def shortcut():
    """A block whose shortcut takes every second pixel and pads channels, as in a CIFAR ResNet.

    The convolution beside it reads an image with a frame around it.
    """
    net = Net(1, 4, 4, 3)
    first = net.conv(0, 4)
    cut = [net.add(constant(values)) for values in ([0, 0, 0, 0], [1, 4, 4, 4], [1, 2, 2, 1])]
    small = net.op("STRIDED_SLICE", [first, *cut], (1, 2, 2, 4), beginMask=0, endMask=0)
    wide = net.op("PAD", [small, net.add(constant([[0, 0], [0, 0], [0, 0], [2, 2]]))], (1, 2, 2, 8))
    stride = DILATED | {"strideH": 2, "strideW": 2}
    padded = net.op("PAD", [first, net.add(constant([[0, 0], [0, 1], [0, 1], [0, 0]]))], (1, 5, 5, 4))
    second = net.filters("CONV_2D", padded, (8, 1, 1, 4), (1, 3, 3, 8), **stride)
    wide = net.op("PAD", [wide, net.add(constant([[0, 0], [0, 1], [0, 1], [0, 0]]))], (1, 3, 3, 8))
    return net.graph(net.op("ADD", [wide, second], (1, 3, 3, 8)))


def separable():
    """A depthwise convolution of two filters a channel, pools, a flattening RESHAPE, and SOFTMAX."""
    net = Net(1, 4, 4, 3)
    first = net.conv(0, 5, kernel=1)
    deep = net.filters("DEPTHWISE_CONV_2D", first, (1, 3, 3, 10), (1, 4, 4, 10), axis=3,
                       depthMultiplier=2, **DILATED)  # fmt: skip
    pooled = net.op("MAX_POOL_2D", [deep], (1, 2, 2, 10), filterWidth=2, filterHeight=2,
                    **WINDOW | {"strideH": 2, "strideW": 2})  # fmt: skip
    flat = net.op("RESHAPE", [pooled, net.add(constant([1, 40]))], (1, 40))
    logits = net.dense(flat, 3)
    net.tensors[-1] = T((1, 3), 0.1)
    probabilities = net.op("SOFTMAX", [logits], (1, 3), beta=1.0)
    net.tensors[-1] = T((1, 3), 1 / 256, -128)
    return net.graph(probabilities)


def joined(axis):
    """Two branches that a CONCATENATION puts together."""
    net = Net(1, 2, 2, 3)
    shape = [1, 2, 2, 4]
    shape[axis] *= 2
    return net.graph(net.op("CONCATENATION", [net.conv(0, 4), net.conv(0, 4)], tuple(shape), axis=axis))


def pocket():
    return codegen.load(bundles.model())


# Net, devices, the shares in bytes of what is exchanged before an operator, of what a reader gets.
EXCHANGES = [
    (pocket, 1, [], []),
    # 3x3 pixels of 4 channels, then of 6, whole before the dense layer, and 5 logits
    (pocket, 2, [(18, 18), (27, 27)], [(3, 2)]),
    (pocket, 3, [(18, 9, 9), (18, 18, 18)], [(2, 2, 1)]),
    (pocket, 5, [(9, 9, 9, 9, 0), (18, 9, 9, 9, 9)], [(1, 1, 1, 1, 1)]),
    # the first convolution's 16 pixels of 8 channels once; the ADD and the pool are local
    (residual, 2, [(64, 64), (4, 4)], [(2, 1)]),
    (residual, 3, [(48, 48, 32), (3, 3, 2)], [(1, 1, 1)]),
    # 4x4 pixels of 4 once for both ways, before the frame and before channels are added
    (shortcut, 2, [(32, 32)], [(36, 36)]),
    # 5 channels become 10 by the device that has them; 2x2 pixels of 10 before the flattening
    (separable, 2, [(24, 16), (2, 1)], []),
    # along the image each device has its channels; along the channels, every device has all of the result
    (lambda: joined(1), 2, [], [(16, 16)]),
    (lambda: joined(-1), 2, [(8, 8), (8, 8)], []),
]


@pytest.mark.parametrize(("net", "devices", "inner", "outer"), EXCHANGES)
def test_what_is_exchanged(net, devices, inner, outer):
    made = split(net(), devices)
    assert [one.shares for one in made.exchanges if one.op is not None] == inner
    assert [one.shares for one in made.exchanges if one.op is None] == outer
    everything = sum(map(sum, inner)) + sum(map(sum, outer))
    assert made.bytes(broadcast=True) == everything
    assert made.bytes(broadcast=False) == (devices - 1) * sum(map(sum, inner)) + sum(map(sum, outer))


def test_what_each_of_two_devices_holds_and_does():
    """The pocket net: 3x3x3 filters at 9 pixels, 1x1x4 filters at 9 pixels, rows of 54."""
    first, second = split(pocket(), 2).devices
    assert first.macs == 9 * 2 * 27 + 9 * 3 * 4 + 3 * 54
    assert second.macs == 9 * 2 * 27 + 9 * 3 * 4 + 2 * 54
    assert first.parameters == 2 * (27 + 1) + 3 * (4 + 1) + 3 * (54 + 1)
    assert second.parameters == 2 * (27 + 1) + 3 * (4 + 1) + 2 * (54 + 1)
    # int8 weights and int32 biases; the head's of one scale has its multiplier and shift once
    assert first.weights - second.weights == 54 + 4
    # the image, the whole first map, and three windows of 16 bits, in steps of 16 bytes
    assert first.arena == second.arena == 96 + 48 + 176


def test_a_device_without_a_channel_is_idle():
    made = split(pocket(), 8)  # layers of 4, 6 and 5 channels
    assert [one.idle for one in made.devices] == [0, 0, 0, 0, 1, 2, 3, 3]
    assert (made.devices[7].macs, made.devices[7].parameters, made.devices[7].weights) == (0, 0, 0)


def test_a_device_holds_its_own_part_of_what_is_not_exchanged():
    """The residual net over two: the second convolution reads a whole map and writes half of one."""
    (one, _) = split(residual(), 2).devices
    assert one.arena == 128 + 64 + 3 * 3 * 3 * 8 * 2


@pytest.mark.parametrize("name", ["ad01", "ic01", "kws01", "vww01"])
def test_shares_add_up_to_the_whole(data_dir, name):
    """Over one device the figures are the generator's; over several, nothing is done twice or not at all."""
    model = (data_dir / "mlperf-tiny" / f"{name}_int8.tflite").read_bytes()
    made = generate(model, name)
    graph = codegen.load(model)
    alone = split(graph, 1)
    (one,) = alone.devices
    assert alone.exchanges == () and one.idle == 0
    plain = [call for calls in codegen.lower(graph)[1] for call in calls]
    assert (one.weights, one.tables) == flash_bytes(plain, graph)
    assert one.macs == sum(layer.macs for layer in made.reference.layers)
    assert one.arena >= made.compiled["portable"].plan.arena_bytes
    for count in (2, 3, 4, 7):
        devices = split(graph, count).devices
        assert sum(device.macs for device in devices) == one.macs
        assert sum(device.parameters for device in devices) == one.parameters
        assert all(device.macs <= devices[0].macs and device.arena <= one.arena for device in devices)
        assert sum(device.weights for device in devices) >= one.weights


def test_resnet8_by_hand(data_dir):
    """Every map but those of second convolutions and the last one; then 64 means and 10 logits."""
    graph = codegen.load((data_dir / "mlperf-tiny" / "ic01_int8.tflite").read_bytes())
    pixels = 3 * 32 * 32 * 16 + 2 * 16 * 16 * 32 + 8 * 8 * 64
    for devices in (2, 4):
        made = split(graph, devices)
        assert made.bytes(broadcast=True) == pixels + 64 + 10
        assert made.bytes(broadcast=False) == (devices - 1) * (pixels + 64 + 10)


@pytest.mark.long
def test_resnet56_by_hand(converted):
    """Two maps a block, of 9 blocks in each of three stages, and the first one, but not the last sum."""
    (model,) = converted("resnet56").glob("*.tflite")
    made = split(codegen.load(model.read_bytes()), 4)
    pixels = 19 * 32 * 32 * 16 + 18 * 16 * 16 * 32 + 17 * 8 * 8 * 64
    assert made.bytes(broadcast=True) == pixels + 64 + 10
    assert made.bytes(broadcast=False) == 3 * (pixels + 64) + 10


def test_no_device_is_refused():
    with pytest.raises(BadInput, match="at least"):
        split(pocket(), 0)
