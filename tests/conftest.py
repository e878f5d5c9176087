"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of external test data (`NONN_MCU_DATA`, else ../shared/data); skips where it is not there."""
    folder = Path(os.environ.get("NONN_MCU_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set NONN_MCU_DATA)")
    return folder
