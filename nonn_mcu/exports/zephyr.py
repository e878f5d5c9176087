"""Zephyr: a module with the model and the device, and an application that serves over a UART."""

from __future__ import annotations

from nonn_mcu.bundle import RUNTIMES
from nonn_mcu.exports.project import Export, Project, port, render

# What is made from a template: path in the folder -> template.
_RENDERED = {
    "README.md": "README.md.j2",
    "zephyr/module.yml": "module.yml.j2",
    "zephyr/Kconfig": "Kconfig.j2",
    "zephyr/CMakeLists.txt": "CMakeLists.txt.j2",
    "app/CMakeLists.txt": "app_CMakeLists.txt.j2",
    "app/prj.conf": "prj.conf.j2",
    "app/sample.yaml": "sample.yaml.j2",
}


def _files(project: Project) -> dict[str, bytes]:
    sources = [path for path in project.sources if path.endswith((".c", ".cc"))]
    files = {
        path: render(f"zephyr/{template}", project=project, sources=sources)
        for path, template in _RENDERED.items()
    }
    ports = port("zephyr")
    files["app/src/main.c"] = ports.pop("main.c")
    return files | {f"src/{path}": data for path, data in (project.sources | ports).items()}


EXPORT = Export(
    name="zephyr",
    summary="a module and an application for Zephyr",
    runtimes=RUNTIMES,
    files=_files,
)
