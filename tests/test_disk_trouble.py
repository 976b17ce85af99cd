"""A full disk, a missing permission, a killed process: each says what to do."""

import errno
import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from radlearn.disk_trouble import must_have_space, trouble_in_words
from radlearn.errors import CacheTrouble

MESSAGES = {
    errno.ENOSPC: r"not enough disk space for the cache: 5,000 MB are needed and [\d,]+ MB are free\. Free some space, or set",
    errno.EDQUOT: "not enough disk space",
    errno.EFBIG: "not enough disk space",
    errno.EACCES: r"no permission for the cache \(Permission denied\)\. Grant it, or set RADLEARN_CACHE to another folder",
    errno.EROFS: r"no permission for the cache \(Read-only file system\)",
    errno.EIO: r"the cache cannot be used \(.*Input/output error.*\)\. Correct that, or set RADLEARN_CACHE",
}


@pytest.mark.parametrize("number", MESSAGES)
def test_an_error_of_the_disk_says_where_and_what_to_do(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "is" / "not" / "there"
    with pytest.raises(CacheTrouble, match=f"^{folder}: {MESSAGES[number]}"), trouble_in_words(folder, 5 * 10**9, "prepared"):
        raise OSError(number, os.strerror(number))


def test_an_amount_that_is_not_known_is_not_said(tmp_path: Path) -> None:
    with pytest.raises(CacheTrouble, match=r"for the cache: [\d,]+ MB are free\."), trouble_in_words(tmp_path, 0, "prepared"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_killed_process_is_said_without_its_traceback(tmp_path: Path) -> None:
    words = r"a process was killed, .* What was prepared is kept"
    with pytest.raises(CacheTrouble, match=words) as caught, trouble_in_words(tmp_path, 0, "prepared"):
        raise BrokenProcessPool
    assert caught.value.__suppress_context__


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), trouble_in_words(tmp_path, 0, "prepared"):
        raise ZeroDivisionError


def test_space_is_asked_for_where_the_folder_will_be(tmp_path: Path) -> None:
    must_have_space(tmp_path / "not" / "there", 1)
    with pytest.raises(OSError, match="No space left") as caught:
        must_have_space(tmp_path / "not" / "there", 10**18)
    assert caught.value.errno == errno.ENOSPC
