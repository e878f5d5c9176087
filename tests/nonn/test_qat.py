"""Fine-tuning with fake quantisation: what int8 had cost comes back, and its ranges reach the conversion."""

import copy
import json
import signal
import subprocess
import warnings
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from lightning_fabric import Fabric  # noqa: E402
from support.command import COMMAND, ENVIRONMENT, finish  # noqa: E402
from support.nonn import INPUT, STUDENT, tiny_network  # noqa: E402

from nonn_mcu import calib, students  # noqa: E402
from nonn_mcu.cli import main  # noqa: E402
from nonn_mcu.errors import BadInput  # noqa: E402
from nonn_mcu.nonn import checkpoint  # noqa: E402
from nonn_mcu.nonn.distil import qat  # noqa: E402
from nonn_mcu.nonn.distil.losses import Weights  # noqa: E402
from nonn_mcu.nonn.distil.train import Recipe, accuracy, train  # noqa: E402
from nonn_mcu.nonn.model import FeatureNet, NoNN, StudentSpec  # noqa: E402
from nonn_mcu.students import Student, zoo  # noqa: E402
from nonn_mcu.students.zoo.mobilenetv1 import MobileNetV1  # noqa: E402

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.xdist_group("tensorflow"),
    pytest.mark.filterwarnings("ignore"),
]

GROUPS = ((0, 1, 2, 3, 4, 5), (6, 7, 8, 9, 10, 11))
LARGE = 64  # times the other weights of its output channel
EPOCHS = 3


def labelled(split):
    samples = calib.load("digits", INPUT, split=split)
    return torch.from_numpy(samples.x), torch.from_numpy(samples.labels)


@pytest.fixture(scope="module")
def images():
    """To train on, to choose by, to test on."""
    x, labels = labelled("train")
    return (x[:1200], labels[:1200]), (x[1200:], labels[1200:]), labelled("test")


def blocks(module):
    return [block for student in module.students for block in student.trunk.blocks]


def going(images, state, told=lambda epoch: None):
    """Train on the digits, but for what is trained."""
    return partial(
        train,
        train_set=images[0],
        validation=images[1],
        answers=None,
        state_file=state,
        fabric=Fabric(accelerator="cpu", devices=1),
        progress=lambda done, total: None,
        told=told,
    )


RECIPE = Recipe("ce", 8, 64, 0.1, "none", 1, 0, Weights())


@pytest.fixture(scope="module")
def lame(images, tmp_path_factory):
    """A trained network that int8 costs a good deal: weights that read nothing make all steps coarse."""
    torch.manual_seed(0)
    module = NoNN([StudentSpec("ds-cnn-16", STUDENT, group) for group in GROUPS], INPUT.shape, 10)
    with torch.no_grad():
        for block in blocks(module):  # a channel that is 0 for every image
            block.bn1.weight[0], block.bn1.bias[0] = 0.1, -5
    outcome = going(images, tmp_path_factory.mktemp("lame") / "state")(module, recipe=RECIPE)
    module.load_state_dict(outcome.state_dict)
    with torch.no_grad():
        for block in blocks(module):
            weight = block.pointwise.weight
            weight[:, 0] = LARGE * weight[:, 1:].abs().amax((1, 2, 3))[:, None, None]
    return module.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def tuned(lame, images, tmp_path_factory):
    trainable = copy.deepcopy(lame).requires_grad_(True)
    before = {key: value.clone() for key, value in trainable.state_dict().items()}
    found = qat.tune(trainable, RECIPE, EPOCHS, going(images, tmp_path_factory.mktemp("tuned") / "state"))
    assert all(torch.equal(before[key], value) for key, value in trainable.state_dict().items())
    return found


def rounded_accuracy(module, images):
    """With weights rounded as on the device, and activations with the ranges that they have in training."""
    rounded = qat.round_students(module)
    for student in rounded.students:
        student.moving = {"ranges"}
    rounded.train()
    with torch.no_grad():
        for some in images[0][0].split(64):
            rounded(some)
    return accuracy(rounded.eval(), *images[2])


def test_what_int8_had_cost_comes_back(lame, tuned, images):
    whole, lost = accuracy(lame, *images[2]), rounded_accuracy(lame, images)
    assert lost < whole - 0.1
    after = copy.deepcopy(lame)
    after.load_state_dict(tuned.state_dict)  # strict: the same keys and shapes
    back = rounded_accuracy(after, images)
    assert back > lost + 0.08 and back > whole - 0.05
    # the float network is the one that was rounded
    assert accuracy(after, *images[2]) == pytest.approx(back, abs=0.01)
    assert tuned.best.validation == max(epoch.validation for epoch in tuned.history)


class Ended(Exception):
    """As if the process had been ended."""


def saved(tmp_path, module, found, name):
    network = copy.deepcopy(module)
    network.load_state_dict(found.state_dict)
    checkpoint.save(
        tmp_path / name,
        network,
        INPUT,
        teacher="0" * 64,
        training=checkpoint.Training(
            method="ce",
            epochs=RECIPE.epochs,
            qat=EPOCHS,
            best_epoch=1,
            seed=0,
            validation=0.5,
            test=None,
            teacher_test=None,
        ),
        flash=(None, None),
        calibration="digits",
        ranges=found.ranges,
    )
    return (tmp_path / name).read_bytes()


def test_the_same_seed_gives_the_same_bytes_also_when_it_was_ended_between(lame, tuned, images, tmp_path):
    def told(end_after, epoch):
        if epoch.epoch == end_after:
            raise Ended

    trainable = copy.deepcopy(lame).requires_grad_(True)
    for end_after in range(1, EPOCHS):
        with pytest.raises(Ended):
            go = going(images, tmp_path / "state", partial(told, end_after))
            qat.tune(trainable, RECIPE, EPOCHS, go)
    resumed = qat.tune(trainable, RECIPE, EPOCHS, going(images, tmp_path / "state"))
    assert resumed.history == tuned.history and resumed.best == tuned.best
    assert saved(tmp_path, lame, resumed, "a.pt") == saved(tmp_path, lame, tuned, "b.pt")
    with pytest.raises(BadInput, match="is the state of another run"):
        blocks(trainable)[0].bn2.bias.data[0] += 1
        qat.tune(trainable, RECIPE, EPOCHS, going(images, tmp_path / "state"))


def test_the_device_rounds_where_training_did_and_can_have_its_ranges(lame, tuned, images):
    """Refinement takes the learned ranges where they are best: here it calibrates on blank images."""
    pytest.importorskip("onnx2tf")
    from nonn_mcu.codegen.reader import read
    from nonn_mcu.convert.int8 import from_float

    network = copy.deepcopy(lame)
    network.load_state_dict(tuned.state_dict)
    student = Student("student", "module", network.students[0].requires_grad_(False), INPUT)
    x = images[2][0][:64].numpy()
    blank = np.full_like(x, x.min())
    blank[0, 0, 0, 0] = x.max()  # the input's range is seen, others are not
    int8 = from_float(student, blank, lambda step: None, validation=x, ranges=tuned.ranges[0])
    steps = {step.name: step for step in int8.steps if step.kept}
    assert steps["refined"].sqnr_db > steps["stock"].sqnr_db + 3
    assert "ranges: learned in training" in steps
    # each tensor that the device rounds anew has a range, and what moves values has none
    graph = read(int8.model)
    kinds = {graph.tensors[op.outputs[0]].name: op.kind for op in graph.ops}
    assert {name for name, kind in kinds.items() if kind not in ("PAD", "RESHAPE")} == set(tuned.ranges[0])


def int8_accuracy(network, images):
    """As the stock converter quantises the students, over the oracle; the head is float."""
    from nonn_mcu.convert import golden
    from nonn_mcu.convert.int8 import from_float
    from nonn_mcu.convert.layout import arrange
    from nonn_mcu.verify import oracle
    from nonn_mcu.verify.fidelity import dequantize

    features = []
    for module in network.students:
        student = Student("student", "module", module.requires_grad_(False), INPUT)
        int8 = from_float(student, images[0][0][:128].numpy(), lambda step: None)
        (taken,), (given,) = int8.inputs, int8.outputs
        x = golden.quantised(arrange(images[2][0].numpy(), taken.from_torch, taken.shape), taken)
        (found,) = oracle.run(int8.model, [x])
        features.append(dequantize(found, given).reshape(len(x), -1))
    with torch.no_grad():
        logits = network.head(torch.from_numpy(np.concatenate(features, axis=1)).float())
    return float((logits.argmax(1) == images[2][1]).float().mean())


@pytest.mark.long
def test_what_the_devices_had_lost_comes_back(lame, tuned, images):
    pytest.importorskip("onnx2tf")
    lost = int8_accuracy(copy.deepcopy(lame), images)
    after = copy.deepcopy(lame)
    after.load_state_dict(tuned.state_dict)
    back = int8_accuracy(after, images)
    assert lost < accuracy(lame, *images[2]) - 0.1 and back > lost + 0.08
    assert back == pytest.approx(accuracy(after, *images[2]), abs=0.02)


# arch of a student: how many activations it rounds, counted by hand
ROUNDED = {
    "resnet8": 1 + 3 * 3 + 2,  # a block has two convolutions and a sum
    "wrn10-0.5": 1 + 3 * 4 + 3 + 2,  # with a convolution in each shortcut, batch norms after the sums
    "vgg11-0.1": 8 + 2,
    "mobilenetv1-0.1": 1 + 2 * 13 + 2,
    "mobilenetv2-0.1": 1 + 2 + 16 * 3 + 11 + 1 + 2,
}


@pytest.mark.parametrize("arch", ROUNDED)
def test_what_the_device_rounds_is_rounded_and_nothing_else(arch):
    module = NoNN([StudentSpec(arch, {}, (0, 1)), StudentSpec(arch, {}, (2,))], (3, 32, 32), 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # torch says that it moves its tools elsewhere
        rounded = qat.round_students(module)
        found, _, _ = rounded.both(torch.randn(8, 3, 32, 32))
    assert found.shape == (8, 10)
    ranges = rounded.students[0].ranges()
    assert len(ranges) == ROUNDED[arch] and all(low <= 0 < high for low, high in ranges.values())
    active = [name for name in ranges if "onv" in name and ranges[name][0] == 0]
    assert "/project/Conv" in active  # what a ReLU follows is rounded behind it


def test_a_channel_that_its_batch_norm_ends_stays_a_number():
    module = NoNN([StudentSpec("wrn10-0.5", {}, (0,)), StudentSpec("wrn10-0.5", {}, (1,))], (1, 8, 8), 3)
    norms = [part for part in module.modules() if isinstance(part, torch.nn.BatchNorm2d)]
    for norm in norms:
        torch.nn.init.zeros_(norm.weight[:1])
    rounded = qat.round_students(module)
    rounded.both(torch.randn(8, 1, 8, 8))
    for student in rounded.students:
        assert all(torch.isfinite(value).all() for value in student.floats().values())


class Undecided(FeatureNet):
    """Looks at its values, which no one can trace."""

    def both(self, x):
        return super().both(x if x.sum() > 0 else -x)


def test_a_student_that_cannot_be_traced_is_one_line():
    module = NoNN([StudentSpec("wrn10-0.5", {}, (0,)), StudentSpec("wrn10-0.5", {}, (1,))], (1, 8, 8), 3)
    module.students[1] = Undecided(module.specs[1], (1, 8, 8))
    with pytest.raises(BadInput) as caught:
        qat.round_students(module)
    said = str(caught.value)
    assert said.startswith("student 1, wrn10-0.5: cannot be traced for --qat (") and "\n" not in said


NAME = "/conv/Conv"
HOSTILE = {
    # ranges: words of the message
    "not a number": ({NAME: (float("nan"), 1.0)}, "finite"),
    "endless": ({NAME: (0.0, float("inf"))}, "finite"),
    "huge": ({NAME: (0.0, 1e30)}, "less than or equal to 1000000000"),
    "without zero": ({NAME: (0.5, 1.0)}, "less than or equal to 0"),
    "the wrong way round": ({NAME: (1.0, -1.0)}, "less than or equal to 0"),
    "three": ({NAME: (0.0, 1.0, 2.0)}, "at most 2 items"),
    "a long name": ({"x" * 201: (0.0, 1.0)}, "at most 200 characters"),
    "too many": ({str(n): (0.0, 1.0) for n in range(10_001)}, "at most 10000 items"),
    "no dict": ([1.0], "valid dictionary"),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """What a checkpoint without ranges holds."""
    path = tmp_path_factory.mktemp("plain") / "nonn.pt"
    tiny_network(path)
    return torch.load(path, weights_only=True)


def test_a_checkpoint_without_ranges_is_as_it_was(plain, tmp_path):
    assert all(set(student) == {"arch", "arch_args", "group", "flash"} for student in plain["students"])
    del plain["training"]["qat"]  # as written before there was one
    read = checkpoint.build(tmp_path / "nonn.pt", plain, "nonn")
    assert [student.ranges for student in read.content.students] == [{}, {}]
    assert read.content.training.qat == 0


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_ranges_are_refused(plain, tmp_path, case):
    ranges, words = HOSTILE[case]
    content = copy.deepcopy(plain)
    content["students"][1]["ranges"] = ranges
    with pytest.raises(BadInput, match=r"network checkpoint field students\.1\.ranges") as caught:
        checkpoint.build(tmp_path / "nonn.pt", content, "nonn")
    assert words in str(caught.value)


ARGUMENTS = ("distil", "teacher.pt", "parts.json", "--data", "digits", "--student", "wrn10-0.5")
SHORT = ("--batch", "128", "--epochs", "1", "--qat", "2")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, and in it a teacher that knows nothing, and its parts."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    net = zoo.build("wrn10-1", channels=1)
    students.save(tmp_path / "teacher.pt", net, "wrn10-1", INPUT, arch_args={"channels": 1})
    assert main(["partition", "teacher.pt", "--data", "digits", "--students", "2"]) == 0
    return tmp_path


def test_the_command_goes_on_in_the_middle_of_fine_tuning(folder, capsys):
    capsys.readouterr()
    assert main([*ARGUMENTS, *SHORT, "-o", "whole.pt", "--json"]) == 0
    out, err = capsys.readouterr()
    (method,) = json.loads(out)["methods"]
    assert [epoch["epoch"] for epoch in method["history"]] == [1, 2, 3] and method["qat"] == 2
    said = [line for line in err.splitlines() if " epoch " in line]
    assert [line.endswith(" rounded") for line in said] == [False, True, True]
    assert "Warning" not in err
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = ENVIRONMENT | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*COMMAND, *ARGUMENTS, *SHORT, "-o", "ended.pt"], env=environment, **streams)
    lines = []
    for line in process.stderr:
        lines.append(line.decode())
        if "epoch 2/3" in lines[-1]:
            process.send_signal(signal.SIGINT)
            break
    assert finish(process).code == 130, lines
    assert "Warning" not in "".join(lines)
    assert (folder / "ended.pt.qat.state").exists() and not (folder / "ended.pt").exists()
    assert main([*ARGUMENTS, *SHORT, "-o", "ended.pt"]) == 0
    assert "epoch 2/3" not in capsys.readouterr().err
    assert (folder / "ended.pt").read_bytes() == (folder / "whole.pt").read_bytes()
    assert not list(folder.glob("*.state"))
    content = torch.load(folder / "whole.pt", weights_only=True)
    read = checkpoint.build(folder / "whole.pt", content, "whole")
    assert all(len(student.ranges) == ROUNDED["wrn10-0.5"] for student in read.content.students)


def test_what_cannot_be_tuned_is_said_before_the_training(folder, capsys, monkeypatch):
    decided = MobileNetV1.maps
    monkeypatch.setattr(MobileNetV1, "maps", lambda self, x: decided(self, x if x.sum() > 0 else -x))
    before = sorted(folder.iterdir())
    capsys.readouterr()
    assert main([*ARGUMENTS[:-1], "mobilenetv1-0.1", *SHORT]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "error: student 0, mobilenetv1-0.1: cannot be traced" in err
    assert " epoch " not in err and sorted(folder.iterdir()) == before
    assert main([*ARGUMENTS, "--qat", "-1"]) == 2
    assert "--qat -1: give at least 0" in capsys.readouterr().err
