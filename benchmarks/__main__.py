"""Measure everything that takes minutes, in one run on one machine, and write `benchmarks/RESULTS.md`: `make benchmarks`.

    python -m benchmarks [NAME ...] [--out benchmarks/RESULTS.md]

Each benchmark runs alone, one after another, ours and its peers on the same files in turns; with nothing else on the machine it takes about
twenty minutes. Those of whole trainings take hours and are run by themselves: see README.md.
"""

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import tyro

from benchmarks.figures import FILE, Figure, kept, kept_peak
from radlearn.files import write_text
from radlearn.progress import cores, say
from radlearn.training.environment import environment


class Benchmark(NamedTuple):
    """One benchmark: its module and arguments, and the question that it answers."""

    arguments: tuple[str, ...]
    question: str


BENCHMARKS = {
    "reading": Benchmark(("reading",), "How fast is an X-ray read?"),
    "patches": Benchmark(("patches", "--cases", "3"), "How fast is a training patch of a full-size CT?"),
    "preparing": Benchmark(("preparing",), "How fast is a CT prepared for training?"),
    "sliding": Benchmark(("sliding",), "How fast is a sliding window over a full-size CT?"),
    "training": Benchmark(("training",), "What does the training loop cost?"),
    "thorax": Benchmark(("thorax",), "How fast are built-in X-rays made?"),
    "thorax_ct": Benchmark(("thorax_ct", "6", "3"), "How fast are built-in CTs made?"),
    "answering": Benchmark(("answering",), "How long does one X-ray's answer take, beside importing its libraries?"),
    "scaling": Benchmark(("scaling",), "How do time and memory grow with the number of cases?"),
    "libraries": Benchmark(("libraries",), "What would a library cost in place of our own?"),
}
# Why an aim is missed where it is known, by what the figure is called; it stands beside the miss.
EXPLAINED = {
    "X-ray to 256 px, beside MONAI LoadImage + Resize": (
        "the aim was set on real X-rays. Decoding the JPEG of a built-in one, which nobody can leave out, takes most of our time here."
    ),
    "built-in X-rays at 1024 px, DICOM included, one core": (
        "the aim was set before X-rays varied as much as they do; since then 2.9 to 3.7 were made on an AMD EPYC. How much this processor "
        "and how much the variety costs was not looked into."
    ),
}


class Measured(NamedTuple):
    """What one benchmark gave."""

    name: str
    output: str
    figures: list[Figure]
    minutes: float
    processor_minutes: float
    failed: bool
    peak_gib: float | None = None


def benchmarks(names: tyro.conf.Positional[tuple[str, ...]] = (), out: Path = Path("benchmarks/RESULTS.md")) -> int:
    """Run benchmarks one after another and write the page; return 1 if one failed.

    Args:
        names: which of them; all by default.
        out: the page.
    """
    if unknown := [name for name in names if name not in BENCHMARKS]:
        say(f"There is no benchmark {unknown[0]!r}. They are: {', '.join(BENCHMARKS)}.")
        return 2
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > 0.5:
        say(f"Other work is going on: the load is {load:.1f}. Ratios stand; seconds are too long.", style="yellow")
    found = [measured(name) for name in names or BENCHMARKS]
    write_text(out, page(found, load))
    say(f"Written: {out}")
    return int(any(one.failed for one in found))


def measured(name: str) -> Measured:
    """Run one benchmark in a process of its own."""
    module, *arguments = BENCHMARKS[name].arguments
    say(f"{name}: {BENCHMARKS[name].question}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figures.jsonl")
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
        # Nothing of a bar is wanted on the page.
        run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, FILE: str(file), "COLUMNS": "140"})
        minutes, after = (time.monotonic() - began) / 60, resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        said = (run.stdout + run.stderr).splitlines()
        # Neither bars nor where something lay for a moment.
        lines = [line for line in said if line.strip() and " left" not in line and tempfile.gettempdir() not in line]
        if run.returncode:
            say(f"{name} failed:\n" + "\n".join(lines[-12:]), style="red")
        return Measured(name, "\n".join(lines[-40:]), kept(file), minutes, spent / 60, run.returncode != 0, kept_peak(file))


def page(found: Sequence[Measured], load: float) -> str:
    """Return the page: the machine, a table of all figures with their aims and limits, and what each benchmark printed."""
    about = environment()
    versions = ", ".join(f"{name} {about[name]}" for name in ("python", "torch", "monai", "numpy", "pydicom") if about.get(name))
    lines = [
        "# Results of the benchmarks",
        "",
        f"All from one run of `make benchmarks`, {datetime.now(UTC):%Y-%m-%d}, commit {about['commit']}: {processor()}, {cores()} cores, "
        f"load {load:.1f} before it; {versions}. What each figure means, and those of whole trainings: [README.md](README.md).",
        "",
        "| benchmark | figure | value | aim | limit | how the limit was found |",
        "|---|---|---|---|---|---|",
    ]
    figures = [(one.name, figure) for one in found for figure in one.figures]
    for name, figure in figures:
        aim = "–" if figure.aim is None else f"{'≥' if figure.higher_is_better else '≤'} {figure.aim:g}"
        limit = "–" if figure.limit is None else f"{figure.limit:.3g}"
        value = f"{figure.value:.3g} {figure.unit}" + ("" if figure.reached else " (missed)")
        lines.append(f"| {name} | {figure.what} | {value} | {aim} | {limit} | {figure.limit_is or '–'} |")
    if missed := [figure for _, figure in figures if not figure.reached]:
        lines += ["", "Missed:", ""]
        lines += [f"- {figure.what}: {EXPLAINED.get(figure.what, 'the cause is not known.')}" for figure in missed]
    for one in found:
        time_taken = f"{one.minutes:.1f} min, {one.processor_minutes:.1f} processor minutes"
        if one.peak_gib is not None:
            time_taken += f", {one.peak_gib:.2f} GiB at most in one process"
        lines += ["", f"## {BENCHMARKS[one.name].question}", ""]
        lines += [f"`python -m benchmarks.{' '.join(BENCHMARKS[one.name].arguments)}`: {'failed, ' if one.failed else ''}{time_taken}."]
        lines += ["", "```text", one.output, "```"]
    return "\n".join(lines) + "\n"


def processor() -> str:
    """Return what the processor is called."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    named = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return " ".join(named[0].split()) if named else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(tyro.cli(benchmarks))
