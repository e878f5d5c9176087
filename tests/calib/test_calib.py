"""Samples are what the input spec says, chosen the same each time; anything else costs one line."""

import numpy as np
import pytest

from nonn_mcu import calib, students
from nonn_mcu.calib import inputs
from nonn_mcu.errors import BadInput, MissingExtra

RGB = students.input_spec((3, 4, 6), "CHW", (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), ("cat", "dog"))
GREY = students.input_spec((5, 7, 1), "HWC", (0.1,), (0.5,))
FLAT = students.input_spec((10,))


def random(*shape, seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def expected(pixels, spec):
    """Preprocessing written out plainly: pixels (N, H, W, C) in float64."""
    seen = (pixels / 255 - np.array(spec.mean)) / np.array(spec.std)
    return seen if spec.layout == "HWC" else np.moveaxis(seen, -1, 1)


def save_images(folder, pixels, suffix=".png"):
    image = pytest.importorskip("PIL.Image")
    folder.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(pixels):
        image.fromarray(picture.squeeze()).save(folder / f"{i:03}{suffix}")


def all_samples(source, spec):
    """Both parts together, sorted by their bytes."""
    parts = [calib.load(str(source), spec, split=split, minimum=1).x for split in ("train", "test")]
    return sorted(sample.tobytes() for part in parts for sample in part)


def rows(x):
    return sorted(sample.tobytes() for sample in np.asarray(x, np.float32))


@pytest.mark.parametrize("spec", [RGB, GREY], ids=["RGB", "grey"])
def test_a_folder_of_images_is_preprocessed_as_the_spec_says(tmp_path, spec):
    height, width = spec.shape[1:] if spec.layout == "CHW" else spec.shape[:2]
    pixels = random(30, height, width, spec.channels)
    save_images(tmp_path / "images", pixels)
    (tmp_path / "images" / "README.txt").write_text("not an image")
    (tmp_path / "images" / ".hidden.png").write_text("not an image")
    train = calib.load(str(tmp_path / "images"), spec)
    test = calib.load(str(tmp_path / "images"), spec, split="test")
    assert train.x.shape == (24, *spec.shape) and test.x.shape == (6, *spec.shape)
    assert train.x.dtype == np.float32 and train.labels is None and train.source == "images/"
    found = np.concatenate([train.x, test.x])
    wanted = expected(pixels, spec)
    distance = np.abs(found[:, None] - wanted[None]).reshape(30, 30, -1).max(2)
    assert (np.sort(distance.argmin(1)) == np.arange(30)).all() and distance.min(1).max() < 1e-6


def test_grey_and_colour_are_converted_to_what_the_network_takes(tmp_path):
    save_images(tmp_path / "grey", random(20, 4, 6, 1))
    x = calib.load(str(tmp_path / "grey"), students.input_spec((3, 4, 6))).x
    assert (x[:, 0] == x[:, 1]).all() and (x[:, 0] == x[:, 2]).all()
    save_images(tmp_path / "colour", random(20, 5, 7, 3))
    assert calib.load(str(tmp_path / "colour"), GREY).x.shape == (16, 5, 7, 1)


def test_subfolders_give_labels_and_parts(tmp_path):
    for part, count in (("train", 20), ("test", 5)):
        for label, seed in (("cat", 1), ("dog", 2)):
            save_images(tmp_path / part / label, random(count, 4, 6, 3, seed=seed + 10 * count))
    train = calib.load(str(tmp_path), RGB)
    test = calib.load(str(tmp_path), RGB, split="test")
    assert (len(train), len(test)) == (40, 10)
    assert np.bincount(train.labels).tolist() == [20, 20] and np.bincount(test.labels).tolist() == [5, 5]
    cats = expected(random(20, 4, 6, 3, seed=201), RGB)
    np.testing.assert_array_equal(rows(train.x[train.labels == 0].round(4)), rows(cats.round(4)))
    unnamed = students.input_spec((3, 4, 6), labels=("bird", "dog"))
    assert calib.load(str(tmp_path), unnamed).labels is None


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_uint8_arrays_are_images_and_floats_are_taken_as_they_are(tmp_path, suffix):
    def save(name, x, y):
        path = tmp_path / f"{name}{suffix}"
        if suffix == ".npy":
            np.save(path, x)
        else:
            np.savez(path, other=np.zeros(3), images=x, labels=y)
        return path

    y = np.arange(40) % 2
    pixels = random(40, 4, 6, 3)
    images = calib.load(str(save("images", pixels, y)), RGB, limit=20)
    assert images.x.shape == (20, 3, 4, 6) and images.source == f"images{suffix}"
    grey = save("grey", random(40, 5, 7), y)
    assert calib.load(str(grey), GREY).x.shape == (32, 5, 7, 1)
    floats = np.random.RandomState(1).randn(40, 10)
    path = save("floats", floats, y)
    assert all_samples(path, FLAT) == rows(floats)
    if suffix == ".npz":
        part = calib.load(str(path), FLAT)
        assert all(
            (floats[label::2].astype(np.float32) == x).all(1).any()
            for x, label in zip(part.x, part.labels, strict=True)
        )


def test_digits_are_split_once_and_for_all():
    pytest.importorskip("sklearn")
    spec = students.input_spec((1, 8, 8), labels=tuple("0123456789"))
    train = calib.load("digits", spec)
    test = calib.load("digits", spec, split="test")
    assert (len(train), len(test)) == (1438, 359)
    assert train.x.min() == 0 and train.x.max() == 1 and set(train.labels) == set(range(10))
    assert train.labels[:10].tolist() == [8, 6, 5, 3, 4, 4, 4, 8, 8, 7]
    assert not set(rows(train.x)) & set(rows(test.x))
    few = calib.load("digits", spec, limit=50)
    np.testing.assert_array_equal(few.x, train.x[:50])
    assert few.sha256 == calib.load("digits", spec, limit=50).sha256 != train.sha256
    flat = calib.load("digits", students.input_spec((64,)), limit=50)
    np.testing.assert_array_equal(flat.x, few.x.reshape(50, 64))
    changed = calib.Samples(few.x, np.roll(few.labels, 1), few.source)
    assert changed.sha256 != few.sha256


def test_cifar10_planes_land_in_their_channels(tmp_path):
    folder = tmp_path / "cifar"
    folder.mkdir()
    for name, count in (("data_batch_1", 12), ("data_batch_2", 10), ("test_batch", 7)):
        data = random(count, 3073, seed=count)
        data[:, 0] %= 10
        data.tofile(folder / f"{name}.bin")
    spec = students.input_spec((3, 32, 32), mean=(0.1, 0.2, 0.3), std=(1, 2, 3))
    train = calib.load(f"cifar10:{folder}", spec)
    test = calib.load(f"cifar10:{folder}/", spec, split="test")
    assert (len(train), len(test), train.source) == (22, 7, "cifar10:cifar")
    raw = random(7, 3073, seed=7)
    for x, label in zip(test.x, test.labels, strict=True):
        green = raw[:, 1025:2049].reshape(7, 32, 32) / 255
        match = np.abs((green - 0.2) / 2 - x[1]).max((1, 2)).argmin()
        assert raw[match, 0] % 10 == label
    hwc = calib.load(f"cifar10:{folder}", students.input_spec((32, 32, 3), "HWC"), limit=16)
    chw = calib.load(f"cifar10:{folder}", students.input_spec((3, 32, 32)), limit=16)
    flat = calib.load(f"cifar10:{folder}", students.input_spec((3072,)), limit=16)
    np.testing.assert_array_equal(hwc.x.transpose(0, 3, 1, 2), chw.x)
    np.testing.assert_array_equal(flat.x, chw.x.reshape(16, -1))


def floats(change=None, count=30):
    x = np.random.RandomState(2).randn(count, 10).astype(np.float32)
    if change:
        change(x)
    return x


ARRAYS = {
    "empty": (np.zeros((0, 10), np.float32), FLAT, "at least one sample"),
    "scalar": (np.float32(3), FLAT, "at least one sample"),
    "one": (floats(count=1), FLAT, "at least 16"),
    "too few": (floats(count=18), FLAT, "15 samples"),
    "wrong shape": (np.zeros((30, 9), np.float32), FLAT, r"samples are \(9,\)"),
    "NaN": (floats(lambda x: x.__setitem__((3, 4), np.nan)), FLAT, "NaN or Inf"),
    "Inf": (floats(lambda x: x.__setitem__(slice(None), -np.inf)), FLAT, "NaN or Inf"),
    "beyond float32": (floats().astype(np.float64) * 1e300, FLAT, "NaN or Inf"),
    "constant": (floats(lambda x: x.__setitem__(slice(None), 0.5)), FLAT, "all samples are the same"),
    "integers": (np.zeros((30, 10), np.int64), FLAT, "dtype int64"),
    "complex": (np.zeros((30, 10), np.complex64), FLAT, "dtype complex64"),
    "objects": (np.array([["a", 1]] * 30, dtype=object), FLAT, "pickled"),
    "images for a flat network": (random(30, 4, 6, 3), FLAT, r"takes FLAT \(10,\)"),
    "channels first": (random(30, 3, 4, 6), RGB, "3x4 with 6 channels"),
    "grey for a colour network": (random(30, 4, 6), RGB, "4x6 with 1 channels"),
    "not normalised": (random(30, 3, 4, 6).astype(np.float32), RGB, "must be normalised already"),
    "wrong size": (random(30, 4, 7, 3), RGB, "4x7 with 3 channels"),
    "flat bytes": (random(30, 72), RGB, "not images"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_bad_arrays_cost_one_line(tmp_path, name):
    x, spec, says = ARRAYS[name]
    np.save(tmp_path / "x.npy", x, allow_pickle=True)
    with pytest.raises(BadInput, match=says) as info:
        calib.load(str(tmp_path / "x.npy"), spec)
    assert "\n" not in str(info.value)


def test_bad_files_cost_one_line(tmp_path):
    np.savez(tmp_path / "labels.npz", x=floats(), y=np.zeros(29, np.int64))
    np.savez(tmp_path / "halves.npz", x=floats(), y=np.zeros(30))
    np.savez(tmp_path / "nothing.npz")
    np.save(tmp_path / "whole.npy", floats())
    whole = (tmp_path / "whole.npy").read_bytes()
    (tmp_path / "short.npy").write_bytes(whole[:-7])
    (tmp_path / "header.npy").write_bytes(whole[:40])
    (tmp_path / "lies.npy").write_bytes(whole.replace(b"(30, 10)", b"(9**9, )"))
    (tmp_path / "random.npz").write_bytes(np.random.RandomState(3).bytes(500))
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()
    cases = {
        "labels.npz": "one whole number per sample",
        "halves.npz": "one whole number per sample",
        "nothing.npz": "holds no arrays",
        "short.npy": "damaged",
        "header.npy": "damaged",
        "lies.npy": "damaged",
        "random.npz": "pickled|damaged",
        "notes.txt": "is not samples",
        "missing.npy": "no such samples",
        "": "is not samples|no such samples",
    }
    for name, says in cases.items():
        with pytest.raises(BadInput, match=says) as info:
            calib.load(str(tmp_path / name) if name else "", FLAT)
        assert "\n" not in str(info.value)
    for source, spec, says in (
        (tmp_path / "empty", RGB, "holds no images"),
        (tmp_path / "empty", FLAT, "not FLAT"),
        (tmp_path / "empty", students.input_spec((7, 4, 4)), "7 channels"),
        (f"cifar10:{tmp_path}", RGB, "no data_batch"),
        ("cifar10", RGB, "no data_batch"),
        ("digits:here", GREY, "write it alone"),
        ("digits", RGB, "8x8 with 1 channels"),
        ("imagenet:here", RGB, "give digits, cifar10:FOLDER"),
    ):
        with pytest.raises(BadInput, match=says):
            calib.load(str(source), spec)


def test_bad_images_are_named(tmp_path):
    image = pytest.importorskip("PIL.Image")
    cases = {
        "size": (lambda p: image.fromarray(random(6, 4, 3)).save(p), "is 4x6, the network takes 6x4"),
        "deep": (lambda p: image.fromarray(random(4, 6).astype(np.uint16)).save(p), "more than 8 bits"),
        "text": (lambda p: p.write_text("no image"), "not a readable image"),
    }
    for name, (write, says) in cases.items():
        save_images(tmp_path / name, random(20, 4, 6, 3))
        write(tmp_path / name / "bad.png")
        with pytest.raises(BadInput, match=says) as info:
            for split in ("train", "test"):
                calib.load(str(tmp_path / name), RGB, split=split)
        assert "bad.png" in str(info.value) and "\n" not in str(info.value)
    save_images(tmp_path / "cut", random(1, 4, 6, 3))
    whole = (tmp_path / "cut" / "000.png").read_bytes()
    (tmp_path / "cut" / "000.png").write_bytes(whole[:60])
    with pytest.raises(BadInput, match="not a readable image"):
        calib.load(str(tmp_path / "cut"), RGB, split="test")


def test_cifar10_with_a_wrong_layout_is_refused(tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(bytes(3074))
    with pytest.raises(BadInput, match="multiple of 3073"):
        calib.load(f"cifar10:{tmp_path}", RGB)
    (tmp_path / "data_batch_1.bin").write_bytes(b"\x63" * 3073)
    with pytest.raises(BadInput, match="above 9"):
        calib.load(f"cifar10:{tmp_path}", RGB)


@pytest.mark.parametrize(("module", "source"), [("sklearn.datasets", "digits"), ("PIL", ".")])
def test_a_missing_package_is_named(monkeypatch, module, source):
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtra, match=r"nonn-mcu\[convert\]"):
        calib.load(source, RGB)


def test_inputs_are_all_there_in_order_and_named(tmp_path):
    pixels = random(5, 4, 6, 3)
    save_images(tmp_path / "pictures" / "dog", pixels[:3])
    save_images(tmp_path / "pictures" / "cat", pixels[3:])
    np.savez(tmp_path / "some.npz", x=pixels, y=np.arange(5) % 2)
    np.save(tmp_path / "seen.npy", expected(pixels, RGB).astype(np.float32))
    cases = {
        "pictures": (
            ["cat/000.png", "cat/001.png", "dog/000.png", "dog/001.png", "dog/002.png"],
            [0, 0, 1, 1, 1],
        ),
        "some.npz": ([f"some.npz[{i}]" for i in range(5)], [0, 1, 0, 1, 0]),
        "seen.npy": ([f"seen.npy[{i}]" for i in range(5)], None),
        "pictures/dog/001.png": (["001.png"], None),
    }
    for source, (names, labels) in cases.items():
        found, samples = inputs.read(tmp_path / source, RGB)
        assert list(found) == names
        assert (samples.labels if labels is None else samples.labels.tolist()) == labels
        wanted = {"pictures": pixels[[3, 4, 0, 1, 2]], "pictures/dog/001.png": pixels[1:2]}.get(
            source, pixels
        )
        np.testing.assert_allclose(samples.x, expected(wanted, RGB), atol=1e-6)


def test_inputs_that_are_none_cost_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("not an image")
    np.save(tmp_path / "nan.npy", np.full((2, 3, 4, 6), np.nan, np.float32))
    cases = {
        "nowhere": "no such file",
        "empty": "holds no images",
        "notes.txt": "not a readable image",
        "nan.npy": "NaN",
    }
    for source, words in cases.items():
        with pytest.raises(BadInput, match=words) as caught:
            inputs.read(tmp_path / source, RGB)
        assert "\n" not in str(caught.value)
