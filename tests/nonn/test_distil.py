"""Distilling: losses, views, answers, and a training that ends early and goes on."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from lightning_fabric import Fabric  # noqa: E402

from nonn_mcu.errors import BadInput  # noqa: E402
from nonn_mcu.nonn.distil.answers import Answer, Answers  # noqa: E402
from nonn_mcu.nonn.distil.losses import METHODS, Batch, Weights, loss  # noqa: E402
from nonn_mcu.nonn.distil.train import Recipe, train  # noqa: E402
from nonn_mcu.nonn.distil.views import PADDING, Views, view  # noqa: E402
from nonn_mcu.nonn.model import NoNN, StudentSpec  # noqa: E402

SHAPE, CLASSES = (1, 8, 8), 3
GROUPS = ((0, 2, 5), (1, 3, 4))
SPECS = [StudentSpec("wrn10-0.5", {}, group) for group in GROUPS]


def a_batch(seed=0):
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=draw)

    return Batch(
        logits=normal(4, CLASSES),
        features=[normal(4, 3).relu() + 0.1, normal(4, 3).relu() + 0.1],
        maps=[normal(4, 5, 2, 2), normal(4, 7, 4, 4)],
        labels=torch.tensor([0, 2, 1, 2]),
        groups=GROUPS,
        answer=Answer(normal(4, CLASSES), normal(4, 6).relu() + 0.1, normal(4, 4, 4).square()),
    )


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_the_losses_are_the_papers():
    batch, weights = a_batch(), Weights(alpha=0.7, temperature=3.0, beta=5.0)
    z, t = batch.logits.numpy().astype(float), batch.answer.logits.numpy().astype(float)
    ce = -np.log(softmax(z)[np.arange(4), batch.labels]).mean()
    p, q = softmax(t / 3), softmax(z / 3)
    kd = 0.7 * 3 * (p * np.log(p / q)).sum(1).mean() + 0.3 * ce
    pooled = batch.answer.pooled.numpy()
    transfer = [
        ((unit(mine.numpy()) - unit(pooled[:, list(group)])) ** 2).sum(1).mean()
        for mine, group in zip(batch.features, GROUPS, strict=True)
    ]
    assert float(loss("ce", batch, weights)) == pytest.approx(ce, rel=1e-5)
    assert float(loss("kd", batch, weights)) == pytest.approx(kd, rel=1e-5)
    assert float(loss("nonn", batch, weights)) == pytest.approx(kd + 5 * np.mean(transfer), rel=1e-5)
    # maps of the teacher's size are compared as they are
    alone = Batch(batch.logits, [], [batch.maps[1]], batch.labels, (), batch.answer)
    mine = unit(batch.maps[1].square().mean(1).flatten(1).numpy())
    theirs = unit(batch.answer.attention.flatten(1).numpy())
    at = ce + 1000 * ((mine - theirs) ** 2).mean()
    assert float(loss("at", alone, weights)) == pytest.approx(at, rel=1e-4)


def test_a_student_that_gives_the_teachers_answers_has_nothing_left_to_learn():
    batch = a_batch()
    perfect = [batch.answer.pooled[:, list(group)] for group in GROUPS]
    same = Batch(batch.answer.logits, perfect, batch.maps, batch.labels, GROUPS, batch.answer)
    assert float(loss("nonn", same, Weights(alpha=1.0))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("augment", ["crop", "crop-flip"])
def test_a_view_is_a_shifted_and_perhaps_mirrored_image_and_depends_on_its_index_alone(augment):
    images = torch.arange(6 * 2 * 5 * 7, dtype=torch.float32).reshape(6, 2, 5, 7) + 1
    views = Views(augment, 3, 6)
    everything = view(images, np.arange(6), views, 2)
    order = np.array([4, 0, 5])
    assert torch.equal(view(images[order], order, views, 2), everything[order])
    assert not torch.equal(everything, view(images, np.arange(6), views, 3))
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (PADDING,) * 2, (PADDING,) * 2))
    mirrored = 0
    for image, seen in zip(padded, everything.numpy(), strict=True):
        windows = [image[:, y : y + 5, x : x + 7] for y in range(9) for x in range(9)]
        plain = any(np.array_equal(seen, window) for window in windows)
        mirrored += not plain
        assert plain or any(np.array_equal(seen, window[:, :, ::-1]) for window in windows)
    assert mirrored == 0 if augment == "crop" else 0 < mirrored < 6


def test_answers_that_were_kept_are_not_asked_for_again(tmp_path):
    asked = []

    def ask(images):
        asked.append(len(images))
        flat = images.flatten(1)
        return flat[:, :2], flat[:, :3], images[:, 0]

    images = torch.rand(8, *SHAPE)
    views = Views("none", 0, 8)
    first = Answers(ask, "t", "d", views, tmp_path)
    halves = [np.array([6, 1, 0, 3]), np.array([2, 7, 5, 4])]
    got = [first.of(images[half], half, 1) for half in halves]
    first.keep(1)
    again = Answers(ask, "t", "d", views, tmp_path).of(images, np.arange(8), 1)
    assert asked == [4, 4]
    for half, answer in zip(halves, got, strict=True):
        for name in ("logits", "pooled", "attention"):
            assert torch.equal(getattr(again, name)[half], getattr(answer, name))
    torch.testing.assert_close(again.pooled, images.flatten(1)[:, :3], atol=1e-3, rtol=1e-3)
    Answers(ask, "another", "d", views, tmp_path).of(images[:4], np.arange(4), 1)
    assert asked == [4, 4, 4]


class Ended(Exception):
    """As if the process had been ended."""


def run(tmp_path, *, name="state", end_after=0, **changes):
    draw = np.random.RandomState(0)
    x = torch.from_numpy(draw.standard_normal((64, *SHAPE)).astype(np.float32))
    labels = torch.from_numpy(draw.randint(0, CLASSES, 64))
    torch.manual_seed(1)
    module = NoNN(SPECS, SHAPE, CLASSES)

    def told(epoch):
        if epoch.epoch == end_after:
            raise Ended

    settings = {"method": "nonn", "epochs": 3, "batch": 16, "rate": 0.1, "augment": "crop"} | changes

    def ask(images):
        flat = images.flatten(1)
        return flat[:, :CLASSES], flat[:, :6].abs(), images[:, 0].abs()

    recipe = Recipe(**settings, views=settings["epochs"], seed=0, weights=Weights())
    outcome = train(
        module,
        (x, labels),
        (x[:20], labels[:20]),
        recipe,
        answers=Answers(ask, "t", "d", Views(recipe.augment, recipe.seed, len(x))),
        state_file=tmp_path / name,
        fabric=Fabric(accelerator="cpu", devices=1),
        progress=lambda done, total: None,
        told=told,
    )
    return outcome, module.state_dict()


def test_a_training_that_was_ended_goes_on_to_the_same_weights(tmp_path):
    whole, weights = run(tmp_path, name="whole")
    for end_after in (1, 2):
        with pytest.raises(Ended):
            run(tmp_path, name="ended", end_after=end_after)
    resumed, same = run(tmp_path, name="ended")
    assert resumed.history == whole.history and resumed.best == whole.best
    assert all(torch.equal(weights[key], same[key]) for key in weights)
    assert all(torch.equal(whole.state_dict[key], resumed.state_dict[key]) for key in weights)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns(tmp_path, method):
    outcome, _ = run(tmp_path, method=method, epochs=6, augment="none")
    assert outcome.history[-1].loss < outcome.history[0].loss


def test_students_share_nothing():
    module = NoNN(SPECS, SHAPE, CLASSES)
    pointers = [{p.data_ptr() for p in student.parameters()} for student in module.students]
    assert not pointers[0] & pointers[1]
    x = torch.rand(5, *SHAPE)
    logits, features, _ = module.eval().both(x)
    assert [one.shape for one in features] == [(5, 3), (5, 3)] and all((one >= 0).all() for one in features)
    torch.testing.assert_close(module.head(torch.cat([s(x) for s in module.students], 1)), logits)


def test_what_cannot_be_trained_is_refused_in_one_line(tmp_path):
    with pytest.raises(BadInput, match="64 images are fewer than a batch of 100"):
        run(tmp_path, name="large", batch=100)
    with pytest.raises(BadInput, match="give a lower --rate"):
        run(tmp_path, name="wild", rate=1e30)
    run(tmp_path)
    with pytest.raises(BadInput, match="is the state of another run"):
        run(tmp_path, rate=0.01)
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:1000])
    with pytest.raises(BadInput, match="not a readable state"):
        run(tmp_path)
