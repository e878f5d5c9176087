"""Plain CMake: the project's own CMakeLists.txt and firmware/ with the model inside, and nothing else."""

from __future__ import annotations

from nonn_mcu.boards.runtime import KERNELS
from nonn_mcu.bundle import RUNTIMES
from nonn_mcu.exports.project import FIRMWARE, ROOT, Export, Project, port, render

# Where a room of Project.sources lies in a checkout; the model's files lie where a bundle has them.
_PLACES = {"nonn": "firmware/include/nonn"}
_SHARED = "cortex_m"  # of the ports, what Cortex-M boards share; no board itself


def _files(project: Project) -> dict[str, bytes]:
    ports = sorted(folder.parent.name for folder in (FIRMWARE / "ports").glob("*/board.cmake"))
    boards = [f"`{name}`" for name in ports if name != _SHARED]
    files = {
        "CMakeLists.txt": (ROOT / "CMakeLists.txt").read_bytes(),
        "README.md": render("cmake/README.md.j2", project=project, boards=", ".join(boards)),
    }
    for path, data in project.sources.items():
        room, _, name = path.partition("/")
        place = f"bundle/{project.runtime}" if room == "model" else _PLACES.get(room, f"firmware/{room}")
        files[f"{place}/{name}"] = data
    for folder in ports:
        files |= {f"firmware/ports/{folder}/{name}": data for name, data in port(folder).items()}
    if project.runtime == "tflm":
        finder = "tflm/FindTFLM.cmake"
        files[f"firmware/{finder}"] = (FIRMWARE / finder).read_bytes()
        assert project.manifest.tflm is not None
        known = [one for one in project.manifest.tflm.fitted if one.board in ports and one.kernels in KERNELS]
        files["bundle/tflm/arenas.cmake"] = render("cmake/arenas.cmake.j2", fitted=known)
    return files


EXPORT = Export(
    name="cmake",
    summary="a folder for plain CMake: the host and the emulated Cortex-M boards",
    runtimes=RUNTIMES,
    files=_files,
    links_tflm=True,
)
