"""The process ``python -m nonn_mcu.serve RUNTIME BUNDLE``: a model in an interpreter on a pseudo-terminal.

It behaves as the firmware for the board ``host`` does: it prints the terminal's name as the first line of
stdout and answers until it is ended. A process of its own, since an interpreter may crash on a hostile model
and cannot be interrupted while it runs one.
"""

from __future__ import annotations

import os
import sys
import tty
from pathlib import Path

from nonn_mcu import bundle as bundles
from nonn_mcu.errors import BadInput
from nonn_mcu.serve.device import Device
from nonn_mcu.serve.interpreter import InterpretedModel


def main(runtime: str, folder: str) -> None:
    """Serve for ever. A model that does not start ends the process with one line on stderr."""
    try:
        device = Device(InterpretedModel(bundles.read(Path(folder)), runtime))
    except BadInput as error:
        sys.exit(str(error))
    ours, theirs = os.openpty()  # both stay open: the line outlives a client
    tty.setraw(theirs)
    sys.stdout.write(f"{os.ttyname(theirs)}\n")
    sys.stdout.flush()
    while True:
        rest = memoryview(device.take(os.read(ours, 4096)))
        while rest:
            rest = rest[os.write(ours, rest) :]


main(*sys.argv[1:])
