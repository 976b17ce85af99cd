"""What the journeys share. Files of the toy use case are copied into a package of their own and are no tests."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors import safe_open

from radlearn import cli

collect_ignore = ["toy_use_case"]


@pytest.fixture(autouse=True)
def coarse(coarse_pictures: None) -> None:
    """Every report of a journey has coarse pictures."""


@pytest.fixture(scope="module", autouse=True)
def journey_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache folder of a journey: its runs and its tests share one, as the commands of one person do."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RADLEARN_CACHE", str(folder))
        patch.delenv("RADLEARN_DATA", raising=False)
        yield folder


@pytest.fixture(autouse=True)
def own_cache_folder(own_cache_folder: Path, journey_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace the cache folder of each test by that of its journey."""
    monkeypatch.setenv("RADLEARN_CACHE", str(journey_cache))
    return journey_cache


@pytest.fixture(autouse=True)
def same_number_of_threads() -> Iterator[None]:
    """Give back the threads that a test took away in order to fork; weights agree bit by bit for equal numbers of threads only."""
    import torch

    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def killed_once(reached: Callable[[], bool], arguments: list[str]) -> None:
    """Do a command in a forked child, and kill it when it has reached something, however long that takes.

    Forked, because the imports cost twenty seconds. A process that has computed with several threads cannot be forked and compute again.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    child = os.fork()
    if child == 0:
        os._exit(cli.main(arguments))
    torch.set_num_threads(threads)
    while not reached():
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "the training ended before it could be killed"
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def steps_saved(run: Path) -> int:
    """Return after how many steps the checkpoint of a run was saved; 0 while there is none."""
    checkpoint = run / "last" / "checkpoint.safetensors"
    if not checkpoint.exists():
        return 0
    with safe_open(checkpoint, framework="np") as opened:
        return int(json.loads(opened.metadata()["radlearn"])["step"])
