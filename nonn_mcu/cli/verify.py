"""``nonn-mcu verify``: does the device run the model of the bundle, bit for bit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nonn_mcu.cli import progress
from nonn_mcu.cli.device_options import Baud, Ports, Timeout, ports_of
from nonn_mcu.cli.output import print_json
from nonn_mcu.cli.verify_network import verify_network
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from nonn_mcu.boards.start import Running
    from nonn_mcu.verify.plan import Plan, PlanFor
    from nonn_mcu.verify.run import PortKeep
    from nonn_mcu.verify.verdict import Verdict


def verify(
    context: typer.Context,
    bundle: Annotated[
        Path | None,
        typer.Argument(metavar="BUNDLE", help="Folder made by convert; a network's too.", show_default=False),
    ] = None,
    *,
    port: Ports = None,
    board: Annotated[
        str | None, typer.Option(metavar="NAME", help="Build for this emulated board and start it.")
    ] = None,
    runtime: Annotated[str, typer.Option(metavar="NAME", help="With --board: native or tflm.")] = "native",
    tflm_root: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Tree of TensorFlow Lite Micro, or TFLM_ROOT.")
    ] = None,
    kernels: Annotated[
        str | None, typer.Option(metavar="NAME", help="With tflm: cmsis_nn or reference.")
    ] = None,
    bundles: Annotated[
        Path, typer.Option(metavar="DIR", help="Where to look for BUNDLE by its digest.")
    ] = Path("build"),
    vectors: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N vectors.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of their order.")] = 0,
    layers: Annotated[bool, typer.Option("--layers", help="Name the first layer that diverges.")] = False,
    live: Annotated[
        Path | None,
        typer.Option(metavar="STUDENT", help="Recompute the reference with PyTorch."),
    ] = None,
    arch: Annotated[
        str | None, typer.Option(metavar="NAME", help="Architecture of a bare state_dict for --live.")
    ] = None,
    baud: Baud = 115200,
    timeout: Timeout = 30,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the bundle's page with what was found.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """Check a device against its bundle: bit-exact, and close to PyTorch.

    [bold]nonn-mcu verify[/] --port /dev/ttyACM0
    [bold]nonn-mcu verify[/] build/student --board mps2-an386

    Without --port, the one device that answers on a serial port is taken.
    Exit codes: 0 match, 1 mismatch, 2 bad input, 3 no device, 4 link failed,
    5 device error, 6 another model, 130 interrupted.
    """
    from nonn_mcu.cli.verdict_text import print_verdict
    from nonn_mcu.nonn.network import is_network
    from nonn_mcu.verify.judge import explain, to_json
    from nonn_mcu.verify.plan import Wishes, by_digest, for_bundle

    ports = ports_of(context, port, board, timeout)
    if board is not None and bundle is None:
        raise BadInput("--board needs to know what to build: name the bundle too")
    if report is not None:
        _check_report(report, bundle)
    wishes = Wishes(vectors=vectors, seed=seed, layers=layers, student=live, arch=arch)
    if bundle is not None and is_network(bundle):
        start = None if board is None else partial(_emulated, board, runtime, tflm_root, kernels)
        return verify_network(bundle, ports, start, wishes, baud=baud, timeout=timeout, as_json=as_json)
    kept: dict[str, tuple[Plan, Sequence[np.ndarray]]] = {}

    def keep(port: str, plan: Plan, outputs: Sequence[np.ndarray]) -> None:
        kept[port] = (plan, outputs)

    plan_for = by_digest(bundles, wishes) if bundle is None else for_bundle(bundle, wishes)
    if board is not None and bundle is not None:
        with _emulated(board, runtime, tflm_root, kernels, bundle) as running:
            verdict = _verify_ports([running.port], plan_for, baud, timeout, keep)
            verdict = explain(verdict, running.obituary())
    else:
        verdict = _verify_ports(ports or [_find_port(baud)], plan_for, baud, timeout, keep)
    if report is not None and bundle is not None:
        _write_report(report, bundle, verdict, kept)
    if as_json:
        print_json("verify", verdict.exit_code, {"seed": seed} | to_json(verdict))
    else:
        print_verdict(verdict)
    return verdict.exit_code


def _check_report(report: Path, bundle: Path | None) -> None:
    """Raise :class:`BadInput` where there would be no report in the end, before a device is asked."""
    from nonn_mcu import bundle as bundles
    from nonn_mcu.nonn.network import is_network
    from nonn_mcu.report.page import of_bundle

    if bundle is None:
        raise BadInput("--report is of one bundle: name it too")
    if is_network(bundle):
        raise BadInput(f"--report is of one bundle: name a student's in {bundle}")
    above = report.absolute().parent
    if report.is_dir() or not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        why = "is a folder" if report.is_dir() else f"there is no folder {above} to write it in"
        raise BadInput(f"--report {report}: {why}; name another file")
    of_bundle(bundles.read(bundle), ())


def _write_report(
    report: Path, bundle: Path, verdict: Verdict, kept: Mapping[str, tuple[Plan, Sequence[np.ndarray]]]
) -> None:
    from nonn_mcu import bundle as bundles
    from nonn_mcu.cli.verdict_text import words
    from nonn_mcu.report.device import checked
    from nonn_mcu.report.page import of_bundle

    devices = [checked(one, words(one), *kept.get(one.port, (None, ()))) for one in verdict.devices]
    text = of_bundle(bundles.read(bundle), devices)
    try:
        handle, staging = tempfile.mkstemp(prefix=f".{report.name}.", dir=report.absolute().parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(text)
            Path(staging).chmod(0o644)
            os.replace(staging, report)
        except BaseException:
            os.unlink(staging)
            raise
    except OSError as error:
        raise BadInput(f"--report {report}: cannot be written ({error.strerror or error})") from None


def _find_port(baud: int) -> str:
    from nonn_mcu.link.ports import candidates
    from nonn_mcu.verify.locate import ask, only_device

    return only_device(ask([(found.device, found.description) for found in candidates()], baud))


def _verify_ports(ports: list[str], plan_for: PlanFor, baud: int, timeout: float, keep: PortKeep) -> Verdict:
    from nonn_mcu.verify.run import verify_ports

    with progress.show("runs") as update:
        return verify_ports(ports, plan_for, baud=baud, timeout=timeout, progress=update, keep=keep)


def _emulated(board: str, runtime: str, tflm_root: Path | None, kernels: str | None, bundle: Path) -> Running:
    from nonn_mcu import boards
    from nonn_mcu import bundle as bundles
    from nonn_mcu.boards.runtime import choose, for_bundle
    from nonn_mcu.boards.start import build_and_start

    chosen = boards.get(board)
    over = for_bundle(choose(runtime, chosen, tflm_root, kernels), bundles.read(bundle), chosen)
    return build_and_start(bundle, chosen, runtime=over)
