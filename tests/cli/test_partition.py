"""The command: what it prints and writes, the same each time, and one line for what cannot be used."""

import os
from xml.etree import ElementTree

import numpy as np
import pytest
from support.command import BOTH, check_error

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("networkx")
pytest.importorskip("matplotlib")

from nonn_mcu import calib, students  # noqa: E402 - after the skips
from nonn_mcu.nonn import parts as parts_file  # noqa: E402
from nonn_mcu.nonn import teacher as teachers  # noqa: E402
from nonn_mcu.nonn.data import split_train  # noqa: E402
from nonn_mcu.students import zoo  # noqa: E402

INPUT = students.input_spec((1, 8, 8), mean=(0.3,), std=(0.38,))
ARCH = {"classes": 10, "blocks": 2, "kernel_h": 3, "kernel_w": 3, "stride": 1, "height": 8, "columns": 8}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Teachers for the digits, untrained: their maps differ all the same; and samples that are too few."""
    folder = tmp_path_factory.mktemp("teachers")
    torch.manual_seed(0)
    students.save(folder / "teacher.pt", zoo.build("ds-cnn-24", **ARCH), "ds-cnn-24", INPUT, arch_args=ARCH)
    students.save(folder / "mlp.pt", zoo.build("mlp:64-16-10"), "mlp:64-16-10", students.input_spec((64,)))
    module = zoo.build("ds-cnn-24", **ARCH)
    torch.jit.trace(module, torch.zeros(1, 1, 8, 8)).save(folder / "script.pt")
    for parameter in module.parameters():
        parameter.data.zero_()
    students.save(folder / "dead.pt", module, "ds-cnn-24", INPUT, arch_args=ARCH)
    rng = np.random.default_rng(0)
    np.save(folder / "few.npy", rng.standard_normal((100, 1, 8, 8)).astype(np.float32))
    return folder


def partition(run, files, *arguments, teacher="teacher.pt", data="digits", **options):
    return run("partition", files / teacher, "--data", data, *arguments, **options)


def test_parts_and_picture(inside, files, tmp_path):
    out = tmp_path / "new" / "two.json"
    result = partition(inside, files, "--students", 2, "-o", out)
    assert result.code == 0 and "Reading digits" in result.err
    parts = parts_file.read(out)
    teacher = teachers.of(students.load(files / "teacher.pt"))
    parts_file.require_teacher(parts, teacher)
    assert [len(group.channels) for group in parts.groups] == [12, 12]
    assert parts.teacher.name == "teacher" and parts.teacher.channels == 24
    _, validation = split_train(calib.load("digits", teacher.input))
    assert (parts.data.source, parts.data.images) == ("digits", 143)
    assert parts.data.sha256 == validation.sha256
    assert sum(parts.statistics.communities) == 24
    assert sum(parts.statistics.activity) == pytest.approx(1, abs=1e-5)
    # with as many edges at a channel as the authors have
    assert parts.statistics.edges == pytest.approx(24 * 2.55 / 2, abs=1)
    for words in ("two.json", "two.svg", "24 channels", "143 images of digits", "modularity", "activity"):
        assert words in result.out
    picture = (tmp_path / "new" / "two.svg").read_text()
    ElementTree.fromstring(picture)
    for words in ("student 0: 12 channels", "student 1: 12 channels", "teacher, ", "modularity"):
        assert words in picture
    assert not [path for path in out.parent.iterdir() if path.name.startswith(".")]


def test_the_same_input_gives_the_same_bytes_anywhere(cli, files, tmp_path):
    made = []
    for number, environment in enumerate(
        ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "LC_ALL": "C", "TZ": "Asia/Tokyo"})
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        result = partition(cli, files, "--students", 3, "-o", "parts.json", cwd=folder, env=environment)
        assert result.code == 0, result
        made.append([(folder / name).read_bytes() for name in ("parts.json", "parts.svg")])
    assert made[0] == made[1]
    assert b"/tmp/" not in b"".join(made[0]) and os.fsencode(tmp_path) not in b"".join(made[0])


def test_budgets_decide_the_sizes(inside, files, tmp_path):
    out = tmp_path / "parts.json"
    sizes = "500KB,250KB,250000B"
    result = partition(inside, files, "--students", 3, "--budgets", sizes, "-o", out, "--json")
    assert result.code == 0 and result.json["picture"] == str(tmp_path / "parts.svg")
    assert [len(group["channels"]) for group in result.json["groups"]] == [12, 6, 6]
    parts = parts_file.read(out)
    assert [group.budget for group in parts.groups] == [500_000, 250_000, 250_000]
    assert result.json["groups"] == parts.model_dump(mode="json")["groups"]


def test_options_reach_the_graph(inside, files, tmp_path):
    options = ("--top", 5, "--percentile", 97, "--affinity", "coactivation", "--gamma", 1.5, "--seed", 3)
    result = partition(inside, files, "--students", 16, *options, "-o", tmp_path / "a.json", "--json")
    assert result.code == 0
    assert result.json["parameters"] == {
        "top": 5, "percentile": 97.0, "affinity": "coactivation", "gamma": 1.5, "seed": 3,
    }  # fmt: skip
    assert result.json["statistics"]["isolated"] > 12
    assert len(result.json["groups"]) == 16
    chosen = partition(inside, files, "--students", 2, *options, "-o", tmp_path / "b.json")
    assert "have no edge" in chosen.err


REFUSED = {
    "one student": (["--students", "1"], {}, "--students 1: give 2 to 16"),
    "17 students": (["--students", "17"], {}, "--students 17: give 2 to 16"),
    "a great many": (["--students", "1000000000000"], {}, "give 2 to 16"),
    "layer": (["--students", "2", "--layer", "narrow"], {}, "has no layer 'narrow'"),
    "budgets": (["--students", "3", "--budgets", "1KB,2KB"], {}, "2 for 3 students"),
    "a budget": (["--students", "2", "--budgets", "1KB,much"], {}, "size 'much'"),
    "top": (["--students", "2", "--top", "1"], {}, "--top 1: "),
    "percentile": (["--students", "2", "--percentile", "101"], {}, "--percentile 101"),
    "gamma": (["--students", "2", "--gamma", "nan"], {}, "--gamma nan"),
    "affinity": (["--students", "2", "--affinity", "love"], {}, "--affinity love"),
    "seed": (["--students", "2", "--seed", "-1"], {}, "--seed -1"),
    "out": (["--students", "2", "-o", "x.svg"], {}, "give a file such as parts.json"),
    "out is a folder": (["--students", "2", "-o", "."], {}, "give a file such as parts.json"),
    "no teacher": (["--students", "2"], {"teacher": "none.pt"}, "no such file"),
    "no convolution": (["--students", "2"], {"teacher": "mlp.pt"}, "no convolution"),
    "TorchScript": (
        ["--students", "2", "--shape", "1,8,8"],
        {"teacher": "script.pt"},
        "layers of a torchscript file cannot be observed",
    ),
    "dead": (["--students", "2"], {"teacher": "dead.pt"}, "no two of the 24 channels"),
    "no data": (["--students", "2"], {"data": "nowhere"}, "no such samples"),
    "little data": (["--students", "2"], {"data": "few.npy"}, "at least 160 are needed"),
}


@BOTH
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_one_line(inside, files, tmp_path, json, case):
    arguments, inputs, words = case
    if inputs.get("data") == "few.npy":
        inputs = {"data": files / "few.npy"}
    result = partition(inside, files, "-o", tmp_path / "parts.json", *arguments, *json, **inputs)
    if json:
        check_error(result, 2, "BadInput", words)
    else:
        assert (result.code, result.out) == (2, "")
        assert result.err.splitlines()[-1].startswith("error: ") and words in result.err
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_resnet56_on_cifar_10(inside, data_dir, tmp_path):
    statistics = ["--mean", "0.485,0.456,0.406", "--std", "0.229,0.224,0.225"]
    source = f"cifar10:{data_dir / 'cifar-10-batches-bin'}"
    teacher = data_dir / "resnet56" / "resnet56-4bfd9763.th"
    arguments = [teacher, "--arch", "resnet56", *statistics, "--data", source, "--students", 4]
    result = inside("partition", *arguments, "-o", tmp_path / "parts.json", "--json")
    assert result.code == 0
    assert (result.json["teacher"]["layer"], result.json["teacher"]["channels"]) == ("layer3.8", 64)
    assert [len(group["channels"]) for group in result.json["groups"]] == [16] * 4
    assert all(0.15 < share < 0.35 for share in result.json["statistics"]["activity"])
