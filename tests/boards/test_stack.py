"""The stack is bounded: by the compiler's own call graph, over every kernel, whatever the model."""

import re
import subprocess

import pytest
from support.boards import STUB, need

from nonn_mcu.boards.build import ROOT
from nonn_mcu.boards.elf import measure

NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \(([^)]+)\)"', re.MULTILINE)
EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"', re.MULTILINE)
INDIRECT = "__indirect_call"
LIBRARY_BYTES = 64  # memcpy, memset and the compiler's helpers save a few registers
INVOKE_BYTES = 64  # of generated code, which does nothing but call kernels
EXCEPTION_BYTES = 32 + 72 + 16  # what SysTick pushes, with the registers of the FPU, and its handler

PORT = {"cortex_m_uart_read", "cortex_m_uart_write", "cortex_m_ticks", "cortex_m_stack_high_water"}
MODEL = {"invoke"}  # its other functions only return an address
# Who calls through a table of handlers, and which those are.
TABLES = (
    (re.compile(r"nonn_device_poll|.*/device\.c:.*"), re.compile(r"nonn_answer_\w+")),
    (
        re.compile(r"nonn_mlperf_take|.*/mlperf\.c:.*"),
        re.compile(r"nonn_mlperf_(db|infer|results|timestamp)|.*/mlperf\.c:answer_\w+"),
    ),
)


class CallGraph:
    """Functions of one build by name; the model is replaced by an `invoke` that calls any kernel."""

    def __init__(self, folder):
        self.bytes = {"invoke": INVOKE_BYTES}
        self.calls = {}
        kernels = set()
        for file in folder.rglob("*.ci"):
            if "nonn_model.dir" in file.parts:
                continue
            text = file.read_text(encoding="utf-8")
            for title, size, kind in NODE.findall(text):
                assert kind == "static", f"{title}: {kind} stack"
                self.bytes[title] = int(size)
                if "nonn_kernels.dir" in file.parts and title.startswith("nonn_"):
                    kernels.add(title)
            for source, target in EDGE.findall(text):
                self.calls.setdefault(source, set()).add(target)
        assert len(kernels) > 10
        self.calls["invoke"] = kernels
        assert all(INDIRECT not in self.calls.get(kernel, ()) for kernel in kernels)

    def indirect(self, source):
        """What the pointers of nonn_port, nonn_model and the dispatcher's table lead to."""
        if source.startswith("nonn_frame") or "/link/" in source:
            return {"cortex_m_uart_write"}
        for caller, handler in TABLES:
            if caller.fullmatch(source):
                return PORT | MODEL | {name for name in self.bytes if handler.fullmatch(name)}
        return PORT | MODEL

    def deepest(self, function, above=()):
        """Bytes of the deepest chain of calls from here; fails on recursion."""
        assert function not in above, f"recursion: {' -> '.join([*above, function])}"
        callees = set(self.calls.get(function, ()))
        if INDIRECT in callees:
            callees = callees - {INDIRECT} | self.indirect(function)
        below = [self.deepest(callee, (*above, function)) for callee in callees]
        return self.bytes.get(function, LIBRARY_BYTES) + max(below, default=0)


@pytest.mark.parametrize("level", ["Os", pytest.param("O2", marks=pytest.mark.long), "O3"])
@pytest.mark.parametrize("name", ["mps2-an386", pytest.param("mps3-an547", marks=pytest.mark.long)])
def test_no_model_can_overflow_the_stack(name, level, tmp_path):
    need(name)
    settings = [f"-DNONN_BUNDLE={STUB}", f"-DNONN_BOARD={name}", f"-DNONN_OPTIMIZE={level}"]
    for command in (
        ["cmake", "-S", ROOT, "-B", tmp_path, *settings],
        ["cmake", "--build", tmp_path, "--parallel", "2"],
    ):
        subprocess.run(command, check=True, capture_output=True)
    graph = CallGraph(tmp_path)
    assert {"nonn_reset", "main", "nonn_device_run", *PORT} <= graph.bytes.keys()
    handlers = [sum(bool(handler.fullmatch(name)) for name in graph.bytes) for _, handler in TABLES]
    assert handlers == [6, 7]
    needed = graph.deepest("nonn_reset") + EXCEPTION_BYTES
    reserved = measure(tmp_path / "firmware.elf").stack
    assert 300 < needed <= reserved // 2, f"{needed} of {reserved} bytes"
