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


FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
PUSHED = re.compile(r"\t(?:v?push|v?stmdb)(?:\.w)?\t(?:sp!, )?\{([^}]+)\}|\tsub(?:\.w)?\tsp, (?:sp, )?#(\d+)")


def pushed_by_assembly(archive):
    """Bytes that each function pushes, all its instructions together: what the compiler does not count."""
    command = ["arm-none-eabi-objdump", "-d", "-m", "armv8.1-m.main", archive]
    found, function = {}, ""
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        if match := FUNCTION.match(line):
            function = match[1]
        elif match := PUSHED.search(line):
            found[function] = found.get(function, 0) + (int(match[2]) if match[2] else registers(match[1]))
    return found


def registers(listed):
    """Bytes of a list of registers: "r4-r7, lr", "d8-d15"."""
    total = 0
    for part in listed.split(","):
        first, _, last = part.strip().replace("sl", "r10").replace("fp", "r11").partition("-")
        count = int(last[1:]) - int(first[1:]) + 1 if last else 1
        total += count * (8 if first.startswith("d") else 4)
    return total


class CallGraph:
    """Functions of one build by name; the model is replaced by an `invoke` that calls any kernel."""

    def __init__(self, folder):
        self.bytes = {"invoke": INVOKE_BYTES}
        self.calls = {}
        kernels, inside = set(), set()
        for file in folder.rglob("*.ci"):
            if "nonn_model.dir" in file.parts:
                continue
            text = file.read_text(encoding="utf-8")
            for title, size, kind in NODE.findall(text):
                assert kind == "static", f"{title}: {kind} stack"
                self.bytes[title] = int(size)
                if "nonn_kernels.dir" in file.parts:
                    inside.add(title)
                    kernels |= {title} if title.startswith("nonn_") else set()
            for source, target in EDGE.findall(text):
                self.calls.setdefault(source, set()).add(target)
        assert len(kernels) > 10
        self.calls["invoke"] = kernels
        pushed = pushed_by_assembly(folder / "libnonn_kernels.a")
        self.assembly = {
            title for title in inside if self.bytes[title] < pushed.get(title.rpartition(":")[2], 0)
        }
        self.bytes |= {title: pushed[title.rpartition(":")[2]] for title in self.assembly}
        self.inside = inside

    def indirect(self, source):
        """What the pointers of nonn_port, nonn_model, kernels and the dispatcher's table lead to."""
        if source in self.inside:  # one of the loops that the kernel has, and these are assembly
            return self.assembly
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
