"""The plan: what a device is put through, and which bundle it is held against."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nonn_mcu import bundle as bundles
from nonn_mcu.bundle import Bundle, Vectors
from nonn_mcu.errors import BadInput
from nonn_mcu.link.replies import Hello
from nonn_mcu.verify.reference import Reference, golden, live


@dataclass(frozen=True)
class Wishes:
    """What the user asked for.

    The first ``vectors`` of them (None: all), the seed of their order, whether to compare every layer, and
    the student to recompute the reference with (None: the golden one), whose architecture is ``arch`` where
    its file does not say.
    """

    vectors: int | None = None
    seed: int = 0
    layers: bool = False
    student: Path | None = None
    arch: str | None = None


@dataclass(frozen=True)
class Plan:
    """What a device that holds the bundle's model is put through.

    ``vectors`` are those to run; ``complete`` says that they are all the bundle has, which is what its
    tolerance speaks of. ``layers`` asks for the comparison of every layer.
    """

    bundle: Bundle
    vectors: Vectors
    reference: Reference
    complete: bool
    seed: int
    layers: bool


# Which plan for the device that said this hello; raises BadInput where there is none.
PlanFor = Callable[[Hello], Plan]


def make(bundle: Bundle, wishes: Wishes) -> Plan:
    """Read the vectors, and compute the reference if it is wanted live. Raises :class:`BadInput`."""
    everything = bundle.vectors()
    vectors = everything if wishes.vectors is None else everything.head(wishes.vectors)
    if wishes.layers and not len(vectors.layer_crc):
        raise BadInput(f"{bundle.path}: holds no CRCs of layers; run convert again, or leave out --layers")
    reference = (
        golden(vectors) if wishes.student is None else live(bundle, vectors, wishes.student, wishes.arch)
    )
    complete = len(vectors) == len(everything)
    return Plan(bundle, vectors, reference, complete, wishes.seed, wishes.layers)


def for_bundle(path: Path, wishes: Wishes) -> PlanFor:
    """Make one plan for every device, whatever it holds. Raises :class:`BadInput`."""
    plan = make(bundles.read(path), wishes)
    return lambda hello: plan


def by_digest(root: Path, wishes: Wishes) -> PlanFor:
    """Plan by the first bundle below ``root`` with the model that the device reports.

    Safe to call from several threads; every bundle is read once.
    """
    plans: dict[str, Plan] = {}
    lock = threading.Lock()

    def plan_for(hello: Hello) -> Plan:
        with lock:
            if hello.sha256 not in plans:
                found = next(bundles.find(root, hello.sha256), None)
                if found is None:
                    raise BadInput(
                        f"no bundle in {root} holds the model of the device: {hello.model} "
                        f"({hello.sha256[:12]}); name the bundle, or its parent folder with --bundles"
                    )
                plans[hello.sha256] = make(found, wishes)
            return plans[hello.sha256]

    return plan_for
