"""Dreams: images that the teacher sees as their targets, and that follow from the seed."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from nonn_mcu import calib, students  # noqa: E402
from nonn_mcu.dream import image, sheet, targets  # noqa: E402
from nonn_mcu.dream.generate import Settings, generate  # noqa: E402
from nonn_mcu.dream.output import answers, seen  # noqa: E402
from nonn_mcu.dream.transform import settled, transform  # noqa: E402
from nonn_mcu.errors import BadInput  # noqa: E402
from nonn_mcu.nonn import teacher as teachers  # noqa: E402

SETTINGS = Settings(batch=20, steps=60, rate=0.3)


@pytest.fixture(scope="module")
def dreams(taught, summary):
    return generate(taught, summary, 40, SETTINGS)


def test_the_teacher_is_worth_dreaming_of(taught):
    test = calib.load("digits", taught.input, split="test")
    assert (answers(taught, test.x) == test.labels).mean() > 0.9


def relative(taught, summary, images):
    """Squared distance of the first batch from its targets, relative to their squares."""
    rng = np.random.RandomState([SETTINGS.seed, 0])
    wanted, _ = targets.draw(summary, 0, SETTINGS.batch, SETTINGS.spread, rng)
    pooled = teachers.activations(taught, seen(taught, images[: SETTINGS.batch]))
    return float(((pooled - wanted) ** 2).sum() / (wanted**2).sum())


def test_dreams_are_near_their_targets(taught, summary, dreams):
    images, labels = dreams
    assert images.dtype == np.uint8 and images.shape == (40, 8, 8, 1)
    assert labels.dtype == np.int64 and np.bincount(labels).tolist() == [4] * 10
    noise = np.random.RandomState(0).randint(0, 256, images.shape).astype(np.uint8)
    assert relative(taught, summary, images) < 0.12
    assert relative(taught, summary, noise) > 0.24
    assert (answers(taught, seen(taught, images)) == labels).mean() > 0.8


def test_a_batch_follows_from_the_seed_and_its_number(taught, summary, dreams):
    first = generate(taught, summary, 20, SETTINGS)
    np.testing.assert_array_equal(first[0], dreams[0][:20])
    np.testing.assert_array_equal(first[1], dreams[1][:20])
    other = generate(taught, summary, 20, dataclasses.replace(SETTINGS, seed=1))
    assert not np.array_equal(other[0], first[0])
    assert not np.array_equal(dreams[0][20:], dreams[0][:20])


def test_what_is_weighed_shrinks(taught, summary, dreams):
    from nonn_mcu.dream import batch_norm

    def distance(images):
        with batch_norm.watch(taught.module, "it") as watched, torch.no_grad():
            teachers.outputs(taught, torch.from_numpy(seen(taught, images[:20])))
            return float(watched())

    without = generate(taught, summary, 20, dataclasses.replace(SETTINGS, norms=0.0))[0]
    assert distance(dreams[0]) < 0.8 * distance(without)
    smooth = generate(taught, summary, 20, dataclasses.replace(SETTINGS, variation=3.0))[0]

    def variation(images):
        return abs(np.diff(images[:20].astype(int), axis=1)).mean()

    assert variation(smooth) < 0.8 * variation(dreams[0])


def test_targets_lie_around_centroids_of_their_class(summary):
    def draw(spread):
        return targets.draw(summary, 3, 500, spread, np.random.RandomState(0))

    exact, labels = draw(0.0)
    assert labels[:9].tolist() == [3, 4, 5, 6, 7, 8, 9, 0, 1]
    for target, label in zip(exact, labels, strict=True):
        mine = summary.centroids[summary.classes == label]
        assert (target == mine).all(1).any()
    near, wide = draw(0.5)[0], draw(1.0)[0]
    assert (wide >= 0).all()
    assert 0 < np.linalg.norm(near - exact) < np.linalg.norm(wide - exact)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (3, 9, 12)])
def test_random_images_are_smooth_and_of_all_brightness(shape):
    parameters = image.start(16, shape, np.random.RandomState(0))
    pixels = image.render(parameters, shape).detach().numpy()
    assert pixels.shape == (16, *shape) and 0 < pixels.min() < 0.45 and 0.55 < pixels.max() < 1
    across = np.diff(pixels, axis=3).std() / pixels.std()
    assert across < 1.2  # of white noise it is 1.41
    if shape[0] == 3:  # grey varies most, as in photographs
        assert pixels.mean(1).std() > 3 * (pixels - pixels.mean(1, keepdims=True)).std()


def test_what_a_network_sees_is_normalised_in_its_order_of_axes():
    pixels = torch.rand(2, 3, 4, 5)
    spec = students.input_spec((4, 5, 3), "HWC", mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 1.0))
    assert image.size(spec, "it") == (3, 4, 5)
    found = image.seen(pixels, spec)
    assert found.shape == (2, 4, 5, 3)
    torch.testing.assert_close(found[..., 1], (pixels[:, 1] - 0.2) / 0.25)
    for refused in (students.input_spec((64,)), students.input_spec((2, 8, 8))):
        with pytest.raises(BadInput, match="images of 1 or 3 channels"):
            image.size(refused, "it")


def test_views_are_moved_by_whole_pixels_and_mirrored_where_that_is_usual():
    pixels = torch.rand(64, 1, 8, 8)
    moved = transform(pixels, "none", np.random.RandomState(0))
    for one, other in zip(pixels[:, 0], moved[:, 0], strict=True):
        inner = other[1:-1, 1:-1]
        places = [one[1 + y : 7 + y, 1 + x : 7 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)]
        assert any(torch.allclose(inner, place, atol=1e-5) for place in places)
    gradient = torch.linspace(0, 1, 32).expand(64, 3, 32, 32)
    slopes = transform(gradient, "crop-flip", np.random.RandomState(0)).diff(dim=3)[:, 0, 16, 8:24].mean(1)
    assert 16 < (slopes < 0).sum() < 48
    assert (transform(gradient, "crop", np.random.RandomState(0))[:, 0, 16, 8:24].diff().mean(1) > 0).all()


def test_dreams_lose_the_detail_that_scaled_views_do_not_show():
    pixels = torch.rand(4, 3, 32, 32)

    def roughness(images):
        return float(images.diff(dim=3).std())

    seen_rough = roughness(transform(pixels, "crop", np.random.RandomState(0)))
    assert roughness(settled(pixels, "crop")) < seen_rough < 0.95 * roughness(pixels)
    torch.testing.assert_close(settled(pixels, "crop").mean(), pixels.mean(), rtol=0.01, atol=0)
    even = torch.full((1, 1, 8, 8), 0.3)
    torch.testing.assert_close(settled(even, "crop-flip"), even)
    assert settled(pixels, "none") is pixels


def test_a_sheet_shows_all_images_of_a_class(tmp_path):
    PIL = pytest.importorskip("PIL.Image")  # noqa: N806 - the module's own name
    images = np.random.RandomState(0).randint(0, 256, (7, 8, 8, 3)).astype(np.uint8)
    (tmp_path / "sheet.png").write_bytes(sheet.draw(images))
    drawn = np.asarray(PIL.open(tmp_path / "sheet.png"))
    assert drawn.shape == (3 * 66 - 2, 3 * 66 - 2, 3)
    np.testing.assert_array_equal(drawn[66 : 66 + 64 : 8, 0:64:8], images[3])
    assert sheet.draw(images) == (tmp_path / "sheet.png").read_bytes()


def test_a_teacher_of_nan_is_refused(taught, summary):
    class Broken(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x * float("nan"))

    broken = dataclasses.replace(taught, module=Broken(taught.module), layer=f"inner.{taught.layer}")
    theirs = dataclasses.replace(summary, layer=broken.layer)
    with pytest.raises(BadInput, match="gives nan for a dream"):
        generate(broken, theirs, 20, SETTINGS)


def test_a_teacher_without_batch_norm_dreams_too(taught, summary):
    torch.manual_seed(0)
    plain = torch.nn.Sequential(
        *(torch.nn.Conv2d(1, 24, 3), torch.nn.ReLU()),
        *(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(24, 10)),
    )
    student = students.Student("plain", "module", plain.eval(), taught.input)
    teacher = teachers.of(student)
    theirs = dataclasses.replace(summary, teacher=teacher.sha256, layer=teacher.layer)
    images, _ = generate(teacher, theirs, 20, dataclasses.replace(SETTINGS, steps=2))
    assert images.shape == (20, 8, 8, 1)
