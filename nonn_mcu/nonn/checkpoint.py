"""The checkpoint of a trained network of neural networks: weights and plain values, without code.

A dict that ``torch.load(weights_only=True)`` loads; docs/nonn.md lists its fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.parts import MAX_STUDENTS
from nonn_mcu.students.checkpoint import NETWORK_FORMAT, Input, first_wrong, save_torch, spec_of, stored
from nonn_mcu.students.found import check_finite
from nonn_mcu.students.student import InputSpec
from nonn_mcu.students.torch_file import fit

if TYPE_CHECKING:
    from nonn_mcu.nonn.model import NoNN


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Name = Annotated[str, Field(max_length=200)]
# A range holds zero, which int8 has to give exactly.
Low = Annotated[float, Field(ge=-1e9, le=0)]
High = Annotated[float, Field(ge=0, le=1e9)]
MAX_RANGES = 10_000


class StoredStudent(_Part):
    """One student as stored; ``flash`` is what its device was said to hold, in bytes.

    ``ranges`` are those that training with fake quantisation has found: (low, high) of an activation, by
    the name that its tensor gets in conversion.
    """

    arch: str = Field(max_length=200)
    arch_args: dict[str, int] = {}
    group: tuple[int, ...] = Field(min_length=1)
    flash: int | None = None
    ranges: dict[Name, tuple[Low, High]] = Field(default={}, max_length=MAX_RANGES)


class Training(_Part):
    """How it was trained; accuracies are shares in 0..1, ``test`` was measured once, after the choice.

    After ``epochs`` came ``qat`` more with fake quantisation; then ``validation`` is with it, ``test`` not.
    """

    method: Literal["nonn", "ce", "kd", "at"]
    epochs: int
    qat: int = 0
    best_epoch: int
    seed: int
    validation: float
    test: float | None
    teacher_test: float | None


class Checkpoint(_Part):
    """The whole dict; ``state_dict`` is that of :class:`~nonn_mcu.nonn.model.NoNN`."""

    format: Literal["nonn-mcu-network"]
    version: Literal[1]
    students: tuple[StoredStudent, ...] = Field(min_length=2, max_length=MAX_STUDENTS)
    classes: int = Field(ge=2, le=100_000)
    state_dict: dict[str, Any]
    input: Input
    teacher: str = Field(pattern=r"^[0-9a-f]{64}$")
    training: Training
    calibration: str | None = None

    @model_validator(mode="after")
    def _groups_are_apart(self) -> Checkpoint:
        channels = sorted(channel for student in self.students for channel in student.group)
        if channels != list(range(len(channels))):
            raise ValueError("the groups overlap or leave channels out")
        return self


@dataclass(frozen=True, eq=False)
class Trained:
    """A network read back: the module in eval mode on the CPU, its input, and what is known of it."""

    name: str
    module: NoNN
    input: InputSpec
    content: Checkpoint


def is_network(content: Any) -> bool:
    """Whether what a torch file holds is such a checkpoint."""
    return isinstance(content, Mapping) and content.get("format") == NETWORK_FORMAT


def save(
    path: Path,
    module: NoNN,
    spec: InputSpec,
    *,
    teacher: str,
    training: Training,
    flash: tuple[int | None, ...],
    calibration: str | None,
    ranges: Sequence[Mapping[str, tuple[float, float]]] | None = None,
) -> None:
    """Write the checkpoint whole or not at all; ``flash[i]`` is student i's budget, ``teacher`` a digest.

    ``ranges[i]`` are the learned ranges of student i, None where there are none.
    The same weights give the same bytes. Raises :class:`BadInput` when it cannot be written.
    """
    content = {
        "format": NETWORK_FORMAT,
        "version": 1,
        "students": [
            {"arch": one.arch, "arch_args": dict(one.arch_args), "group": list(one.group), "flash": limit}
            | ({} if ranges is None else {"ranges": dict(ranges[index])})
            for index, (one, limit) in enumerate(zip(module.specs, flash, strict=True))
        ],
        "classes": module.head.out_features,
        "state_dict": {key: value.detach().cpu().clone() for key, value in module.state_dict().items()},
        "input": stored(spec),
        "teacher": teacher,
        "training": training.model_dump(),
        "calibration": calibration,
    }
    _parse(path, content)
    save_torch(path, content)


def build(path: Path, content: Mapping[str, Any], name: str) -> Trained:
    """Rebuild the network from what a torch file holds. Raises :class:`BadInput`."""
    from nonn_mcu.nonn.model import NoNN, StudentSpec

    checked = _parse(path, content)
    spec = spec_of(checked.input)
    specs = [StudentSpec(one.arch, one.arch_args, one.group) for one in checked.students]
    module = NoNN(specs, spec.shape, checked.classes).eval()
    fit(path, module, checked.state_dict)
    check_finite(path, module.state_dict().items())
    module.requires_grad_(False)
    return Trained(name, module, spec, checked)


def _parse(path: Path, content: Mapping[str, Any]) -> Checkpoint:
    try:
        return Checkpoint.model_validate(dict(content))
    except ValidationError as error:
        raise BadInput(f"{path}: network checkpoint field {first_wrong(error)}; save it again") from None
