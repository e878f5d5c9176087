"""The kinds of cores that code is generated for; firmware/include/nonn/target.h tells them apart in C."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One kind of core: ``name`` is the folder of its kernels and the end of its files' names."""

    name: str
    summary: str

    @property
    def macro(self) -> str:
        """The C macro that is 1 where this target is compiled for."""
        return f"NONN_TARGET_{self.name.upper()}"

    @property
    def suffix(self) -> str:
        """What tells this target's files apart: nothing for plain C."""
        return "" if self.name == "portable" else f"_{self.name}"

    @property
    def runtime(self) -> str:
        """What a device of this target reports as its runtime."""
        return "native" if self.name == "portable" else f"native-{self.name}"


PORTABLE = Target("portable", "plain C, every core")
DSP = Target("dsp", "Arm DSP extension: Cortex-M4, M7, M33")
HELIUM = Target("helium", "Arm Helium: Cortex-M55, M85")
TARGETS = (PORTABLE, DSP, HELIUM)

# What plans and budgets speak of until a board is named.
REFERENCE = DSP

_CORES = {"M4": DSP, "M4F": DSP, "M7": DSP, "M33": DSP, "M55": HELIUM, "M85": HELIUM}


def of_core(core: str) -> Target:
    """Return the target of a core by the name that boards have for it: "Cortex-M4F"."""
    return _CORES.get(core.removeprefix("Cortex-"), PORTABLE)
