"""Files are whole or not there."""

import errno
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from radlearn import files
from radlearn.errors import CannotWrite
from radlearn.files import NO_FILE, nothing_there, read_whole, why_no_file


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "scores.json"
    target.write_text("old")

    def write_half() -> None:
        with files.written_whole(target) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_half()
    assert target.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["scores.json"]


def test_the_temporary_file_keeps_the_suffixes_and_the_folder_is_made(tmp_path: Path) -> None:
    target = tmp_path / "new" / "mask.nii.gz"
    with files.written_whole(target) as temporary:
        assert temporary.name.endswith(".nii.gz")
        assert temporary.parent == target.parent
        temporary.write_bytes(b"x")
    assert target.read_bytes() == b"x"


def test_permissions_follow_the_umask_so_that_others_may_read(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        files.write_text(tmp_path / "a.txt", "a")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_the_cache_folder_is_the_chosen_one_else_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RADLEARN_CACHE", str(tmp_path / "mine"))
    assert files.cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("RADLEARN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert files.cache_folder() == tmp_path / "xdg" / "radlearn"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert files.cache_folder() == Path.home() / ".cache" / "radlearn"


def test_a_user_without_a_home_folder_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RADLEARN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    # As in a container that runs under a number that no user has.
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    with pytest.raises(CannotWrite, match=r"no home folder.*set RADLEARN_CACHE"):
        files.cache_folder()


@pytest.mark.parametrize(
    "name", [b"x" * 255, b"scan-\xff\xe9.nii.gz", "Röntgen 胸.png".encode(), b"." + b"y" * 250 + b".png", b"no suffix"]
)
def test_a_file_of_any_name_that_the_disk_takes_can_be_written(name: bytes, tmp_path: Path) -> None:
    target = tmp_path / os.fsdecode(name)
    files.write_text(target, "content")
    assert os.listdir(os.fsencode(tmp_path)) == [name]
    assert target.read_text() == "content"


class RustError(Exception):
    """What safetensors raises is of a class of its own, which is no OSError."""


@pytest.mark.parametrize(
    "raised",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RustError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RustError("io: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_named_with_the_file_whatever_the_writer_says(raised: Exception, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as caught, files.written_whole(tmp_path / "best" / "model.safetensors"):
        raise raised
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "best" / "model.safetensors"))
    assert list((tmp_path / "best").iterdir()) == []


def test_a_real_limit_on_files_is_told_with_the_file_by_safetensors_pillow_and_python(tmp_path: Path) -> None:
    import resource

    from PIL import Image
    from safetensors.numpy import save_file

    def by_pillow(path: Path) -> None:
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300), np.uint8)).save(path)

    writers = {
        "a.safetensors": lambda path: save_file({"weights": np.zeros(100_000)}, path),
        "a.png": by_pillow,
        "a.txt": lambda path: path.write_text("x" * 100_000),
    }
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for name, write in writers.items():
        # Python ignores the signal that comes with it.
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        try:
            with pytest.raises(OSError, match="File too large") as caught, files.written_whole(tmp_path / name) as temporary:
                write(temporary)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_an_error_about_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, files.written_whole(tmp_path / "a.png"):
        (tmp_path / "source.dcm").read_bytes()
    assert caught.value.filename == str(tmp_path / "source.dcm")


@pytest.mark.parametrize("error", [ValueError("bad data"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_a_failed_start_leaves_no_folder_and_none_of_the_folders_above_that_were_made_for_it(error: BaseException, tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "classification" / "first"

    def fail() -> None:
        with files.removed_on_failure(folder, lambda: False):
            files.write_text(folder / "settings.json", "{}")
            files.write_text(folder / "last" / "x.json", "{}")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_before_or_has_begun_is_not_removed(tmp_path: Path) -> None:
    def fail(folder: Path, is_begun: bool) -> None:
        with files.removed_on_failure(folder, lambda: is_begun):
            files.write_text(folder / "settings.json", "{}")
            raise ValueError("bad data")

    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    for name, is_begun in (("mine", False), ("empty", False), ("begun", True)):
        with pytest.raises(ValueError, match="bad data"):
            fail(tmp_path / name, is_begun)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == [
        "begun", "begun/settings.json", "empty", "mine", "mine/notes.txt", "mine/settings.json",
    ]  # fmt: skip


def test_a_trial_finds_what_cannot_be_written_and_leaves_nothing(tmp_path: Path) -> None:
    import resource

    files.try_to_write(tmp_path / "new" / "folder")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory") as caught:
        files.try_to_write(tmp_path / "file" / "out")
    assert caught.value.filename == str(tmp_path / "file" / "out")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            files.try_to_write(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("kind", ["pipe", "link to a device", "device"])
def test_what_is_no_file_is_not_replaced(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link to a device":
        path.symlink_to("/dev/null")
    else:
        path = Path("/dev/null")
    before = os.lstat(path)
    with pytest.raises(CannotWrite, match="is a pipe or a device, not a file; it would be replaced"):
        files.write_text(path, "x")
    assert (os.lstat(path).st_mode, os.lstat(path).st_ino) == (before.st_mode, before.st_ino)
    with pytest.raises(OSError, match="is a pipe or a device"):
        files.opened_to_read(path)


def test_a_link_to_an_open_file_is_not_replaced_whatever_it_is_open_on(tmp_path: Path) -> None:
    with open(tmp_path / "log", "w") as opened:
        # As /dev/stdout is one, also where it goes into a file.
        (tmp_path / "stdout").symlink_to(f"/proc/self/fd/{opened.fileno()}")
        for path in (tmp_path / "stdout", Path(f"/dev/fd/{opened.fileno()}")):
            with pytest.raises(CannotWrite, match="it would be replaced"):
                files.write_text(path, "x")
    assert (tmp_path / "stdout").is_symlink()
    # Other links are files like any other.
    (tmp_path / "link").symlink_to("log")
    files.write_text(tmp_path / "link", "x")
    assert (tmp_path / "link").read_text() == "x"


def test_a_folder_and_a_missing_file_are_refused_as_open_does(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "file" / "inside"):
        (tmp_path / "file").touch()
        with pytest.raises(OSError, match=r"\[Errno") as usual, open(path, "rb"):
            pass
        with pytest.raises(type(usual.value)) as ours:
            files.opened_to_read(path)
        assert ours.value.errno == usual.value.errno
    (tmp_path / "file").write_bytes(b"content")
    with files.opened_to_read(tmp_path / "file", buffering=0) as opened:
        assert opened.read() == b"content"


def test_a_place_where_no_folder_can_be_made_is_one_without_permission() -> None:
    with pytest.raises(PermissionError, match="No folder can be made there") as raised:
        files.write_text(Path("/proc/radlearn/out.csv"), "x")
    assert raised.value.filename == "/proc/radlearn"


def test_an_error_of_the_disk_that_a_library_tells_in_its_own_words_is_told_plainly(tmp_path: Path) -> None:
    def write() -> None:
        with files.written_whole(tmp_path / "a.dcm"):
            try:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                # As pydicom does.
                raise OSError(f"With tag (7FE0,0010) got exception: {error}\nTraceback (most recent call last):\n  File ...") from error

    with pytest.raises(OSError, match="No space left on device") as raised:
        write()
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(tmp_path / "a.dcm"))
    assert "Traceback" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_read_whole_unless_it_is_larger_than_any_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_whole(tmp_path / "a") == read_whole(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="it holds 5 bytes, and no such file has more than 4"):
        read_whole(tmp_path / "a", 4)
    with open(tmp_path / "sparse", "wb") as opened:
        opened.truncate(60 << 30)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name, said in (("sparse", "it holds 64,424,509,440 bytes"), ("pipe", "pipe or a device"), ("endless", "pipe or a device")):
        with pytest.raises(OSError, match=said):
            read_whole(tmp_path / name)


def test_what_is_no_file_is_called_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found = [why_no_file(path) for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "nowhere")]
    assert found == ["is a folder", NO_FILE, NO_FILE, "there is no such file"]


def test_a_link_to_nothing_is_called_that_and_where_it_points(tmp_path: Path) -> None:
    (tmp_path / "gone.dcm").symlink_to("/mnt/elsewhere/1.dcm")
    (tmp_path / "beside.dcm").symlink_to("archive/2.dcm")
    assert nothing_there(tmp_path / "gone.dcm") == "is a link to /mnt/elsewhere/1.dcm, which is not there"
    assert why_no_file(tmp_path / "beside.dcm") == f"is a link to {tmp_path / 'archive' / '2.dcm'}, which is not there"
    assert nothing_there(tmp_path / "none.dcm") == "there is no such file"
