"""Fixtures that every room's tests share."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What a script starts in its background ignores SIGINT, what nohup starts SIGHUP, and so would the commands
# that the tests end by them.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Find the external test data (`NONN_MCU_DATA`, else ../shared/data); skips where there is none."""
    folder = Path(os.environ.get("NONN_MCU_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set NONN_MCU_DATA)")
    return folder


@pytest.fixture(scope="session")
def tflm_root() -> Path:
    """Find the user's tree of TensorFlow Lite Micro with its libraries (`TFLM_ROOT`); skips without one."""
    root = os.environ.get("TFLM_ROOT")
    if not root:
        pytest.skip(
            "TFLM_ROOT is not set: no tree of TensorFlow Lite Micro with its libraries (docs/tflm.md)"
        )
    return Path(root)


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest):
    """Give a model's bundle by its name, converted once by the command line for all worker processes."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder = shared / "converted"
    folder.mkdir(exist_ok=True)

    def convert(name: str) -> Path:
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / name).exists():
                _convert(name, folder, request)
        return folder / name

    return convert


def _convert(name: str, folder: Path, request: pytest.FixtureRequest) -> None:
    if name == "digits":
        source = [str(folder / "digits.pt")]
        _run(sys.executable, str(ROOT / "examples" / "digits" / "train.py"), *source)
    elif name == "nonn":
        source = [str(folder / "nonn.pt")]
        _run(sys.executable, str(ROOT / "tests" / "support" / "nonn.py"), *source)
    else:
        data = request.getfixturevalue("data_dir")
        source = [str(data / "mlperf-tiny" / f"{name}_int8.tflite")]
        if name.startswith("resnet56"):
            source = [str(data / "resnet56" / "resnet56-4bfd9763.th"), "--arch", "resnet56", "--force"]
            source += ["--calib", f"cifar10:{data / 'cifar-10-batches-bin'}"]
        if name == "resnet56":  # refining takes minutes, and a device runs the same code either way
            source += ["--quantise", "stock"]
    _run(str(Path(sys.executable).parent / "nonn-mcu"), "convert", *source, "-o", str(folder / name))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout.decode()}\n{done.stderr.decode()}"


@pytest.fixture(scope="module")
def one_thread():
    """Let torch use one thread: threads that wait by spinning take the cores from the tests beside these."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
