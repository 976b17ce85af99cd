"""Progress messages, and parallel work on all cores.

All messages go to standard error, so that standard output holds only the JSON of `--json`. On a terminal there is a live bar; elsewhere
(a log file, a pipe) a plain line every few seconds, without control characters.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from radlearn.amounts import counted, noun_of
from radlearn.file_names import printable

Job = TypeVar("Job")
Result = TypeVar("Result")


class Terminal(Console):
    """A console on which all text is text. That of messages, on standard error, ends no work.

    Names of files may hold square brackets, which rich would take for markup, and control characters. And a log may lie on a full disk, or
    its reader be gone: what cannot be said there is left unsaid.
    """

    def __init__(self, file: IO[str] | None = None) -> None:
        super().__init__(file=file, stderr=file is None, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)

    def on_broken_pipe(self) -> None:
        # rich itself would end the process.
        raise BrokenPipeError

    def _check_buffer(self) -> None:
        try:
            super()._check_buffer()
        except OSError as error:
            if not self.stderr:
                error.filename = OUTPUT
                raise
            del self._buffer[:]


console = Terminal()
LINE_EVERY_SECONDS = 3.0
LOOK_AFTER_PARENT_SECONDS = 1.0
OUTPUT = "standard output"
"The name of the file in an error of it."
# From <linux/prctl.h>: the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1


def say(text: str = "", style: str | None = None) -> None:
    """Print a line to standard error. `text` is not interpreted as markup, so brackets in file names are kept."""
    console.print(text, style=style, soft_wrap=True)


class Bar:
    """A progress bar of `total` steps, made by `progress_bar`."""

    def __init__(self, title: str, total: int, unit: str, live: Progress | None) -> None:
        self.title, self.total, self.unit = title, total, unit
        self.done = 0
        self._live = live
        self._task = live.add_task(printable(title), total=total, note="") if live else None
        self._spoke = time.monotonic()
        # When the first steps were done, and how many were then: what comes before them, processes that start and packages that load,
        # says nothing about the speed.
        self._first: tuple[float, int] | None = None

    def start_at(self, done: int) -> None:
        """Begin at `done` steps that were done earlier and do not count for the speed."""
        self.done = done
        if self._live and self._task is not None:
            self._live.update(self._task, completed=done)

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Report `steps` more steps; `note` (a loss, a file) is shown at the end of the bar until the next note."""
        self.done += steps
        # A total may have been an estimate.
        self.total = max(self.total, self.done)
        if self._live and self._task is not None:
            self._live.update(self._task, advance=steps, total=self.total)
            if note:
                self._live.update(self._task, note=printable(note))
            return
        now = time.monotonic()
        if self._first is None and steps > 0:
            self._first = now, self.done
        if now - self._spoke >= LINE_EVERY_SECONDS:
            self._spoke = now
            say(f"  {self.title}: {self.done:,}/{counted(self.total, self.unit)}{self._left(now)}{'; ' + note if note else ''}")

    def _left(self, now: float) -> str:
        """Return how much time is left, as soon as the speed is known."""
        if self.done >= self.total:
            return ", 0 s left"
        if self._first is None or self.done <= self._first[1]:
            return ""
        at, done = self._first
        return f", {_clock((now - at) / (self.done - done) * (self.total - self.done))} left"


@contextmanager
def progress_bar(title: str, total: int, unit: str = "files") -> Iterator[Bar]:
    """Show a progress bar while the block runs; outside a terminal, a line every few seconds and one at the end."""
    started = time.monotonic()
    if not console.is_terminal:
        bar = Bar(title, total, unit, None)
        yield bar
        say(f"  {title}: {counted(bar.done, unit)} in {_clock(time.monotonic() - started)}")
        return
    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn(noun_of(total, unit), markup=False),
        TimeElapsedColumn(),
        TextColumn("·"),
        TimeRemainingColumn(),
        TextColumn("left  {task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=console, transient=False) as live:
        yield Bar(title, total, unit, live)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show `what` is going on while the block runs, for work without countable steps."""
    if console.is_terminal:
        shown = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*shown, console=console, transient=True) as live:
            live.add_task(printable(what), total=None)
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
    forked: bool = False,
) -> Iterator[Result]:
    """Yield `function(job)` for every job as it finishes, unordered, on `workers` processes (all cores by default), with a bar.

    `function` must be importable by name; it should return errors as values if the other jobs are to continue. joblib's processes do not
    import the caller's main module, which for a lesson would mean importing torch and MONAI in each. If jobs are batches, `total` is the
    total number of `unit`, and a result counts by its length.

    `forked` processes are copies of this one, where the system has them (Linux): they start at once and need not import anything, and
    `function` may be any. They compute on one thread each.
    """
    jobs = list(jobs)
    workers = min(workers or cores(), max(len(jobs), 1))
    with progress_bar(title, len(jobs) if total is None else total, unit) as bar:
        if workers == 1:
            results: Iterable[Any] = map(function, jobs)
        elif forked and sys.platform == "linux":
            results = _forked(function, jobs, workers)
        else:
            import joblib

            tied = partial(_tied, os.getpid(), function)
            results = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")(joblib.delayed(tied)(job) for job in jobs)
        for result in results:
            bar.advance(1 if total is None else len(result))
            yield result


_is_tied = False


def _tied(parent: int, function: Callable[[Job], Result], job: Job) -> Result:
    """Do a job in one of joblib's processes, which would otherwise finish it, and wait for more, long after its parent was killed."""
    global _is_tied
    if not _is_tied and os.getppid() == parent:
        _is_tied = True
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    return function(job)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_AFTER_PARENT_SECONDS)
    os._exit(1)


# What a forked process runs. It is there in the copy, so it need not be sent.
_function: Callable[[Any], Any] | None = None


def _forked(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    begin = partial(_begin_forked, function, os.getpid())
    with ProcessPoolExecutor(workers, multiprocessing.get_context("fork"), begin) as pool:
        try:
            for future in as_completed([pool.submit(_run_forked, job) for job in jobs]):
                yield future.result()
        finally:
            # The pool alone would first do all that it was given.
            pool.shutdown(cancel_futures=True)


def _run_forked(job: Any) -> Any:
    return _function(job) if _function is not None else None


def _begin_forked(function: Callable[[Any], Any], parent: int) -> None:
    """Make a copied process one that computes on one thread, leaves Ctrl-C to its parent, and ends with it."""
    global _function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What closes a terminal is sent to all processes too.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # The parent's handler would only set a flag in the copy.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Without this the copies of a killed process would wait for work for ever, and hold its locks.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    # The threads of OpenMP are not copied, and waiting for them would last for ever.
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
