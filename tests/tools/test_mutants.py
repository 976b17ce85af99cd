"""`make mutants`: what is changed and tested, which sample is tried, and what counts as noticed."""

import os
import shutil
import signal
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

from tools import mutants as tool
from tools.mutants import PROJECT, ROOMS, copied, end_those_that_wait, sampled, told


@pytest.mark.parametrize("room", ROOMS)
def test_a_copy_holds_the_project_and_tells_mutmut_what_to_change_and_to_test(room: str, tmp_path: Path) -> None:
    copied(room, tmp_path)
    settings = tomllib.loads((tmp_path / "pyproject.toml").read_text())
    of_mutmut = settings.pop("tool")["mutmut"]
    assert settings == {name: value for name, value in tomllib.loads((PROJECT / "pyproject.toml").read_text()).items() if name != "tool"}
    (pattern,) = of_mutmut["only_mutate"]
    changed = list(tmp_path.glob(pattern))
    assert changed
    assert all((tmp_path / tests).exists() for tests in of_mutmut["pytest_add_cli_args_test_selection"])
    assert all((tmp_path / folder).exists() for folder in of_mutmut["also_copy"])
    assert not (tmp_path / ".git").exists()


def test_a_sample_is_the_same_for_a_seed_and_holds_none_twice() -> None:
    names = [f"x_{number}" for number in range(1000)]
    first = sampled(names, 100, 3)
    assert first == sampled(names, 100, 3)
    assert first != sampled(names, 100, 4)
    assert len(set(first)) == 100
    assert set(first) <= set(names)
    assert sampled(names[:7], 100, 3) == names[:7]


def test_what_no_test_noticed_is_counted_and_named_and_what_was_not_tried_does_not_count() -> None:
    states = {f"a_{number}": "killed" for number in range(90)} | {"b": "survived", "c": "no tests", "d": "timeout", "e": "not checked"}
    share, words = told("metrics", states)
    assert share == pytest.approx(2 / 93)
    assert words.startswith("metrics: 2.2% ± 2.9% of 93 mutants survive, at most 10% shall (90 killed, 1 survived, 1 no tests, 1 timeout).")
    assert words.splitlines()[1:] == ["  b: survived", "  c: no tests"]
    with pytest.raises(SystemExit, match="no mutant was tried"):
        told("metrics", {"e": "not checked"})


def test_an_unknown_room_is_refused_before_anything_is_fetched(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was started"))
    assert tool.mutants(("metric",)) == 2
    assert "There is no room 'metric'. They are: metrics, challenges, geometry." in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(("share", "code"), [(0.05, 0), (0.1, 0), (0.11, 1)])
def test_too_many_survivors_end_with_1(share: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mutmut").mkdir()
    monkeypatch.setattr(tool, "_survivors", lambda room, *_: share if room == "geometry" else 0.0)
    assert tool.mutants(("metrics", "geometry"), keep=tmp_path) == code


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks the system for child processes")
def test_only_a_mutant_that_waits_for_too_long_is_ended() -> None:
    waiting, other = (subprocess.Popen([*title, "60"], executable=shutil.which("sleep")) for title in (["mutmut: a"], ["sleep"]))
    try:
        end_those_that_wait(os.getpid(), 60.0)
        assert waiting.poll() is other.poll() is None
        time.sleep(0.1)
        end_those_that_wait(os.getpid(), 0.05)
        assert waiting.wait(10) == -signal.SIGXCPU
        assert other.poll() is None
    finally:
        for child in (waiting, other):
            child.kill()
            child.wait()
