"""Progress: never silent, never lost, results as they are."""

import gc
import io
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from rich.table import Table

from radlearn import progress


def test_outside_a_terminal_a_bar_ends_with_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress_bar("reading", 3) as bar:
        for _ in range(3):
            bar.advance()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip() == "reading: 3 files in 0 s"


def test_a_long_wait_speaks_again_and_again(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.05)
    with progress.waiting("loading"):
        time.sleep(0.5)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "loading …"
    assert sum("still loading" in line for line in lines) >= 3


def test_a_long_bar_speaks_with_its_note(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.0)
    with progress.progress_bar("training", 4, "steps") as bar:
        bar.start_at(2)
        bar.advance(note="loss 0.5")
    # The speed is not known before the second step.
    assert "training: 3/4 steps; loss 0.5" in capsys.readouterr().err


def test_the_time_that_is_left_goes_by_the_speed_after_a_slow_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Sixty seconds for the first step, with all that has to be loaded; two for each of the others.
    clock = {"now": 0.0}
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock["now"])
    with progress.progress_bar("reading", 10, "files") as bar:
        bar.advance(0, "loading")
        for seconds in (60, 2, 2):
            clock["now"] += seconds
            bar.advance()
        clock["now"] += 4
        bar.advance(2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["  reading: 1/10 files", "  reading: 3/10 files, 14 s left"]
    assert lines[2] == "  reading: 5/10 files, 10 s left"


def test_an_estimated_total_that_was_too_low_is_not_gone_beyond(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.0)
    with progress.progress_bar("writing", 2, "pictures") as bar:
        for _ in range(3):
            bar.advance()
    said = capsys.readouterr().err
    assert "3/3 pictures, 0 s left" in said
    assert "3/2" not in said
    assert "-" not in said


@pytest.mark.parametrize("workers", [1, 2])
def test_parallel_work_gives_every_result_once(workers: int, capsys: pytest.CaptureFixture[str]) -> None:
    results = sorted(progress.in_parallel(math.factorial, range(8), "counting", workers=workers))
    assert results == sorted(math.factorial(n) for n in range(8))
    assert "counting: 8 files" in capsys.readouterr().err


def test_an_error_in_a_worker_reaches_the_caller() -> None:
    with pytest.raises(ValueError, match="negative"):
        list(progress.in_parallel(math.factorial, [3, -1], "counting", workers=2))


def test_square_brackets_in_a_file_name_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say("xray[red].dcm")
    assert "xray[red].dcm" in capsys.readouterr().err


def forked(function: Callable[[Any], Any], jobs: Any, workers: int = 2, **options: Any) -> list[Any]:
    return list(progress.in_parallel(function, jobs, "counting", workers=workers, forked=True, **options))


def wait_for(path: Path) -> None:
    ends = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < ends, f"{path} was never made"
        time.sleep(0.01)


def test_forked_processes_give_every_result_once_and_are_others(capsys: pytest.CaptureFixture[str]) -> None:
    results = forked(lambda job: (job, os.getpid()), range(40), workers=3)
    assert sorted(job for job, _ in results) == list(range(40))
    assert os.getpid() not in {pid for _, pid in results}
    assert 1 <= len({pid for _, pid in results}) <= 3
    assert "counting: 40 files" in capsys.readouterr().err


def test_results_come_as_they_are_ready(tmp_path: Path) -> None:
    def work(job: str) -> str:
        if job == "slow":
            wait_for(tmp_path / "quick was seen")
        return job

    found = []
    for result in progress.in_parallel(work, ["slow", "quick"], "counting", workers=2, forked=True):
        found.append(result)
        (tmp_path / f"{result} was seen").touch()
    assert found == ["quick", "slow"]


def test_batches_count_by_their_length(capsys: pytest.CaptureFixture[str]) -> None:
    assert sorted(map(len, forked(lambda job: list(range(job)), [1, 2, 3], total=6))) == [1, 2, 3]
    assert "counting: 6 files" in capsys.readouterr().err


def test_what_a_forked_function_holds_is_not_sent() -> None:
    unsendable = {"lock": threading.Lock(), "function": lambda x: x + 1, "generator": (x for x in ())}
    assert sorted(forked(lambda job: unsendable["function"](job), [1, 2, 3])) == [2, 3, 4]


def test_two_threads_fork_for_different_work() -> None:
    found: dict[int, list[int]] = {}

    def work(number: int) -> None:
        found[number] = sorted(forked(lambda job: number * 100 + job, range(20)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [number * 100 + job for job in range(20)] for number in range(3)}


def test_an_error_in_a_forked_process_reaches_the_caller_and_ends_the_work(tmp_path: Path) -> None:
    def work(job: int) -> None:
        if job == 0:
            raise ValueError("the first fails")
        (tmp_path / str(job)).touch()
        time.sleep(0.05)

    with pytest.raises(ValueError, match="the first fails"):
        forked(work, range(200))
    assert len(list(tmp_path.iterdir())) < 199


def test_a_killed_process_is_an_error_and_not_a_wait_for_ever() -> None:
    def work(job: int) -> int:
        if job == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return job

    with pytest.raises(BrokenProcessPool):
        forked(work, range(50))


def test_who_stops_listening_stops_the_work(tmp_path: Path) -> None:
    def work(job: int) -> int:
        (tmp_path / str(job)).touch()
        time.sleep(0.02)
        return job

    results = progress.in_parallel(work, range(500), "counting", workers=2, forked=True)
    next(results)
    results.close()
    assert len(list(tmp_path.iterdir())) < 400


def test_a_forked_process_leaves_ctrl_c_to_its_parent_and_can_be_ended() -> None:
    def work(job: int) -> Any:
        if job == 0:
            # A terminal sends it to all processes.
            os.kill(os.getpid(), signal.SIGINT)
        return signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        assert set(forked(work, range(4))) == {(signal.SIG_IGN, signal.SIG_DFL)}
    finally:
        signal.signal(signal.SIGTERM, before)


def test_ctrl_c_ends_the_work_and_its_processes(tmp_path: Path) -> None:
    def work(job: int) -> None:
        (tmp_path / f"pid-{os.getpid()}").touch()
        time.sleep(0.05)

    # What other tests left would be cleared away in the copy, where Ctrl-C is not heard.
    gc.collect()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            forked(work, range(1_000))
        except KeyboardInterrupt:
            os._exit(7)
        os._exit(0)
    while len(started := list(tmp_path.glob("pid-*"))) < 2:
        time.sleep(0.01)
    # Again until it is heard: while Python clears away objects it hears nothing.
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        os.kill(child, signal.SIGINT)
        time.sleep(0.5)
    assert os.waitstatus_to_exitcode(ended[1]) == 7
    ends = time.monotonic() + 30
    while any(state_of(path.name.removeprefix("pid-")) not in "ZX" for path in started):
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_the_processes_of_a_killed_parent_end_with_it(tmp_path: Path) -> None:
    def work(job: int) -> None:
        (tmp_path / f"pid-{os.getpid()}").touch()
        time.sleep(600)

    child = os.fork()
    if child == 0:
        forked(work, range(4))
        os._exit(0)
    while len(started := list(tmp_path.glob("pid-*"))) < 2:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    ends = time.monotonic() + 30
    # Nobody may be there to collect them: a zombie counts as ended.
    while any(state_of(path.name.removeprefix("pid-")) not in "ZX" for path in started):
        assert time.monotonic() < ends
        time.sleep(0.01)


def state_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def test_a_forked_process_computes_although_its_parent_used_the_threads_of_openmp() -> None:
    import torch

    images, kernel = torch.rand(8, 8, 64, 64), torch.rand(16, 8, 3, 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = torch.nn.functional.conv2d(images, kernel).sum() + (images.exp() @ images).sum()

        def work(job: int) -> tuple[int, float]:
            # A process that waits for threads that it does not have is ended by this, which is then an error.
            signal.alarm(60)
            result = torch.nn.functional.conv2d(images, kernel).sum() + (images.exp() @ images).sum()
            return torch.get_num_threads(), float(result)

        for number, result in forked(work, range(4)):
            assert number == 1
            assert result == pytest.approx(float(expected), rel=1e-4)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def noting_its_number(folder: str, seconds: float) -> None:
    (Path(folder) / f"pid-{os.getpid()}").touch()
    # Until both are there: one process alone could do all that takes no time.
    while len(list(Path(folder).glob("pid-*"))) < 2:
        time.sleep(0.05)
    time.sleep(seconds)


@pytest.mark.parametrize("seconds", [600, 0])
def test_joblibs_processes_end_with_a_killed_parent_at_work_and_idle(seconds: float, tmp_path: Path) -> None:
    code = (
        "import functools, sys, time; from radlearn.progress import in_parallel; import tests.test_progress as here\n"
        "work = functools.partial(here.noting_its_number, sys.argv[1])\n"
        "list(in_parallel(work, [float(sys.argv[2])] * 4, 'waiting', workers=2))\n"
        "time.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(seconds)], env=environment)
    ends = time.monotonic() + 120
    while len(started := list(tmp_path.glob("pid-*"))) < 2:
        assert time.monotonic() < ends
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    while any(state_of(path.name.removeprefix("pid-")) not in "ZX" for path in started):
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_a_forked_process_leaves_the_end_of_the_terminal_to_its_parent() -> None:
    def work(job: int) -> Any:
        return signal.getsignal(signal.SIGHUP)

    assert set(forked(work, range(4))) == {signal.SIG_IGN}


def test_a_name_that_is_not_utf8_can_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say(os.fsdecode(b"M\xfcller.dcm"))
    assert capsys.readouterr().err == "M\\xfcller.dcm\n"


NAMES = ["data[/old]", "[red]x", "[/]", "a [b", ":warning:.csv", "[link=http://x]y[/link]"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_no_markup_wherever_they_are_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = io.StringIO()
    terminal = progress.Terminal(text)
    table = Table(title=name)
    table.add_column(name)
    table.add_row(name)
    terminal.print(table)
    terminal.print(name, style="bold")
    assert text.getvalue().count(name) == 4
    # On a terminal there are live bars.
    live = progress.Terminal(io.StringIO())
    live._force_terminal = True
    monkeypatch.setattr(progress, "console", live)
    with progress.waiting(name), progress.progress_bar(name, 2, name) as bar:
        bar.advance(1, name)
    assert name in live.file.getvalue()  # type: ignore[attr-defined]


def test_a_name_with_control_characters_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say("IM\x1b[2J\r\x9b1A\u202e.dcm")
    assert capsys.readouterr().err == "IM\\x1b[2J\\r\\x9b1A\\u202e.dcm\n"


LOG_THAT_IS_GONE = """
import os, sys
from radlearn import progress
from radlearn.endings import ended

def work():
    for number in range(3):
        progress.say("x" * 100_000)
    with progress.progress_bar("working", 2) as bar:
        bar.advance(2)
    with open(sys.argv[1], "w") as opened:
        opened.write("done")

sys.exit(ended(work))
"""


@pytest.mark.parametrize("log", ["full disk", "reader that went away"])
def test_a_log_that_takes_no_more_ends_no_work(log: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-c", LOG_THAT_IS_GONE, str(tmp_path / "out")]
        code = subprocess.run(command, stderr=full if log == "full disk" else writing, check=False).returncode
    os.close(writing)
    assert (code, (tmp_path / "out").read_text()) == (0, "done")
