"""Which runtimes a conversion makes code for, and what it says where one of them lacks an operator."""

import json

import numpy as np
import pytest
import torch
from support.models import T, single_op

from nonn_mcu import bundle
from nonn_mcu.cli import main

pytestmark = [pytest.mark.xdist_group("tensorflow"), pytest.mark.filterwarnings("ignore")]


class Repeat(torch.nn.Module):
    """TILE: no runtime has it."""

    def forward(self, x):
        return x.repeat(1, 1, 2, 2)


class Net(torch.nn.Module):
    """A network around a module of which it depends who can run it."""

    def __init__(self, odd):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.odd = odd
        self.head = torch.nn.Conv2d(8, 4, 3)

    def forward(self, x):
        return self.head(self.odd(torch.relu(self.stem(x)))).mean((2, 3))


MODULES = {"repeat": Repeat, "upscale": lambda: torch.nn.ConvTranspose2d(8, 8, 2, 2)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The students, and samples for them."""
    made = tmp_path_factory.mktemp("students")
    torch.manual_seed(0)
    for name, module in MODULES.items():
        traced = torch.jit.trace(Net(module()).eval(), torch.zeros(1, 3, 6, 6))
        torch.jit.save(traced, made / f"{name}.pt")
    np.save(made / "x.npy", np.random.default_rng(0).standard_normal((20, 3, 6, 6)).astype(np.float32))
    return made


def convert(folder, name, capfd, *options):
    """The exit code, stdout and stderr of a conversion into the folder ``out``."""
    source = [str(folder / f"{name}.pt"), "--shape", "3,6,6", "--calib", str(folder / "x.npy")]
    code = main(["convert", *source, "-o", str(folder / "out"), "--vectors", "5", *options])
    captured = capfd.readouterr()
    return code, captured.out, captured.err.splitlines()


def test_what_only_tflm_has_makes_a_bundle_for_tflm_and_says_so(folder, capfd):
    code, out, _ = convert(folder, "upscale", capfd, "--json", "--name", "up01")
    assert code == 0
    document = json.loads(out)
    assert (document["name"], document["runtimes"], document["c"]) == ("up01", ["tflm"], None)
    assert (folder / "out" / document["tflm"]).is_file()
    (note,) = document["notes"]
    assert note.startswith("not for the native runtime: layer 1")
    assert "(TRANSPOSE_CONV, from module odd)" in note
    made = bundle.read(folder / "out")
    manifest = made.manifest
    assert manifest.native is None
    assert manifest.tflm is not None
    assert manifest.tflm.operators == ("CONV_2D", "MEAN", "RESHAPE", "TRANSPOSE_CONV")
    assert manifest.tflm.arena_bytes == document["tflm_arena_bytes"] == manifest.budget.arena
    assert not any(name.startswith("native/") for name in manifest.files)
    assert [layer.op for layer in manifest.layers] == ["CONV_2D", "TRANSPOSE_CONV", "CONV_2D", "MEAN"]
    assert [layer.macs for layer in manifest.layers] == [36 * 8 * 27, 36 * 8 * 8 * 4, 100 * 4 * 72, 0]
    assert [layer.module for layer in manifest.layers][:3] == ["stem", "odd", "head"]
    assert {layer.kernel for layer in manifest.layers} == {"tflm"}
    assert manifest.layers[1].live_bytes == 36 * 8 + 144 * 8
    assert made.vectors().layer_crc.shape == (8, 4)
    assert manifest.fidelity is not None
    assert manifest.fidelity.sqnr_db[0] > 25
    assert manifest.budget.flash > len(made.model) + 40_000, "the library counts"


def test_build_of_a_runtime_that_the_bundle_lacks_is_one_line(folder, capfd):
    assert convert(folder, "upscale", capfd, "--runtime", "tflm")[0] == 0
    assert main(["build", str(folder / "out"), "--board", "host"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "has no code for the native runtime; build with --runtime tflm" in line


# student, --runtime, what the line says
REFUSED = [
    ("upscale", "native", ("TRANSPOSE_CONV, from module odd", "not supported", "--runtime tflm")),
    ("repeat", "tflm", ("TILE, from module odd", "TensorFlow Lite Micro has no such operator")),
    ("repeat", "native", ("TILE, from module odd", "not supported")),
    ("repeat", None, ("TILE, from module odd", "Lite Micro has no such", "the native runtime lacks TILE")),
    ("upscale", "onnx", ("--runtime 'onnx'", "native, tflm")),
]


@pytest.mark.parametrize(("student", "runtime", "says"), REFUSED)
def test_an_operator_that_a_runtime_lacks_is_named_with_its_module(student, runtime, says, folder, capfd):
    before = sorted(folder.rglob("*"))
    code, out, err = convert(folder, student, capfd, *(["--runtime", runtime] if runtime else []))
    assert (code, out) == (2, "")
    assert err[-1].startswith("error: ")
    for part in says:
        assert part in err[-1]
    assert not [line for line in err[:-1] if not line.endswith(" ...")], "steps, then one line"
    assert sorted(folder.rglob("*")) == before


def test_a_form_that_native_refuses_goes_over_tflm_only_when_asked(tmp_path, capfd):
    """It may be a malformed one, as here: the output cannot have that shape."""
    window = {"filterHeight": 1, "filterWidth": 1, "strideH": 1, "strideW": 1}
    model = single_op("MAX_POOL_2D", [T((1, 4, 4, 2))], T((1, 5, 4, 2)), **window)
    (tmp_path / "pool.tflite").write_bytes(model)
    command = ["convert", str(tmp_path / "pool.tflite"), "-o", str(tmp_path / "out")]
    assert main(command) == 2
    last = capfd.readouterr().err.splitlines()[-1]
    assert "(MAX_POOL_2D)" in last and last.endswith("or convert with --runtime tflm, which has the operator")
    assert not (tmp_path / "out").exists()


NAMES = {"Ic01": "ic01", "ic 01": "ic_01", "int": "int_", "1c": "m1c", "": "model", "a" * 48: "a" * 47}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none_in_c_is_refused_with_one_that_is(name, folder, capfd):
    code, _, err = convert(folder, "upscale", capfd, "--name", name)
    assert code == 2
    assert err[-1].startswith("error: --name")
    assert err[-1].endswith(f"such as {NAMES[name]}")
