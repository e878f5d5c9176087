"""A real device on a real pseudo-terminal, and the command line as a user runs it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from support.command import COMMAND, ENVIRONMENT, Result, finish


@pytest.fixture
def start(tmp_path):
    """Start a command in an empty folder; ends with the test."""
    running = []

    def start(*arguments, env=None, command=COMMAND, **options):
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT | (env or {}),
            **({"cwd": tmp_path} | options),
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def cli(start):
    """Run a command to its end."""
    return lambda *arguments, seconds=60, **options: finish(start(*arguments, **options), seconds)


@pytest.fixture
def inside(capsys, monkeypatch):
    """Run a command in this process, which is faster."""

    def inside(*arguments):
        from nonn_mcu.cli import main

        code = main([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    for name in ("NONN_MCU_PORT", "NONN_MCU_BAUD", "NONN_MCU_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return inside


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with the bundles ``pocket`` and ``other``, which holds another model."""
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.bundles import make_bundle

    folder = tmp_path_factory.mktemp("bundles")
    make_bundle(folder / "build" / "pocket")
    make_bundle(folder / "others" / "other", seed=2)
    return folder


@pytest.fixture(scope="session")
def firmware(made):
    """The host firmware of ``pocket``, under the sanitizers."""
    if shutil.which("cmake") is None:
        pytest.skip("building firmware needs cmake")
    from nonn_mcu import boards
    from nonn_mcu.boards.build import build

    return build(made / "build" / "pocket", boards.get("host"), sanitize=True, out=made / "firmware").path


@pytest.fixture
def power_on(firmware):
    """Start a device, as often as wanted; each is a ``Running`` with ``port`` and ``pid``."""
    from nonn_mcu import boards
    from nonn_mcu.boards.start import start

    running = []

    def power_on(program: Path = firmware):
        running.append(start(boards.get("host"), program))
        return running[-1]

    yield power_on
    for device in running:
        device.stop()


@pytest.fixture
def device(power_on):
    """One device that holds ``pocket``."""
    return power_on()


@pytest.fixture
def pocket(made):
    """The bundle that the device holds."""
    return made / "build" / "pocket"


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """Make a network of two pockets with its head on the host, or on the device of student 1; once each."""
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.networks import make_network

    folder = tmp_path_factory.mktemp("networks")
    made = {}

    def network(head: str = "host"):
        if head not in made:
            made[head] = make_network(folder / head.replace(":", ""), head=head)
        return made[head]

    return network


@pytest.fixture
def crew():
    """Start a board for each of some bundles; gives them in that order."""
    from support.boards import need

    from nonn_mcu.boards.start import build_and_start

    running = []

    def crew(bundles, board="host"):
        started = [build_and_start(bundle.path, need(board)) for bundle in bundles]
        running.extend(started)
        return started

    yield crew
    for one in running:
        one.stop()
