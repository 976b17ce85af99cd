"""Every command meets faults at random moments: nothing is lost, nothing wrong is kept, and a rerun works.

It is ended: by a kill, a request to end, a disk that takes no more. Or others work meanwhile: an image vanishes, is cut short or replaced
by another, a worker process is killed, the same command is started a second time.

Each command is ended once here, by turns in one of the ways, and meets others' work once, each with another one of its tasks.
`make faults` lets each command of each task meet all faults at RADLEARN_FAULT_MOMENTS moments, drawn with RADLEARN_FAULT_SEED.
Training has tests of its own, `tests/training/test_fit.py` and the other journeys.
"""

import functools
import hashlib
import os
import resource
import shutil
import signal
import sys
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


Meanwhile = Callable[[int], object]
"What is done while a command runs in a child, of which it is given the process id."


def done_in_a_child(
    arguments: Sequence[str],
    place: Place,
    meanwhile: tuple[float, Meanwhile] | None = None,
    most_bytes: int | None = None,
    said: str = "said.txt",
) -> Ended:
    """Do a command in a forked child; `meanwhile` is what is done after some seconds, `most_bytes` all that a file may hold.

    Forked, because the imports cost twenty seconds.
    """
    import torch

    threads = torch.get_num_threads()
    # A process that has computed with several threads cannot be forked and compute with several again.
    torch.set_num_threads(1)
    log = place.folder / said
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.environ["RADLEARN_CACHE"] = str(place.cache)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        # pytest's own in their place would keep what is said to itself.
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
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
    if meanwhile is not None:
        time.sleep(meanwhile[0])
        meanwhile[1](child)
    _, status = os.waitpid(child, 0)
    return Ended(status, log.read_text(errors="replace"), time.monotonic() - began)


def send(name: str, child: int) -> None:
    os.kill(child, signal.Signals[name])


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


def turn_of(command: str) -> int:
    return list(COMMANDS).index(command) + SEED


def by_turns(later: int) -> list[tuple[str, str]]:
    """Return each command with one of its tasks, another one for each `later`; with all of them where moments are asked for."""
    tasks = {command: [task for task, tried in TRIED if tried == command] for command in COMMANDS}
    return TRIED if MOMENTS else [(of[(turn_of(command) + later) % len(of)], command) for command, of in tasks.items()]


def answers(place: Place) -> str:
    """Return the table of answers, empty where there is none."""
    table = place.out / "predictions.csv"
    return table.read_text() if table.exists() else ""


class Undisturbed(NamedTuple):
    """What a command leaves that meets no fault, the seconds it takes, the size of the largest file it writes, and its table of answers."""

    wanted: dict[str, str]
    seconds: float
    largest: int
    answers: str


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


def anew(place: Place, with_cache: bool = False) -> float:
    """Leave of a place what it was prepared with, and the cache only where asked to; return the time of that."""
    for folder in (place.run, place.out, *([] if with_cache else [place.cache])):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place.folder / "kept", place.run)
    place.out.mkdir()
    return time.time()


@pytest.fixture(scope="module")
def undisturbed(prepared: Callable[[str], Place]) -> Callable[[str, str], Undisturbed]:
    """`undisturbed(task, command)` does a command without a fault, once for all tests."""

    @functools.cache
    def of(task: str, command: str) -> Undisturbed:
        place = prepared(task)
        began = anew(place)
        ended = done_in_a_child(COMMANDS[command](place), place)
        assert ended.status == 0, ended.said
        written = [path.stat() for path in place.folder.rglob("*") if path.is_file()]
        return Undisturbed(results(place), ended.seconds, max(file.st_size for file in written if file.st_mtime >= began), answers(place))

    return of


@pytest.mark.parametrize(("task", "command"), by_turns(1))
def test_a_command_that_is_ended_loses_nothing_and_its_rerun_gives_what_was_asked(
    task: str, command: str, prepared: Callable[[str], Place], undisturbed: Callable[[str, str], Undisturbed]
) -> None:
    place, number = prepared(task), TRIED.index((task, command))
    sound, asked = digests(place.data), COMMANDS[command](place)
    wanted, seconds, largest, _ = undisturbed(task, command)
    generator = np.random.default_rng([SEED, number])
    for fault in FAULTS * MOMENTS or (FAULTS[turn_of(command) % len(FAULTS)],):
        anew(place)
        share = float(generator.random())
        if fault == "full disk":
            # Small files come first and are the more telling.
            most = int(largest**share)
            ended, told = done_in_a_child(asked, place, most_bytes=most), f"a file may hold {most:,} bytes"
            exit_code = os.waitstatus_to_exitcode(ended.status)
            assert exit_code in (0, 2), f"{told}: {exit_code}\n{ended.said}"
        else:
            end: Meanwhile = functools.partial(send, fault)
            ended, told = done_in_a_child(asked, place, (share * seconds, end)), f"{fault} at {share:.0%}"
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


def workers_of(process: int) -> list[int]:
    """Return the processes that a process has started to work for it."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            is_tracker = b"resource_tracker" in entry.joinpath("cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            continue
        if parent == process and not is_tracker:
            found.append(int(entry.name))
    return found


def happen(fault: str, image: Path, other: bytes, twice: Callable[[], Ended], second: list[Ended], child: int) -> None:
    """Let happen to an image or to a command in a child what others do; `second` is given how the command ended the second time."""
    if fault == "vanished":
        image.unlink()
    elif fault == "cut":
        image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    elif fault == "replaced":
        image.write_bytes(other)
    elif fault == "worker killed":
        for worker in workers_of(child)[:1]:
            os.kill(worker, signal.SIGKILL)
    else:
        second.append(twice())


def rows_of_others(table: str, image: Path) -> list[str]:
    """Return the lines of a table of answers that are not of an image."""
    name = image.name.removesuffix(".dcm").removesuffix(".nii.gz")
    return sorted(line for line in table.splitlines() if name not in line)


OF_DATA = ("vanished", "cut", "replaced")
DONE_MEANWHILE = (*OF_DATA, "worker killed", "twice")


@pytest.mark.parametrize(("task", "command"), by_turns(0))
def test_what_others_do_meanwhile_loses_nothing_and_nothing_wrong_is_kept(
    task: str, command: str, prepared: Callable[[str], Place], undisturbed: Callable[[str, str], Undisturbed]
) -> None:
    place, number = prepared(task), TRIED.index((task, command))
    sound, asked = digests(place.data), COMMANDS[command](place)
    wanted, seconds, _, whole = undisturbed(task, command)
    images = sorted(path for path in images_of(place).iterdir() if "_seg" not in path.name)
    generator = np.random.default_rng([SEED, number, 1])
    offered = DONE_MEANWHILE if command != "thorax" else DONE_MEANWHILE[len(OF_DATA) :]
    for fault in offered * MOMENTS or (offered[turn_of(command) % len(offered)],):
        anew(place)
        share = float(generator.random())
        image, other = (images[int(chosen)] for chosen in generator.choice(len(images), 2, replace=False))
        content, second = image.read_bytes(), list[Ended]()
        twice = functools.partial(done_in_a_child, asked, place, said="said_second.txt")
        happens: Meanwhile = functools.partial(happen, fault, image, other.read_bytes(), twice, second)
        try:
            ended = done_in_a_child(asked, place, (share * seconds, happens))
        finally:
            image.write_bytes(content)
        told = f"{fault} ({image.name}) at {share:.0%}\n{ended.said}"
        for one in (ended, *second):
            assert os.waitstatus_to_exitcode(one.status) in (0, 1, 2), f"{told}\n{one.said}"
            assert "Traceback" not in one.said, f"{told}\n{one.said}"
        assert digests(place.data) == sound, f"data were changed\n{told}"
        if fault in OF_DATA and ended.status == 0:
            assert rows_of_others(answers(place), image) == rows_of_others(whole, image), told
        # What was kept of the moment at which something else was there must not answer for what is there now.
        anew(place, with_cache=True)
        again = done_in_a_child(asked, place)
        assert again.status == 0, f"{told}\n--- rerun\n{again.said}"
        assert results(place) == wanted, f"{told}\n--- rerun\n{again.said}"
