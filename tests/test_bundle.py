"""The bundle: written whole and reproducibly, read as hostile."""

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nonn_mcu import bundle
from nonn_mcu.bundle import (
    BudgetInfo,
    Fidelity,
    FittedArena,
    LayerInfo,
    Manifest,
    TensorInfo,
    TflmInfo,
    Vectors,
)
from nonn_mcu.errors import BadInput

COUNT = 5
MODEL = b"a model, as far as a bundle can tell"


def tensor(name, shape, torch_shape=None, from_torch=None):
    return TensorInfo(
        name=name,
        shape=shape,
        scale=0.5,
        zero_point=-3,
        torch_shape=torch_shape or shape,
        from_torch=tuple(range(len(shape))) if from_torch is None else from_torch,
    )


def make_manifest(**changes):
    fields = {
        "name": "student",
        "tools": {"nonn-mcu": "0"},
        "model_file": "student.tflite",
        "model_sha256": bundle.sha256(MODEL),
        "inputs": (tensor("image", (1, 2, 3, 4), (1, 4, 2, 3), (0, 2, 3, 1)),),
        "outputs": (tensor("logits", (1, 2)),),
        "preprocessing": None,
        "layers": (
            LayerInfo(
                name="fc",
                op="FULLY_CONNECTED",
                module="fc",
                kernel="fully_connected",
                tensor=3,
                shape=(1, 2),
                scale=0.5,
                zero_point=0,
                macs=48,
                flash_bytes=56,
                live_bytes=26,
            ),
        ),
        "runtimes": ("native", "tflm"),
        "goal": "balance",
        "native": {
            target: {
                "arena_bytes": 32,
                "lower_bound": 32,
                "weights": 1,
                "tables": 0,
                "kernels": ("fully_connected",),
                "scratch_bytes": (0,),
                "live_bytes": (26,),
            }
            for target in ("portable", "dsp", "helium")
        },
        "tflm": TflmInfo(operators=("FULLY_CONNECTED",), arena_bytes=1024),
        "budget": BudgetInfo(
            flash=1,
            flash_limit=None,
            ram=1,
            ram_limit=None,
            weights=1,
            tables=0,
            code=0,
            arena=1,
            static=0,
            stack=0,
        ),
        "calibration": None,
        "fidelity": None,
        "tolerance": Fidelity(samples=5, sqnr_db=(20.0,), worst_lsb=(3.0,), top1_agreement=(0.9,)),
        "files": {},
    }
    return Manifest(**(fields | changes))


def make_vectors(**changes):
    fields = {
        "inputs": (np.arange(COUNT * 24, dtype=np.int8).reshape(COUNT, 2, 3, 4),),
        "outputs": (np.arange(COUNT * 2, dtype=np.int8).reshape(COUNT, 2),),
        "references": (np.arange(COUNT * 2, dtype=np.float32).reshape(COUNT, 2),),
        "labels": np.arange(COUNT),
        "layer_crc": np.arange(3, dtype=np.uint32).reshape(3, 1),
    }
    return Vectors(**(fields | changes))


def npz(vectors, folder):
    path = folder / "vectors-to-pack.npz"
    vectors.save(path)
    data = path.read_bytes()
    path.unlink()
    return data


@pytest.fixture
def files(tmp_path):
    return {
        "student.tflite": MODEL,
        "vectors.npz": npz(make_vectors(), tmp_path),
        "src/model.c": b"int x;\n",
    }


@pytest.fixture
def made(tmp_path, files):
    return bundle.write(tmp_path / "build" / "student", files, make_manifest())


def edit(made, change):
    """Change the manifest's JSON in place."""
    path = made.path / bundle.MANIFEST
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


def test_what_is_written_is_read_back(made):
    again = bundle.read(made.path)
    assert again.manifest == made.manifest
    assert again.model == MODEL
    for one, other in zip(vars(again.vectors()).values(), vars(make_vectors()).values(), strict=True):
        assert np.array_equal(one, other)
    assert len(again.vectors()) == COUNT


def test_the_same_content_gives_the_same_bytes(tmp_path, files):
    for name in ("one", "two"):
        order = sorted(files) if name == "one" else sorted(files, reverse=True)
        bundle.write(tmp_path / name, {key: files[key] for key in order}, make_manifest())
    tree = {
        name: {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    }
    assert tree["one"] == tree["two"] and len(tree["one"]) == 4
    assert npz(make_vectors(), tmp_path) == files["vectors.npz"]


def test_writing_replaces_a_bundle_and_nothing_else(tmp_path, made, files):
    changed = bundle.write(made.path, files | {"src/model.c": b"int y;\n"}, make_manifest())
    assert (bundle.read(made.path).path / "src/model.c").read_bytes() == b"int y;\n"
    assert changed.manifest != made.manifest
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.tex").write_text("years of work")
    link = tmp_path / "link"
    link.symlink_to(made.path)
    file = tmp_path / "file"
    file.write_text("")
    for place in (precious, link, file):
        with pytest.raises(BadInput, match="not a bundle"):
            bundle.write(place, files, make_manifest())
    assert (precious / "thesis.tex").read_text() == "years of work"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["build", "file", "link", "precious"]
    assert [p.name for p in (tmp_path / "build").iterdir()] == ["student"]


def test_a_place_that_cannot_be_written_leaves_nothing(tmp_path, files):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="cannot write"):
        bundle.write(tmp_path / "file" / "student", files, make_manifest())
    with pytest.raises(BadInput, match="cannot write"):  # fails half way: a file where a folder must be
        bundle.write(tmp_path / "new", {"a": b"", "a/b": b""}, make_manifest())
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path):
    for path in (tmp_path, tmp_path / "missing", Path(os.fsdecode(bytes(tmp_path) + b"/\xff\n'"))):
        with pytest.raises(BadInput, match="not a bundle"):
            bundle.read(path)


def test_a_bundle_of_somebody_else_is_told_apart(made, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)  # whoever runs this may be allowed everything
    with pytest.raises(BadInput, match="permission denied"):
        bundle.read(made.path)


def _drop(key):
    return lambda m: m.pop(key)


def _set(key, value):
    return lambda m: m.__setitem__(key, value)


def _tensor(key, value):
    return lambda m: m["inputs"][0].__setitem__(key, value)


MANIFESTS = {
    "a key is missing": (_drop("name"), "name"),
    "an unknown key": (_set("surprise", 1), "surprise"),
    "a future version": (_set("schema_version", 5), "another version of nonn-mcu .*convert again"),
    "an older version": (
        lambda m: (m.pop("runtimes"), m.pop("tflm"), m.__setitem__("schema_version", 1)),
        r"another version of nonn-mcu \(schema 1, this reads 4\); run convert again",
    ),
    "no runtimes": (_set("runtimes", []), "runtimes"),
    "a runtime of which nothing is said": (_set("tflm", None), "runtimes native, tflm"),
    "another runtime than is said": (_set("runtimes", ["native"]), "runtimes native"),
    "an unknown runtime": (_set("runtimes", ["native", "onnx"]), "runtimes.1"),
    "an arena of nothing": (lambda m: m["tflm"].__setitem__("arena_bytes", 0), "tflm.arena_bytes"),
    "a name for a shell": (_set("name", "x; rm -rf"), "name"),
    "a digest of another length": (_set("model_sha256", "00"), "model_sha256"),
    "another model's digest": (_set("model_sha256", "0" * 64), "model_sha256"),
    "no inputs": (_set("inputs", []), "inputs"),
    "scale zero": (_tensor("scale", 0), "scale"),
    "scale infinite": (_tensor("scale", float("inf")), "scale"),
    "zero point outside int8": (_tensor("zero_point", 128), "zero_point"),
    "a shape of nothing": (_tensor("shape", [1, 0, 3, 4]), "shape"),
    "a shape of another size": (_tensor("shape", [1, 2, 3, 5]), "differ in size"),
    "no permutation": (_tensor("from_torch", [0, 0, 1, 2]), "permutation"),
    "another permutation": (_tensor("from_torch", [0, 1, 2, 3]), "lead to shape"),
    "figures of two outputs": (lambda m: m["tolerance"].__setitem__("sqnr_db", [1, 2]), "figures for 1"),
    "the model is not listed": (_set("model_file", "vectors"), "not listed"),
    "a file outside": (lambda m: m["files"].__setitem__("../x", "0" * 64), "leaves the bundle"),
    "an absolute file": (lambda m: m["files"].__setitem__("/etc/passwd", "0" * 64), "leaves the bundle"),
    "a NUL in a name": (lambda m: m["files"].__setitem__("a\0b", "0" * 64), "leaves the bundle"),
    "a file that is not there": (lambda m: m["files"].__setitem__("x", "0" * 64), "missing"),
    "a folder": (lambda m: m["files"].__setitem__("src", "0" * 64), "not a file"),
}


@pytest.mark.parametrize(("change", "complaint"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_lies_is_refused(made, change, complaint):
    edit(made, change)
    with pytest.raises(BadInput, match=complaint) as caught:
        bundle.read(made.path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", "\udcff", "[" * 100_000, '{"name": NaN}'])
def test_a_manifest_that_is_no_json_is_refused(made, text):
    (made.path / bundle.MANIFEST).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInput):
        bundle.read(made.path)


@pytest.mark.parametrize("name", ["student.tflite", "vectors.npz", "src/model.c"])
def test_a_changed_file_is_named(made, name):
    path = made.path / name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(BadInput, match=f"{name} was changed"):
        bundle.read(made.path)


def test_links_out_and_pipes_are_not_opened(tmp_path, made):
    path = made.path / "src" / "model.c"
    outside = tmp_path / "outside.c"
    path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(BadInput, match="leaves the bundle"):
        bundle.read(made.path)
    path.unlink()
    os.mkfifo(path)  # would block for ever
    with pytest.raises(BadInput, match="not a file"):
        bundle.read(made.path)


VECTORS = {
    "inputs of another shape": {"inputs": (np.zeros((COUNT, 24), np.int8),)},
    "inputs of another dtype": {"inputs": (np.zeros((COUNT, 2, 3, 4), np.uint8),)},
    "no vectors": {
        "inputs": (np.zeros((0, 2, 3, 4), np.int8),),
        "outputs": (np.zeros((0, 2), np.int8),),
    },
    "an output missing": {"outputs": ()},
    "fewer outputs": {"outputs": (np.zeros((COUNT - 1, 2), np.int8),)},
    "references of another shape": {"references": (np.zeros((COUNT, 3), np.float32),)},
    "references of another dtype": {"references": (np.zeros((COUNT, 2), np.float64),)},
    "too few labels": {"labels": np.arange(COUNT - 1)},
    "CRCs of other layers": {"layer_crc": np.zeros((3, 2), np.uint32)},
    "CRCs of another dtype": {"layer_crc": np.zeros((3, 1), np.int64)},
    "pickles inside": {"labels": np.array([print] * COUNT, dtype=object)},
}


@pytest.mark.parametrize("changes", VECTORS.values(), ids=VECTORS)
def test_vectors_that_do_not_fit_are_refused(tmp_path, changes):
    path = tmp_path / "vectors.npz"
    make_vectors(**changes).save(path)
    with pytest.raises(BadInput, match=r"vectors\.npz"):
        Vectors.load(path, make_manifest())


def test_vectors_without_reference_or_labels_are_fine(tmp_path):
    path = tmp_path / "vectors.npz"
    make_vectors(references=(), labels=None).save(path)
    assert Vectors.load(path, make_manifest()).references == ()


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "vectors.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("input_0.npy", "w") as entry,
    ):
        for _ in range(520):
            entry.write(bytes(1024 * 1024))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(BadInput, match="unpacks to"):
        Vectors.load(path, make_manifest())


def test_an_array_that_claims_more_than_it_has_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|i1", "fortran_order": False, "shape": (2**50,)})
    path = tmp_path / "vectors.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("input_0.npy", header.getvalue())
    with pytest.raises(BadInput):
        Vectors.load(path, make_manifest())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_damaged_npz_is_refused_or_read(tmp_path, files, data):
    damaged = bytearray(files["vectors.npz"])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "vectors.npz"
    path.write_bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    try:
        assert len(Vectors.load(path, make_manifest())) == COUNT
    except BadInput as error:
        assert "vectors.npz" in str(error)


def test_find_gives_bundles_of_the_model_by_name(tmp_path, files):
    digest = bundle.sha256(MODEL)
    for name in ("b", "a", "c"):
        bundle.write(tmp_path / name, files, make_manifest())
    other = files | {"student.tflite": b"another"}
    bundle.write(tmp_path / "0", other, make_manifest(model_sha256=bundle.sha256(b"another")))
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / bundle.MANIFEST).write_text("{")
    assert [found.path.name for found in bundle.find(tmp_path, digest)] == ["a", "b", "c"]
    (tmp_path / "a" / "src" / "model.c").write_text("changed")
    assert [found.path.name for found in bundle.find(tmp_path, digest)] == ["b", "c"]
    assert list(bundle.find(tmp_path, "0" * 64)) == []
    assert list(bundle.find(tmp_path / "missing", digest)) == []


def test_find_tells_of_the_only_bundle_being_damaged(made):
    (made.path / "src" / "model.c").write_text("changed")
    with pytest.raises(BadInput, match=r"model\.c was changed"):
        list(bundle.find(made.path.parent, bundle.sha256(MODEL)))


def test_an_amended_manifest_leaves_every_digest_valid_and_nothing_beside_it(made):
    fitted = (FittedArena(board="mps2-an386", kernels="cmsis_nn", minimum=480, margin=64),)
    tflm = made.manifest.tflm.model_copy(update={"fitted": fitted})
    before = sorted(made.path.rglob("*"))
    bundle.amend(made, made.manifest.model_copy(update={"tflm": tflm}))
    again = bundle.read(made.path).manifest
    assert again.tflm == tflm
    assert (again.tflm.arena("mps2-an386", "cmsis_nn"), again.tflm.arena("mps2-an386", "reference")) == (
        544,
        1024,
    )
    assert again.files == made.manifest.files
    assert sorted(made.path.rglob("*")) == before
    assert (made.path / bundle.MANIFEST).stat().st_mode & 0o777 == 0o644


def test_find_tells_of_a_bundle_of_another_version_only_if_it_has_the_model(made):
    edit(made, _set("schema_version", 1))
    with pytest.raises(BadInput, match="another version of nonn-mcu"):
        list(bundle.find(made.path.parent, bundle.sha256(MODEL)))
    assert list(bundle.find(made.path.parent, "0" * 64)) == []
