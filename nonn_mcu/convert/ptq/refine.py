"""The stock converter's int8 model, refined step by step; what helps on held-out samples is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from nonn_mcu.codegen.reader import read
from nonn_mcu.convert.ptq import simulate
from nonn_mcu.convert.ptq.bias import exact_means, with_means, with_weights_made_up
from nonn_mcu.convert.ptq.equalise import factors, scaled
from nonn_mcu.convert.ptq.gptq import with_gptq
from nonn_mcu.convert.ptq.inputs import Moments, moments
from nonn_mcu.convert.ptq.learned import with_learned
from nonn_mcu.convert.ptq.net import Net, load
from nonn_mcu.convert.ptq.ranges import RULES, Range, Rule, with_ranges
from nonn_mcu.convert.ptq.score import Judge, Score, judge
from nonn_mcu.convert.ptq.statistics import observe
from nonn_mcu.convert.ptq.sums import with_exact_sums
from nonn_mcu.convert.ptq.write import write, write_twin
from nonn_mcu.verify import oracle

Progress = Callable[[str], None]

# What a step has to gain, in dB, to be kept. Fuller ranges saturate more on samples that nobody has seen:
# a small gain on these is a loss on others. And the same net scores a fifth of a dB more or less with other
# samples, or with biases that differ by nothing that matters.
_FULLER, _ROUNDED, _MEANT = 0.3, 0.05, 0.2

# How much further than samples that are made real ones may reach. Without it what single real samples lose
# outweighs all rounding.
_ROOM = 1.25

_STRENGTH = 0.5  # of equalisation; more fills channels to the brim
_FELT = 32  # samples that the float net is differentiated on
_MEANS = 3  # times that the means are measured and half of what they are off is made up


@dataclass(frozen=True)
class Step:
    """What a step gave on the validation samples: of the worst output, SQNR in dB and top-1 agreement.

    The first step is the stock model, the last one the model returned, both run by the oracle; those between
    are simulated.
    """

    name: str
    sqnr_db: float
    agreement: float
    kept: bool


@dataclass(frozen=True, eq=False)
class Refined:
    """The int8 model, the float one of the same operators (None where none corresponds), and the steps."""

    model: bytes
    twin: bytes | None
    steps: tuple[Step, ...]


def unrefined(stock: bytes, twin: bytes) -> Refined:
    """Leave the stock model as it is; its twin is none where the operators do not pair."""
    return Refined(stock, None if load(stock, twin) is None else twin, ())


@dataclass(frozen=True, eq=False)
class _State:
    """The best net so far, its simulated score, and how it came about."""

    net: Net
    score: Score
    steps: tuple[Step, ...]


def refine(
    stock: bytes,
    twin: bytes,
    calibration: np.ndarray,
    validation: np.ndarray,
    progress: Progress,
    *,
    learned: Mapping[int, Range] = MappingProxyType({}),
    made: bool = False,
) -> Refined:
    """Refine ``stock``, whose float model is ``twin``; both are the converter's own, with one input.

    ``calibration`` and ``validation`` are float32 ``(N, *shape)`` in the device's layout and share no sample:
    the first to choose by, the second to keep by. The result is never below stock on the latter. Where the
    two models do not pair, it is stock without a twin and without steps. ``learned`` are ranges by the index
    of an int8 activation that training has found. Samples that are ``made``, and not real, cannot show how
    far real ones reach: ranges have room from the start, and the result may be below stock on them.
    """
    net = load(stock, twin)
    if net is None:
        return Refined(stock, None, ())
    progress("Refining: the float network")
    by = judge(twin, validation)
    activities = observe(net, calibration)
    base = stock
    if made:
        activities = {
            index: activity.over(np.full(len(activity.low), 1 / _ROOM))
            for index, activity in activities.items()
        }
        net = with_ranges(net, activities, RULES["extremes"])
        base = write(net)
    score = by.score(base)
    state = _State(net, score, (_reported("room for real samples", score, True),) if made else ())

    def equalised(strength: float, rule: Rule) -> Net:
        divisors = factors(net, activities, strength)
        seen = {index: activity.over(divisors[index]) for index, activity in activities.items()}
        return with_ranges(scaled(net, divisors), seen, rule)

    for title, strength in (("ranges", 0.0), ("equalisation", _STRENGTH)):
        candidates = {f"{title}: {name}": partial(equalised, strength, rule) for name, rule in RULES.items()}
        if title == "ranges" and learned:
            seen_in_training = with_learned(net, activities, learned)
            candidates["ranges: learned in training"] = partial(
                with_ranges, net, seen_in_training, RULES["extremes"]
            )
        state = _step(state, by, candidates, _FULLER, progress)
    felt = _felt(net, calibration[:_FELT], progress)
    if felt is not None:
        from nonn_mcu.convert.ptq.balance import with_balance

        candidates = {"balance": partial(with_balance, net, activities, felt)}
        state = _step(state, by, candidates, _FULLER, progress)
    if felt is not None and any(op.kind == "ADD" for op in net.graph.ops):
        felt = _felt(state.net, calibration[:_FELT], progress)
        summed = None if felt is None else with_exact_sums(state.net, felt)
        if summed is not None:
            state = _step(state, by, {"exact sums": lambda: summed}, _ROUNDED, progress)
    samples = _rounded(state.net, calibration)
    seen = moments(state.net, samples)
    for title, round_weights in (("GPTQ", with_gptq), ("bias for the weights", _unchanged)):
        before = state.net
        candidates = {title: partial(_made_up, before, seen, round_weights)}
        state = _step(state, by, candidates, _ROUNDED, progress)
        if state.net is not before:
            break
    exact = exact_means(state.net, calibration)
    for _ in range(_MEANS):
        before = state.net
        candidates = {"bias for the means": partial(with_means, before, samples, exact)}
        state = _step(state, by, candidates, _MEANT, progress)
        if state.net is before:
            break
    return _judged(state, stock, base, twin, by)


def _felt(net: Net, x: np.ndarray, progress: Progress) -> dict[int, np.ndarray] | None:
    """Give the sensitivities of the net's activations; None where the float net cannot be differentiated."""
    from nonn_mcu.convert.ptq.sensitivity import sensitivities

    progress("Refining: sensitivities")
    exact = write_twin(net)
    found = sensitivities(read(exact), x, simulate.outputs(exact, x))
    return found and {index: found[twin] for index, twin in net.pair.twin.items() if twin in found}


def _rounded(net: Net, x: np.ndarray) -> np.ndarray:
    return net.affine[net.graph.inputs[0]].quantised(x)


def _unchanged(net: Net, seen: Mapping[int, Moments]) -> Net:
    return net


def _made_up(net: Net, seen: Mapping[int, Moments], round_weights: Callable[..., Net]) -> Net:
    return with_weights_made_up(round_weights(net, seen), seen)


def _step(
    state: _State,
    by: Judge,
    candidates: Mapping[str, Callable[[], Net]],
    worth: float,
    progress: Progress,
) -> _State:
    """Try the candidates; the best is kept where it gains what it is worth."""
    tried: list[tuple[float, str, Net, Score]] = []
    for name, make in candidates.items():
        progress(f"Refining: {name}")
        net = make()
        score = by.score(write(net))
        tried.append((score.gain(state.score), name, net, score))
    gain, name, net, score = max(tried, key=lambda one: one[0])
    kept = gain >= worth
    steps = (*state.steps, _reported(name, score, kept))
    return _State(net, score, steps) if kept else _State(state.net, state.score, steps)


def _judged(state: _State, stock: bytes, base: bytes, twin: bytes, by: Judge) -> Refined:
    """Let the oracle decide between the model that refinement began with and what was found."""
    model = write(state.net)
    scores = {one: by.score(one, lambda m, x: oracle.run(m, [x])) for one in {stock, base, model}}
    better = scores[model].gain(scores[base]) > 0
    steps = (
        _reported("stock", scores[stock], True),
        *state.steps,
        _reported("refined", scores[model], better),
    )
    if not better:
        return Refined(base, twin, steps)
    return Refined(model, write_twin(state.net), steps)


def _reported(name: str, score: Score, kept: bool) -> Step:
    return Step(name, min(score.sqnr_db), min(score.agreement), kept)
