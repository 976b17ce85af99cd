"""Progress messages, and parallel work on all cores.

All messages go to standard error, so that standard output holds only the JSON of `--json`. On a terminal there is a live bar; elsewhere
(a log file, a pipe) a plain line every few seconds, without control characters.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Job = TypeVar("Job")
Result = TypeVar("Result")

console = Console(stderr=True, highlight=False)
LINE_EVERY_SECONDS = 3.0


def say(text: str = "", style: str | None = None) -> None:
    """Print a line to standard error. `text` is not interpreted as markup, so brackets in file names are kept."""
    console.print(text, style=style, markup=False, soft_wrap=True)


class Bar:
    """A progress bar of `total` steps, made by `progress_bar`."""

    def __init__(self, title: str, total: int, unit: str, live: Progress | None) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self._live = live
        self._task = live.add_task(title, total=total, note="") if live else None
        self._started = self._spoke = time.monotonic()
        self._begun_at = 0

    def start_at(self, done: int) -> None:
        """Begin at `done` steps that were done earlier and do not count for the speed."""
        self.done = self._begun_at = done
        if self._live and self._task is not None:
            self._live.update(self._task, completed=done)

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Report `steps` more steps; `note` (a loss, a file) is shown at the end of the bar until the next note."""
        self.done += steps
        if self._live and self._task is not None:
            self._live.advance(self._task, steps)
            if note:
                self._live.update(self._task, note=note)
            return
        now = time.monotonic()
        if now - self._spoke >= LINE_EVERY_SECONDS:
            self._spoke = now
            fresh = self.done - self._begun_at
            left_seconds = (now - self._started) / max(fresh, 1) * (self.total - self.done)
            say(f"  {self.title}: {self.done:,}/{self.total:,} {self.unit}, {_clock(left_seconds)} left{'; ' + note if note else ''}")


@contextmanager
def progress_bar(title: str, total: int, unit: str = "files") -> Iterator[Bar]:
    """Show a progress bar while the block runs; outside a terminal, a line every few seconds and one at the end."""
    started = time.monotonic()
    if not console.is_terminal:
        bar = Bar(title, total, unit, None)
        yield bar
        say(f"  {title}: {bar.done:,} {unit} in {_clock(time.monotonic() - started)}")
        return
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("·"),
        TimeRemainingColumn(),
        TextColumn("left  {task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=False) as live:
        yield Bar(title, total, unit, live)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show `what` is going on while the block runs, for work without countable steps."""
    if console.is_terminal:
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True) as live:
            live.add_task(what, total=None)
            yield
        return
    say(f"{what} …")
    ended = threading.Event()

    def tick() -> None:
        started = time.monotonic()
        while not ended.wait(LINE_EVERY_SECONDS):
            say(f"  still {what}: {_clock(time.monotonic() - started)}")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        ended.set()
        ticker.join()


def cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_parallel(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    title: str,
    unit: str = "files",
    workers: int | None = None,
    total: int | None = None,
) -> Iterator[Result]:
    """Yield `function(job)` for every job as it finishes, unordered, on `workers` processes (all cores by default), with a bar.

    `function` must be importable by name; it should return errors as values if the other jobs are to continue. joblib's processes do not
    import the caller's main module, which for a lesson would mean importing torch and MONAI in each. If jobs are batches, `total` is the
    total number of `unit`, and a result counts by its length.
    """
    import joblib

    jobs = list(jobs)
    workers = min(workers or cores(), max(len(jobs), 1))
    with progress_bar(title, len(jobs) if total is None else total, unit) as bar:
        if workers == 1:
            results: Iterable[Any] = map(function, jobs)
        else:
            results = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(joblib.delayed(function)(job) for job in jobs)
        for result in results:
            bar.advance(1 if total is None else len(result))
            yield result


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
