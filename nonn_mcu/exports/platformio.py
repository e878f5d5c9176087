"""PlatformIO: the sources of the Arduino library, with a manifest and an example of its own.

Native only, as for Arduino.
"""

from __future__ import annotations

from nonn_mcu import __version__
from nonn_mcu.exports.arduino import library_name, library_sources
from nonn_mcu.exports.project import Export, Project, render

_RENDERED = {
    "library.json": "library.json.j2",
    "examples/Verify/platformio.ini": "platformio.ini.j2",
    "examples/Verify/src/main.cpp": "main.cpp.j2",
    "README.md": "README.md.j2",
}


def _files(project: Project) -> dict[str, bytes]:
    values = {"project": project, "library": library_name(project), "version": __version__}
    rendered = {path: render(f"platformio/{template}", **values) for path, template in _RENDERED.items()}
    return library_sources(project) | rendered


EXPORT = Export(
    name="platformio",
    summary="a library for PlatformIO, with a project that serves over USB or a UART",
    runtimes=("native",),
    files=_files,
)
