"""From a teacher and images to the parts: observe, tie, find communities, group."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nonn_mcu.calib import Samples
from nonn_mcu.nonn.partition import activation_graph
from nonn_mcu.nonn.partition import groups as partition
from nonn_mcu.nonn.partition.activation_graph import ActivationGraph
from nonn_mcu.nonn.partition.modularity import modularity
from nonn_mcu.nonn.parts import DataInfo, Group, Parameters, Parts, Statistics, TeacherInfo
from nonn_mcu.nonn.teacher import Teacher, activations

_DIGITS = 6  # what is stored of a statistic: further ones depend on the processor


def divide(
    teacher: Teacher,
    samples: Samples,
    budgets: Sequence[int | None],
    parameters: Parameters,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Parts, ActivationGraph]:
    """Partition the teacher's channels over ``len(budgets)`` students, by its activations on ``samples``.

    ``budgets`` are bytes, or None for all: then groups are of equal size. ``progress`` is told how many of
    all images the teacher has seen. The same input gives the same parts. Raises :class:`BadInput` for fewer
    than 2 or more than 16 students or more students than channels, and for a map that tells no two
    channels apart.
    """
    wanted = partition.sizes(teacher.channels, [budget or 1 for budget in budgets])
    graph = activation_graph.build(
        activations(teacher, samples.x, progress),
        top=parameters.top,
        percentile=parameters.percentile,
        affinity=parameters.affinity,
    )
    gamma = parameters.gamma
    found = partition.communities(graph.edges, gamma, parameters.seed)
    groups = partition.groups(graph.weights, found, wanted, gamma)
    total = float(graph.activity.sum())
    statistics = Statistics(
        edges=int(np.count_nonzero(np.triu(graph.edges))),
        isolated=int((~graph.edges.any(axis=1)).sum()),
        communities=tuple(map(len, found)),
        communities_modularity=round(modularity(graph.edges, found, gamma), _DIGITS),
        groups_modularity=round(modularity(graph.edges, groups, gamma), _DIGITS),
        groups_modularity_whole=round(modularity(graph.weights, groups, gamma), _DIGITS),
        activity=tuple(round(float(graph.activity[list(one)].sum()) / total, _DIGITS) for one in groups),
    )
    parts = Parts(
        teacher=TeacherInfo(
            name=teacher.name, sha256=teacher.sha256, layer=teacher.layer, channels=teacher.channels
        ),
        data=DataInfo(source=samples.source, sha256=samples.sha256, images=len(samples)),
        parameters=parameters,
        statistics=statistics,
        groups=tuple(
            Group(channels=channels, budget=budget) for channels, budget in zip(groups, budgets, strict=True)
        ),
    )
    return parts, graph
