"""A device on a serial link, as a program uses it: describe, run, read, count.

>>> with Device.open("/dev/ttyACM0") as device:
...     print(device.hello().model)
...     outputs = device.run([image])  # int8, shaped as device.inputs()[0].shape
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

import numpy as np

from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.messages import Hello, Kind, Stats, TensorSpec
from nonn_mcu.link.ports import Port


class Device:
    """One device on one port. Not safe to share between threads; several devices may run in parallel.

    Every method takes an optional deadline for the whole of its work; without one it goes on for as long as
    something valid arrives at least every ``patience`` seconds (an inference that takes longer needs more).
    Methods raise LinkTimeout when that passes, LinkError when the port fails or the device contradicts itself
    or keeps losing its state, DeviceError when the device refuses, WrongModel when another model answers after
    a reset than before.
    """

    def __init__(self, port: Port, *, patience: float = 30.0) -> None: ...

    @classmethod
    def open(cls, url: str, *, baud: int = 115200, patience: float = 30.0) -> Device:
        """Open a device path or pyserial URL (``socket://host:port``, ``rfc2217://host:port``).

        Nothing is sent yet. Raises NoDevice if there is no such port, LinkError if it cannot be opened.
        """
        ...

    def close(self) -> None:
        """Close the port."""
        ...

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hello(self, deadline: Deadline | None = None) -> Hello:
        """What device and model this is; asked once and remembered."""
        ...

    def describe(self, kind: Kind, index: int, deadline: Deadline | None = None) -> TensorSpec:
        """One tensor's name, shape and quantisation; asked once and remembered."""
        ...

    def inputs(self, deadline: Deadline | None = None) -> tuple[TensorSpec, ...]:
        """The model's inputs."""
        ...

    def outputs(self, deadline: Deadline | None = None) -> tuple[TensorSpec, ...]:
        """The model's outputs."""
        ...

    def layers(self, deadline: Deadline | None = None) -> tuple[TensorSpec, ...]:
        """What each layer writes, in order of execution."""
        ...

    def run(
        self, inputs: Sequence[np.ndarray], *, times: int = 1, deadline: Deadline | None = None
    ) -> list[np.ndarray]:
        """Load the inputs, run the whole model ``times`` times, and read every output.

        ``inputs``: int8, one per input, each of the device's shape. Returns int8 arrays of the outputs' shapes.
        Raises BadInput for inputs that do not fit the model.
        """
        ...

    def run_layer(
        self, inputs: Sequence[np.ndarray], layer: int, *, deadline: Deadline | None = None
    ) -> np.ndarray:
        """Load the inputs, run layers 0..layer, and read what ``layer`` wrote: int8, of the layer's shape."""
        ...

    def stats(self, deadline: Deadline | None = None) -> Stats:
        """What the device counted; ``ticks`` are those of the last run."""
        ...
