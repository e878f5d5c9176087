"""The optional packages: named clearly when they are missing."""

from __future__ import annotations

import importlib

from nonn_mcu.errors import MissingExtra


def require(module: str, purpose: str, extra: str = "convert") -> None:
    """Import ``module``, which ``extra`` brings.

    Raises :class:`MissingExtra` naming the ``purpose`` and the remedy.
    """
    try:
        importlib.import_module(module)
    except ImportError:
        raise MissingExtra(
            f"{purpose} needs {module}; install it with: pip install 'nonn-mcu[{extra}]'"
        ) from None
