"""Every kind of file gives the same network, and what does not fit is named."""

import io

import numpy as np
import pytest

from nonn_mcu import students
from nonn_mcu.errors import BadInput, MissingExtra
from nonn_mcu.students import zoo

torch = pytest.importorskip("torch")

MLP = "mlp:8-6-4"
SPEC = students.input_spec((8,), "FLAT", (0.25,), (0.5,), ("a", "b", "c", "d"))


@pytest.fixture
def mlp():
    torch.manual_seed(5)
    return zoo.build(MLP)


def onnx_bytes(net, *images, **options):
    with io.BytesIO() as buffer:
        torch.onnx.export(net, images, buffer, dynamo=False, opset_version=17, **options)
        return buffer.getvalue()


def write_state(net, image, path):
    torch.save(net.state_dict(), path)


def write_prefixed(net, image, path):
    state = {f"module.{key}": value for key, value in net.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3, "best": 0.5}, path)


def write_old(net, image, path):
    torch.save(net.state_dict(), path, _use_new_zipfile_serialization=False)


def write_module(net, image, path):
    torch.save(net, path)


def write_in_dict(net, image, path):
    torch.save({"model": net, "epoch": 1}, path)


def write_script(net, image, path):
    torch.jit.trace(net, image).save(path)


def write_exported(net, image, path):
    torch.export.save(torch.export.export(net, (image,)), path)


def write_onnx(net, image, path):
    path.write_bytes(onnx_bytes(net, image))


def write_free_batch(net, image, path):
    axes = {"x": {0: "N"}, "y": {0: "N"}}
    path.write_bytes(onnx_bytes(net, image, input_names=["x"], output_names=["y"], dynamic_axes=axes))


ARCH = "arch.py:make"
SHAPE = {"shape": (3, 8, 8)}
KINDS = {
    "state.pt": (write_state, {"arch": ARCH, **SHAPE}, "module"),
    "prefixed.th": (write_prefixed, {"arch": ARCH, **SHAPE}, "module"),
    "old.pth": (write_old, {"arch": ARCH, **SHAPE}, "module"),
    "module.pt": (write_module, {"allow_pickle": True, **SHAPE}, "module"),
    "dict.pt": (write_in_dict, {"allow_pickle": True, **SHAPE}, "module"),
    "script.pt": (write_script, SHAPE, "torchscript"),
    "net.pt2": (write_exported, {}, "exported"),
    "wrong_suffix.pt": (write_exported, {}, "exported"),
    "net.onnx": (write_onnx, {}, "onnx"),
    "free_batch.onnx": (write_free_batch, {}, "onnx"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_computes_what_the_module_does(tmp_path, monkeypatch, net, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arch.py").write_text(
        "from support.small_net import SmallNet\n\ndef make():\n    return SmallNet()\n"
    )
    write, options, kind = KINDS[name]
    write(net, torch.zeros(1, 3, 8, 8), tmp_path / name)
    student = students.load(tmp_path / name, **options)
    assert (student.kind, student.input) == (kind, students.input_spec((3, 8, 8), "CHW"))
    x = np.random.RandomState(6).rand(5, 3, 8, 8).astype(np.float32)
    outputs = students.forward(student, x)
    assert len(outputs) == 1 and outputs[0].dtype == np.float32
    np.testing.assert_allclose(outputs[0], net(torch.from_numpy(x)).detach(), atol=1e-5)
    np.testing.assert_array_equal(outputs[0], students.forward(student, x)[0])


def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path, mlp):
    path = tmp_path / "Net 1.pt"
    students.save(path, mlp, MLP, SPEC, calibration="digits")
    student = students.load(path)
    assert (student.name, student.kind, student.calibration) == ("net_1", "module", "digits")
    assert student.input == SPEC
    x = np.random.RandomState(7).rand(3, 8).astype(np.float32)
    np.testing.assert_array_equal(students.forward(student, x)[0], mlp(torch.from_numpy(x)).detach())
    assert not student.model.training
    other = tmp_path / "sub" / "other.pt"
    students.save(other, mlp, MLP, SPEC, calibration="digits")
    assert other.read_bytes() == path.read_bytes()


def test_options_override_the_checkpoint(tmp_path, mlp):
    students.save(tmp_path / "net.pt", mlp, MLP, SPEC)
    student = students.load(
        tmp_path / "net.pt", shape=(2, 2, 2), layout="HWC", mean=(0.0,), std=(1, 2), labels=("x",)
    )
    assert student.input == students.InputSpec((2, 2, 2), "HWC", (0.0, 0.0), (1.0, 2.0), ("x",))


def change(**fields):
    return lambda content: content.update(fields)


def drop(key):
    return lambda content: content.pop(key)


def weight(value):
    def edit(content):
        content["state_dict"]["layers.0.bias"][0] = value

    return edit


def rename(old, new):
    def edit(content):
        content["state_dict"][new] = content["state_dict"].pop(old)

    return edit


def spec_field(**fields):
    return lambda content: content["input"].update(fields)


BAD_CHECKPOINTS = {
    "version 2": (change(version=2), "this release reads version 1"),
    "no version": (drop("version"), "version None"),
    "no arch": (drop("arch"), "field arch"),
    "arch of the user's": (change(arch="evil.py:make"), "is not known"),
    "unknown arch": (change(arch="wrn17"), "wrn16-1"),
    "bad depth": (change(arch="wrn17-1"), "6n + 4"),
    "huge arch": (change(arch="wrn904-99"), "the limit is"),
    "unknown argument": (change(arch_args={"colour": 3}), "colour"),
    "no weights": (change(state_dict={}), "no weights"),
    "weights are numbers": (change(state_dict={"layers.0.bias": 3}), "not a tensor"),
    "extra field": (change(extra=1), "field extra"),
    "no spec": (drop("input"), "field input"),
    "bad layout": (spec_field(layout="CWH"), "input.layout"),
    "zero size": (spec_field(shape=[0]), "without batch"),
    "four axes": (spec_field(shape=[1, 2, 2, 2], layout="FLAT"), "at most 3 axes"),
    "huge": (spec_field(shape=[10**12]), "at most 3 axes and"),
    "mean too long": (spec_field(mean=[0.0, 1.0]), "mean has 2 values for 1 channels"),
    "std zero": (spec_field(std=[0.0]), "above zero"),
    "mean NaN": (spec_field(mean=[float("nan")]), "input.mean"),
    "wrong shape": (spec_field(shape=[9]), "the network fails on (1, 9)"),
    "NaN": (weight(float("nan")), "weight layers.0.bias holds NaN"),
    "Inf": (weight(float("-inf")), "weight layers.0.bias holds NaN or Inf"),
    "missing": (rename("layers.0.bias", "layers.0.bios"), "lacks layers.0.bias; has unknown layers.0.bios"),
    "other size": (change(arch="mlp:8-7-4"), "layers.0.weight (6, 8), not (7, 8)"),
}


@pytest.mark.parametrize("name", BAD_CHECKPOINTS)
def test_a_bad_checkpoint_names_what_is_wrong(tmp_path, mlp, name):
    edit, says = BAD_CHECKPOINTS[name]
    path = tmp_path / "net.pt"
    students.save(path, mlp, MLP, SPEC)
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)
    with pytest.raises(BadInput) as info:
        students.load(path)
    assert says in str(info.value) and "\n" not in str(info.value)


ARCHS = {
    "nowhere.py:make": "no such file",
    "arch.py": "name the function",
    "arch.py:other": "no function 'other'",
    "arch.py:three": "returned int",
    "arch.py:fails": "ZeroDivisionError",
    "arch.py:exits": "SystemExit",
    "broken.py:make": "SyntaxError",
    "wrn16-1:classes=ten": "key=number",
    "wrn16-1:colour=3": "takes classes, channels",
    "alexnet": "there is wrn16-1",
    "mlp:0-4": "",
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("arch", ARCHS)
def test_a_bad_arch_names_what_is_wrong(tmp_path, monkeypatch, mlp, arch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arch.py").write_text(
        "import sys\nthree = lambda: 3\nfails = lambda: 1 / 0\nexits = lambda: sys.exit(1)\n"
    )
    (tmp_path / "broken.py").write_text("def make(:\n")
    torch.save(mlp.state_dict(), tmp_path / "net.pt")
    with pytest.raises(BadInput, match="arch") as info:
        students.load("net.pt", arch=arch)
    assert ARCHS[arch] in str(info.value) and "\n" not in str(info.value)


def test_what_the_file_does_not_say_is_asked_for(tmp_path, net):
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    with pytest.raises(BadInput, match="--arch"):
        students.load(tmp_path / "weights.pt")
    torch.save(net, tmp_path / "module.pt")
    with pytest.raises(BadInput, match="--shape"):
        students.load(tmp_path / "module.pt", allow_pickle=True)
    with pytest.raises(BadInput, match=r"small_net\.SmallNet.*--allow-pickle"):
        students.load(tmp_path / "module.pt")


class Two(torch.nn.Module):
    def forward(self, x, y):
        return x + y


class Trained(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bn = torch.nn.BatchNorm1d(4)

    def forward(self, x):
        return self.bn(x)


class Nested(torch.nn.Module):
    def forward(self, x):
        return {"logits": x * 2, "more": (x + 1, [x - 1])}


def test_exported_programs_that_do_not_fit(tmp_path):
    x, path = torch.rand(1, 4), tmp_path / "net.pt2"
    free = {"x": {0: torch.export.Dim("n", min=1, max=8)}}
    cases = [
        (torch.export.export(Two(), (x, x)), "2 inputs"),
        (torch.export.export(Nested(), (torch.rand(3, 4),)), "batch 3"),
        (torch.export.export(Nested(), (torch.rand(3, 4),), dynamic_shapes=free), "dynamic shape"),
        (torch.export.export(Trained().train(), (torch.rand(1, 4, 2),)), "training mode"),
        (torch.export.export(Nested(), (torch.ones(1, 4, dtype=torch.int64),)), "float32"),
    ]
    for program, says in cases:
        torch.export.save(program, path)
        with pytest.raises(BadInput, match=says):
            students.load(path)
    torch.export.save(torch.export.export(Nested(), (x,)), path)
    outputs = students.forward(students.load(path), x.numpy())
    for output, expected in zip(outputs, (x * 2, x + 1, x - 1), strict=True):
        np.testing.assert_array_equal(output, expected)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_that_does_not_fit(tmp_path, net, image):
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "net.onnx"
    wide = {"x": {0: "batch", 2: "height"}}
    path.write_bytes(onnx_bytes(net, image, input_names=["x"], dynamic_axes=wide))
    with pytest.raises(BadInput, match="dynamic at 'height'"):
        students.load(path)
    path.write_bytes(onnx_bytes(net, torch.rand(2, 3, 8, 8)))
    with pytest.raises(BadInput, match="batch 2"):
        students.load(path)
    path.write_bytes(onnx_bytes(Two(), image, image))
    with pytest.raises(BadInput, match="2 inputs"):
        students.load(path)
    good = onnx_bytes(net, image)
    path.write_bytes(good)
    with pytest.raises(BadInput, match="leave --shape out"):
        students.load(path, shape=(3, 9, 9))
    with pytest.raises(BadInput, match="leave --arch out"):
        students.load(path, arch="wrn16-1")
    model = onnx.load_model_from_string(good)
    name = model.graph.initializer[0].name
    model.graph.initializer[0].raw_data = b"\xff" * len(model.graph.initializer[0].raw_data)
    onnx.save(model, path)
    with pytest.raises(BadInput, match="holds NaN"):
        students.load(path)
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, path)
    with pytest.raises(BadInput, match="checker"):
        students.load(path)
    assert name


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_weights_come_only_from_the_models_folder(tmp_path, net, image):
    onnx = pytest.importorskip("onnx")
    folder = tmp_path / "model"
    folder.mkdir()
    model = onnx.load_model_from_string(onnx_bytes(net, image))
    onnx.save_model(
        model, folder / "net.onnx", save_as_external_data=True, location="w.bin", size_threshold=0
    )
    student = students.load(folder / "net.onnx")
    np.testing.assert_allclose(students.forward(student, image.numpy())[0], net(image).detach(), atol=1e-5)
    (tmp_path / "outside.bin").write_bytes((folder / "w.bin").read_bytes())
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    model = onnx.load(folder / "net.onnx", load_external_data=False)
    for location in (
        "../outside.bin",
        str(tmp_path / "outside.bin"),
        "link.bin",
        "gone.bin",
        ".",
        "/dev/zero",
    ):
        for tensor in model.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = location
        (folder / "net.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(BadInput, match="not a file in the model's folder"):
            students.load(folder / "net.onnx")


def test_a_checkpoint_that_cannot_be_written_leaves_nothing(tmp_path, mlp):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.pt").mkdir()
    for path in (tmp_path / "file" / "net.pt", tmp_path / "folder.pt"):
        with pytest.raises(BadInput, match="cannot be written"):
            students.save(path, mlp, MLP, SPEC)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.pt"]


def test_forward_says_what_it_cannot_take(tmp_path, mlp):
    students.save(tmp_path / "net.pt", mlp, MLP, SPEC)
    student = students.load(tmp_path / "net.pt")
    for x in (np.zeros((2, 9), np.float32), np.zeros((2, 8)), np.zeros((0, 8), np.float32)):
        with pytest.raises(BadInput, match="takes float32"):
            students.forward(student, x)
    tflite = students.Student("t", "tflite", b"", SPEC)
    with pytest.raises(BadInput, match="no float reference"):
        students.forward(tflite, np.zeros((1, 8), np.float32))


def test_a_network_that_gives_nan_is_refused():
    class Log(torch.nn.Module):
        def forward(self, x):
            return torch.log(x)

    student = students.Student("log", "module", Log().eval(), students.input_spec((4,)))
    with pytest.raises(BadInput, match="NaN or Inf"):
        students.forward(student, np.full((1, 4), -1, np.float32))


def test_a_tflite_is_taken_as_it_is(data_dir):
    for name, shape, layout in (("ic01", (32, 32, 3), "HWC"), ("ad01", (640,), "FLAT")):
        student = students.load(data_dir / "mlperf-tiny" / f"{name}_int8.tflite")
        assert (student.kind, student.input.shape, student.input.layout) == ("tflite", shape, layout)


def test_a_missing_package_is_named(tmp_path, mlp, monkeypatch):
    students.save(tmp_path / "net.pt", mlp, MLP, SPEC)
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"nonn-mcu\[convert\]"):
        students.load(tmp_path / "net.pt")
