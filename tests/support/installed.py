"""What a wheel asks for, as distributions that are installed here."""

from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement


def base_install(wheel: Path) -> list[metadata.Distribution]:
    """Find the distributions that pip installs with a wheel, without any extra."""
    (described,) = metadata.distributions(path=[str(wheel)])
    found: dict[str, metadata.Distribution] = {}
    _add(described.requires or (), found)
    return list(found.values())


def _add(requirements: Iterable[str], found: dict[str, metadata.Distribution]) -> None:
    for text in requirements:
        requirement = Requirement(text)
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name not in found:
            found[requirement.name] = metadata.distribution(requirement.name)
            _add(found[requirement.name].requires or (), found)
