"""The parts file: which of a teacher's channels each student learns, and how that was found."""

from __future__ import annotations

import contextlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nonn_mcu.errors import BadInput
from nonn_mcu.manifest import Sha256
from nonn_mcu.nonn.partition.activation_graph import Affinity

if TYPE_CHECKING:
    from nonn_mcu.nonn.teacher import Teacher

MAX_STUDENTS = 16
MAX_CHANNELS = 1 << 16
_MAX_FILE = 4 << 20

Count = Annotated[int, Field(ge=0)]
Channel = Annotated[int, Field(ge=0, lt=MAX_CHANNELS)]
Text = Annotated[str, Field(max_length=1000)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TeacherInfo(_Part):
    """The teacher: the digest of its weights, and the layer with ``channels`` that was partitioned."""

    name: Text
    sha256: Sha256
    layer: Text
    channels: int = Field(ge=1, le=MAX_CHANNELS)


class DataInfo(_Part):
    """The images that the graph was made of: a validation part."""

    source: Text
    sha256: Sha256
    images: int = Field(ge=1)


class Parameters(_Part):
    """The options of the partition."""

    top: int = Field(ge=2)
    percentile: float = Field(ge=0, le=100)
    affinity: Affinity
    gamma: float = Field(gt=0)
    seed: Count


class Statistics(_Part):
    """What was found on the way.

    ``edges`` remained above the percentile and ``isolated`` channels have none; ``communities`` are
    Louvain's sizes. The modularities are at resolution gamma: of the communities and of the groups on the
    graph of those edges, and of the groups on the whole graph, which is what the swaps raise.
    ``activity`` is each group's share of the activation of all channels, in 0..1.
    """

    edges: Count
    isolated: Count
    communities: tuple[Count, ...]
    communities_modularity: float
    groups_modularity: float
    groups_modularity_whole: float
    activity: tuple[float, ...]


class Group(_Part):
    """One student's channels, ascending; ``budget`` is its device's memory in bytes, None if not given."""

    channels: tuple[Channel, ...] = Field(min_length=1)
    budget: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if any(one >= other for one, other in zip(self.channels, self.channels[1:], strict=False)):
            raise ValueError("channels must ascend, each once")
        return self


class Parts(_Part):
    """The whole file. Every channel of the teacher's layer is in exactly one of 2 to 16 groups."""

    format: Literal["nonn-mcu-parts"] = "nonn-mcu-parts"
    version: Literal[1] = 1
    teacher: TeacherInfo
    data: DataInfo
    parameters: Parameters
    statistics: Statistics
    groups: tuple[Group, ...] = Field(min_length=2, max_length=MAX_STUDENTS)

    @model_validator(mode="after")
    def _groups_divide_the_channels(self) -> Self:
        seen: dict[int, int] = {}
        for number, group in enumerate(self.groups):
            for channel in group.channels:
                if channel in seen:
                    raise ValueError(f"channel {channel} is in groups {seen[channel]} and {number}")
                seen[channel] = number
        if strange := sorted(seen.keys() - range(self.teacher.channels)):
            raise ValueError(f"channel {strange[0]} is not one of the teacher's {self.teacher.channels}")
        if missing := sorted(set(range(self.teacher.channels)) - seen.keys()):
            more = f" and {len(missing) - 1} more are" if len(missing) > 1 else " is"
            raise ValueError(f"channel {missing[0]}{more} in no group")
        return self


def read(path: Path) -> Parts:
    """Read a parts file. Raises :class:`BadInput` naming the first thing that is wrong in it."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE + 1)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; make it with: nonn-mcu partition") from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    if len(data) > _MAX_FILE:
        raise BadInput(f"{path}: is too large for a parts file; make it with: nonn-mcu partition")
    try:
        return Parts.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part)[:80] for part in first["loc"]) or "the file"
        what = first["msg"].removeprefix("Value error, ")
        raise BadInput(f"{path}: {where}: {what}; run nonn-mcu partition again") from None


def write(path: Path, parts: Parts) -> None:
    """Write the file, whole or not at all; the same parts give the same bytes. Raises :class:`BadInput`."""
    text = json.dumps(parts.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=True)
    # a list of numbers is a line; a string in JSON holds no line break, so none is touched
    text = re.sub(r"\[\n[-+.,e\d\s]+\]", lambda numbers: f"[{' '.join(numbers[0][1:-1].split())}]", text)
    write_whole(path, f"{text}\n".encode("ascii"))


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` and rename it there. Raises :class:`BadInput`."""
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging.write_bytes(data)
        os.replace(staging, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            staging.unlink()
        raise BadInput(f"{path}: cannot be written ({error.strerror or error})") from None


def require_teacher(parts: Parts, teacher: Teacher) -> None:
    """Raise :class:`BadInput` unless the parts are of a teacher with these weights, and of its map.

    The channels are compared where ``teacher`` observes the same layer.
    """
    theirs = parts.teacher
    if theirs.sha256 != teacher.sha256:
        raise BadInput(
            f"the parts are of another teacher, {theirs.name} ({theirs.sha256[:12]}), not of {teacher.name} "
            f"({teacher.sha256[:12]}); give that teacher, or run nonn-mcu partition for this one"
        )
    if theirs.layer == teacher.layer and theirs.channels != teacher.channels:
        raise BadInput(
            f"the parts are of {theirs.channels} channels, and {teacher.layer} of {teacher.name} has "
            f"{teacher.channels}; run nonn-mcu partition again"
        )
