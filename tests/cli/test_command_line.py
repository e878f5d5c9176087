"""What holds for every command: help, versions, errors, pipes."""

import subprocess
import sys

import pytest

from nonn_mcu import __version__
from nonn_mcu.cli import COMMANDS

HEAVY = (
    "torch",
    "tensorflow",
    "onnx",
    "onnx2tf",
    "tflite",
    "tflite_micro",
    "sklearn",
    "PIL",
    "jinja2",
    "numpy",
)


def test_version(cli):
    result = cli("--version")
    assert (result.code, result.out, result.err) == (0, f"nonn-mcu {__version__}\n", "")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_on_a_screen_and_has_an_example(cli, command):
    result = cli(*filter(None, [command]), "--help")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert len(lines) <= 40 and max(len(line) for line in lines) <= 80
    assert f"  nonn-mcu {command or 'convert'} " in result.out.replace(" nonn-mcu", "  nonn-mcu")
    assert "\x1b" not in result.out


def test_help_imports_nothing_heavy():
    code = (
        "import sys, nonn_mcu.cli\n"
        "assert nonn_mcu.cli.main(['--help']) == 0\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_command_is_2_with_the_help(cli):
    result = cli()
    assert result.code == 2 and "Usage" in result.out + result.err


@pytest.mark.parametrize("arguments", [["wat"], ["--wat"], ["wat", "--json"], ["verify", "--wat", "--json"]])
def test_an_unknown_word_is_2(cli, arguments):
    result = cli(*arguments)
    assert result.code == 2
    if "--json" in arguments:
        assert result.json["error"]["type"] == "UsageError" and not result.err
    else:
        assert result.err.startswith("error: ") and result.err.count("\n") == 1
        assert "--help" in result.err and not result.out


RAISE = """
import sys, nonn_mcu.cli, nonn_mcu.link.ports
def boom(): {statement}
nonn_mcu.link.ports.candidates = boom
sys.exit(nonn_mcu.cli.main(sys.argv[1:]))
"""

RAISED = {
    # statement in the middle of a command: exit code, type, message
    "a bug": ("1 / 0", 70, "Bug", "ZeroDivisionError: division by zero; this is a bug"),
    "no memory": ("raise MemoryError", 70, "Bug", "MemoryError"),
    "a file": ("open('/no/such')", 2, "OSError", "/no/such: No such file or directory"),
    "Ctrl-C": ("raise KeyboardInterrupt", 130, "Interrupted", "interrupted"),
    "ours": (
        "from nonn_mcu.errors import OverBudget; raise OverBudget('a [b]\\n\\x1b[31mc')",
        1,
        "OverBudget",
        "a [b]",
    ),
}


@pytest.mark.parametrize("raised", RAISED.values(), ids=RAISED)
@pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])
def test_whatever_is_raised_becomes_one_line(cli, raised, json):
    statement, code, kind, message = raised
    program = (sys.executable, "-c", RAISE.format(statement=statement))
    result = cli("ports", *json, command=program)
    assert result.code == code
    if json:
        assert result.json["error"]["type"] == kind and message in result.json["error"]["message"]
        assert result.json["exit_code"] == code and result.json["command"] == "ports"
        assert result.err == ""
    else:
        assert result.err.startswith(f"error: {message}") and result.err.count("\n") == 1
        assert "\x1b" not in result.err and result.out == ""


def test_the_traceback_is_there_on_request(start):
    program = (sys.executable, "-c", RAISE.format(statement="1 / 0"))
    _, err = start("ports", command=program, env={"NONN_MCU_DEBUG": "1"}).communicate()
    assert b"Traceback" in err and err.splitlines()[-1].startswith(b"error: ZeroDivisionError")


def test_a_reader_that_leaves_is_no_error(start):
    code = (
        "import sys, nonn_mcu.cli, nonn_mcu.verify.locate as locate\n"
        "locate.ask = lambda *a: [locate.Answer('p', 'x' * 999, None, OSError(i)) for i in range(9999)]\n"
        "sys.exit(nonn_mcu.cli.main(['ports']))"
    )
    process = start(command=(sys.executable, "-c", code))
    process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(), err) == (141, b"")
