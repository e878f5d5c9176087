"""ESP-IDF: a project for the chips of the ESP32 family, over their own USB port or a UART."""

from __future__ import annotations

from nonn_mcu import __version__
from nonn_mcu.bundle import RUNTIMES
from nonn_mcu.exports.project import Export, Project, port, render

# What is made from a template: path in the folder -> template.
_RENDERED = {
    "CMakeLists.txt": "CMakeLists.txt.j2",
    "README.md": "README.md.j2",
    "main/CMakeLists.txt": "main_CMakeLists.txt.j2",
    "main/Kconfig.projbuild": "Kconfig.projbuild.j2",
    "main/idf_component.yml": "idf_component.yml.j2",
    "sdkconfig.defaults": "sdkconfig.defaults.j2",
}
# The chips whose usual clock is not their fastest.
_FASTEST = b"CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ_240=y\n"
_SLOW_BY_DEFAULT = ("esp32", "esp32s2", "esp32s3")
# Several times what an Arm core uses: frames are larger on Xtensa, and interrupts of the system come on top.
_STACK_BYTES = {"native": 8192, "tflm": 16384}


def _files(project: Project) -> dict[str, bytes]:
    component = project.sources | {f"port/{path}": data for path, data in port("esp_idf").items()}
    # Which line is built is for menuconfig to say.
    sources = sorted(
        path for path in component if path.endswith((".c", ".cc")) and not path.startswith("port/line_")
    )
    values = {"project": project, "sources": sources, "version": __version__}
    files = {
        path: render(f"esp-idf/{template}", stack=_STACK_BYTES[project.runtime], **values)
        for path, template in _RENDERED.items()
    }
    files |= {f"sdkconfig.defaults.{target}": _FASTEST for target in _SLOW_BY_DEFAULT}
    return files | {f"main/{path}": data for path, data in component.items()}


EXPORT = Export(
    name="esp-idf",
    summary="a project for ESP-IDF: the ESP32 family, over USB Serial/JTAG or UART",
    runtimes=RUNTIMES,
    files=_files,
)
