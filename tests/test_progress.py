"""Progress: never silent, never lost, results as they are."""

import math
import time

import pytest

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
    assert "training: 3/4 steps, 0 s left; loss 0.5" in capsys.readouterr().err


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
