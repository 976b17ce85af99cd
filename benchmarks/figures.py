"""Figures that a benchmark hands to `python -m benchmarks`, which puts those of all benchmarks of one run into one table."""

import atexit
import json
import os
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


def note_peak() -> None:
    """Write the peak memory in GiB, of this process or the largest of those that it waited for, beside the file of figures."""
    import resource

    greatest_kib = max(resource.getrusage(which).ru_maxrss for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    Path(f"{os.environ[FILE]}.peak").write_text(f"{greatest_kib / 2**20:.2f}", encoding="utf-8")


def kept_peak(path: Path) -> float | None:
    """Return the peak memory in GiB beside a file of figures; None where none was noted."""
    beside = Path(f"{path}.peak")
    return float(beside.read_text(encoding="utf-8")) if beside.exists() else None


if os.environ.get(FILE):
    atexit.register(note_peak)
