from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from support.small_net import SmallNet  # noqa: E402 - after the skip


@pytest.fixture
def net():
    torch.manual_seed(1)
    net = SmallNet()
    net.bn.running_mean.uniform_(-1, 1)
    return net.eval()


@pytest.fixture
def image():
    return torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))


class Canary:
    """Unpickling it creates the file ``canary-has-fired`` in the working directory."""

    def __reduce__(self):
        return (open, ("canary-has-fired", "w"))

    @staticmethod
    def fired() -> bool:
        return Path("canary-has-fired").exists()


@pytest.fixture
def canary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Canary()
