"""Damage sound files at random and read them: anything but a result or an error of radlearn's own is a finding.

`make fuzz` tries 200,000 files; the tests try 2,000. What is tried is a function of the seed, the kind of file and the number, so a
finding is made again by these three. A process that a decoder kills, an answer that takes longer than a minute and one that takes more
than two GiB are findings as well. The first damaged files of each kind of finding stay in `runs/fuzz`, each with its traceback.
"""

import faulthandler
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import numpy as np
import tyro

from radlearn.errors import RadlearnError
from radlearn.progress import say
from tools.fuzz_mutations import damaged
from tools.fuzz_targets import TARGETS
from tools.fuzz_targets.target import Target

MOST_SECONDS, MOST_BYTES = 60, 2 << 30


class Finding(NamedTuple):
    """What went wrong with one damaged file."""

    target: str
    number: int
    file: str
    error: str


class Bench:
    """The sound files of a target, of which one at a time is damaged."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target = target
        self.asked = dict(target.make(folder))
        self.sound = {path: path.read_bytes() for path in self.asked}
        for path in sorted(set(self.asked.values())):
            target.read(path)

    def tried(self, number: int, seed: int = 0) -> Finding | None:
        """Read the files after one was damaged, and mend it again; `number` and `seed` say how."""
        generator = np.random.default_rng([seed, number])
        path = list(self.asked)[generator.integers(len(self.asked))]
        path.write_bytes(damaged(self.sound[path], path.name, generator))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.target.read(self.asked[path])
        except RadlearnError as error:
            cause = str(error)
            if "Traceback" in cause:
                return Finding(self.target.name, number, path.name, f"a traceback in a message: {cause}")
        except (Exception, SystemExit):
            return Finding(self.target.name, number, path.name, traceback.format_exc())
        finally:
            path.write_bytes(self.sound[path])
        return None

    def damaged_file(self, number: int, seed: int = 0) -> tuple[Path, bytes]:
        """Return the file that `tried` damages, and its content then."""
        generator = np.random.default_rng([seed, number])
        path = list(self.asked)[generator.integers(len(self.asked))]
        return path, damaged(self.sound[path], path.name, generator)


def fuzzed(target: Target, numbers: Sequence[int], seed: int = 0) -> list[Finding]:
    """Return what was found with the damaged files of these numbers, in this process."""
    with _quiet_folder() as folder:
        bench = Bench(target, folder)
        return [found for number in numbers if (found := bench.tried(number, seed)) is not None]


@contextmanager
def _quiet_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        yield Path(place)


class _TooSlow(BaseException):
    """No `except Exception` takes it."""


def _too_slow(signal_number: int, frame: FrameType | None) -> None:
    raise _TooSlow(f"longer than {MOST_SECONDS} s: {''.join(traceback.format_stack(frame)[-4:])}")


def _in_a_process(
    name: str, numbers: Sequence[int], seed: int, at: "Synchronized[int]", findings: "multiprocessing.SimpleQueue[Finding]"
) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    signal.signal(signal.SIGALRM, _too_slow)
    with _quiet_folder() as folder:
        bench = Bench(TARGETS[name], folder)
        there = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if Path("/proc").is_dir() else 0
        resource.setrlimit(resource.RLIMIT_AS, (there + MOST_BYTES, there + MOST_BYTES))
        for number in numbers:
            at.value = number
            signal.alarm(MOST_SECONDS)
            try:
                found = bench.tried(number, seed)
            except _TooSlow as error:
                found = Finding(name, number, bench.damaged_file(number, seed)[0].name, str(error))
            signal.alarm(0)
            if found is not None:
                findings.put(found)
    at.value = -1


def fuzzed_apart(name: str, numbers: range, seed: int = 0) -> list[Finding]:
    """As `fuzzed`, in processes of their own with bounds: one that is killed is a finding, and the next number goes on."""
    context = multiprocessing.get_context("fork")
    found: list[Finding] = []
    while len(numbers):
        at, queue = context.Value("q", -2), context.SimpleQueue()
        process = context.Process(target=_in_a_process, args=(name, numbers, seed, at, queue))
        process.start()
        while process.is_alive():
            process.join(0.2)
            while not queue.empty():
                found.append(queue.get())
        while not queue.empty():
            found.append(queue.get())
        if at.value == -1:
            break
        if at.value == -2:
            raise RuntimeError(f"{name}: the sound files cannot be read")
        found.append(Finding(name, at.value, "", f"the process ended with {process.exitcode}"))
        numbers = range(at.value + 1, numbers.stop)
    return found


def main(inputs: int = 200_000, targets: tuple[str, ...] = tuple(TARGETS), seed: int = 0, out: Path = Path("runs/fuzz")) -> None:
    """Try damaged files of every kind.

    Args:
        inputs: damaged files in all, as many of each kind.
        targets: kinds of file.
        seed: another seed damages otherwise.
        out: folder for the files that were found, each with its traceback.
    """
    faulthandler.disable()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    each = -(-inputs // len(targets))
    pieces = [(name, range(start, min(start + 1000, each)), seed) for start in range(0, each, 1000) for name in targets]
    seen: dict[str, int] = {}
    began, done, total = time.monotonic(), 0, 0
    # Not threads: a copy of a process in which others run may wait for ever for what they held.
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("fork")) as pool:
        for (_, numbers, _), found in zip(pieces, pool.map(fuzzed_apart, *zip(*pieces, strict=True)), strict=True):
            done += len(numbers)
            for one in found:
                total += 1
                kind = _kind_of(one)
                seen[kind] = seen.get(kind, 0) + 1
                if seen[kind] <= 3:
                    _keep(out, one, seed)
            say(f"{done:,} files in {time.monotonic() - began:,.0f} s, {total:,} findings of {len(seen)} kinds")
    for kind, times in sorted(seen.items(), key=lambda item: -item[1]):
        say(f"{times:,} × {kind}")
    sys.exit(1 if total else 0)


def _kind_of(finding: Finding) -> str:
    """Return what tells kinds of findings apart: the last place in radlearn and the name of the error."""
    lines = finding.error.strip().splitlines()
    places = [line.strip() for line in lines if "/radlearn/" in line]
    return f"{finding.target}: {places[-1] if places else ''} {lines[-1][:100]}"


def _keep(out: Path, finding: Finding, seed: int) -> None:
    with _quiet_folder() as folder:
        path, content = Bench(TARGETS[finding.target], folder).damaged_file(finding.number, seed)
    (out / f"{finding.target}-{finding.number}-{path.name}").write_bytes(content)
    (out / f"{finding.target}-{finding.number}.txt").write_text(f"{finding.file}\n{finding.error}", errors="backslashreplace")


if __name__ == "__main__":
    tyro.cli(main)
