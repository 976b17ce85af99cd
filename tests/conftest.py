"""What every test may ask for."""

import os
from pathlib import Path

import pytest

# Two-thread torch stalls when something else runs on the cores, unless idle threads sleep; it must be set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a cache folder of its own and sees no data folder that the person who runs it has chosen."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("RADLEARN_CACHE", str(folder))
    monkeypatch.delenv("RADLEARN_DATA", raising=False)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images that lies beside the project on development machines."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; they are not part of the project")
    return folder
