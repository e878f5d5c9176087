"""On a terminal: progress, colours where they are wanted, names that are no text."""

import os
import pty
import subprocess

import pytest
from support.bridge import bridge, slow
from support.command import COMMAND, ENVIRONMENT


def on_a_terminal(*arguments, env=None, cwd=None):
    """Run with stdout and stderr on a terminal of 80 columns; exit code and all that was shown."""
    master, slave = pty.openpty()
    environment = {key: value for key, value in ENVIRONMENT.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        env=environment | {"TERM": "xterm-256color"} | (env or {}),
        cwd=cwd,
    )
    os.close(slave)
    shown = b""
    try:
        while chunk := os.read(master, 4096):
            shown += chunk
    except OSError:  # what Linux says at the end of a terminal
        pass
    os.close(master)
    return process.wait(), shown.decode()


def test_progress_says_how_fast_and_how_long(device, pocket):
    with bridge(device.port, to_host=slow(0.01)) as line:
        code, shown = on_a_terminal("verify", pocket, "--port", line.url)
    assert code == 0
    assert "runs/s" in shown and "/40" in shown and "0:00:0" in shown
    assert "\x1b[1;32mPASS" in shown


def test_no_color(device, pocket):
    code, shown = on_a_terminal("verify", pocket, "--port", device.port, env={"NO_COLOR": "1"})
    assert code == 0 and "PASS" in shown
    assert "\x1b[32m" not in shown and "\x1b[1;32m" not in shown


@pytest.fixture
def named(pocket, tmp_path):
    """Give the bundle a name, in bytes."""

    def named(name):
        path = os.path.join(os.fsencode(tmp_path), name)
        os.symlink(pocket, path)
        return os.fsdecode(path)

    return named


@pytest.mark.parametrize("name", [b"\xff\xfe", "модель".encode(), b"a b 'c' \"d\"", b"[red]x", b":bug:"])
@pytest.mark.parametrize("env", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_any_name_of_a_bundle(cli, device, named, name, env):
    path = named(name)
    result = cli("verify", path, "--port", device.port, "--vectors", 1, env=env)
    assert (result.code, result.err) == (0, ""), result
    assert (name.decode() if name.isascii() else "bundle") in result.out
    result = cli("verify", path, "--port", device.port, "--vectors", 1, "--json", env=env)
    assert result.code == 0
    assert env or result.json["devices"][0]["bundle"] == path


def test_a_path_is_not_folded_when_piped(cli, tmp_path):
    path = tmp_path / ("a-very-long-name-" * 12)
    result = cli("verify", path, "--port", "a", env={"COLUMNS": "20"})
    assert result.code == 2 and str(path) in result.err and result.err.count("\n") == 1
