"""Every command is ended at random moments, by a kill, a request to end and a disk that takes no more: nothing is lost, and a rerun works.

Each command meets one fault here, by turns. `make faults` lets each meet all three at RADLEARN_FAULT_MOMENTS moments, drawn with
RADLEARN_FAULT_SEED. Training has tests of its own, `tests/training/test_fit.py` and the other journeys.
"""

import hashlib
import os
import resource
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from joblib.externals.loky import reusable_executor

from radlearn import cli

# 0: one fault a command.
MOMENTS = int(os.environ.get("RADLEARN_FAULT_MOMENTS", "0"))
SEED = int(os.environ.get("RADLEARN_FAULT_SEED", "0"))
TRAINED = {
    "classification": ("--size-px", "64", "--epochs", "1", "--batch-size", "8"),
    "detection": ("--size-px", "64", "--epochs", "1", "--batch-size", "8"),
    "segmentation": (
        "--spacing-mm", "5", "5", "6", "--patch-voxels", "32", "32", "16", "--overlap", "0", "--batch-size", "4", "--epochs", "1",
    ),
}  # fmt: skip
# Bytes of these are a function of what was asked; a page also says when it was made.
SAME_BYTES = (".csv", ".zip", ".gz", ".safetensors", ".txt")

pytestmark = pytest.mark.slow


class Ended(NamedTuple):
    """How a command in a child ended: exit status as of `os.waitpid`, what it said, seconds and the size of the largest file it wrote."""

    status: int
    said: str
    seconds: float


@dataclass(frozen=True)
class Place:
    """Where a trial takes place: everything that commands may write lies below `folder`."""

    folder: Path
    task: str

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"


def images_of(place: Place) -> Path:
    return place.data / ("Train" if place.task == "segmentation" else "stage_2_train_images")


def handed_in(place: Place) -> str:
    return "submission.zip" if place.task == "segmentation" else "submission.csv"


COMMANDS: dict[str, Callable[[Place], list[str]]] = {
    "evaluate": lambda place: [place.task, "evaluate", str(place.run)],
    "tune": lambda place: [place.task, "tune", str(place.run)],
    "predict": lambda place: [place.task, "predict", str(place.run), str(images_of(place)), "--out", str(place.out)],
    "submit": lambda place: [
        place.task,
        "submit",
        str(place.run),
        "--images",
        str(images_of(place)),
        "--out",
        str(place.out / handed_in(place)),
    ],
    "check": lambda place: ["check", str(place.data), "--out", str(place.out / "check.html")],
    "table": lambda place: [place.task, "table", str(place.data), "--out", str(place.out / "cases.csv")],
    "thorax": lambda place: ["thorax", "--out", str(place.out / "thorax"), "--xrays", "3", "--cts", "0"],
}


def done_in_a_child(
    arguments: Sequence[str], place: Place, killed: tuple[str, float] | None = None, most_bytes: int | None = None
) -> Ended:
    """Do a command in a forked child; `killed` is a signal and after how many seconds it is sent, `most_bytes` all that a file may hold.

    Forked, because the imports cost twenty seconds.
    """
    import torch

    threads = torch.get_num_threads()
    # A process that has computed with several threads cannot be forked and compute with several again.
    torch.set_num_threads(1)
    log = place.folder / "said.txt"
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.environ["RADLEARN_CACHE"] = str(place.cache)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
        # The processes that joblib keeps are the parent's.
        reusable_executor._executor = None
        try:
            os._exit(cli.main(list(arguments)))
        except BaseException:
            os.write(2, traceback.format_exc().encode())
        finally:
            # What is no exit code must not go on as a second test run.
            os._exit(70)
    torch.set_num_threads(threads)
    if killed is not None:
        time.sleep(killed[1])
        os.kill(child, signal.Signals[killed[0]])
    _, status = os.waitpid(child, 0)
    return Ended(status, log.read_text(errors="replace"), time.monotonic() - began)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def results(place: Place) -> dict[str, str]:
    """Return what the commands left, by name: a digest where the same question gives the same bytes."""
    found = {}
    for root in (place.run, place.out):
        for name, digest in (digests(root) if root.is_dir() else {}).items():
            found[f"{root.name}/{name}"] = digest if name.endswith(SAME_BYTES) else "there"
    return found


# What does not depend on the task is tried once.
TRIED = [(task, command) for task in TRAINED for command in COMMANDS if task == "classification" or command not in ("table", "thorax")]
FAULTS = ("SIGKILL", "SIGTERM", "full disk")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Callable[[str], Place]:
    """`prepared(task)` is a place with data and a finished run."""
    places: dict[str, Place] = {}

    def of(task: str) -> Place:
        if task not in places:
            place = places[task] = Place(tmp_path_factory.mktemp("faults"), task)
            shutil.copytree(request.getfixturevalue("small_covid19" if task == "segmentation" else "small_rsna"), place.data)
            # In this process, so that all is imported when the children are made.
            assert cli.main([task, "train", "--data", str(place.data), "--run", str(place.run), *TRAINED[task]]) == 0
            shutil.copytree(place.run, place.folder / "kept")
            assert cli.main(COMMANDS["evaluate"](place)) == 0
        return places[task]

    return of


def anew(place: Place) -> float:
    """Leave of a place what it was prepared with, and return the time of that."""
    for folder in (place.run, place.out, place.cache):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place.folder / "kept", place.run)
    place.out.mkdir()
    return time.time()


@pytest.mark.parametrize(("task", "command"), TRIED)
def test_a_command_that_is_ended_loses_nothing_and_its_rerun_gives_what_was_asked(
    task: str, command: str, prepared: Callable[[str], Place]
) -> None:
    place, number = prepared(task), TRIED.index((task, command))
    began = anew(place)
    sound, asked = digests(place.data), COMMANDS[command](place)
    ended = done_in_a_child(asked, place)
    assert ended.status == 0, ended.said
    wanted, seconds = results(place), ended.seconds
    largest = max(path.stat().st_size for path in place.folder.rglob("*") if path.is_file() and path.stat().st_mtime >= began)
    generator = np.random.default_rng([SEED, number])
    for fault in FAULTS * MOMENTS or (FAULTS[(number + SEED) % 3],):
        anew(place)
        share = float(generator.random())
        if fault == "full disk":
            # Small files come first and are the more telling.
            most = int(largest**share)
            ended, told = done_in_a_child(asked, place, most_bytes=most), f"a file may hold {most:,} bytes"
            exit_code = os.waitstatus_to_exitcode(ended.status)
            assert exit_code in (0, 2), f"{told}: {exit_code}\n{ended.said}"
        else:
            ended, told = done_in_a_child(asked, place, (fault, share * seconds)), f"{fault} at {share:.0%}"
            exit_code = os.waitstatus_to_exitcode(ended.status)
            # It may have been done before.
            assert exit_code in (0, 130 if fault == "SIGTERM" else -signal.SIGKILL, -signal.SIGTERM), f"{told}: {exit_code}\n{ended.said}"
        told = f"{told}\n{ended.said}"
        assert "Traceback" not in ended.said, told
        assert digests(place.data) == sound, f"data were changed\n{told}"
        kept = digests(place.folder / "kept")
        unchanged = {name: digest for name, digest in digests(place.run).items() if kept.get(name) == digest}
        assert {name for name in kept if name.endswith(".safetensors") or name == "split.csv"} <= unchanged.keys(), told
        # What was written before it was ended is not written again.
        was_done = results(place) == wanted
        again = done_in_a_child(asked, place)
        told = f"{told}\n--- rerun\n{again.said}"
        assert again.status == 0 or was_done, told
        assert results(place) == wanted, told
