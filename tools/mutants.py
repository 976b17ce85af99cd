"""Mutation testing: change the code of the scores, the challenges and the geometry in small ways, and see whether a test fails.

    python -m tools.mutants [ROOM ...] [--count 400] [--seed 0] [--keep FOLDER]

mutmut makes the mutants (another operator, another number, None for an argument, the other branch) in a copy of the project, and runs the
tests of these rooms that go through the changed function. All mutants would take a day; a sample drawn by a seed says the share of those
that no test notices, the survivors, within some per cent, and names them. Changed letters of texts are left out: tests ask that a message
names the value and the way out, not for its letters.

`make mutants` fetches mutmut, so it needs a connection the first time.
"""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import tyro

from radlearn.progress import say

PROJECT = Path(__file__).resolve().parents[1]
MUTMUT = "mutmut==3.8.1"
ROOMS = {
    "metrics": ("radlearn/metrics/*", ("tests/metrics",)),
    "challenges": ("radlearn/challenges/*", ("tests/challenges",)),
    "geometry": ("radlearn/scans/geometry.py", ("tests/scans/test_geometry.py",)),
}
"Room -> the files that are changed, and the tests that shall notice."
AIM = 0.1
"At most this share survives."
LONGEST_SECONDS, LOOKED_AT_EVERY_SECONDS = 300.0, 1.0
"Of one mutant; and between two looks at those that run."
SETTINGS = """
[tool.mutmut]
source_paths = ["radlearn"]
only_mutate = [{files}]
also_copy = ["tests", "tools", "benchmarks", "docs", ".ci", "README.md", "Makefile"]
pytest_add_cli_args = ["-q", "-p", "no:xdist", "-o", "addopts=--import-mode=importlib", "-m", "not slow", "-k", "not nothing_heavy"]
pytest_add_cli_args_test_selection = [{tests}]
timeout_constant = 60.0
use_git_change_detection = false
track_dependencies = false
"""
# Left out above: what asks a further Python process, in which changed code cannot run, for what was imported.
# mutmut has no setting for which kinds of mutants it makes. Its own packages come last, so that the project's are the installed ones.
PROGRAM = """
import os
import sys
from joblib.externals.loky import reusable_executor
# Each mutant is a fork, and would wait for ever for worker processes that are those of its parent.
os.register_at_fork(after_in_child=lambda: setattr(reusable_executor, "_executor", None))
sys.path.append({packages!r})
from mutmut.mutation import mutators
mutators.mutation_operators[:] = [pair for pair in mutators.mutation_operators if "string" not in pair[1].__name__]
from mutmut.__main__ import cli
cli()
"""
LINE = re.compile(r"^\s+(\S+): (.+)$", re.MULTILINE)
NOTICED = {"killed", "timeout", "segfault", "caught by type check", "suspicious"}


def mutants(rooms: tyro.conf.Positional[tuple[str, ...]] = tuple(ROOMS), count: int = 400, seed: int = 0, keep: Path | None = None) -> int:
    """Try a sample of mutants of each room; return 1 if too many survive.

    Args:
        rooms: metrics, challenges, geometry.
        count: How many mutants of each room are tried; a room that has fewer is tried whole.
        seed: Of the sample.
        keep: Folder for the changed copies, so that survivors can be looked at and a stopped run goes on; a temporary one by default.
    """
    if unknown := [room for room in rooms if room not in ROOMS]:
        say(f"There is no room {unknown[0]!r}. They are: {', '.join(ROOMS)}.")
        return 2
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        packages = folder / "mutmut"
        if not packages.exists():
            say(f"Fetching {MUTMUT} …")
            uv = [str(Path(sys.executable).parent / "uv"), "pip", "install", "-q", "--python", sys.executable]
            subprocess.run([*uv, "--target", str(packages), MUTMUT], check=True)
        shares = {room: _survivors(room, folder / room, packages, count, seed) for room in rooms}
    return int(any(share > AIM for share in shares.values()))


def _survivors(room: str, copy: Path, packages: Path, count: int, seed: int) -> float:
    """Return the share of a sample of a room's mutants that no test notices; say which."""
    if not copy.exists():
        copied(room, copy)
    program = copy / "with_mutmut.py"
    program.write_text(PROGRAM.format(packages=str(packages.absolute())), encoding="utf-8")

    def mutmut(*arguments: str) -> str:
        command = [sys.executable, program.name, *arguments]
        with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
            run = subprocess.Popen(command, cwd=copy, stdout=said, stderr=said)
            while run.poll() is None:
                end_those_that_wait(run.pid)
                time.sleep(LOOKED_AT_EVERY_SECONDS)
            said.seek(0)
            output = said.read()
        if "results" in arguments and run.returncode:
            raise SystemExit(f"mutmut failed:\n{output[-4000:]}")
        return output

    say(f"{room}: making mutants, and seeing which tests go through which function …")
    # Naming one that does not exist makes all and tries none.
    mutmut("run", "none of them")
    names = sorted(name for name, _ in LINE.findall(mutmut("results", "--all", "true")))
    if not names:
        raise SystemExit(f"{room}: mutmut made no mutants in {copy}.")
    sample = sampled(names, count, seed)
    say(f"{room}: {len(sample)} of {len(names)} mutants, each a few seconds …")
    mutmut("run", *sample)
    chosen = set(sample)
    found = {name: state for name, state in LINE.findall(mutmut("results", "--all", "true")) if name in chosen}
    share, words = told(room, found)
    say(words)
    return share


def end_those_that_wait(pid: int, longest_seconds: float = LONGEST_SECONDS, title: bytes = b"mutmut: ") -> None:
    """End child processes of `pid` that have lived for too long and are called by a title.

    mutmut ends a mutant that computes for too long, but not one that waits for what never comes, such as an answer of a worker.
    """
    if not Path("/proc").is_dir():
        return
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        # Whatever has ended meanwhile is gone.
        with suppress(OSError):
            for child in children.read_text().split():
                started = int(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
                if now - started > longest_seconds and Path(f"/proc/{child}/cmdline").read_bytes().startswith(title):
                    # As the limit of processor time would end it, so that mutmut calls it by the same name.
                    os.kill(int(child), signal.SIGXCPU)


def copied(room: str, copy: Path) -> None:
    """Copy the project's own files, and tell mutmut in the copy's settings what to change and what to test."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (PROJECT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, copy / name)
    files, tests = ROOMS[room]
    quoted = ", ".join(f'"{one}"' for one in tests)
    with open(copy / "pyproject.toml", "a", encoding="utf-8") as settings:
        settings.write(SETTINGS.format(files=f'"{files}"', tests=quoted))


def sampled(names: Sequence[str], count: int, seed: int) -> list[str]:
    """Return `count` of the names, the same for the same seed, in their order; all where there are fewer.

    >>> sampled(["a", "b"], 5, 0)
    ['a', 'b']
    """
    return sorted(random.Random(seed).sample(list(names), min(count, len(names))))


def told(room: str, states: dict[str, str]) -> tuple[float, str]:
    """Return the share of mutants that were not noticed, and in words how many, with their names.

    >>> told("metrics", {"radlearn.metrics.a.x_one__mutmut_1": "killed", "radlearn.metrics.a.x_one__mutmut_2": "survived"})[0]
    0.5
    """
    ended = {name: state for name, state in states.items() if state != "not checked"}
    if not ended:
        raise SystemExit(f"{room}: no mutant was tried; does `python -m pytest {' '.join(ROOMS[room][1])}` pass?")
    missed = [name for name, state in ended.items() if state not in NOTICED]
    share = len(missed) / len(ended)
    margin = 1.96 * (share * (1 - share) / len(ended)) ** 0.5
    amounts = ", ".join(f"{count} {state}" for state, count in Counter(ended.values()).most_common())
    lines = [f"{room}: {share:.1%} ± {margin:.1%} of {len(ended)} mutants survive, at most {AIM:.0%} shall ({amounts})."]
    return share, "\n".join(lines + [f"  {name}: {ended[name]}" for name in missed])


if __name__ == "__main__":
    sys.exit(tyro.cli(mutants))
