"""A device on a serial link, as a program uses it: describe, run, read, count.

::

    with Device.open("/dev/ttyACM0") as device:
        print(device.hello().model)
        (scores,) = device.run([image])  # int8, of shape device.inputs()[0].shape
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType

import numpy as np

from nonn_mcu.errors import BadInput, DeviceError, LinkError, WrongModel
from nonn_mcu.link import messages, replies
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.exchange import DESCRIPTION_PART, Answer, Counters, Exchange
from nonn_mcu.link.frame import crc32
from nonn_mcu.link.messages import Kind, Request, Status, runtime_error
from nonn_mcu.link.ports import Port, open_port
from nonn_mcu.link.replies import Hello, Stats, TensorSpec

# How often one inference starts over because the device lost its input or result, by a reset for instance.
RECOVERIES = 8
_LOST = (Status.INPUT_MISMATCH, Status.STALE)


class Device:
    """One device on one port. Not to be shared between threads; several devices may run in parallel.

    Every method takes a deadline for the whole of its work. Without one each request is repeated for up to
    ``patience`` seconds, so an inference must not take longer than that. Methods raise LinkTimeout when
    nothing valid comes before the deadline, LinkError when the port is gone, the device contradicts itself,
    or loses its state again and again, DeviceError when it refuses, and WrongModel when another model answers
    than before. A device may hold several models; this is the first of them, :meth:`model` another.
    """

    def __init__(self, port: Port, *, patience: float = 30.0) -> None:
        self.port = port
        self.patience = patience
        self._number = 0  # of the model
        self._exchange = Exchange(port)
        self._hello: Hello | None = None
        self._specs: dict[tuple[Kind, int], TensorSpec] = {}
        self._run = secrets.randbits(32)

    @classmethod
    def open(cls, url: str, *, baud: int = 115200, patience: float = 30.0) -> Device:
        """Open a device path, ``tcp://host:port`` of ``nonn-mcu serve``, or a pyserial URL (``socket://``).

        Raises NoDevice if there is no such port, LinkError if it cannot be opened, BadInput for a bad URL.
        """
        return cls(open_port(url, baud), patience=patience)

    def close(self) -> None:
        """Close the port."""
        self.port.close()

    def __enter__(self) -> Device:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def model(self, number: int) -> Device:
        """Give the same device as the one of its model ``number``, 0 to ``hello().models - 1``.

        Both share the port, which closing either closes, and the counters. Raises BadInput for a number that
        no device has; one that this device does not have is refused when something is asked of it.
        """
        if not 0 <= number < messages.MOST_MODELS:
            raise BadInput(f"model {number}: a device numbers its models 0 to {messages.MOST_MODELS - 1}")
        other = Device(self.port, patience=self.patience)
        other._number, other._exchange = number, self._exchange
        return other

    @property
    def counters(self) -> Counters:
        """What happened on the line since it was opened."""
        return self._exchange.counters

    def hello(self, deadline: Deadline | None = None) -> Hello:
        """Ask what device and model this is; asked once and remembered."""
        if self._hello is None:
            self._hello = self._ask_hello(deadline)
            self._exchange.payload = self._hello.payload
        return self._hello

    def describe(self, kind: Kind, index: int, deadline: Deadline | None = None) -> TensorSpec:
        """Ask for one tensor's name, shape and quantisation; asked once and remembered."""
        if (kind, index) not in self._specs:
            whole = self._description(partial(messages.describe, kind, index), deadline)
            self._specs[kind, index] = replies.parse_tensor(whole)
        return self._specs[kind, index]

    def inputs(self, deadline: Deadline | None = None) -> tuple[TensorSpec, ...]:
        """Describe the model's inputs."""
        return tuple(self.describe(Kind.INPUT, i, deadline) for i in range(self.hello(deadline).inputs))

    def outputs(self, deadline: Deadline | None = None) -> tuple[TensorSpec, ...]:
        """Describe the model's outputs."""
        return tuple(self.describe(Kind.OUTPUT, i, deadline) for i in range(self.hello(deadline).outputs))

    def layers(self, deadline: Deadline | None = None) -> tuple[TensorSpec, ...]:
        """Describe what each layer writes, in order of execution."""
        return tuple(self.describe(Kind.LAYER, i, deadline) for i in range(self.hello(deadline).layers))

    def stats(self, deadline: Deadline | None = None) -> Stats:
        """Ask what the device counted; ``ticks`` are those of the last run."""
        return replies.parse_stats(self._checked(self._ask(lambda *_: messages.stats(), deadline)))

    def check_same_model(self, deadline: Deadline | None = None) -> None:
        """Ask again who is there; raises WrongModel unless it is the device and model that said hello."""
        before, now = self.hello(deadline), self._ask_hello(deadline)
        if now != before:
            raise WrongModel(
                f"{self.port.name}: {now.model} ({now.sha256[:12]}) on {now.board} answers where "
                f"{before.model} ({before.sha256[:12]}) on {before.board} did before: was it flashed?"
            )

    def run(
        self, inputs: Sequence[np.ndarray], *, times: int = 1, deadline: Deadline | None = None
    ) -> list[np.ndarray]:
        """Load the inputs, run the whole model ``times`` times, and read every output.

        ``inputs``: int8, one per input, each of the device's shape. Returns int8 arrays of the outputs'
        shapes. Raises BadInput for inputs that do not fit the model. ``times`` above 1 needs a model whose
        inputs survive a run.
        """
        wanted = [(Kind.OUTPUT, i, spec) for i, spec in enumerate(self.outputs(deadline))]
        return self._infer(inputs, messages.WHOLE, times, wanted, deadline)

    def run_layer(
        self, inputs: Sequence[np.ndarray], layer: int, *, deadline: Deadline | None = None
    ) -> np.ndarray:
        """Load the inputs, run layers 0..layer, and read what ``layer`` wrote: int8, of the layer's shape."""
        wanted = [(Kind.LAYER, layer, self.describe(Kind.LAYER, layer, deadline))]
        return self._infer(inputs, layer, 1, wanted, deadline)[0]

    def _infer(
        self,
        inputs: Sequence[np.ndarray],
        last: int,
        times: int,
        wanted: Sequence[tuple[Kind, int, TensorSpec]],
        deadline: Deadline | None,
    ) -> list[np.ndarray]:
        data = _input_bytes(inputs, self.inputs(deadline))
        for _ in range(RECOVERIES + 1):
            for index, part in enumerate(data):
                self._load(index, part, deadline)
            results = self._run_and_read(crc32(b"".join(data)), last, times, wanted, deadline)
            if results is not None:
                return [
                    np.frombuffer(result, np.int8).reshape(spec.shape)
                    for result, (_, _, spec) in zip(results, wanted, strict=True)
                ]
            self.check_same_model(deadline)
        raise LinkError(
            f"{self.port.name}: the device lost its input or result {RECOVERIES + 1} times in a row: "
            "does it reset, or does another program use the port?"
        )

    def _load(self, index: int, data: bytes, deadline: Deadline | None) -> None:
        done = 0
        while done < len(data):
            answer = self._ask(partial(messages.load, index, data), deadline, done, len(data) - done)
            self._checked(answer)
            done += answer.request.length

    def _run_and_read(
        self,
        input_crc: int,
        last: int,
        times: int,
        wanted: Sequence[tuple[Kind, int, TensorSpec]],
        deadline: Deadline | None,
    ) -> list[bytes] | None:
        """Return the wanted tensors' bytes, or None if the device lost the inputs or the result."""
        self._run = (self._run + 1) & 0xFFFFFFFF or 1
        request = messages.run(self._run, input_crc, last, times)
        answer = self._ask(lambda *_: request, deadline)
        if answer.reply.status in _LOST:
            return None
        result_crc = replies.parse_run(self._checked(answer))
        results = []
        for kind, index, spec in wanted:
            tensor = self._read(kind, index, spec.bytes, deadline)
            if tensor is None:
                return None
            results.append(tensor)
        return results if crc32(b"".join(results)) == result_crc else None

    def _read(self, kind: Kind, index: int, size: int, deadline: Deadline | None) -> bytes | None:
        data = bytearray()
        while len(data) < size:
            make = partial(messages.read, kind, index, self._run)
            answer = self._ask(make, deadline, len(data), size - len(data))
            if answer.reply.status in _LOST:
                return None
            part = self._checked(answer)
            if len(part) != answer.request.length:
                raise LinkError(f"the device sent {len(part)} bytes of a tensor, not {answer.request.length}")
            data += part
        return bytes(data)

    def _description(self, make: Callable[[int, int], Request], deadline: Deadline | None) -> bytes:
        """Collect a whole description; ``make(offset, length)`` asks for a part of it."""
        data, total = b"", DESCRIPTION_PART
        while len(data) < total:
            answer = self._ask(make, deadline, len(data), total - len(data))
            total, part = replies.parse_slice(self._checked(answer), len(data), answer.request.length)
            data += part
        return data

    def _ask_hello(self, deadline: Deadline | None) -> Hello:
        return replies.parse_hello(self._description(messages.hello, deadline))

    def _ask(
        self, make: Callable[[int, int], Request], deadline: Deadline | None, offset: int = 0, room: int = 0
    ) -> Answer:
        deadline = deadline or Deadline.after(self.patience)
        return self._exchange.ask(
            lambda *part: make(*part)._replace(model=self._number), deadline, offset=offset, room=room
        )

    def _checked(self, answer: Answer) -> bytes:
        """Return the reply's body; raise DeviceError if its status is not OK."""
        reply = answer.reply
        if reply.status == Status.OK:
            return reply.body
        start = f"{self.port.name}: the device refused {answer.request.message.name}"
        if reply.status == Status.UNSUPPORTED_VERSION:
            raise DeviceError(
                f"{start}: it speaks version {reply.version} of the protocol, this program "
                f"{messages.PROTOCOL_VERSION}: build the firmware with this version of nonn-mcu"
            )
        if reply.status in (Status.INVOKE_FAILED, Status.START_FAILED):
            code = int.from_bytes(reply.body[:4], "little", signed=True)
            runtime = "" if self._hello is None else self._hello.runtime
            raise DeviceError(
                f"{self.port.name}: {Status(reply.status).text}: {runtime_error(runtime, code)}"
            )
        known = reply.status in Status._value2member_map_
        raise DeviceError(
            f"{start}: {Status(reply.status).text if known else f'unknown status {reply.status}'}"
        )


def _input_bytes(inputs: Sequence[np.ndarray], specs: Sequence[TensorSpec]) -> list[bytes]:
    if len(inputs) != len(specs):
        raise BadInput(f"the model takes {len(specs)} inputs, not {len(inputs)}")
    for array, spec in zip(inputs, specs, strict=True):
        if array.dtype != np.int8 or array.shape != spec.shape:
            raise BadInput(
                f"input {spec.name} is int8 of shape {spec.shape} on the device, "
                f"not {array.dtype} of shape {array.shape}"
            )
    return [array.tobytes() for array in inputs]
