"""A model in an interpreter, behind the device in Python: what it computes, and what it refuses."""

import shutil
import subprocess
import sys
import venv
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nonn_mcu import bundle as bundles
from nonn_mcu.boards.start import start
from nonn_mcu.errors import BadInput, LinkError
from nonn_mcu.link.client import Device
from nonn_mcu.serve import runtimes
from nonn_mcu.serve.interpreter import InterpretedModel

litert = pytest.importorskip("ai_edge_litert.interpreter")
ROOT = Path(__file__).resolve().parents[2]


def reference(bundle, inputs):
    """What LiteRT's reference kernels make of one vector: the outputs and every layer."""
    interpreter = litert.Interpreter(
        model_content=bundle.model,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
    return outputs, [interpreter.get_tensor(layer.tensor) for layer in bundle.manifest.layers]


def assert_as_litert(device, bundle, count=3):
    vectors = bundle.vectors()
    for number in range(count):
        inputs = [array[number : number + 1] for array in vectors.inputs]
        outputs, layers = reference(bundle, inputs)
        for mine, theirs in zip(device.run(inputs, times=2), outputs, strict=True):
            np.testing.assert_array_equal(mine, theirs)
        for index in range(len(layers)):
            np.testing.assert_array_equal(device.run_layer(inputs, index), layers[index])


def test_outputs_and_layers_are_litert_s(pocket):
    with runtimes.start_device(pocket, "litert") as running, Device.open(running.port) as device:
        hello = device.hello()
        assert (hello.model, hello.runtime, hello.board) == ("pocket", "litert", "serve")
        assert hello.sha256 == pocket.manifest.model_sha256
        assert [spec.name for spec in device.layers()] == [layer.name for layer in pocket.manifest.layers]
        assert_as_litert(device, pocket)
        stats = device.stats()
        assert stats.ticks > 0 and stats.times == 1 and stats.invocations == 3 * (2 + 3)


def test_the_predecessor_is_called_the_same_way(pocket, tmp_path, monkeypatch):
    """Only the module's name differs; here LiteRT stands behind it."""
    package = tmp_path / "tflite_runtime"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "interpreter.py").write_text(
        "from ai_edge_litert.interpreter import Interpreter, OpResolverType\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with runtimes.start_device(pocket, "tflite-runtime") as running, Device.open(running.port) as device:
        assert device.hello().runtime == "tflite-runtime"
        assert_as_litert(device, pocket, 1)


def test_every_layer_of_a_whole_network(converted):
    bundle = bundles.read(converted("digits"))
    with runtimes.start_device(bundle, "litert") as running, Device.open(running.port) as device:
        assert_as_litert(device, bundle, 2)


def other_manifest(bundle, **changes):
    return replace(bundle, manifest=bundle.manifest.model_copy(update=changes))


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ({"tensor": 999}, "its layers are not those of the model"),
        ({"tensor": -1}, "its layers are not those of the model"),
        ({"tensor": 1}, "its layers are not those of the model"),  # weights
        ({"shape": (1, 3, 3, 5)}, "of 36 values in litert, int8 of 45 in the manifest"),
        ({"shape": (70_000,)}, "beyond what the protocol describes"),
        ({"shape": (1,) * 7}, "beyond what the protocol describes"),
    ],
)
def test_a_manifest_about_other_layers(pocket, layer, says):
    first, *others = pocket.manifest.layers
    changed = other_manifest(pocket, layers=(first.model_copy(update=layer), *others))
    with pytest.raises(BadInput, match=says):
        InterpretedModel(changed, "litert")


def test_a_manifest_about_other_tensors(pocket):
    (image,) = pocket.manifest.inputs
    for change in ({"zero_point": 5}, {"scale": 0.5}, {"shape": (1, 5, 6, 3)}):
        changed = other_manifest(pocket, inputs=(image.model_copy(update=change),))
        with pytest.raises(BadInput, match="other inputs or outputs than the manifest"):
            InterpretedModel(changed, "litert")
    with pytest.raises(BadInput, match="its layers are not those"):
        InterpretedModel(other_manifest(pocket, layers=()), "litert")


def test_a_model_that_is_none_ends_in_one_line(pocket, tmp_path):
    """The digests agree, so it is the reader that finds the model out, and the interpreter never sees it."""
    copy = tmp_path / "copy"
    shutil.copytree(pocket.path, copy)
    model = bytearray(pocket.model)
    model[len(model) // 2 :] = bytes(len(model) - len(model) // 2)
    files = {name: (copy / name).read_bytes() for name in pocket.manifest.files} | {
        pocket.manifest.model_file: bytes(model)
    }
    digest = bundles.sha256(bytes(model))
    hostile = bundles.write(copy, files, pocket.manifest.model_copy(update={"model_sha256": digest}))
    with pytest.raises(LinkError, match="litert: the process ended with status 1: ") as caught:
        runtimes.start_device(hostile, "litert")
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)


@pytest.mark.long
def test_tflite_runtime_itself(pocket, tmp_path):
    """In an environment of its own: it needs an older numpy than this one's."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    needed = ["tflite-runtime==2.14.0", "numpy<2", "pyserial", "cobs", "pydantic", "typer", "rich"]
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *needed], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("tflite-runtime cannot be installed here: no index, or no wheel for this machine")
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (site / "nonn_mcu").symlink_to(ROOT / "nonn_mcu")
    board = runtimes._board("tflite-runtime")
    command = (str(python), *board.command[1:])
    with start(replace(board, command=command), pocket.path) as running, Device.open(running.port) as device:
        assert device.hello().runtime == "tflite-runtime"
        vectors = pocket.vectors()
        worst = 0
        for number in range(len(vectors)):
            inputs = [array[number : number + 1] for array in vectors.inputs]
            (output,) = device.run(inputs)
            (theirs,), _ = reference(pocket, inputs)
            worst = max(worst, int(np.abs(output.astype(int) - theirs).max()))
        assert worst <= 1


def test_the_process_needs_no_server(pocket):
    """By hand it is the same: a name on stdout, and it ends with its signal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nonn_mcu.serve", "litert", str(pocket.path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process, closing(Device.open(process.stdout.readline().strip())) as device:
        assert device.hello().model == "pocket"
        process.terminate()
        assert process.wait(10) == -15
