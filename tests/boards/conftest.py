"""The stub's firmware for each board, built once."""

from collections.abc import Callable

import pytest
from support.boards import STUB, need

from nonn_mcu.boards.build import Firmware, build


@pytest.fixture(scope="session")
def stub_firmware(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Firmware]:
    """Build the stub model for a board."""
    folder = tmp_path_factory.mktemp("firmware")
    return lambda name: build(STUB, need(name), out=folder / name)
