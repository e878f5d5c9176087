"""The network on disk: a folder with one bundle per student, the head's, and what holds them together.

::

    build/nonn/
      network.json             below, and the SHA-256 of every bundle's manifest and of fused.npz
      fused.npz                the fused golden answers (:class:`Fused`)
      student0/ student1/ ...  a bundle each (docs/bundle.md)
      head/                    a bundle too: one int8 FULLY_CONNECTED over all features

Read as hostile, like a bundle, and written whole or not at all.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nonn_mcu import bundle as bundles
from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import BadInput
from nonn_mcu.manifest import Fidelity, Sha256
from nonn_mcu.nonn.parts import MAX_STUDENTS
from nonn_mcu.vectors import read_npz

NETWORK = "network.json"
FUSED = "fused.npz"
HEAD = "head"
HOST = "host"

Int8Value = Annotated[int, Field(ge=-128, le=127)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StudentInfo(_Part):
    """One student: its model's digest, the teacher's channels it learned, the device it was made for.

    ``absent`` stands for its features where its device is missing: their int8 means over the calibration
    samples. ``flash_limit`` and ``ram_limit`` are the device's, in bytes; None: no limit.
    """

    model_sha256: Sha256
    group: tuple[int, ...] = Field(min_length=1)
    absent: tuple[Int8Value, ...] = Field(min_length=1)
    flash_limit: int | None
    ram_limit: int | None

    @model_validator(mode="after")
    def _a_value_per_channel(self) -> StudentInfo:
        if len(self.absent) != len(self.group):
            raise ValueError(f"{len(self.absent)} values stand for {len(self.group)} channels")
        return self


class Accuracy(_Part):
    """Shares of the labelled test images, in 0..1, that are classified right, by how many students answer.

    ``float_network`` is PyTorch's, ``int8`` the oracle's; ``missing[k]`` is the mean of int8 over all choices
    of k students that do not answer (``missing[0]`` is ``int8``), and ``worst[k]`` the worst choice's.
    """

    samples: int
    float_network: float
    int8: float
    missing: tuple[float, ...]
    worst: tuple[float, ...]


class Network(_Part):
    """Everything about a network that a later step needs to know; ``files`` holds SHA-256 digests.

    ``head`` says who holds it: "host", or "device:K", the device of student K.
    """

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")
    students: tuple[StudentInfo, ...] = Field(min_length=2, max_length=MAX_STUDENTS)
    head: str = Field(pattern=r"^(host|device:\d{1,2})$")
    head_sha256: Sha256
    teacher: Sha256
    fidelity: Fidelity
    tolerance: Fidelity
    accuracy: Accuracy | None
    files: dict[str, Sha256]

    @model_validator(mode="after")
    def _parts_fit(self) -> Network:
        channels = sorted(channel for student in self.students for channel in student.group)
        if channels != list(range(len(channels))):
            raise ValueError("the groups overlap or leave channels out")
        if self.holder is not None and self.holder >= len(self.students):
            raise ValueError(f"head {self.head}: there are {len(self.students)} students")
        return self

    @property
    def holder(self) -> int | None:
        """The student whose device holds the head, None for the host."""
        return None if self.head == HOST else int(self.head.removeprefix("device:"))


@dataclass(frozen=True)
class Fused:
    """What the whole network gives for the vectors that all its bundles share, N of them.

    ``outputs`` int8 ``(N, classes)`` from the oracle, in the head's output scale; ``references`` float32
    ``(N, classes)`` from PyTorch, NaN where there is none; ``labels`` int64 ``(N,)``, -1 where there is none.
    """

    outputs: np.ndarray
    references: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class NetworkBundle:
    """A validated network on disk; ``students`` and ``head`` are validated bundles."""

    path: Path
    manifest: Network
    students: tuple[Bundle, ...]
    head: Bundle

    @cached_property
    def fused(self) -> Fused:
        """Read the fused golden answers. Raises :class:`BadInput`."""
        path = self.path / FUSED
        arrays = read_npz(path)
        classes = math.prod(self.head.manifest.outputs[0].shape)
        count = len(arrays.get("labels", ()))
        wanted = {
            "outputs": ("int8", (count, classes)),
            "references": ("float32", (count, classes)),
            "labels": ("int64", (count,)),
        }
        for name, (dtype, shape) in wanted.items():
            found = arrays.get(name)
            if found is None or not count or found.dtype != np.dtype(dtype) or found.shape != shape:
                raise BadInput(f"{path}: {name} is not {dtype}{shape}; run convert again")
        return Fused(*(arrays[name] for name in wanted))


def student_folder(index: int) -> str:
    """Name the folder of student ``index``."""
    return f"student{index}"


def is_network(path: Path) -> bool:
    """Whether the folder is a network's and no bundle's."""
    return os.path.isfile(path / NETWORK)  # false for a name that no file can have, too


def read(path: Path) -> NetworkBundle:
    """Open a network: its manifest, every digest, every bundle. Raises :class:`BadInput`."""
    manifest = _read_manifest(path)
    folders = [student_folder(i) for i in range(len(manifest.students))]
    expected = {FUSED, *(f"{folder}/{bundles.MANIFEST}" for folder in (*folders, HEAD))}
    if set(manifest.files) != expected:
        raise BadInput(f"{path / NETWORK}: lists other files than the network's; run convert again")
    for name, digest in manifest.files.items():
        if bundles.sha256(bundles.read_listed(path, name)) != digest:
            raise BadInput(f"{path}: {name} was changed after conversion; run convert again")
    students = tuple(bundles.read(path / folder) for folder in folders)
    head = bundles.read(path / HEAD)
    wanted = (*(one.model_sha256 for one in manifest.students), manifest.head_sha256)
    if tuple(one.manifest.model_sha256 for one in (*students, head)) != wanted:
        raise BadInput(f"{path}: a bundle holds another model than {NETWORK} says; run convert again")
    sizes = [math.prod(one.manifest.outputs[0].shape) for one in students]
    if sizes != [len(one.group) for one in manifest.students] or len(head.manifest.inputs) != 1:
        raise BadInput(f"{path}: the students' outputs are not their groups; run convert again")
    if math.prod(head.manifest.inputs[0].shape) != sum(sizes):
        raise BadInput(f"{path}: the head does not take the students' features; run convert again")
    return NetworkBundle(path, manifest, students, head)


def to_json(manifest: Network) -> bytes:
    """Encode the manifest: ASCII, sorted keys, the same manifest the same bytes."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=True)
    return f"{text}\n".encode("ascii")


def _read_manifest(path: Path) -> Network:
    try:
        return Network.model_validate_json((path / NETWORK).read_bytes())
    except OSError as error:
        raise BadInput(
            f"{path}: not a network (no {NETWORK}: {error.strerror}); make one with: nonn-mcu convert"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BadInput(f"{path / NETWORK}: {where}: {first['msg']}; run convert again") from None
