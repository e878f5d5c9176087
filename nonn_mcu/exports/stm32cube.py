"""STM32Cube: a folder for Middlewares/Third_Party, in projects for STM32CubeIDE and for CMake alike."""

from __future__ import annotations

from nonn_mcu.bundle import RUNTIMES
from nonn_mcu.exports.project import FIRMWARE, Export, Project, port, render


def _files(project: Project) -> dict[str, bytes]:
    files = {_place(path): data for path, data in (project.sources | port("stm32cube")).items()}
    if project.runtime == "tflm":
        files["FindTFLM.cmake"] = (FIRMWARE / "tflm" / "FindTFLM.cmake").read_bytes()
    compiled = [path for path in files if path.endswith((".c", ".cc"))]
    values = {"project": project, "compiled": sorted(compiled)}
    files["CMakeLists.txt"] = render("stm32cube/CMakeLists.txt.j2", **values)
    files["README.md"] = render("stm32cube/README.md.j2", **values)
    return files


def _place(path: str) -> str:
    """Only Inc/ need be on an include path; private headers lie beside their sources."""
    public = path.startswith("nonn/") or path == "nonn_stm32.h"
    return f"Inc/{path}" if public else f"Src/{path}"


EXPORT = Export(
    name="stm32cube",
    summary="a drop-in folder for projects of STM32CubeMX and STM32CubeIDE",
    runtimes=RUNTIMES,
    files=_files,
    links_tflm=True,
)
