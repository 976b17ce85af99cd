"""One process at a time."""

import threading
import time
from pathlib import Path

import pytest

from radlearn.alone import alone_with


def test_the_second_waits_for_the_first_and_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with alone_with(tmp_path / "lock", "making tea"):
            inside.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with alone_with(tmp_path / "lock", "making tea"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert "waiting for another process that is making tea" in capsys.readouterr().err


def test_alone_nobody_is_told_anything_and_an_error_lets_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="spilt"), alone_with(tmp_path / "lock", "making tea"):
        raise ValueError("spilt")
    with alone_with(tmp_path / "lock", "making tea"):
        pass
    assert capsys.readouterr().err == ""
