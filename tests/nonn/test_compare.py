"""The comparison's figures by hand: who holds what, what crosses the link, how long it takes."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from support.bundles import COUNT, bundle_of
from support.layered import Net
from support.models import T
from support.networks import make_network

from nonn_mcu import boards
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.compare.alternatives import Hardware, cost
from nonn_mcu.nonn.compare.compare import compare
from nonn_mcu.nonn.compare.links import parse
from nonn_mcu.nonn.compare.measure import Run
from nonn_mcu.nonn.compare.plot import draw
from nonn_mcu.report import comparison

pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")

BOARD = Hardware("a board", "Cortex-M4F", 1_000_000, 50.0)
UART = parse("uart:9600")
FEATURES = 5  # of each student
PER_MAC = 4


def whole_net(path, channels=4, classes=3, size=(6, 5), **changes):
    """A bundle of a convolution and a dense layer for the network's inputs, or others."""
    net = Net(1, *size, 3)
    output = net.dense(net.conv(0, channels), classes)
    net.tensors[output] = T((1, classes), 0.5, -2, name="logits")
    inputs = np.random.default_rng(9).integers(-128, 128, (COUNT, *size, 3), np.int8)
    return bundle_of(path, net.model(output), path.name, inputs, ((1, 3, *size), (0, 2, 3, 1)), **changes)


def counted(bundle, head):
    """Four instructions a MAC, and 1000 for a head."""
    macs = sum(layer.macs for layer in bundle.manifest.layers)
    return Run((PER_MAC * macs, *([1000] if head is not None else [])), flash=1, ram=1)


def test_three_alternatives(tmp_path):
    network = make_network(tmp_path / "nonn")
    big, small = whole_net(tmp_path / "big", 8), whole_net(tmp_path / "small", 4)
    teacher, split, nonn = compare(network, big, small, counted).alternatives

    (node,) = teacher.nodes
    assert (teacher.kind, teacher.model, teacher.messages) == ("teacher", "big", ())
    assert node.macs == 30 * 8 * 27 + 30 * 8 * 3
    assert node.parameters == 8 * (27 + 1) + 3 * (30 * 8 + 1)
    assert teacher.critical == node.instructions == PER_MAC * node.macs

    # 30 pixels of 2 channels each, to the other device; 2 logits of one device and 1 of the other
    assert [(m.sender, m.receivers, m.size) for m in split.messages] == [
        (0, (1,), 60), (1, (0,), 60), (0, (), 2), (1, (), 1),
    ]  # fmt: skip
    assert [node.macs for node in split.nodes] == [30 * 2 * 27 + 120 * 2, 30 * 2 * 27 + 120]
    assert split.critical == PER_MAC * split.nodes[0].macs
    assert split.bytes() == split.bytes(broadcast=False) == 123

    pocket = 9 * 4 * 27 + 9 * 6 * 4 + 54 * 5
    assert [(m.sender, m.receivers, m.size) for m in nonn.messages] == [(0, (), 5), (1, (), 5)]
    assert [node.macs for node in nonn.nodes] == [pocket, pocket]
    assert nonn.critical == PER_MAC * pocket  # at once, and the head is the host's
    assert all(one.measured for one in (teacher, split, nonn))


def test_the_head_on_a_device_waits_for_all_features(tmp_path):
    network = make_network(tmp_path / "nonn", students=3, head="device:1")
    (nonn,) = compare(network, None, None, counted).alternatives
    first, holder, _ = nonn.nodes
    assert [(m.sender, m.receivers, m.size) for m in nonn.messages] == [(0, (1,), 5), (2, (1,), 5)]
    assert holder.parameters - first.parameters == 3 * (3 * FEATURES + 1)
    assert holder.macs - first.macs == 3 * 3 * FEATURES
    assert holder.instructions - first.instructions == 1000
    assert nonn.critical == first.instructions + 1000

    made = cost(nonn, UART, BOARD)
    assert made.compute_s == nonn.critical / 1e6
    assert made.link_s == made.addressed_s == 2 * 50 / 9600
    assert made.latency_s == made.compute_s + made.link_s
    # 50 mW while one computes, sends or hears; the holder hears both
    alone = first.instructions / 1e6
    assert made.energy_j == pytest.approx(
        [0.05 * (alone + 50 / 9600), 0.05 * (alone + 0.001 + 100 / 9600), 0.05 * (alone + 50 / 9600)]
    )


def test_a_split_net_of_three_sends_once_or_to_each(tmp_path):
    network = make_network(tmp_path / "nonn", students=3)
    split, _ = compare(network, None, whole_net(tmp_path / "small", 4), counted).alternatives
    assert (split.bytes(), split.bytes(broadcast=False)) == (123, 2 * 120 + 3)
    made = cost(split, UART, BOARD)
    assert made.link_s == pytest.approx(1230 / 9600) and made.addressed_s == pytest.approx(2430 / 9600)
    # every device is busy with each share, its own and the others', and with its own logit
    busy = [one.instructions / 1e6 + 1210 / 9600 for one in split.nodes]
    assert made.energy_j == pytest.approx([0.05 * seconds for seconds in busy])


def test_protocol_bytes_are_the_frames(tmp_path):
    """RUN: 16 bytes of content and 9 back; READ: 17 and 5 more than the features; 7 bytes around each."""
    (nonn,) = compare(make_network(tmp_path / "nonn"), None, None, counted).alternatives
    assert nonn.protocol_bytes == 2 * (16 + 9 + 17 + 5 + FEATURES + 4 * 7)


def test_what_does_not_fit_the_board_is_estimated(tmp_path):
    network, big = make_network(tmp_path / "nonn"), whole_net(tmp_path / "big", 8)

    def fits_not(bundle, head):
        return None if bundle is big else counted(bundle, head)

    found = compare(network, big, None, fits_not)
    teacher, nonn = found.alternatives
    assert (teacher.measured, teacher.runs, nonn.measured) == (False, (), True)
    assert teacher.critical == PER_MAC * teacher.nodes[0].macs
    assert any(note.startswith("teacher: does not fit the emulated board") for note in found.notes)
    with pytest.raises(BadInput, match="more memory"):
        compare(network, None, None, lambda bundle, head: None)


def test_what_is_named_twice_is_measured_once(tmp_path):
    network, big = make_network(tmp_path / "nonn", head="device:0"), whole_net(tmp_path / "big", 8)
    seen = []

    def measure(bundle, head):
        seen.append(bundle.path.name)
        return counted(bundle, head)

    teacher, split, _ = compare(network, big, big, measure).alternatives
    assert seen == ["student0", "student1", "big"]
    assert teacher.runs == split.runs and split.critical < teacher.critical


def test_accuracy_is_over_the_labelled_vectors(tmp_path):
    network = make_network(tmp_path / "nonn")
    labels = network.fused.labels
    wrong = np.where(labels >= 0, (labels + 1) % 3, -1)
    found = compare(network, whole_net(tmp_path / "big", labels=labels), None, counted)
    teacher, nonn = found.alternatives
    assert nonn.golden.samples == teacher.golden.samples == np.count_nonzero(labels >= 0)
    assert nonn.golden.float_network == 1.0
    assert found.notes == ("nonn: the head runs on the host, whose time is left out",)
    answers = whole_net(tmp_path / "again").vectors().outputs[0].argmax(axis=1)
    known = labels >= 0
    assert teacher.golden.int8 == np.mean(answers[known] == labels[known])

    fewer = np.where(np.arange(COUNT) < 7, labels, -1)
    short = compare(network, whole_net(tmp_path / "fewer", labels=fewer), None, counted)
    assert [one.golden.samples for one in short.alternatives] == [7, 7]

    strange = compare(network, whole_net(tmp_path / "other", labels=wrong), None, counted)
    assert [note for note in strange.notes if "other images" in note]
    unknown = compare(network, whole_net(tmp_path / "none"), None, counted)
    assert [note for note in unknown.notes if "no golden vector has a label" in note]
    assert unknown.alternatives[0].golden is None


def test_idle_devices_are_named(tmp_path):
    network = make_network(tmp_path / "nonn", students=5)
    found = compare(network, None, whole_net(tmp_path / "small", 4), counted)
    assert [note for note in found.notes if "2 layers have fewer channels than 5 devices" in note]


@pytest.mark.parametrize(
    ("changes", "words"), [({"classes": 5}, "has 5 classes"), ({"size": (5, 5)}, "other inputs")]
)
def test_another_task_is_refused(tmp_path, changes, words):
    network = make_network(tmp_path / "nonn")
    for options in ({"teacher": whole_net(tmp_path / "big", **changes), "compressed": None},
                    {"teacher": None, "compressed": whole_net(tmp_path / "small", **changes)}):  # fmt: skip
        with pytest.raises(BadInput, match=words):
            compare(network, **options, measure=counted)


def test_text_and_json_say_the_same(tmp_path):
    network = make_network(tmp_path / "nonn")
    found = compare(network, whole_net(tmp_path / "big", 8), whole_net(tmp_path / "small"), counted)
    links = [UART, parse("can:1M")]
    costs = {one.name: [cost(each, one, BOARD) for each in found.alternatives] for one in links}
    written = comparison.text(found.alternatives, costs)
    data = comparison.to_json(found.alternatives, costs, BOARD)
    assert [one["kind"] for one in data["alternatives"]] == ["teacher", "split", "nonn"]
    last = data["alternatives"][-1]["costs"]
    for found_one, one in zip(found.alternatives, data["alternatives"], strict=True):
        assert comparison.title(found_one) in written
        for each, network_s in zip(one["costs"], last, strict=True):
            assert f"{1000 * each['latency_s']:,.2f}" in written
            assert each["times"] == each["latency_s"] / network_s["latency_s"]


def test_no_energy_without_a_power(tmp_path):
    powerless = Hardware("a board", "Cortex-M0+", 1_000_000, None)
    found = compare(make_network(tmp_path / "nonn"), None, None, counted).alternatives
    costs = {"uart:9600": [cost(each, UART, powerless) for each in found]}
    assert "energy" not in comparison.text(found, costs)
    (data,) = comparison.to_json(found, costs, powerless)["alternatives"]
    assert data["costs"][0]["energy_j"] is None
    said = " ".join(comparison.assumptions(powerless, boards.get("mps2-an386"), {}))
    assert "--power-mw" in said and "(Cortex-M4), as if Cortex-M0+ took as many" in said


def test_the_picture_is_the_same_for_the_same_figures(tmp_path):
    pytest.importorskip("matplotlib", reason="the picture needs the extra nonn")
    found = compare(make_network(tmp_path / "nonn"), whole_net(tmp_path / "big"), None, counted).alternatives
    costs = {"uart:9600": [cost(each, UART, BOARD) for each in found]}
    one, other = (draw(found, costs, "a board") for _ in range(2))
    assert one == other != draw(found[1:], {"uart:9600": costs["uart:9600"][1:]}, "a board")
    assert ET.fromstring(one).tag.endswith("svg")
