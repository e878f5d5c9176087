"""No file makes the loader run its code, and every file that cannot be used costs one line."""

import contextlib
import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from nonn_mcu import students
from nonn_mcu.errors import BadInput

torch = pytest.importorskip("torch")


def refused(path, **options):
    with pytest.raises(BadInput) as info:
        students.load(path, **options)
    message = str(info.value)
    assert "\n" not in message and len(message) < 700, message
    return message


def rewrite(source, target, change):
    """Copy an archive of torch with other contents: ``change`` maps {name below the root: bytes}."""
    with zipfile.ZipFile(source) as archive:
        root = archive.namelist()[0].partition("/")[0]
        records = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    change(records)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in records.items():
            archive.writestr(f"{root}/{name}", content)
    return target


def old_format(canary):
    buffer = io.BytesIO()
    torch.save({"weight": canary}, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def new_format(canary):
    buffer = io.BytesIO()
    torch.save({"format": "nonn-mcu", "version": 1, "state_dict": {"w": canary}}, buffer)
    return buffer.getvalue()


PICKLES = {
    "plain.pkl": lambda canary: pickle.dumps(canary, protocol=4),
    "plain2.pt": lambda canary: pickle.dumps(canary, protocol=2),
    "ascii.pt": lambda canary: pickle.dumps(canary, protocol=0),
    "old.pt": old_format,
    "old.th": old_format,
    "old_magic.pth": lambda canary: old_format(1)[:14] + pickle.dumps(canary, protocol=2),
    "new.pt": new_format,
    "new.pth": new_format,
    "named.onnx": new_format,
    "named.tflite": lambda canary: pickle.dumps(canary, protocol=2),
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_never_runs(tmp_path, canary, name):
    path = tmp_path / name
    path.write_bytes(PICKLES[name](canary))
    refused(path)
    refused(path, arch="wrn16-1")
    assert not canary.fired()


def test_the_canary_is_alive(tmp_path, canary):
    path = tmp_path / "new.pt"
    path.write_bytes(new_format(canary))
    refused(path, allow_pickle=True)
    assert canary.fired()


@pytest.mark.parametrize("record", ["data.pkl", "constants.pkl", "traced_inputs.pkl", "attributes.pkl"])
def test_a_pickle_in_torchscript_never_runs(tmp_path, net, image, canary, record):
    torch.jit.trace(net, image).save(tmp_path / "net.pt")
    path = rewrite(
        tmp_path / "net.pt", tmp_path / "bad.pt", lambda r: r.update({record: pickle.dumps(canary, 2)})
    )
    with contextlib.suppress(BadInput):  # either is right: some records are never read
        students.load(path, shape=(3, 8, 8))
    assert not canary.fired()


def test_torchscript_that_reaches_for_files_is_refused(tmp_path):
    class Writer(torch.nn.Module):
        def forward(self, x):
            torch.save(x, "canary-has-fired")
            return x

    torch.jit.script(Writer()).save(tmp_path / "writer.pt")
    assert "'save'" in refused(tmp_path / "writer.pt", shape=(3,))


GRAPH = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"
EVIL = "__import__('pathlib').Path('canary-has-fired').touch()"


def _graph(edit):
    def change(records, canary_bytes):
        program = json.loads(records[GRAPH])
        edit(program)
        records[GRAPH] = json.dumps(program).encode()

    return change


def _pickled_weight(records, canary_bytes):
    config = json.loads(records[WEIGHTS])
    next(iter(config["config"].values())).update(use_pickle=True)
    records[WEIGHTS] = json.dumps(config).encode()
    records["data/weights/weight_0"] = canary_bytes


def _object(prefix):
    def change(records, canary_bytes):
        entry = {"path_name": f"{prefix}0", "is_param": False, "use_pickle": True, "tensor_meta": None}
        records[CONSTANTS] = json.dumps({"config": {"x": entry}}).encode()
        records[f"data/constants/{prefix}0"] = canary_bytes

    return change


def _record(name):
    return lambda records, canary_bytes: records.update({name: canary_bytes})


def _node(**fields):
    return _graph(lambda program: program["graph_module"]["graph"]["nodes"][0].update(fields))


def _rename(program):
    text = json.dumps(program).replace('"conv2d"', json.dumps(f"conv2d = {EVIL} or x"))
    program.clear()
    program.update(json.loads(text))


def _argument(program):
    entry = next(e for e in program["graph_module"]["module_call_graph"] if e["signature"])
    entry["signature"]["forward_arg_names"] = [f"x={EVIL}"]


def _tree(program):
    entry = next(e for e in program["graph_module"]["module_call_graph"] if e["signature"])
    entry["signature"]["out_spec"] = json.dumps(
        [1, {"type": "os.system", "context": "[]", "children_spec": []}]
    )


def _symbol(program):
    values = program["graph_module"]["graph"]["tensor_values"]
    values["input" if "input" in values else "x"]["sizes"][0] = {
        "as_expr": {"expr_str": EVIL, "hint": {"as_int": 1}}
    }


ARCHIVES = {
    "pickled weight": _pickled_weight,
    "pickled constant": _object("tensor_"),
    "custom object": _object("custom_obj_"),
    "opaque object": _object("opaque_obj_"),
    "old weights": _record("data/weights/model.pt"),
    "old constants": _record("data/constants/model.pt"),
    "example inputs": _record("data/sample_inputs/model.pt"),
    "compiled code": _record("data/aotinductor/model/model.so"),
    "guards": _graph(lambda program: program.update(guards_code=[EVIL])),
    "symbolic shape": _graph(_symbol),
    "operator of os": _node(target="torch.os.system"),
    "operator of hub": _node(target="torch.hub.load"),
    "operator save": _node(target="torch.ops.aten.save.default"),
    "operator attribute": _node(target="_operator.attrgetter"),
    "node name": _graph(_rename),
    "argument name": _graph(_argument),
    "container": _graph(_tree),
    "not JSON": _record(GRAPH),
}
# these are dropped, and the rest of the archive is good
HARMLESS = {"old weights", "old constants", "example inputs"}


@pytest.mark.parametrize("name", ARCHIVES)
def test_code_in_an_exported_program_never_runs(tmp_path, net, image, canary, name):
    torch.export.save(torch.export.export(net, (image,)), tmp_path / "net.pt2")
    path = rewrite(
        tmp_path / "net.pt2", tmp_path / "bad.pt2", lambda r: ARCHIVES[name](r, pickle.dumps(canary, 2))
    )
    if name in HARMLESS:
        loaded = students.load(path)
        assert np.allclose(students.forward(loaded, image.numpy())[0], net(image).detach(), atol=1e-5)
    else:
        refused(path)
    assert not canary.fired()


def _zip(*entries, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


DAMAGED = {
    "empty.pt": (b"", "is empty"),
    "text.pt": (b"hello, this is not a model", "not a model"),
    "random.pt": (np.random.RandomState(3).bytes(5000), "not a model"),
    "random.onnx": (np.random.RandomState(3).bytes(5000), "not an ONNX model"),
    "zeros.onnx": (bytes(64), "not an ONNX model"),
    "tiny.tflite": (b"\x18\0\0\0TFL3", ""),
    "short.pt": (b"\x80\x02", "plain pickle"),
    "half.pt": (new_format(1)[: len(new_format(1)) // 2], "truncated or damaged"),
    "tail.pt": (new_format(1)[40:], ""),
    "other.zip": (_zip(("readme.txt", b"hello")), "not one that torch wrote"),
    "traversal.pt": (_zip(("a/../../evil", b"x"), ("a/data.pkl", b"x")), "leaves the archive"),
    "absolute.pt": (_zip(("/etc/evil", b"x"), ("a/data.pkl", b"x")), "leaves the archive"),
    "bomb.pt": (
        _zip(("a/data.pkl", b"x"), ("a/data/0", bytes(100 << 20)), compression=zipfile.ZIP_DEFLATED),
        "unpacks from",
    ),
    "nopickle.pt": (_zip(("a/data.pkl", b""), ("a/version", b"3\n")), ""),
    "oldpt2.pt2": (_zip(("serialized_exported_program.json", b"{}"), ("version", b"8.1")), "old torch"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_costs_one_line(tmp_path, name):
    content, says = DAMAGED[name]
    path = tmp_path / name
    path.write_bytes(content)
    assert says in refused(path)
    assert sorted(tmp_path.iterdir()) == [path]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused(tmp_path):
    path = tmp_path / "twice.pt"
    path.write_bytes(_zip(("a/data.pkl", b"x"), ("a/data.pkl", b"y")))
    assert "2 times" in refused(path)


def test_what_is_not_a_file_is_refused(tmp_path):
    assert "no such file" in refused(tmp_path / "missing.pt")
    assert "folder" in refused(tmp_path)


@pytest.mark.parametrize("name", ['it\'s "odd" имя.pt', "class.pt", "123.pt", "…"])
def test_any_file_name_gives_a_c_identifier(tmp_path, net, name):
    path = tmp_path / name
    torch.save(net, path)
    student = students.load(path, allow_pickle=True, shape=(3, 8, 8))
    assert student.name.isidentifier() and student.name.isascii() and len(student.name) <= 48


def every_kind(tmp_path, net, image):
    onnx = pytest.importorskip("onnx")
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    torch.jit.trace(net, image).save(tmp_path / "script.pt")
    torch.export.save(torch.export.export(net, (image,)), tmp_path / "net.pt2")
    with io.BytesIO() as buffer:
        torch.onnx.export(net, image, buffer, dynamo=False, opset_version=17)
        onnx.save(onnx.load_model_from_string(buffer.getvalue()), tmp_path / "net.onnx")
    return ["weights.pt", "script.pt", "net.pt2", "net.onnx"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_truncated_and_flipped_files_cost_one_line_or_load(tmp_path, net, image):
    random = np.random.RandomState(4)
    for name in every_kind(tmp_path, net, image):
        whole = (tmp_path / name).read_bytes()
        victims = [whole[:length] for length in range(1, len(whole), max(1000, len(whole) // 12))]
        for _ in range(12):
            flipped = bytearray(whole)
            for place in random.randint(0, len(whole), 3):
                flipped[place] ^= 1 << random.randint(8)
            victims.append(bytes(flipped))
        for victim in victims:
            path = tmp_path / f"victim{name[-5:]}"
            path.write_bytes(victim)
            try:
                students.load(path, shape=(3, 8, 8))
            except BadInput as error:
                assert "\n" not in str(error)
