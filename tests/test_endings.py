"""How a command ends."""

import errno
import json

import pytest

from radlearn import endings
from radlearn.errors import BadSetting, Interrupted


def raising(error: BaseException) -> None:
    raise error


def test_a_command_that_is_done_ends_with_zero() -> None:
    assert endings.ended(lambda: None) == 0


@pytest.mark.parametrize(("error", "code"), [(BadSetting("epochs is 0"), 2), (Interrupted("saved"), 130), (KeyboardInterrupt(), 130)])
def test_a_clear_message_and_its_exit_code(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert endings.ended(lambda: raising(error)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(error) in captured.err
    assert "Traceback" not in captured.err


def test_a_full_disk_is_the_users_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert endings.ended(lambda: raising(OSError(errno.ENOSPC, "No space left on device", "model.safetensors"))) == 2
    assert "model.safetensors: No space left on device" in capsys.readouterr().err


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        endings.ended(lambda: raising(ZeroDivisionError()))


def test_json_is_one_object_and_nan_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    endings.print_json({"auroc_score": float("nan"), "name": "ö"})
    assert json.loads(capsys.readouterr().out) == {"auroc_score": None, "name": "ö"}
