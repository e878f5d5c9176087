"""Pico SDK: a CMake project for RP2040 and RP2350 boards that serves over USB."""

from __future__ import annotations

from nonn_mcu import __version__
from nonn_mcu.bundle import RUNTIMES
from nonn_mcu.exports.project import FIRMWARE, Export, Project, port, render


def _files(project: Project) -> dict[str, bytes]:
    files = project.sources | {f"port/{path}": data for path, data in port("pico_sdk").items()}
    made = ["CMakeLists.txt", "pico_sdk_import.cmake", "README.md"]
    if project.runtime == "tflm":
        files["tflm/FindTFLM.cmake"] = (FIRMWARE / "tflm" / "FindTFLM.cmake").read_bytes()
        files["tflm/pico_tflmicro.cmake"] = render("pico-sdk/pico_tflmicro.cmake.j2")
    sources = sorted(path for path in files if path.endswith((".c", ".cc")))
    for path in made:
        files[path] = render(f"pico-sdk/{path}.j2", project=project, sources=sources, version=__version__)
    return files


EXPORT = Export(
    name="pico-sdk",
    summary="a CMake project for the Raspberry Pi Pico SDK: RP2040 and RP2350, over USB",
    runtimes=RUNTIMES,
    files=_files,
    links_tflm=True,
)
