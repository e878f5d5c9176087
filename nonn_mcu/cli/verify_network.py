"""``nonn-mcu verify`` of a network of neural networks: every device, and what they answer together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from nonn_mcu.cli import progress
from nonn_mcu.cli.output import print_json
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.boards.start import Running
    from nonn_mcu.verify.plan import Wishes


def verify_network(
    path: Path,
    ports: list[str],
    start: Callable[[Path], Running] | None,
    wishes: Wishes,
    *,
    baud: int,
    timeout: float,
    as_json: bool,
) -> int:
    """Verify a network on the ports, on those that hold its students, or on boards that ``start`` starts."""
    from nonn_mcu.cli.network_text import print_network
    from nonn_mcu.nonn import network as networks
    from nonn_mcu.nonn.devices.assign import find
    from nonn_mcu.nonn.devices.verdict import explain_each, to_json
    from nonn_mcu.nonn.devices.verify import verify_network as check

    network = networks.read(path)
    if wishes.student is not None:
        raise BadInput(
            f"--live is for one student: give {network.students[0].path} or another of its folders"
        )
    with ExitStack() as stack:
        running = [] if start is None else [stack.enter_context(start(one.path)) for one in network.students]
        found = [board.port for board in running] or ports or find(network.students, baud)
        with progress.show("runs") as update:
            verdict = check(network, found, wishes, baud=baud, timeout=timeout, progress=update)
        verdict = explain_each(verdict, {board.port: board.obituary() for board in running})
    if as_json:
        print_json("verify", verdict.exit_code, {"seed": wishes.seed} | to_json(verdict))
    else:
        print_network(path, verdict)
    return verdict.exit_code
