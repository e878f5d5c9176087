"""Arduino: a library with the model and the device, and a sketch that serves over any Stream.

Native only: the libraries that bring TensorFlow Lite Micro to Arduino are of 2024 or older, from before
FULLY_CONNECTED had a scale per output channel.
"""

from __future__ import annotations

from nonn_mcu import __version__
from nonn_mcu.exports.project import Export, Project, port, render


def library_name(project: Project) -> str:
    """Name the library, and the header that stands for it."""
    return f"nonn_{project.name}"


def library_sources(project: Project) -> dict[str, bytes]:
    """Give what lies in the library's ``src/``, which is the only include path there is."""
    library = library_name(project)
    umbrella = render("arduino/umbrella.h.j2", project=project, library=library)
    files = project.sources | port("arduino") | {f"{library}.h": umbrella}
    return {f"src/{path}": data for path, data in files.items()}


def _files(project: Project) -> dict[str, bytes]:
    values = {"project": project, "library": library_name(project), "version": __version__}
    return library_sources(project) | {
        "library.properties": render("arduino/library.properties.j2", **values),
        "examples/Verify/Verify.ino": render("arduino/Verify.ino.j2", **values),
        "README.md": render("arduino/README.md.j2", **values),
    }


EXPORT = Export(
    name="arduino",
    summary="a library for Arduino, with a sketch that serves over USB or a UART",
    runtimes=("native",),
    files=_files,
)
