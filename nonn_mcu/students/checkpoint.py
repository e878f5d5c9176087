"""Our checkpoint: weights, the architecture's name and the input spec, in a file without code.

A dict that ``torch.load(weights_only=True)`` loads; docs/students.md lists its fields.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import InputSpec, Layout

if TYPE_CHECKING:
    from torch import nn

FORMAT = "nonn-mcu"
NETWORK_FORMAT = "nonn-mcu-network"  # another dict: nonn_mcu.nonn.checkpoint
VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Input(_Part):
    """The input spec as stored; :class:`InputSpec` checks that its parts fit together."""

    shape: tuple[int, ...]
    layout: Layout
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...] = ()


class Checkpoint(_Part):
    """The whole dict; ``arch`` is a name of the zoo."""

    format: Literal["nonn-mcu"]
    version: Literal[1]
    arch: str = Field(max_length=200)
    arch_args: dict[str, int] = {}
    state_dict: dict[str, Any]
    input: Input
    calibration: str | None = None


def parse(path: Path, content: Mapping[str, Any]) -> Checkpoint:
    """Validate the dict of a checkpoint. Raises :class:`BadInput` naming the first wrong field."""
    if content.get("version") != VERSION:
        raise BadInput(
            f"{path}: checkpoint version {content.get('version')!r}; this release reads version {VERSION}"
        )
    try:
        return Checkpoint.model_validate(dict(content))
    except ValidationError as error:
        raise BadInput(f"{path}: checkpoint field {first_wrong(error)}; save it again") from None


def first_wrong(error: ValidationError) -> str:
    """Name the first field of a dict that is wrong, and say why."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the dict"
    return f"{where}: {first['msg']}"


def save(
    path: Path,
    module: nn.Module,
    arch: str,
    spec: InputSpec,
    *,
    arch_args: Mapping[str, int] | None = None,
    calibration: str | None = None,
) -> None:
    """Write a checkpoint of ``module``, which ``zoo.build(arch, **arch_args)`` must be able to rebuild.

    The same weights give the same bytes. The file appears whole or not at all.
    Raises :class:`BadInput` when it cannot be written.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "arch": arch,
        "arch_args": dict(arch_args or {}),
        "state_dict": {key: value.detach().cpu().clone() for key, value in module.state_dict().items()},
        "input": stored(spec),
        "calibration": calibration,
    }
    parse(path, content)
    save_torch(path, content)


def stored(spec: InputSpec) -> dict[str, Any]:
    """Turn an input spec into what a checkpoint holds of it: the fields of :class:`Input`."""
    return {
        "shape": list(spec.shape),
        "layout": spec.layout,
        "mean": list(spec.mean),
        "std": list(spec.std),
        "labels": list(spec.labels),
    }


def spec_of(part: Input) -> InputSpec:
    """Turn what a checkpoint holds back into an input spec. Raises :class:`BadInput`."""
    return InputSpec(part.shape, part.layout, part.mean, part.std, part.labels)


def save_torch(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values and tensors whole or not at all; the same content gives the same bytes.

    Raises :class:`BadInput` when the file cannot be written.
    """
    import torch

    buffer = io.BytesIO()  # saved to a path, the archive would carry the file's name
    torch.save(dict(content), buffer)
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging.write_bytes(buffer.getvalue())
        os.replace(staging, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            staging.unlink()
        raise BadInput(f"{path}: cannot be written ({error.strerror or error})") from None
