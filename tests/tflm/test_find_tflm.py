"""What CMake says where TensorFlow Lite Micro is missing, or a part of it: one line, and what to do."""

import re
import subprocess

import pytest
from support.boards import need
from support.host import ROOT

MAKE = "tensorflow/lite/micro/tools/make"
INTERPRETER = "tensorflow/lite/micro/micro_interpreter.h"
LIBRARY = "gen/cortex_m_generic_cortex-m4_default{}_gcc/lib/libtensorflow-microlite.a"
OTHER_CORE = "gen/cortex_m_generic_cortex-m7_default_gcc/lib/libtensorflow-microlite.a"
FLATBUFFERS = f"{MAKE}/downloads/flatbuffers/include/flatbuffers/flatbuffers.h"
GEMMLOWP = f"{MAKE}/downloads/gemmlowp/fixedpoint/fixedpoint.h"
RUY = f"{MAKE}/downloads/ruy/ruy/profiler/instrumentation.h"
WHOLE = (INTERPRETER, LIBRARY.format(""), FLATBUFFERS, GEMMLOWP, RUY)

CASES = {
    "not given": (None, "", "TFLM_ROOT is not set"),
    "no tree": ((), "", "no TensorFlow Lite Micro there"),
    "never built": (
        (INTERPRETER,),
        "",
        "no library for cortex-m4.fp or cortex-m4 with reference kernels; in that folder, run: make",
    ),
    "another core": ((INTERPRETER, OTHER_CORE), "", "no library for cortex-m4.fp or cortex-m4"),
    "other kernels": (
        WHOLE,
        "cmsis_nn",
        "cortex-m4 with cmsis_nn kernels.* OPTIMIZED_KERNEL_DIR=cmsis_nn microlite",
    ),
    "unknown kernels": (WHOLE, "fast", "TFLM_KERNELS=fast: cmsis_nn or reference"),
    "downloads gone": ((*WHOLE[:3], RUY), "", "gemmlowp/fixedpoint/fixedpoint.h is missing; run make"),
    "no model": (WHOLE, "", "no model for the tflm runtime there"),
}


@pytest.mark.parametrize(("files", "kernels", "expected"), CASES.values(), ids=CASES)
def test_what_is_missing_is_named(tmp_path, files, kernels, expected):
    need("mps2-an386")
    tree = tmp_path / "tree é"
    settings = ["-DNONN_BOARD=mps2-an386", f"-DNONN_BUNDLE={tmp_path}", "-DNONN_RUNTIME=tflm"]
    settings += [f"-DTFLM_KERNELS={kernels}"]
    if files is not None:
        settings.append(f"-DTFLM_ROOT={tree}")
        tree.mkdir()
        for name in files:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).touch()
    command = ["cmake", "-S", ROOT, "-B", tmp_path / "out", *settings]
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    said = re.sub(r"\s+", " ", done.stderr)
    if "has no C++ standard library" in said:
        pytest.skip("arm-none-eabi-g++ has no C++ standard library")
    assert done.returncode != 0
    assert re.search(expected, said), done.stderr
