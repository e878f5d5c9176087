"""A teacher of the digits that is trained in a moment, and metadata of it."""

import subprocess

import pytest
from support.command import COMMAND, ENVIRONMENT, finish

ARCH = {"classes": 10, "blocks": 2, "kernel_h": 3, "kernel_w": 3, "stride": 1, "height": 8, "columns": 8}
K = 10
_STEPS = 200


@pytest.fixture(scope="session")
def dream_folder(tmp_path_factory):
    """A folder with ``teacher.pt``; it is right on more than nine of ten test images."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    from nonn_mcu import calib, students
    from nonn_mcu.students import zoo

    spec = students.input_spec((1, 8, 8), "CHW", mean=(0.3,), std=(0.38,), labels=tuple("0123456789"))
    folder = tmp_path_factory.mktemp("dream")
    torch.manual_seed(0)
    module = zoo.build("ds-cnn-24", **ARCH).train()
    samples = calib.load("digits", spec)
    x, labels = torch.from_numpy(samples.x), torch.from_numpy(samples.labels)
    optimiser = torch.optim.AdamW(module.parameters())
    # the rate ends at zero, so that the batch norms' statistics are of the final weights
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-2, total_steps=_STEPS)
    for step in range(_STEPS):
        some = slice(64 * step % 1344, 64 * step % 1344 + 64)
        loss = torch.nn.functional.cross_entropy(module(x[some]), labels[some])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    students.save(folder / "teacher.pt", module.eval(), "ds-cnn-24", spec, arch_args=ARCH)
    return folder


@pytest.fixture(scope="session")
def taught(dream_folder):
    """The teacher, loaded."""
    from nonn_mcu import students
    from nonn_mcu.nonn import teacher as teachers

    return teachers.of(students.load(dream_folder / "teacher.pt"))


@pytest.fixture(scope="session")
def digits(taught):
    """All images that train it, labelled."""
    from nonn_mcu import calib

    return calib.load("digits", taught.input)


@pytest.fixture(scope="session")
def summary(taught, digits):
    """Metadata of all of them."""
    from nonn_mcu.dream import metadata

    names = tuple("0123456789")
    return metadata.make(taught, digits, names, clusters=10, k=K, augment="none", seed=0)


@pytest.fixture(scope="session")
def meta_file(dream_folder, summary):
    """The same as a file, ``meta.npz`` in the folder."""
    from nonn_mcu.dream import metadata

    metadata.write(dream_folder / "meta.npz", summary)
    return dream_folder / "meta.npz"


@pytest.fixture
def begin(dream_folder):
    """Start ``nonn-mcu dream`` in the folder."""
    running = []

    def begin(*arguments):
        process = subprocess.Popen(
            [*COMMAND, "dream", *map(str, arguments)],
            cwd=dream_folder,
            env=ENVIRONMENT | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def dream(begin):
    """Run ``nonn-mcu dream`` in the folder to its end."""
    return lambda *arguments: finish(begin(*arguments), 120)
