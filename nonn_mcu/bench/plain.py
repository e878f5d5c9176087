"""The native runtime in plain C, also on a core that has kernels of its own: what those are held against."""

from __future__ import annotations

from dataclasses import dataclass

from nonn_mcu.boards.runtime import Runtime


@dataclass(frozen=True)
class _Plain(Runtime):
    def settings(self) -> dict[str, str]:
        return super().settings() | {"NONN_PORTABLE": "ON"}

    def digest(self) -> str:
        return f"{super().digest()}-portable"


PLAIN = _Plain("native", kernels="portable")
