"""The command line as a process, and what is asked of its results."""

import contextlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """What is on stdout, which must be one JSON object without NaN or infinity."""

        def refuse(text):
            raise AssertionError(f"{text} is no JSON")

        return json.loads(self.out, parse_constant=refuse)


ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("NONN_MCU_") or k == "NONN_MCU_DATA"}
ENVIRONMENT |= {"NO_COLOR": "1", "COLUMNS": "80"}
COMMAND = (sys.executable, "-m", "nonn_mcu.cli")
TOKEN = b"0123456789abcdef"  # of a server that demands one


def finish(process, seconds=60) -> Result:
    """Wait for a started command."""
    out, err = process.communicate(timeout=seconds)
    result = Result(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in result.err, result.err
    return result


def wait_until(condition, seconds=30, interval=0.01):
    """Wait for what another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(interval)


def open_files(process):
    """Paths of what a started command, which must still run, has open."""
    assert process.poll() is None, finish(process)
    files = []
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            files.append(os.path.realpath(link))
    return files


BOTH = pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])


def check_pass(result, vectors=20):
    assert (result.code, result.err) == (0, ""), result
    assert result.json["status"] == "match" and result.json["error"] is None
    (found,) = result.json["devices"]
    assert found["conformance"]["vectors"] == vectors
    assert found["conformance"]["mismatching_values"] == 0
    return found


def check_error(result, code, kind, words):
    """The same failure, said as JSON or as one line."""
    assert result.code == code, result
    if result.out:
        assert result.json["exit_code"] == code
        assert result.json["error"]["type"] == kind
        message = result.json["error"]["message"]
    else:
        message = result.err
        assert message.startswith("error: ") and message.count("\n") == 1, message
    assert words in message, message
