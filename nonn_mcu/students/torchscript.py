"""TorchScript: its own language with its own restricted loader; no Python of the file is run."""

from __future__ import annotations

import io
import re
from pathlib import Path

from nonn_mcu.errors import BadInput
from nonn_mcu.students.found import Found, check_finite
from nonn_mcu.students.student import first_line

# The operators that reach the file system; the code of a module may already run while it is loaded.
_FILE_ACCESS = re.compile(rb"\b(save|from_file)\b")


def read(path: Path, data: bytes) -> Found:
    """Load a ScriptModule in eval mode on the CPU. Raises :class:`BadInput`."""
    import torch

    try:
        # the same reader as torch.jit.load's, so that both see the same records
        reader = torch._C.PyTorchFileReader(io.BytesIO(data))
        names = [name for name in reader.get_all_records() if name.endswith(".py")]
        used = next((hit for name in names if (hit := _FILE_ACCESS.search(reader.get_record(name)))), None)
        if used:
            raise BadInput(f"{path}: its code uses {used[1].decode()!r}, which can touch files; not loaded")
        module = torch.jit.load(io.BytesIO(data), map_location="cpu").eval().float()
    except BadInput:
        raise
    except Exception as error:  # damaged files fail in many ways, none of which is ours
        raise BadInput(f"{path}: TorchScript cannot be loaded ({first_line(error)})") from None
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    check_finite(path, [*module.named_parameters(), *module.named_buffers()])
    return Found("torchscript", module)
