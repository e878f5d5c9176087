"""``nonn-mcu dream`` as a user runs it: ended and taken up again, compared, refused; what the docs say."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from support.command import COMMAND, ENVIRONMENT, Result, check_error, finish, wait_until

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("lightning_fabric")
pytest.importorskip("PIL")

from nonn_mcu import calib, students  # noqa: E402
from nonn_mcu.cli import main  # noqa: E402
from nonn_mcu.dream import metadata as files  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
GENERATE = ("generate", "teacher.pt", "meta.npz", "-n", 40, "--batch", 16, "--steps", 30, "--rate", 0.3)


def last_line(result):
    """The same without the steps on the way."""
    return Result(result.code, result.out, "".join(result.err.splitlines(keepends=True)[-1:]))


@pytest.fixture
def inside(capsys, monkeypatch, dream_folder):
    """Run ``nonn-mcu dream`` in this process, in the folder: faster."""

    def inside(*arguments):
        code = main(["dream", *map(str, arguments)])
        return Result(code, *capsys.readouterr())

    monkeypatch.chdir(dream_folder)
    return inside


def test_metadata_are_the_same_bytes_anywhere(inside, dream, summary, tmp_path):
    result = inside("metadata", "teacher.pt", "--data", "digits", "--share", 1, "-o", tmp_path / "a.npz")
    assert result.code == 0, result
    assert files.read(tmp_path / "a.npz").sha256 == summary.sha256
    for words in ("1,438 images of digits", "k         10: ", "centroids", "axes", "a.npz, "):
        assert words in result.out
    again = dream(
        "metadata", "teacher.pt", "--data", "digits", "--share", 1, "-o", tmp_path / "b.npz", "--json"
    )
    assert again.code == 0, again
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert again.json["bytes"] == (tmp_path / "a.npz").stat().st_size
    assert again.json["classes"][3]["images"] == summary.images[summary.classes == 3].tolist()
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", "b.npz"}


def test_a_generation_that_was_killed_goes_on_and_ends_with_the_same_bytes(begin, dream, meta_file):
    folder = meta_file.parent
    whole = dream(*GENERATE, "-o", "whole.npz")
    assert whole.code == 0, whole
    for words in ("40 of 8x8x1", "whole.0.png and 9 more", "the class they were dreamt for"):
        assert words in whole.out
    process = begin(*GENERATE, "-o", "ended.npz")
    wait_until((folder / "ended.npz.state").exists, 60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (folder / "ended.npz").exists()
    with np.load(folder / "ended.npz.state") as state:
        assert 1 <= state["count"] < 3
    other = dream(*GENERATE, "-o", "ended.npz", "--seed", 1)
    check_error(last_line(other), 2, "BadInput", "ended.npz.state: is the state of another run")
    resumed = dream(*GENERATE, "-o", "ended.npz", "--json")
    assert resumed.code == 0, resumed
    assert (folder / "ended.npz").read_bytes() == (folder / "whole.npz").read_bytes()
    assert not (folder / "ended.npz.state").exists()
    assert resumed.json["images"] == 40 and resumed.json["agreement"] > 0.5
    for sheet in resumed.json["sheets"]:
        assert (folder / sheet).read_bytes() == (folder / sheet.replace("ended", "whole")).read_bytes()
    # it is a sample file as any other
    spec = students.load(folder / "teacher.pt").input
    samples = calib.load(str(folder / "whole.npz"), spec)
    assert len(samples) == 32 and samples.labels is not None and set(samples.labels) == set(range(10))


def test_the_figure_of_the_paper(inside, dream_folder, meta_file):
    rng = np.random.RandomState(0)
    np.savez(dream_folder / "dots.npz", images=rng.randint(0, 2, (250, 8, 8)).astype(np.uint8) * 255)
    made = inside("generate", "teacher.pt", "meta.npz", "-n", 160, "--steps", 20, "-o", "dreams.npz")
    assert made.code == 0, made
    compare = ("compare", "teacher.pt", "meta.npz", "--data", "digits", "--student", "wrn10-0.5")
    options = ("--alternate", "dots.npz", "--dreams", "dreams.npz", "-n", 160, "--epochs", 2)
    result = inside(*compare, *options, "-o", "figure.svg", "--json")
    assert result.code == 0, result
    assert [one["name"] for one in result.json["sets"]] == ["noise", "dreams", "alternate", "real"]
    assert all(0 <= one["test"] <= 1 for one in result.json["sets"]) and result.json["teacher"] > 0.9
    picture = (dream_folder / "figure.svg").read_bytes()
    drawn = ElementTree.fromstring(picture)
    assert drawn.tag.endswith("svg")
    for words in ("test accuracy, %", "what the student was taught on", "alternate"):
        assert words in picture.decode()
    assert not list(dream_folder.glob("figure.svg.*"))
    again = inside(*compare, *options, "-o", "again.svg")
    assert again.code == 0 and (dream_folder / "again.svg").read_bytes() == picture
    assert re.search(r"^dreams +\d+\.\d%", again.out, re.MULTILINE) and "teacher" in again.out


REFUSED = {
    # a command's arguments, and what the one line says
    "too few": (
        ("metadata", "teacher.pt", "--data", "digits", "--share", 0.05),
        "and at least k = 10 make a",
    ),
    "no class": (("metadata", "teacher.pt", "--data", "no0.npz"), "class 0 (0) has 0 different images"),
    "a class": (
        ("metadata", "teacher.pt", "--data", "label10.npz"),
        "has label 10, and teacher has 10 classes",
    ),
    "no labels": (("metadata", "teacher.pt", "--data", "bare.npz"), "has no labels"),
    "k": (("metadata", "teacher.pt", "--data", "digits", "-k", 1), "-k 1: give 2 to"),
    "share": (("metadata", "teacher.pt", "--data", "digits", "--share", 2), "--share 2: give"),
    "nan": (("metadata", "teacher.pt", "--data", "digits", "--share", "nan"), "--share nan: give"),
    "augment": (("metadata", "teacher.pt", "--data", "digits", "--augment", "x"), "none, crop, crop-flip"),
    "broken": (("metadata", "broken.pt", "--data", "digits", "--share", 1), "gives NaN or Inf"),
    "out": (("metadata", "teacher.pt", "--data", "digits", "-o", "meta.json"), "ends with .npz"),
    "no file": (("generate", "teacher.pt", "none.npz"), "none.npz: no such file"),
    "no npz": (("generate", "teacher.pt", "teacher.pt"), "teacher.pt: "),
    "another": (("generate", "other.pt", "meta.npz"), "the metadata are of another teacher"),
    "statistics": (("generate", "teacher.pt", "nan.npz"), "deviations holds NaN or Inf"),
    "norms": (("generate", "norms.pt", "meta.npz"), "norms: the float network gives NaN or Inf"),
    "state": (("generate", "teacher.pt", "meta.npz", "-o", "bad.npz"), "bad.npz.state: not a readable state"),
    "none": (("generate", "teacher.pt", "meta.npz", "-n", 0), "-n 0: give 1 to"),
    "rate": (("generate", "teacher.pt", "meta.npz", "--rate", "inf"), "--rate inf: give"),
    "student": (("compare", "teacher.pt", "meta.npz", "--data", "digits", "--student", "x"), "x"),
    "batch": (
        (
            "compare",
            "teacher.pt",
            "meta.npz",
            "--data",
            "digits",
            "--student",
            "wrn10-1",
            "-n",
            160,
            "--batch",
            200,
        ),
        "--batch 200: give 2 to 144",
    ),
    "few": (
        ("compare", "teacher.pt", "meta.npz", "--data", "digits", "--student", "wrn10-1", "-n", 5000),
        "digits: has 1438 images, and the sets are of 5000; give a smaller -n",
    ),
}


@pytest.fixture(scope="module")
def bad_files(dream_folder, meta_file):
    """What the cases above name."""
    images = np.random.RandomState(0).randint(0, 256, (300, 8, 8)).astype(np.uint8)
    labels = np.arange(300) % 10
    np.savez(dream_folder / "no0.npz", images=images, labels=np.where(labels == 0, 1, labels))
    np.savez(dream_folder / "label10.npz", images=images, labels=labels + 1)
    np.savez(dream_folder / "bare.npz", images=images)
    with np.load(meta_file) as archive:
        arrays = {key: archive[key] for key in archive.files}
    np.savez(dream_folder / "nan.npz", **(arrays | {"deviations": arrays["deviations"] * np.nan}))
    (dream_folder / "bad.npz.state").write_bytes(b"PK not")
    for name, tensor, value in (
        ("other", "conv.weight", 1.0),
        ("broken", "conv.weight", 3e37),
        ("norms", "bn.running_var", -10.0),
    ):
        checkpoint = torch.load(dream_folder / "teacher.pt", weights_only=True)
        state = checkpoint["state_dict"]
        key = tensor if tensor in state else next(k for k in state if k.endswith(tensor.split(".")[-1]))
        state[key] = state[key] * value + 0.5
        torch.save(checkpoint, dream_folder / f"{name}.pt")


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.usefixtures("bad_files")
def test_what_cannot_be_used_is_one_line(name, inside, dream_folder):
    arguments, words = REFUSED[name]
    before = {path.name for path in dream_folder.iterdir()}
    result = inside(*arguments)
    check_error(last_line(result), 2, "BadInput", words)
    assert {path.name for path in dream_folder.iterdir()} == before


@pytest.mark.usefixtures("bad_files")
def test_what_cannot_be_used_is_said_as_json_too(inside):
    check_error(inside("generate", "other.pt", "meta.npz", "--json"), 2, "BadInput", "of another teacher")


@pytest.mark.parametrize("command", ["metadata", "generate", "compare"])
def test_help_fits_on_a_screen_and_has_an_example(command):
    done = subprocess.run(
        [*COMMAND, "dream", command, "--help"], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    lines = done.stdout.splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 80
    assert f" nonn-mcu dream {command} " in done.stdout


def test_the_commands_in_the_docs_have_these_options():
    text = (ROOT / "docs" / "dreams.md").read_text(encoding="utf-8")
    lines = re.findall(r"^nonn-mcu dream (\w+) (.*)$", text, re.MULTILINE)
    assert {command for command, _ in lines} == {"metadata", "generate", "compare"}
    for command, rest in lines:
        done = subprocess.run(
            [sys.executable, "-m", "nonn_mcu.cli", "dream", command, "--help"],
            capture_output=True, text=True, check=True, env=ENVIRONMENT | {"COLUMNS": "200"},
        )  # fmt: skip
        known = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", done.stdout))
        assert {word for word in shlex.split(rest) if word.startswith("-")} <= known


@pytest.mark.long
def test_dreams_of_digits_teach_far_more_than_noise(dream_folder, meta_file, begin):
    arguments = ("generate", "teacher.pt", "meta.npz", "-n", 1000, "--rate", 0.3, "-o", "thousand.npz")
    assert finish(begin(*arguments), 600).code == 0
    compare = ("compare", "teacher.pt", "meta.npz", "--data", "digits", "--student", "wrn10-0.5", "--json")
    done = finish(begin(*compare, "--dreams", "thousand.npz", "--epochs", 30), 600)
    assert done.code == 0, done
    accuracy = {one["name"]: one["test"] for one in json.loads(done.out)["sets"]}
    assert accuracy["dreams"] >= accuracy["noise"] + 0.2, accuracy
    assert accuracy["real"] >= accuracy["dreams"], accuracy
