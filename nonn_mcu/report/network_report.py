"""A network as text: what each student's device holds, and how well the whole classifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nonn_mcu import budget
from nonn_mcu.report.table import table

if TYPE_CHECKING:
    from nonn_mcu.nonn.network import Accuracy, NetworkBundle


def summary(network: NetworkBundle) -> str:
    """Show each student's flash and RAM against its device's, in bytes."""
    holder = network.manifest.holder
    body = [
        (
            one.manifest.name + (" + head" if index == holder else ""),
            *(
                cell
                for row in budget.rows(one.manifest.budget)
                for cell in (
                    f"{row.needed:,}",
                    "none" if row.limit is None else f"{row.limit:,}",
                    "" if row.limit is None else f"{row.needed / row.limit:.1%}",
                )
            ),
            "over" if budget.overrun(one.manifest.budget) else "fits",
        )
        for index, one in enumerate(network.students)
    ]
    return table(("", "flash", "limit", "used", "RAM", "limit", "used", ""), body)


def accuracy_lines(accuracy: Accuracy | None) -> list[str]:
    """Say how often the network is right, and how often with students missing; or why it is not known."""
    if accuracy is None:
        return ["not measured: the test samples have no labels"]
    lines = [
        f"int8 {accuracy.int8:.2%}, float {accuracy.float_network:.2%} over {accuracy.samples:,} test samples"
    ]
    for count, (mean, worst) in enumerate(zip(accuracy.missing[1:], accuracy.worst[1:], strict=True), 1):
        lines.append(f"{count} of {len(accuracy.missing)} missing: {mean:.2%}, the worst choice {worst:.2%}")
    return lines
