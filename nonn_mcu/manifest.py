"""The manifest: everything about a bundle that a later step needs to know, as validated values."""

from __future__ import annotations

import math
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION: Literal[4] = 4

Runtime = Literal["native", "tflm"]
# What kernels are chosen for, as nonn_mcu.codegen.select has them.
Goal = Literal["balance", "size", "speed"]
TargetName = Literal["portable", "dsp", "helium"]  # as nonn_mcu.target has them
RUNTIMES: tuple[Runtime, ...] = get_args(Runtime)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Extent = Annotated[int, Field(ge=1, le=2**24)]
Axis = Annotated[int, Field(ge=0, le=15)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TensorInfo(_Part):
    """An input or output as the device holds it: int8, real = scale * (q - zero_point).

    ``shape`` is the device's (batch included, channels last). ``from_torch`` is the permutation of the
    torch tensor's axes, batch included, that gives the device's order; empty where shapes are equal in
    size but not in rank (a plain reshape).
    """

    name: str
    shape: tuple[Extent, ...]
    scale: float = Field(gt=0)
    zero_point: int = Field(ge=-128, le=127)
    torch_shape: tuple[Extent, ...]
    from_torch: tuple[Axis, ...]

    @model_validator(mode="after")
    def _shapes_agree(self) -> TensorInfo:
        if math.prod(self.shape) != math.prod(self.torch_shape):
            raise ValueError(f"shape {self.shape} and torch_shape {self.torch_shape} differ in size")
        if self.from_torch:
            if self.from_torch[0] != 0:
                raise ValueError(f"from_torch {self.from_torch} moves the batch axis")
            if sorted(self.from_torch) != list(range(len(self.torch_shape))):
                raise ValueError(f"from_torch {self.from_torch} is no permutation of torch's axes")
            if tuple(self.torch_shape[axis] for axis in self.from_torch) != self.shape:
                raise ValueError(f"from_torch {self.from_torch} does not lead to shape {self.shape}")
        return self


class Preprocessing(_Part):
    """What happens to an image before the network sees it: x / 255, minus mean, over std, per channel."""

    layout: Literal["CHW", "HWC", "FLAT"]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    labels: tuple[str, ...] = ()


class LayerInfo(_Part):
    """One executed layer: what it writes, with which kernel, at what cost.

    Kernel and costs are the native runtime's for the DSP extension; :class:`NativeInfo` has the others'.
    """

    name: str
    op: str
    module: str  # the torch module it came from, or ""
    kernel: str
    tensor: int  # index in the .tflite
    shape: tuple[int, ...]
    scale: float
    zero_point: int
    macs: int
    flash_bytes: int  # weights, tables and parameters
    live_bytes: int  # arena in use while it runs


class Fidelity(_Part):
    """Dequantised int8 outputs against the float reference, one entry per output."""

    samples: int
    sqnr_db: tuple[float, ...]
    worst_lsb: tuple[float, ...]
    top1_agreement: tuple[float, ...]


class Calibration(_Part):
    """Where the representative samples came from."""

    source: str
    samples: int
    sha256: Sha256


class QuantisationStep(_Part):
    """A step of quantisation that was tried: SQNR in dB and top-1 agreement with it, on held-out samples."""

    name: str
    sqnr_db: float
    agreement: float
    kept: bool


class BudgetInfo(_Part):
    """What the plan needs and what it was held against, in bytes; ``*_limit`` None means no limit."""

    flash: int
    flash_limit: int | None
    ram: int
    ram_limit: int | None
    weights: int
    tables: int
    code: int
    arena: int
    static: int
    stack: int


class NativeInfo(_Part):
    """The native runtime on one kind of core, in bytes; of each layer its kernel, scratch, arena in use."""

    arena_bytes: int = Field(ge=0)
    lower_bound: int = Field(ge=0)  # of the arena: what some layer needs, wherever things lie
    weights: int = Field(ge=0)
    tables: int = Field(ge=0)
    kernels: tuple[str, ...]
    scratch_bytes: tuple[int, ...]
    live_bytes: tuple[int, ...]


class FittedArena(_Part):
    """The arena that a board's kernels need: ``minimum`` bytes held a whole inference, 16 less did not.

    A firmware is built with ``minimum + margin``.
    """

    board: str
    kernels: str
    minimum: int = Field(ge=16)
    margin: int = Field(ge=0)

    @property
    def bytes(self) -> int:
        """What a firmware is built with."""
        return self.minimum + self.margin


class TflmInfo(_Part):
    """The model over TensorFlow Lite Micro: its kinds of operators, and the arena.

    ``arena_bytes`` is a bound for every board; ``fitted`` is what was measured on emulated ones.
    """

    operators: tuple[str, ...]
    arena_bytes: int = Field(ge=16)
    fitted: tuple[FittedArena, ...] = ()

    def fit(self, board: str, kernels: str) -> FittedArena | None:
        """Return what was measured on this board with these kernels."""
        return next((one for one in self.fitted if (one.board, one.kernels) == (board, kernels)), None)

    def arena(self, board: str, kernels: str) -> int:
        """Bytes of the arena that a firmware for ``board`` with ``kernels`` is built with."""
        found = self.fit(board, kernels)
        return self.arena_bytes if found is None else found.bytes


class Manifest(_Part):
    """Everything a later step needs to know; ``files`` holds each other file's SHA-256.

    ``native`` is all about the native runtime, by kind of core, and ``tflm`` about the other one; each is
    None without it.
    """

    schema_version: Literal[4] = SCHEMA_VERSION
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")
    tools: dict[str, str]
    model_file: str
    model_sha256: Sha256
    inputs: tuple[TensorInfo, ...] = Field(min_length=1)
    outputs: tuple[TensorInfo, ...] = Field(min_length=1)
    preprocessing: Preprocessing | None
    layers: tuple[LayerInfo, ...]
    runtimes: tuple[Runtime, ...] = Field(min_length=1)
    goal: Goal
    native: dict[TargetName, NativeInfo] | None
    tflm: TflmInfo | None
    budget: BudgetInfo
    command: str = ""  # what was typed, with file names in place of paths
    calibration: Calibration | None
    quantisation: tuple[QuantisationStep, ...] = ()  # the first is the stock converter's result
    fidelity: Fidelity | None  # measured on calibration data; None when there is no float reference
    tolerance: Fidelity | None  # what verify judges against, derived from `fidelity`
    files: dict[str, Sha256]

    @model_validator(mode="after")
    def _what_each_runtime_needs(self) -> Manifest:
        there = {"native": self.native is not None, "tflm": self.tflm is not None}
        if sorted(self.runtimes) != [runtime for runtime, known in there.items() if known]:
            raise ValueError(f"runtimes {', '.join(self.runtimes)}, but what is said of them is another's")
        return self

    @model_validator(mode="after")
    def _every_target(self) -> Manifest:
        if self.native is not None:
            if sorted(self.native) != sorted(get_args(TargetName)):
                raise ValueError(
                    f"native is of {', '.join(self.native)}, not of {', '.join(get_args(TargetName))}"
                )
            if any(
                {len(one.kernels), len(one.scratch_bytes), len(one.live_bytes)} != {len(self.layers)}
                for one in self.native.values()
            ):
                raise ValueError(f"native is of other than {len(self.layers)} layers")
        return self

    @model_validator(mode="after")
    def _one_figure_per_output(self) -> Manifest:
        for figures in (self.fidelity, self.tolerance):
            if figures is not None:
                for values in (figures.sqnr_db, figures.worst_lsb, figures.top1_agreement):
                    if len(values) != len(self.outputs):
                        raise ValueError(f"{len(values)} figures for {len(self.outputs)} outputs")
        return self

    def native_on(self, runtime: str) -> NativeInfo | None:
        """Return what a device's runtime ("native", "native-dsp", ...) is; None where it is not known."""
        name = runtime.partition("-")[2] or "portable"
        known = (self.native or {}).items() if runtime.startswith("native") else ()
        return next((info for target, info in known if target == name), None)
