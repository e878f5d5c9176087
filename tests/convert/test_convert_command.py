"""The command: what it prints, where it puts things, and one line for everything that cannot be used."""

import filecmp
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from nonn_mcu import bundle, students
from nonn_mcu.cli import main
from nonn_mcu.students import zoo

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.filterwarnings("ignore")]

SPEC = students.input_spec((64,), mean=(0.3,), std=(0.4,))


class Bessel(torch.nn.Module):
    """No operator of ONNX."""

    def forward(self, x):
        return torch.special.bessel_j0(x)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder of students and samples to convert."""
    folder = tmp_path_factory.mktemp("students")
    torch.manual_seed(0)
    students.save(folder / "mlp.pt", zoo.build("mlp:64-16-10"), "mlp:64-16-10", SPEC, calibration="digits")
    students.save(folder / "bare.pt", zoo.build("mlp:64-16-10"), "mlp:64-16-10", SPEC)
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.standard_normal((60, 64)).astype(np.float32))
    np.save(folder / "few.npy", rng.standard_normal((3, 64)).astype(np.float32))
    np.save(folder / "none.npy", np.zeros((0, 64), np.float32))
    np.save(folder / "same.npy", np.ones((60, 64), np.float32))
    np.save(folder / "other.npy", rng.standard_normal((60, 63)).astype(np.float32))
    bad = rng.standard_normal((60, 64)).astype(np.float32)
    bad[7, 3] = np.nan
    np.save(folder / "nan.npy", bad)
    np.save(folder / "text.npy", np.array(["a"] * 60))
    whole = (folder / "mlp.pt").read_bytes()
    (folder / "cut.pt").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.pt").write_bytes(b"")
    (folder / "noise.pt").write_bytes(b"not a zip, not a pickle")
    (folder / "short.tflite").write_bytes(b"\x18\0\0\0TFL3")
    module = torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.ELU(), torch.nn.Linear(8, 3)).eval()
    torch.jit.trace(module, torch.zeros(1, 64)).save(folder / "elu.pt")
    torch.save(module, folder / "pickled.pt")
    return folder


def run(capfd, *arguments):
    """The exit code, stdout and stderr of one command."""
    code = main([str(argument) if isinstance(argument, Path) else argument for argument in arguments])
    captured = capfd.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def converted(files, tmp_path_factory):
    """One bundle, and what the command said."""
    out = tmp_path_factory.mktemp("out") / "mlp"
    command = [
        sys.executable,
        "-m",
        "nonn_mcu.cli",
        "convert",
        str(files / "mlp.pt"),
        "-o",
        str(out),
        "--vectors",
        "20",
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    return out, done.stdout.decode(), done.stderr.decode()


def test_the_bundle_is_whole(converted):
    out, printed, steps = converted
    made = bundle.read(out)
    manifest, vectors = made.manifest, made.vectors()
    assert set(manifest.files) == {
        "arena.svg", "convert.log", "mlp.tflite", "report.html", "report.json", "report.md",
        *(f"native/model{end}.c" for end in ("", "_dsp", "_helium")),
        *(f"native/weights{end}.h" for end in ("", "_dsp", "_helium")),
        "tflm/mlp_model_data.cc", "tflm/mlp_model_data.h", "tflm/model.cc", "vectors.npz",
    }  # fmt: skip
    assert len(vectors) == 24, "the samples and the corners"
    assert np.isnan(vectors.references[0][20:]).all()
    assert np.isfinite(vectors.references[0][:20]).all()
    assert vectors.labels is not None
    assert vectors.labels[20:].tolist() == [-1] * 4
    assert vectors.layer_crc.shape == (8, len(manifest.layers))
    assert manifest.preprocessing is not None
    assert (manifest.preprocessing.mean, manifest.preprocessing.std) == ((0.3,), (0.4,))
    assert manifest.calibration is not None
    assert (manifest.calibration.source, manifest.calibration.samples) == ("digits", 256)
    assert manifest.fidelity is not None
    assert manifest.fidelity.sqnr_db[0] > 25
    assert manifest.budget.flash_limit == 500_000
    assert {"torch", "tensorflow", "onnx2tf", "tflite-micro"} <= set(manifest.tools)
    for what in ("mlp.tflite", "native/model.c", "tflm/model.cc", "SQNR", "flash"):
        assert what in printed
    assert "Quantising" in steps
    report = json.loads((out / "report.json").read_text())
    assert report["totals"]["macs"] == 64 * 16 + 16 * 10
    assert "FULLY_CONNECTED" in (out / "report.md").read_text()


def test_the_same_student_gives_the_same_bundle_anywhere(files, converted, tmp_path):
    """Another working directory, another hash seed, another locale, another place and time."""
    (tmp_path / "elsewhere").mkdir()
    environment = dict(os.environ, PYTHONHASHSEED="7", LC_ALL="C", TZ="Asia/Tokyo", TMPDIR=str(tmp_path))
    shutil.copy(files / "mlp.pt", tmp_path / "elsewhere" / "mlp.pt")
    command = [sys.executable, "-m", "nonn_mcu.cli", "convert", "mlp.pt", "--vectors", "20"]
    subprocess.run(command, capture_output=True, check=True, cwd=tmp_path / "elsewhere", env=environment)
    found = tmp_path / "elsewhere" / "build" / "mlp"
    names = [*sorted(bundle.read(found).manifest.files), "manifest.json"]
    assert filecmp.cmpfiles(converted[0], found, names, shallow=False) == (names, [], [])
    log = (found / "convert.log").read_bytes()
    assert str(tmp_path).encode() not in log
    assert b"/tmp/" not in log


def test_a_ready_model_is_converted_with_random_vectors(converted, tmp_path, capfd):
    code, out, _ = run(
        capfd, "convert", converted[0] / "mlp.tflite", "-o", tmp_path / "ready", "--vectors", "9", "--json"
    )
    assert code == 0
    assert json.loads(out)["fidelity"] is None
    made = bundle.read(tmp_path / "ready")
    assert made.model == (converted[0] / "mlp.tflite").read_bytes()
    assert made.manifest.tolerance is None
    assert (len(made.vectors()), made.vectors().references) == (13, ())


def test_json_and_nothing_else(files, tmp_path, capfd):
    code, out, err = run(capfd, "convert", files / "mlp.pt", "-o", tmp_path / "a", "--vectors", "5", "--json")
    document = json.loads(out)
    assert (code, document["exit_code"], document["name"]) == (0, 0, "mlp")
    assert (tmp_path / "a" / document["tflm"]).is_file()
    assert "Quantising" in err


def test_over_budget_is_refused_with_the_table(files, tmp_path, capfd):
    out = tmp_path / "a"
    code, printed, err = run(capfd, "convert", files / "mlp.pt", "-o", out, "--budget", "2KB")
    assert code == 1
    assert not out.exists()
    assert "fully_connected" in printed.lower()
    assert err.splitlines()[-1].startswith("error: over budget: flash")
    code, printed, _ = run(capfd, "convert", files / "mlp.pt", "-o", out, "--budget", "2KB", "--json")
    document = json.loads(printed)
    assert (code, document["exit_code"], document["error"]["type"]) == (1, 1, "OverBudget")
    assert document["layers"][0]["flash_bytes"] > 1000
    assert not out.exists()
    code, _, _ = run(
        capfd, "convert", files / "mlp.pt", "-o", out, "--budget", "2KB", "--force", "--vectors", "5"
    )
    assert code == 0
    assert bundle.read(out).manifest.budget.flash > 2000


NAMES = {
    "spaces": 'my student\'s "best".pt',
    "cyrillic": "студент.pt",
    "not text": b"st\xffudent.pt",
    "reserved": "int.pt",
}


@pytest.mark.parametrize("name", NAMES)
def test_any_name_will_do(name, files, tmp_path, capfd):
    student = tmp_path / os.fsdecode(NAMES[name])
    shutil.copy(files / "mlp.pt", student)
    out = tmp_path / os.fsdecode(NAMES[name]).removesuffix(".pt")
    code, printed, _ = run(capfd, "convert", student, "-o", out, "--vectors", "5")
    assert code == 0
    assert bundle.read(out).manifest.name in printed


def test_an_existing_bundle_is_replaced(files, tmp_path, capfd):
    for vectors in ("5", "6"):
        assert run(capfd, "convert", files / "mlp.pt", "-o", tmp_path / "a", "--vectors", vectors)[0] == 0
    assert len(bundle.read(tmp_path / "a").vectors()) == 10
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# name: arguments, what the line says; {f} is the folder of files, {t} a folder of this test
BAD = {
    "missing": (["{f}/none.pt"], "none.pt"),
    "a directory": (["{f}"], "is a"),
    "empty": (["{f}/empty.pt"], "empty"),
    "half a file": (["{f}/cut.pt"], "cut.pt"),
    "noise": (["{f}/noise.pt"], "noise.pt"),
    "eight bytes of a .tflite": (["{f}/short.tflite"], "short.tflite"),
    "a pickled module": (["{f}/pickled.pt"], "--allow-pickle"),
    "no samples": (["{f}/bare.pt"], "--calib"),
    "samples that are not there": (["{f}/bare.pt", "--calib", "{f}/gone"], "no such samples"),
    "no samples inside": (["{f}/bare.pt", "--calib", "{f}/none.npy"], "0"),
    "too few samples": (["{f}/bare.pt", "--calib", "{f}/few.npy"], "at least 16"),
    "samples all the same": (["{f}/bare.pt", "--calib", "{f}/same.npy"], "the same"),
    "samples with NaN": (["{f}/bare.pt", "--calib", "{f}/nan.npy"], "NaN"),
    "samples of another shape": (["{f}/bare.pt", "--calib", "{f}/other.npy"], "63"),
    "samples of text": (["{f}/bare.pt", "--calib", "{f}/text.npy"], "text.npy"),
    "a shape that is no shape": (["{f}/mlp.pt", "--shape", "3,x"], "--shape"),
    "a shape that does not fit": (["{f}/mlp.pt", "--shape", "65"], "65"),
    "a mean per nothing": (["{f}/mlp.pt", "--mean", "0.1,0.2"], "mean"),
    "a std of zero": (["{f}/mlp.pt", "--std", "0"], "std"),
    "no such layout": (["{f}/mlp.pt", "--layout", "CWH"], "CWH"),
    "a budget that is no size": (["{f}/mlp.pt", "--budget", "500"], "500"),
    "no vectors": (["{f}/mlp.pt", "--vectors", "0"], "--vectors"),
    "an architecture for a checkpoint": (["{f}/elu.pt", "--shape", "64", "--arch", "mlp:64-10"], "--arch"),
    "an operator without int8": (["{f}/elu.pt", "--shape", "64", "--calib", "{f}/x.npy"], "ELU"),
    "an output that is a file": (["{f}/mlp.pt", "-o", "{t}/file"], "not a bundle"),
    "an output that is something else": (["{f}/mlp.pt", "-o", "{t}/folder"], "not a bundle"),
    "an output that is a link": (["{f}/mlp.pt", "-o", "{t}/link"], "not a bundle"),
    "an output below a file": (["{f}/mlp.pt", "-o", "{t}/file/a/b"], "{t}/file"),
    "an output that cannot be": (["{f}/mlp.pt", "-o", "/proc/nonn/a"], "/proc/nonn"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name, files, tmp_path, capfd):
    (tmp_path / "file").write_text("precious")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("precious")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    arguments, says = BAD[name]
    fill = {"f": str(files), "t": str(tmp_path)}
    arguments = [argument.format(**fill) for argument in arguments]
    if "-o" not in arguments:
        arguments += ["-o", str(tmp_path / "out")]
    code, out, err = run(capfd, "convert", *arguments)
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    assert last.startswith("error: ")
    assert says.format(**fill) in last
    assert not [line for line in err.splitlines()[:-1] if not line.endswith(" ...")], "steps, then one line"
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_verbose_shows_what_the_tools_said(files, tmp_path, capfd):
    """Of a conversion that fails, too."""
    torch.jit.save(torch.jit.trace(Bessel(), torch.zeros(1, 64)), tmp_path / "j0.pt")
    arguments = [tmp_path / "j0.pt", "--shape", "64", "--calib", files / "x.npy", "-o", tmp_path / "out"]
    code, _, err = run(capfd, "convert", *arguments, "-v")
    assert code == 2
    assert "bessel_j0" in err.splitlines()[-1]
    assert "Torch IR graph at exception" in err
    code, _, err = run(capfd, "convert", files / "mlp.pt", "-o", tmp_path / "out", "--vectors", "5", "-v")
    assert code == 0
    assert "onnx_op_name: /" in err


def test_help_fits_a_screen(capfd):
    environment = dict(os.environ, COLUMNS="80", TERM="dumb")
    command = [sys.executable, "-m", "nonn_mcu.cli", "convert", "--help"]
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    lines = done.stdout.decode().rstrip().splitlines()
    assert len(lines) <= 36
    assert max(map(len, lines)) <= 80
    assert "nonn-mcu convert student.pt" in done.stdout.decode()
