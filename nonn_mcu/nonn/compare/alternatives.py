"""One way to run a task on devices as values: nodes and messages, what they cost, and how often it is right.

What each node holds and does is exact, and instructions were measured on an emulated board. Times and
energies are a model: one instruction a cycle, one message after another on the link, and a node draws its
power while it computes, sends or receives. Left out are the input, which every node has or gets, and the
frames of the protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nonn_mcu.nonn.compare.links import Link, seconds
from nonn_mcu.nonn.compare.measure import Run

Kind = Literal["teacher", "split", "nonn"]


@dataclass(frozen=True)
class Hardware:
    """The board that times and energies are modelled for; ``power_mw`` None: no energies."""

    name: str
    core: str
    clock_hz: int
    power_mw: float | None


@dataclass(frozen=True)
class Node:
    """One device: what it holds in bytes as planned at -Os, and what it does for an inference."""

    parameters: int
    macs: int
    flash: int
    ram: int
    instructions: int


@dataclass(frozen=True)
class Message:
    """``size`` bytes from a node to others, by number; no receivers: to a reader that is none of them."""

    sender: int
    receivers: tuple[int, ...]
    size: int

    @property
    def copies(self) -> int:
        """How often it is sent on a link where each receiver must be addressed."""
        return max(1, len(self.receivers))


@dataclass(frozen=True)
class Score:
    """Shares of ``samples`` labelled images, in 0..1, that are classified right; None: no float outputs."""

    samples: int
    int8: float
    float_network: float | None


@dataclass(frozen=True)
class Alternative:
    """One way to run the task on devices.

    ``critical`` counts the instructions that follow one another until the answer is there. Not ``measured``:
    the firmware did not fit the emulated board, and its instructions are its MACs times those that another
    model was measured to take for each. ``runs`` are the firmwares that were measured. ``golden`` is the
    accuracy over the labelled golden vectors, ``test`` that over the test images, which a network has.
    """

    kind: Kind
    model: str
    nodes: tuple[Node, ...]
    messages: tuple[Message, ...]
    critical: int
    measured: bool
    runs: tuple[Run, ...]
    golden: Score | None
    test: Score | None
    protocol_bytes: int | None = None

    def bytes(self, *, broadcast: bool = True) -> int:
        """Bytes over the link per inference, where one sending reaches all or not."""
        return sum(one.size * (1 if broadcast else one.copies) for one in self.messages)


@dataclass(frozen=True)
class Cost:
    """Modelled times in seconds and energies in joules by node, None without the board's power.

    ``link_s`` is with broadcast, ``addressed_s`` without.
    """

    link: str
    compute_s: float
    link_s: float
    addressed_s: float
    energy_j: tuple[float, ...] | None

    @property
    def latency_s(self) -> float:
        """From the input on every device to the answer."""
        return self.compute_s + self.link_s


def cost(alternative: Alternative, link: Link, hardware: Hardware) -> Cost:
    """Model times and energies over a link."""

    def energy(number: int, node: Node, milliwatts: float) -> float:
        mine = (m.size for m in alternative.messages if number == m.sender or number in m.receivers)
        return milliwatts / 1000 * (node.instructions / hardware.clock_hz + seconds(link, mine))

    power = hardware.power_mw
    every = alternative.messages
    return Cost(
        link.name,
        alternative.critical / hardware.clock_hz,
        seconds(link, (m.size for m in every)),
        seconds(link, (m.size for m in every for _ in range(m.copies))),
        None if power is None else tuple(energy(i, n, power) for i, n in enumerate(alternative.nodes)),
    )
