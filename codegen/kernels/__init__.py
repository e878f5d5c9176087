"""Kernels beside the portable ones: one file each says which layers it takes and how it wants them.

A module here belongs to the kernel ``nonn_<module>``: its parameters and contract are in
``firmware/include/nonn/kernels/<module>.h``, its code in ``firmware/kernels/<target>/<module>.c``. Its one
public function is

    ``adapt(graph, layer, want) -> Layer | None``

which gets what an operator was lowered to for the portable kernel, checked, and returns the call of its own
kernel, constants packed in the order in which they are read, or None where it does not fit: what it cannot
prove exact, it does not take. A module without it is what several kernels share. Which kernels are asked for
which layer is one table, :mod:`..select`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Want:
    """What is asked of a kernel.

    ``room`` is how many bytes of scratch the arena has to spare while the layer runs: a kernel that gets
    faster with more may take as much, one that needs more still says so in ``scratch_bytes`` and gets it.
    ``goal`` is "balance", "size" (fewer bytes of code and constants) or "speed" (constants may grow).
    """

    room: int = 0
    goal: str = "balance"
