"""Copies of built-in patients that a test may spoil."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def spoilt(built_in_xrays: Path, tmp_path: Path) -> Path:
    """A copy of the built-in X-rays, to plant faults into."""
    return Path(shutil.copytree(built_in_xrays, tmp_path / "rsna"))
