"""Exports: a bundle as a folder that an ecosystem's own tool accepts, one file per ecosystem."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import BadInput
from nonn_mcu.exports import arduino, cmake, esp_idf, folder, pico_sdk, platformio, stm32cube, zephyr
from nonn_mcu.exports.project import Export, project

_MODULES = (cmake, pico_sdk, esp_idf, arduino, zephyr, platformio, stm32cube)
EXPORTS: dict[str, Export] = {module.EXPORT.name: module.EXPORT for module in _MODULES}


@dataclass(frozen=True)
class Exported:
    """What was written: ``files`` are paths below ``folder``, sorted; ``about`` is what the stamp says."""

    folder: Path
    about: dict[str, str]
    files: tuple[str, ...]


def get(name: str) -> Export:
    """Find an export by its name. Raises :class:`BadInput`."""
    try:
        return EXPORTS[name]
    except KeyError:
        raise BadInput(f"no export {name!r}; the exports are: {', '.join(EXPORTS)}") from None


def write(
    bundle: Bundle, export: Export, out: Path | None = None, *, runtime: str = "native", force: bool = False
) -> Exported:
    """Export a bundle to the folder ``out``, which is ``<bundle>-<export>`` beside the bundle unless given.

    The same bundle gives the same bytes. Raises :class:`BadInput` for a runtime that the ecosystem or the
    bundle does not offer, and as :func:`nonn_mcu.exports.folder.write` does.
    """
    if runtime not in export.runtimes:
        raise BadInput(f"{export.name} has no runtime {runtime!r}; it has: {', '.join(export.runtimes)}")
    if out is None:
        path = bundle.path.resolve()
        out = path.with_name(f"{path.name}-{export.name}")
    made = export.files(project(bundle, runtime, links_tflm=export.links_tflm))
    about = {
        "export": export.name,
        "name": bundle.manifest.name,
        "runtime": runtime,
        "model_sha256": bundle.manifest.model_sha256,
    }
    folder.write(out.absolute(), about, made, force=force)
    return Exported(out, about, tuple(sorted(made)))
