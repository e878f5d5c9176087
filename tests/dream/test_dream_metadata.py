"""Metadata: nothing in them is of one image, the same each time, refused where anything is wrong."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from nonn_mcu.calib import Samples
from nonn_mcu.dream import metadata as files
from nonn_mcu.dream import summary as summaries
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn import teacher as teachers

K = 10


@pytest.fixture(scope="module")
def seen(taught, digits):
    """The activations of each image, float64."""
    return teachers.activations(taught, digits.x).astype(np.float64)


def test_every_centroid_is_the_mean_of_at_least_k_images(summary, seen, digits):
    assert summary.images.min() >= K and summary.images.sum() <= len(digits)
    for label in range(10):
        mine = np.unique(seen[digits.labels == label].astype(np.float32), axis=0).astype(np.float64)
        members = summaries.merge(mine, summaries.assign(mine, 10, 0), K)
        groups = [mine[members == one] for one in range(members.max() + 1)]
        stored = summary.centroids[summary.classes == label]
        assert [len(group) for group in groups] == summary.images[summary.classes == label].tolist()
        for group, centroid in zip(groups, stored, strict=True):
            assert len(group) >= K
            np.testing.assert_allclose(centroid, group.mean(0), rtol=1e-5, atol=1e-6)
        residuals = np.concatenate([group - group.mean(0) for group in groups])
        axes = summary.axes[summary.axis_classes == label]
        squares = (residuals @ axes.T.astype(np.float64)) ** 2
        # no image has more than a k-th of an axis, and there are k images for each vector
        assert (squares.max(0) <= squares.sum(0) / K * (1 + 1e-6)).all()
        assert len(stored) + len(axes) <= len(mine) / K
        deviations = summary.deviations[summary.axis_classes == label]
        np.testing.assert_allclose(deviations, np.sqrt(squares.mean(0)), rtol=1e-4)
    assert len(summary.axes) >= 20  # the rule leaves something


def test_no_stored_vector_is_an_images(summary, seen):
    def closest(vector, rows):
        return (np.linalg.norm(rows - vector, axis=1) / np.linalg.norm(rows, axis=1)).min()

    assert min(closest(vector, seen) for vector in summary.centroids) > 1e-2
    directions = seen / np.linalg.norm(seen, axis=1, keepdims=True)
    assert min(closest(sign * axis, directions) for axis in summary.axes for sign in (1, -1)) > 1e-2


def test_an_image_far_from_the_others_has_no_axis_of_its_own():
    rng = np.random.RandomState(0)
    rows = np.abs(rng.standard_normal((200, 16))) + 1
    plain = summaries.summarise(rows, 4, K, 0)
    rows[7] += 100 * np.eye(16)[3]
    found = summaries.summarise(rows, 4, K, 0)
    assert len(plain.axes) and len(found.axes)
    assert abs(found.axes[:, 3]).max() < 0.5
    # the principal component without the rule is that image's
    squares = rows - rows.mean(0)
    assert abs(np.linalg.svd(squares, full_matrices=False)[2][0, 3]) > 0.99


def test_clusters_below_k_go_into_the_nearest():
    at = np.repeat([[0.0, 0], [10, 0], [11, 0], [30, 0]], [20, 4, 12, 3], axis=0)
    members = np.repeat([0, 1, 2, 3], [20, 4, 12, 3])
    merged = summaries.merge(at, members, 10)
    assert np.bincount(merged).tolist() == [20, 19]
    assert summaries.merge(at, members, 3).tolist() == members.tolist()
    assert set(summaries.merge(at, members, 39)) == {0}


def test_images_that_the_teacher_cannot_tell_apart_count_once(taught, digits):
    few = np.flatnonzero(digits.labels == 3)[:6]
    chosen = np.concatenate([np.flatnonzero(digits.labels != 3), np.tile(few, 10)])
    samples = Samples(digits.x[chosen], digits.labels[chosen], "digits")
    with pytest.raises(BadInput, match=r"class 3 \(3\) has 6 different images, and at least k = 10"):
        files.make(taught, samples, tuple("0123456789"), clusters=10, k=K, augment="none", seed=0)


def test_the_order_of_the_images_changes_nothing(taught, digits, summary):
    order = np.random.RandomState(1).permutation(len(digits))
    samples = Samples(digits.x[order], digits.labels[order], "digits")
    again = files.make(taught, samples, tuple("0123456789"), clusters=10, k=K, augment="none", seed=0)
    np.testing.assert_array_equal(again.images, summary.images)
    np.testing.assert_allclose(again.centroids, summary.centroids, rtol=1e-4, atol=1e-5)


def test_a_file_is_read_as_it_was_written(summary, meta_file, taught):
    again = files.read(meta_file)
    assert again.sha256 == summary.sha256 and files.encode(again) == meta_file.read_bytes()
    for field in dataclasses.fields(summary):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(summary, field.name))
    files.require_teacher(again, taught)
    with pytest.raises(BadInput, match="of another teacher"):
        files.require_teacher(dataclasses.replace(again, teacher="0" * 64), taught)
    with pytest.raises(BadInput, match="run nonn-mcu dream metadata again"):
        files.require_teacher(dataclasses.replace(again, layer="other"), taught)


def nan(array):
    array = array.copy()
    array.flat[0] = np.nan
    return array


REFUSED = {
    "NaN in a centroid": ({"centroids": nan}, "centroids holds NaN or Inf"),
    "NaN in a deviation": ({"deviations": nan}, "deviations holds NaN or Inf"),
    "below k": ({"images": lambda images: images - 100}, "of fewer images than k = 10"),
    "k of 1": ({"k": lambda k: np.array(1)}, "k is below 2"),
    "a class less": ({"names": lambda names: names[:-1]}, "not of each of the 9 classes"),
    "a class more": ({"names": lambda names: np.append(names, "x")}, "not of each of the 11 classes"),
    "an axis of no class": ({"axis_classes": lambda a: a - 1}, "an axis is of no class"),
    "a long axis": ({"axes": lambda axes: 2 * axes}, "not of length 1"),
    "negative": ({"centroids": lambda c: c - 100}, "negative"),
    "fewer axes": ({"axes": lambda axes: axes[:-1]}, "axis_classes is"),
    "another width": ({"axes": lambda axes: axes[:, :-1]}, "axes is"),
    "a type": ({"centroids": lambda c: c.astype(np.float64)}, "centroids is float64"),
    "a shape": ({"centroids": lambda c: c[None]}, "centroids is float32"),
    "version": ({"version": lambda v: v + 1}, "version 2"),
    "augment": ({"augment": lambda a: np.array("rotate")}, "is unknown"),
    "a long name": ({"layer": lambda a: np.array("x" * 2000)}, "layer is too long"),
    "no format": ({"format": lambda f: np.array("other")}, "holds no metadata of dreams"),
    "nothing": ({"centroids": lambda c: None}, "lacks centroids"),
    "pickled": ({"names": lambda n: n.astype(object)}, "damaged, or of pickled objects"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_file_is_refused(name, meta_file, tmp_path):
    changes, words = REFUSED[name]
    with np.load(meta_file) as archive:
        arrays = {key: archive[key] for key in archive.files}
    for key, change in changes.items():
        arrays[key] = change(arrays[key])
    path = tmp_path / "meta.npz"
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    with pytest.raises(BadInput) as caught:
        files.read(path)
    message = str(caught.value)
    assert words in message and "nonn-mcu dream metadata" in message and "\n" not in message


def test_a_damaged_file_is_refused(meta_file, tmp_path):
    data = meta_file.read_bytes()
    path = tmp_path / "meta.npz"
    for cut in (0, 3, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(BadInput, match="not a readable"):
            files.read(path)
    with pytest.raises(BadInput, match="no such file"):
        files.read(tmp_path / "none.npz")
