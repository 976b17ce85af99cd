"""A small clean cohort of built-in patients, made once, and copies of it that a test may spoil."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def built_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty built-in X-rays in the RSNA layout. Not to be changed."""
    from radlearn.digital_thorax.cohort import write_rsna

    folder = tmp_path_factory.mktemp("clean") / "rsna"
    write_rsna(folder, 40, seed=3)
    return folder


@pytest.fixture
def spoilt(built_in: Path, tmp_path: Path) -> Path:
    """A copy of the clean X-rays, to plant faults into."""
    return Path(shutil.copytree(built_in, tmp_path / "rsna"))
