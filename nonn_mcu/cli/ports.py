"""``nonn-mcu ports``."""

from __future__ import annotations


def ports() -> None:
    """List serial ports."""
