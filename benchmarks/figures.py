"""Figures that a benchmark hands to `python -m benchmarks`, which puts those of all benchmarks of one run into one table."""

import atexit
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "RADLEARN_BENCHMARK_FIGURES"
"Names the file to which figures are added; without it they are only printed by the benchmark."


@dataclass(frozen=True)
class Figure:
    """One figure.

    Args:
        what: in words, with the peer that it is beside.
        value: mostly a ratio.
        unit: such as "times as fast" or "X-rays/s".
        aim: what it shall reach; None where nothing is promised.
        limit: what cannot be surpassed on this machine, computed or measured in the same run; None where it is not known.
        limit_is: how the limit was found.
        higher_is_better: False for costs.
    """

    what: str
    value: float
    unit: str
    aim: float | None = None
    limit: float | None = None
    limit_is: str = ""
    higher_is_better: bool = True

    @property
    def reached(self) -> bool:
        """Whether the aim is reached; True where there is none."""
        return self.aim is None or (self.value >= self.aim if self.higher_is_better else self.value <= self.aim)


def keep(figure: Figure) -> None:
    """Add a figure to the file of this run, if there is one."""
    if name := os.environ.get(FILE):
        with open(name, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(figure)) + "\n")


def kept(path: Path) -> list[Figure]:
    """Return the figures in a file, in order; none where there is no file."""
    if not path.exists():
        return []
    return [Figure(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def peak_memory_gib() -> float:
    """Return the most memory that this process has held at once, in GiB.

    Linux hands a new process the `ru_maxrss` of the one that started it, so that the kernel's own mark of this program is read where it is
    to be had.
    """
    import resource

    status = Path("/proc/self/status")
    marks = (
        [line.split() for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")] if status.exists() else []
    )
    if marks:
        return int(marks[0][1]) / 2**20
    # macOS counts bytes, all others KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)


def note_peak() -> None:
    """Write the peak memory in GiB, of this process or the largest of those that it waited for, beside the file of figures."""
    import resource

    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    Path(f"{os.environ[FILE]}.peak").write_text(f"{max(peak_memory_gib(), children):.2f}", encoding="utf-8")


def kept_peak(path: Path) -> float | None:
    """Return the peak memory in GiB beside a file of figures; None where none was noted."""
    beside = Path(f"{path}.peak")
    return float(beside.read_text(encoding="utf-8")) if beside.exists() else None


if os.environ.get(FILE):
    atexit.register(note_peak)
