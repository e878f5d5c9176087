"""A picture of the filter activation network: each group a cluster on a circle, edges as they were kept."""

from __future__ import annotations

import math

import numpy as np

from nonn_mcu.nonn.partition.activation_graph import ActivationGraph
from nonn_mcu.nonn.partition.modularity import Groups
from nonn_mcu.report import plot

# once all colours are taken, the next round has another shape
_LOOKS = tuple((mark, colour) for mark in plot.MARKS[:3] for colour in reversed(plot.COLOURS))
_INCHES = 7.0  # of the square that the circle is in
_LARGEST = 22.0  # diameter of a node in points
_LABELLED = 10.0  # the least diameter that holds a channel's number


def draw(graph: ActivationGraph, groups: Groups, title: str, seed: int = 0) -> bytes:
    """Draw as SVG; the same input gives the same bytes.

    A node's area is its channel's activity; within a cluster, channels are near each other that are tied.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    radius = 0.85 * math.sin(math.pi / len(groups))
    at = _places(graph.weights, groups, radius, seed)
    reach = 1.06 + radius  # nodes at the rim are whole
    points = 72 * _INCHES / (2 * reach)  # a unit's length on paper
    largest = min(_LARGEST, points * 1.4 * radius / math.sqrt(max(map(len, groups))))
    strongest = max(float(graph.activity.max()), np.finfo(float).tiny)
    diameter = largest * np.sqrt(np.maximum(0.15, graph.activity / strongest))
    edges = np.argwhere(np.triu(graph.edges, 1))
    thickness = 0.3 + 1.5 * graph.edges[edges[:, 0], edges[:, 1]]

    with plot.settings():
        figure = Figure(figsize=(_INCHES + 2.5, _INCHES + 0.5), layout="constrained")
        axes = figure.add_subplot(aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
        axes.set_axis_off()
        axes.set_title(title)
        axes.add_collection(
            LineCollection(list(at[edges]), linewidths=thickness, colors="#777777", alpha=0.5, zorder=1)
        )
        for group, (shape, colour) in zip(groups, _LOOKS, strict=False):
            chosen = list(group)
            axes.scatter(
                at[chosen, 0],
                at[chosen, 1],
                s=diameter[chosen] ** 2,
                color=colour,
                marker=shape,
                edgecolors="white",
                linewidths=0.6,
                zorder=2,
            )
        for node in np.flatnonzero(diameter >= _LABELLED).tolist():
            size = 0.36 * float(diameter[node])
            axes.annotate(str(node), at[node], ha="center", va="center_baseline", fontsize=size, zorder=3)
        # in the legend all are of one size
        figure.legend(
            handles=[
                Line2D(
                    [], [], linestyle="", marker=shape, color=colour, markersize=9, label=_size(number, group)
                )
                for number, (group, (shape, colour)) in enumerate(zip(groups, _LOOKS, strict=False))
            ],
            loc="outside right upper",
            frameon=False,
        )
        return plot.svg(figure)


def _size(number: int, group: tuple[int, ...]) -> str:
    return f"student {number}: {len(group)} channel{'s' * (len(group) > 1)}"


def _places(weights: np.ndarray, groups: Groups, radius: float, seed: int) -> np.ndarray:
    """Coordinates ``(C, 2)``: clusters on the unit circle, the first one on the left, and clockwise."""
    import networkx as nx

    at = np.empty((len(weights), 2))
    for number, group in enumerate(groups):
        angle = math.pi - 2 * math.pi * number / len(groups)
        ties = nx.from_numpy_array(weights[np.ix_(group, group)])
        spread = nx.spring_layout(ties, seed=seed, iterations=100)
        place = np.array([spread[node] for node in range(len(group))])
        away = np.hypot(*place.T)
        # by rank, or a few channels far away would leave the others no room
        rank = np.argsort(np.argsort(away, kind="stable"), kind="stable")
        to = 0.9 * radius * np.sqrt(rank / len(group))
        place *= (to / np.maximum(away, np.finfo(float).tiny))[:, None]
        at[list(group)] = place + np.array([math.cos(angle), math.sin(angle)])
    return at
