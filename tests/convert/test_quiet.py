"""What tools print ends in the log, without anything that differs from run to run."""

import ctypes
import os
import sys
import warnings

import pytest

from nonn_mcu.convert.quiet import ToolError, call, scrub

SCRUBBED = {
    # name: raw, scrubbed
    "plain text stays": ("CONV_2D 3x3, 16 channels\n", "CONV_2D 3x3, 16 channels\n"),
    "colours": ("\x1b[31mERROR:\x1b[0m no\n", "ERROR: no\n"),
    "a progress bar": ("10%\r50%\r100%\nend\n", "100%\nend\n"),
    "DOS line ends": ("one\r\ntwo\r\n", "one\r\ntwo\r\n"),
    "absl, information": (
        "I0000 00:00:1795340621.089367    8134 port.cc:153] oneDNN custom operations are on.\nnext\n",
        "next\n",
    ),
    "absl, warning": ("W1122 09:52:56.002000 12710 torch/onnx/x.py:107] skipping\nnext\n", "next\n"),
    "absl, error": ("E1122 09:52:56.002000 12710 x.cc:1] broken\n", "E x.cc:1] broken\n"),
    "TensorFlow, information": (
        "2026-11-22 09:43:40.556696: I tensorflow/core/x.cc:1] cpu\nnext\n",
        "next\n",
    ),
    "a date and time": ("done at 2026-11-22 09:43:40\n", "done at <time>\n"),
    "an ISO time": ("2026-11-22T09:43:40.5Z start\n", "<time> start\n"),
    "durations": ("took 1.25 s, 3ms and 12 seconds\n", "took <duration>, <duration> and <duration>\n"),
    "a process number": ("pid 4711, thread=12\n", "pid <n>, thread=<n>\n"),
    "an address": ("<object at 0x7f2a4c0d1e80>\n", "<object at <address>>\n"),
    "a temporary path": ("saved /tmp/nonn-mcu-a1b2/saved_model/x\n", "saved <tmp>/saved_model/x\n"),
    "a path of the installation": (
        'File "/home/u/.venv/lib/python3.11/site-packages/onnx2tf/a.py", line 3\n',
        'File "<packages>/onnx2tf/a.py", line 3\n',
    ),
    "a path of Python": (
        'File "/usr/lib/python3.11/copyreg.py", line 3\n',
        'File "<python>/copyreg.py", line 3\n',
    ),
    "blanks at the end": ("text   \n", "text\n"),
}


@pytest.mark.parametrize("name", SCRUBBED)
def test_scrub(name):
    raw, expected = SCRUBBED[name]
    assert scrub(raw, "/tmp/nonn-mcu-a1b2") == expected
    assert scrub(expected, "/tmp/nonn-mcu-a1b2") == expected, "scrubbing twice is scrubbing once"


def test_everything_a_tool_prints_is_taken(capfd):
    def noisy():
        sys.stdout.write("from Python\n")
        sys.stderr.write("from Python, stderr\n")
        os.write(1, b"from a descriptor\n")
        ctypes.CDLL(None).puts(b"from C")
        warnings.warn("from a warning", stacklevel=1)
        return 42

    value, log = call(noisy)
    sys.stdout.write("after\n")
    assert value == 42
    assert {"from Python", "from Python, stderr", "from a descriptor", "from C"} <= set(log.splitlines())
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("after\n", "")


def raise_value_error():
    sys.stdout.write("before it broke\n")
    raise ValueError("no such layer")


@pytest.mark.parametrize(
    ("function", "message"), [(raise_value_error, "no such layer"), (lambda: sys.exit(1), "it gave up")]
)
def test_giving_up_becomes_an_exception(function, message, capfd):
    with pytest.raises(ToolError, match=message) as caught:
        call(function)
    assert "before it broke" in caught.value.log or function is not raise_value_error
    os.write(1, b"descriptors are back\n")
    assert capfd.readouterr().out == "descriptors are back\n"


def test_the_process_is_left_as_it_was():
    before = sys.getrecursionlimit(), dict(os.environ), list(warnings.filters)

    def spoil():
        sys.setrecursionlimit(5_000)
        os.environ["TF_SOMETHING"] = "1"
        warnings.simplefilter("error")

    call(spoil)
    assert (sys.getrecursionlimit(), dict(os.environ), list(warnings.filters)) == before


def test_an_interrupt_passes():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(interrupted)
