"""Tell a network's checkpoint from every other file, and read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nonn_mcu.codegen.names import identifier
from nonn_mcu.students import detect
from nonn_mcu.students.checkpoint import NETWORK_FORMAT
from nonn_mcu.students.extra import require

if TYPE_CHECKING:
    from nonn_mcu.nonn.checkpoint import Trained


def load(path: Path) -> Trained | None:
    """Read a checkpoint of a network; None for a file of another kind, which is not unpickled.

    Raises :class:`~nonn_mcu.errors.BadInput`, and ``MissingExtra`` without PyTorch.
    """
    data = detect.read(path)
    # torch stores what it pickles uncompressed, so that the name of the format stands there as it is
    if NETWORK_FORMAT.encode() not in data or detect.sniff(path, data) != "torch":
        return None
    require("torch", f"reading {path.name}")
    from nonn_mcu.nonn.checkpoint import build, is_network
    from nonn_mcu.students import torch_file

    content = torch_file.unpickle(path, data, allow_pickle=False)
    return build(path, content, identifier(path.stem)) if is_network(content) else None
