"""The table of arXiv 1907.11804: one teacher, a compressed net split layer by layer, and the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from nonn_mcu import budget, codegen
from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import BadInput
from nonn_mcu.link import messages as protocol
from nonn_mcu.link.frame import wire_size
from nonn_mcu.nonn.compare.alternatives import Alternative, Message, Node, Score
from nonn_mcu.nonn.compare.measure import Run
from nonn_mcu.nonn.compare.score import golden, same_images, score
from nonn_mcu.nonn.compare.split import Share, Split, split
from nonn_mcu.nonn.network import NetworkBundle

Measure = Callable[[Bundle, Bundle | None], Run | None]

# Of a READ's reply, as the device library is configured (NONN_LINK_PAYLOAD in nonn/device.h).
_PAYLOAD = 512


@dataclass(frozen=True)
class Comparison:
    """The alternatives that there are, the network's last; ``notes`` say what a reader must know."""

    alternatives: tuple[Alternative, ...]
    notes: tuple[str, ...]


def compare(
    network: NetworkBundle, teacher: Bundle | None, compressed: Bundle | None, measure: Measure
) -> Comparison:
    """Put the network beside its ``teacher`` and a ``compressed`` net split over as many devices.

    ``measure`` gives the run of a bundle's firmware, with the head that it holds too, or None where it does
    not fit. Raises :class:`BadInput` where the three are not of one task, and what ``measure`` raises.
    """
    others = {"teacher": teacher, "split": compressed}
    there = {kind: bundle for kind, bundle in others.items() if bundle is not None}
    for bundle in there.values():
        _require_same_task(network, bundle)
    holder = network.manifest.holder
    wanted = [(one, network.head if i == holder else None) for i, one in enumerate(network.students)]
    measured = _measured([*wanted, *((bundle, None) for bundle in there.values())], measure)
    models = dict(zip(there, measured[len(wanted) :], strict=True))
    images, notes = same_images(network, there)
    alternatives = []
    if "teacher" in models:
        alternatives.append(_teacher(models["teacher"], images))
    if "split" in models:
        parts = split(codegen.load(models["split"].bundle.model), len(network.students))
        alternatives.append(_split(models["split"], parts, images))
        notes += _about_idle(parts)
    if holder is None:
        notes.append("nonn: the head runs on the host, whose time is left out")
    alternatives.append(_nonn(network, measured[: len(wanted)], images))
    notes += [
        f"{one.kind}: does not fit the emulated board; its instructions are estimated from its MACs"
        for one in alternatives
        if not one.measured
    ]
    return Comparison(tuple(alternatives), tuple(notes))


@dataclass(frozen=True)
class _Model:
    """A bundle, its figures on one device, and the instructions of its firmware's models, measured or not."""

    bundle: Bundle
    whole: Share
    run: Run | None
    instructions: tuple[int, ...]


def _measured(wanted: Sequence[tuple[Bundle, Bundle | None]], measure: Measure) -> list[_Model]:
    """Measure every bundle; what does not fit takes what a MAC of the largest measured one takes."""
    wholes = [_whole(bundle) for bundle, _ in wanted]
    once: dict[tuple[Path, bool], Run | None] = {}  # a teacher may be what is split, too
    for bundle, head in wanted:
        if (key := (bundle.path, head is not None)) not in once:
            once[key] = measure(bundle, head)
    runs = [once[bundle.path, head is not None] for bundle, head in wanted]
    found = [
        (one.macs, run.instructions[0]) for one, run in zip(wholes, runs, strict=True) if run is not None
    ]
    macs, instructions = max(found, default=(0, 0))
    models = []
    for (bundle, _), whole, run in zip(wanted, wholes, runs, strict=True):
        if run is None and not macs:
            raise BadInput(f"{bundle.path}: does not fit the emulated board; name one with more memory")
        estimate = 0 if run is not None else round(Fraction(whole.macs * instructions, macs))
        models.append(_Model(bundle, whole, run, (estimate,) if run is None else run.instructions))
    return models


def _teacher(model: _Model, images: int) -> Alternative:
    planned = model.bundle.manifest.budget
    (instructions,) = model.instructions
    node = Node(model.whole.parameters, model.whole.macs, planned.flash, planned.ram, instructions)
    return Alternative(
        kind="teacher",
        model=model.bundle.manifest.name,
        nodes=(node,),
        messages=(),
        critical=instructions,
        measured=model.run is not None,
        runs=() if model.run is None else (model.run,),
        golden=golden(model.bundle, images),
        test=None,
    )


def _split(model: _Model, parts: Split, images: int) -> Alternative:
    """Instructions are those of the whole net times a device's share of its MACs."""
    everyone = range(len(parts.devices))
    nodes = tuple(_split_node(model, one) for one in parts.devices)
    sent = tuple(
        Message(sender, () if one.op is None else tuple(i for i in everyone if i != sender), size)
        for one in parts.exchanges
        for sender, size in enumerate(one.shares)
        if size
    )
    return Alternative(
        kind="split",
        model=model.bundle.manifest.name,
        nodes=nodes,
        messages=sent,
        critical=max(node.instructions for node in nodes),
        measured=model.run is not None,
        runs=() if model.run is None else (model.run,),
        golden=golden(model.bundle, images),
        test=None,
    )


def _split_node(model: _Model, share: Share) -> Node:
    manifest, (instructions,) = model.bundle.manifest, model.instructions
    planned = budget.plan(
        manifest.layers,
        weights=share.weights,
        tables=share.tables,
        arena=share.arena,
        ends=len(manifest.inputs) + len(manifest.outputs),
    )
    part = Fraction(share.macs, model.whole.macs) if model.whole.macs else Fraction(1)
    return Node(share.parameters, share.macs, planned.flash, planned.ram, round(instructions * part))


def _nonn(network: NetworkBundle, students: Sequence[_Model], images: int) -> Alternative:
    """Students run at once; then their features go to the head, whose instructions count on a device."""
    holder, head = network.manifest.holder, _whole(network.head)
    nodes = tuple(
        Node(
            one.whole.parameters + (number == holder) * head.parameters,
            one.whole.macs + (number == holder) * head.macs,
            one.bundle.manifest.budget.flash,  # the head's holder's has the head in it
            one.bundle.manifest.budget.ram,
            sum(one.instructions),
        )
        for number, one in enumerate(students)
    )
    groups = [len(one.group) for one in network.manifest.students]
    receivers = () if holder is None else (holder,)
    accuracy = network.manifest.accuracy
    return Alternative(
        kind="nonn",
        model=network.manifest.name,
        nodes=nodes,
        messages=tuple(Message(i, receivers, size) for i, size in enumerate(groups) if i != holder),
        critical=max(one.instructions[0] for one in students)
        + sum(sum(one.instructions[1:]) for one in students),
        measured=all(one.run is not None for one in students),
        runs=tuple(one.run for one in students if one.run is not None),
        golden=score(network.fused.labels, network.fused.outputs, network.fused.references, images),
        test=None if accuracy is None else Score(accuracy.samples, accuracy.int8, accuracy.float_network),
        protocol_bytes=sum(_protocol_bytes(size) for size in groups),
    )


def _protocol_bytes(features: int) -> int:
    """Count the most bytes of the frames that run a student and read its features (docs/protocol.md)."""
    requests = [protocol.run(0, 0, protocol.WHOLE, 1)]
    for offset in range(0, features, _PAYLOAD):
        length = min(_PAYLOAD, features - offset)
        requests.append(protocol.read(protocol.Kind.OUTPUT, 0, 0, offset, length))
    return sum(
        wire_size(protocol.HEADER_BYTES + len(one.body)) + wire_size(protocol.REPLY_HEADER_BYTES + one.reply)
        for one in requests
    )


def _whole(bundle: Bundle) -> Share:
    try:
        return split(codegen.load(bundle.model), 1).devices[0]
    except BadInput as error:
        raise BadInput(f"{bundle.path}: {error}") from None


def _require_same_task(network: NetworkBundle, bundle: Bundle) -> None:
    mine, theirs = network.students[0].manifest.inputs, bundle.manifest.inputs
    wanted, found = (one.manifest.outputs[0].shape[-1] for one in (network.head, bundle))
    if [one.torch_shape for one in mine] != [one.torch_shape for one in theirs]:
        raise BadInput(f"{bundle.path}: takes other inputs than {network.path}; give a net of the same task")
    if found != wanted:
        raise BadInput(
            f"{bundle.path}: has {found} classes, {network.path} has {wanted}; give a net of the same task"
        )


def _about_idle(parts: Split) -> Iterator[str]:
    devices = len(parts.devices)
    if idle := max(one.idle for one in parts.devices):
        yield f"split: {idle} layers have fewer channels than {devices} devices, of which some are idle there"
