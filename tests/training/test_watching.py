"""Progress is shown during slow steps, and Ctrl-C is handled."""

import os
import signal
import threading
import time

import pytest

from radlearn import progress
from radlearn.progress import progress_bar
from radlearn.training import watching
from radlearn.training.watching import CtrlC, Voice


def test_progress_is_shown_during_a_long_step(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(watching, "SPEAK_EVERY_SECONDS", 0.01)
    said = threading.Event()
    with progress_bar("training", 10, "steps") as bar, Voice(bar, 4) as voice:
        voice.note, begun = "validating", bar._spoke
        while not said.is_set() and bar._spoke == begun:
            time.sleep(0.01)
    assert "training: 4/10 steps" in capsys.readouterr().err


def test_the_bar_counts_every_step_in_the_end() -> None:
    with progress_bar("training", 10, "steps") as bar:
        with Voice(bar, 4) as voice:
            voice.steps = 9
        assert bar.done == 9


def test_the_first_ctrl_c_sets_a_flag_the_second_raises() -> None:
    before = signal.getsignal(signal.SIGINT)
    with CtrlC() as ctrl_c:
        assert not ctrl_c.wanted
        os.kill(os.getpid(), signal.SIGINT)
        assert ctrl_c.wanted
        assert not ctrl_c.insisted
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert ctrl_c.insisted
    assert signal.getsignal(signal.SIGINT) is before


def test_repeatable_work_stops_at_the_first_ctrl_c() -> None:
    def interrupted() -> None:
        with ctrl_c.at_once():
            os.kill(os.getpid(), signal.SIGTERM)

    with CtrlC() as ctrl_c:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert ctrl_c.wanted
        assert not ctrl_c.insisted
        # An earlier Ctrl-C counts too.
        with pytest.raises(KeyboardInterrupt), ctrl_c.at_once():
            pytest.fail("the block was entered")


def test_outside_the_main_thread_it_has_no_effect() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def elsewhere() -> None:
        with CtrlC() as ctrl_c:
            seen.append((signal.getsignal(signal.SIGINT), ctrl_c.wanted))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [(before, False)]
