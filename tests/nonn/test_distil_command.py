"""``nonn-mcu distil`` as a user runs it: taken up again, in two processes, with baselines, refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from support.command import COMMAND, ENVIRONMENT, finish  # noqa: E402

from nonn_mcu.cli import main  # noqa: E402
from nonn_mcu.errors import BadInput  # noqa: E402
from nonn_mcu.nonn import checkpoint  # noqa: E402
from nonn_mcu.nonn.distil import choose  # noqa: E402
from nonn_mcu.nonn.model import StudentSpec  # noqa: E402
from nonn_mcu.students import input_spec  # noqa: E402

TRAIN = Path(__file__).resolve().parents[2] / "examples" / "digits" / "train.py"
ENVIRONMENT = ENVIRONMENT | {"OMP_NUM_THREADS": "1"}
STUDENT = ("--student", "wrn10-0.5", "--data", "digits", "--batch", "64")


def start(folder, *arguments, program=COMMAND):
    return subprocess.Popen(
        [*program, *map(str, arguments)],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def distil(folder, *arguments, program=COMMAND):
    everything = ("distil", "teacher.pt", "parts.json", *STUDENT, *arguments)
    return finish(start(folder, *everything, program=program), 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a teacher and its parts."""
    path = tmp_path_factory.mktemp("distil")
    train = [sys.executable, str(TRAIN), "teacher.pt", "--arch", "wrn16-2", "--epochs", "2"]
    subprocess.run(train, cwd=path, env=ENVIRONMENT, check=True, capture_output=True)
    made = finish(start(path, "partition", "teacher.pt", "--data", "digits", "--students", "2"), 120)
    assert made.code == 0, made
    return path


def test_a_training_that_was_interrupted_goes_on_and_ends_with_the_same_file(folder):
    whole = distil(folder, "--epochs", "3", "-o", "whole.pt", "--json")
    assert whole.code == 0, whole
    (method,) = whole.json["methods"]
    assert [epoch["epoch"] for epoch in method["history"]] == [1, 2, 3] and method["method"] == "nonn"
    process = start(folder, "distil", "teacher.pt", "parts.json", *STUDENT, "--epochs", "3", "-o", "ended.pt")
    lines = []
    for line in process.stderr:
        lines.append(line.decode())
        if "epoch 1/3" in lines[-1]:
            process.send_signal(signal.SIGINT)
            break
    assert finish(process).code == 130, lines
    assert (folder / "ended.pt.state").exists() and not (folder / "ended.pt").exists()
    resumed = distil(folder, "--epochs", "3", "-o", "ended.pt")
    assert resumed.code == 0, resumed
    assert "epoch 1/3" not in resumed.err and "epoch 3/3" in resumed.err
    assert (folder / "ended.pt").read_bytes() == (folder / "whole.pt").read_bytes()
    assert (folder / "ended.svg").read_bytes() == (folder / "whole.svg").read_bytes()
    assert not (folder / "ended.pt.state").exists()


def test_two_processes_train_one_network_without_code_of_ours(folder):
    fabric = (str(Path(sys.executable).with_name("fabric")), "run", "--accelerator=cpu", "--devices=2")
    program = (*fabric, "--strategy=ddp", str(Path(sys.executable).with_name("nonn-mcu")))
    done = distil(folder, "--epochs", "1", "-o", "two.pt", program=program)
    assert done.code == 0, done
    assert "Starting with 2 processes" in done.err
    assert done.err.count("epoch 1/1") == 1 and done.out.count("teacher") == 1
    content = torch.load(folder / "two.pt", weights_only=True)
    assert checkpoint.build(folder / "two.pt", content, "two").content.training.epochs == 1


def test_baselines_are_trained_alike_and_compared(folder):
    done = distil(folder, "--epochs", "1", "-o", "all.pt", "--method", "all", "--cache", "answers")
    assert done.code == 0, done
    rows = [line.split()[0] for line in done.out.splitlines() if line.endswith("%")]
    assert rows == ["nonn", "ce", "kd", "at", "teacher"]
    for name, method in (("all.pt", "nonn"), ("all.ce.pt", "ce"), ("all.kd.pt", "kd"), ("all.at.pt", "at")):
        content = torch.load(folder / name, weights_only=True)
        assert content["training"]["method"] == method and content["calibration"] == "digits"
    assert len(list((folder / "answers").iterdir())) == 1


OURS = ("teacher.pt", "parts.json")
WRN = ("--student", "wrn10-1")

# arguments, and words of the message
BAD = {
    "another teacher": (("digits.pt", "parts.json", *STUDENT), "of another teacher"),
    "a channel twice": (("teacher.pt", "twice.json", *STUDENT), "is in groups 0 and 1"),
    "a channel missing": (("teacher.pt", "missing.json", *STUDENT), "in no group"),
    "too many students": ((*OURS, *STUDENT, *WRN, *WRN), "3 students are named for 2 groups"),
    "no convolution": ((*OURS, "--student", "mlp:64-10", "--data", "digits"), "has no convolution"),
    "no such student": ((*OURS, "--student", "wrn99", "--data", "digits"), "wrn99"),
    "no labels": ((*OURS, *WRN, "--data", "x.npy"), "has no labels"),
    "a strange class": ((*OURS, *WRN, "--data", "y.npz"), "beyond the teacher's 10 classes"),
    "no such method": ((*OURS, *STUDENT, "--method", "magic"), "nonn, ce, kd, at"),
    "no rate": ((*OURS, *STUDENT, "--rate", "0"), "--rate 0"),
    "no epochs": ((*OURS, *STUDENT, "--epochs", "0"), "--epochs 0"),
    "a wrong loss": ((*OURS, *STUDENT, "--loss", "2,4,4"), "alpha in 0..1"),
    "half a loss": ((*OURS, *STUDENT, "--loss", "0.9,4"), "such as 0.9,4,4"),
    "a folder as output": ((*OURS, *STUDENT, "-o", "."), "--out"),
    "few images": ((*OURS, *STUDENT, "--batch", "9999"), "fewer than a batch"),
}


@pytest.fixture(scope="module")
def with_bad_files(folder):
    """The folder, and in it another teacher, wrong parts and strange data."""
    train = [sys.executable, str(TRAIN), "digits.pt", "--epochs", "1"]
    subprocess.run(train, cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    parts = json.loads((folder / "parts.json").read_text())
    first, second = (group["channels"] for group in parts["groups"])
    wrong = {"twice": (first, sorted([*second, first[0]])), "missing": (first, second[1:])}
    for name, groups in wrong.items():
        parts["groups"] = [{"budget": None, "channels": channels} for channels in groups]
        (folder / f"{name}.json").write_text(json.dumps(parts))
    x = np.random.RandomState(0).randint(0, 256, (400, 8, 8)).astype(np.uint8)
    np.save(folder / "x.npy", x)
    np.savez(folder / "y.npz", x=x, y=np.arange(400) % 11)
    return folder


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(with_bad_files, case, monkeypatch, capsys):
    arguments, words = BAD[case]
    monkeypatch.chdir(with_bad_files)
    before = sorted(os.listdir())
    code = main(["distil", *arguments])
    out, err = capsys.readouterr()
    said = [line for line in err.splitlines() if not line.endswith(" ...")]
    assert code == 2 and out == "", (code, out, err)
    assert len(said) == 1 and said[0].startswith("error: ") and words in said[0], said
    assert sorted(os.listdir()) == before


SPEC = input_spec((1, 8, 8), "CHW", mean=(0.3,), std=(0.38,))


def test_a_device_without_room_has_no_student():
    with pytest.raises(BadInput, match="no student of the zoo fits 1,000 B"):
        choose.choose(
            (0, 1), SPEC, np.zeros((16, 1, 8, 8), np.float32), flash_limit=1000, ram_limit=None, told=print
        )


@pytest.mark.long
def test_the_largest_student_that_fits_is_chosen_by_the_bytes_of_its_code():
    tried = {}
    samples = np.random.RandomState(0).standard_normal((16, 1, 8, 8)).astype(np.float32)
    chosen = choose.choose(
        (0, 1, 2), SPEC, samples, flash_limit=32_000, ram_limit=20_000, told=tried.__setitem__
    )
    assert isinstance(chosen, StudentSpec) and list(tried)[-1] == chosen.arch
    assert tried[chosen.arch].flash <= 32_000 and tried[chosen.arch].ram <= 20_000
    others = [plan for arch, plan in tried.items() if arch != chosen.arch]
    assert all(plan.flash > 32_000 or plan.ram > 20_000 for plan in others)
