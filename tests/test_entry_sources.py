"""What an entry is made from: stamps that change with any touch, content that changes with the bytes alone."""

import os
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from radlearn.entry_sources import EntrySource, files_of


def touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"content of {name}")
    return tmp_path / "a", tmp_path / "b"


def test_a_touch_changes_the_stamps_and_not_the_content(files: tuple[Path, Path]) -> None:
    source = EntrySource(files)
    stamps, content = source.stamps(), source.content()
    assert source.changed_since(stamps) == []
    touch(files[1])
    assert source.stamps() != stamps
    assert source.changed_since(stamps) == [str(files[1])]
    assert source.content() == content


def test_a_copy_of_another_name_has_the_same_content(files: tuple[Path, Path]) -> None:
    shutil.copy(files[0], files[0].with_name("c"))
    assert EntrySource((files[0].with_name("c"), files[1])).content() == EntrySource(files).content()


def test_order_presence_and_tag_are_content(files: tuple[Path, Path]) -> None:
    a, b = files
    sources: list[tuple[Path | None, ...]] = [(a, b), (b, a), (a,), (a, None), (None, a), (a, a), (), (None,)]
    contents = {EntrySource(paths, tag).content() for paths in sources for tag in ("", "tag")}
    assert len(contents) == 16
    assert all(len(content) == 32 and set(content) <= set("0123456789abcdef") for content in contents)


@given(some.lists(some.lists(some.binary(max_size=3), min_size=1, max_size=3), max_size=3), some.data())
def test_bytes_that_move_to_another_file_are_other_content(
    tmp_path_factory: pytest.TempPathFactory, folders: list[list[bytes]], data: some.DataObject
) -> None:
    others = data.draw(some.just(folders) | some.lists(some.lists(some.binary(max_size=3), min_size=1, max_size=3), max_size=3))

    def content(folders: list[list[bytes]]) -> str:
        home = tmp_path_factory.mktemp("home")
        for number, files in enumerate(folders):
            (home / str(number)).mkdir()
            for name, held in enumerate(files):
                (home / str(number) / str(name)).write_bytes(held)
        return EntrySource(tuple(home / str(number) for number in range(len(folders)))).content()

    assert (content(folders) == content(others)) == (folders == others)


def test_a_folder_has_one_stamp_over_all_its_files(tmp_path: Path) -> None:
    inner = tmp_path / "series" / "deep"
    inner.mkdir(parents=True)
    (inner / "1").write_text("one")
    source = EntrySource((tmp_path / "series",))
    (stamp,) = source.stamps()
    assert isinstance(stamp, str)
    assert source.stamps() == [stamp]
    touch(inner / "1")
    assert source.stamps() != [stamp]
    (inner / "2").write_text("two")
    assert files_of(tmp_path / "series") == [inner / "1", inner / "2"]
    # A file that changes places is another series.
    (stamp,) = source.stamps()
    shutil.move(inner / "2", inner.parent / "2")
    assert source.stamps() != [stamp]


def test_a_missing_file_has_no_stamp_and_no_content(tmp_path: Path, files: tuple[Path, Path]) -> None:
    missing = EntrySource((files[0], tmp_path / "nowhere", files[0] / "below a file", None))
    assert missing.stamps()[1:] == [None, None, None]
    with pytest.raises(FileNotFoundError):
        missing.content()


def test_it_is_named_by_its_first_file(files: tuple[Path, Path]) -> None:
    source = EntrySource((None, *files), "tag")
    assert str(source) == str(files[0])
    assert source.name == "a"


def test_a_table_knows_it_by_a_name_of_its_own_that_tells_no_path(files: tuple[Path, Path]) -> None:
    a, b = files
    sources: list[tuple[tuple[Path | None, ...], str]] = [((a, b), ""), ((b, a), ""), ((a,), ""), ((a, None), ""), ((a,), "b")]
    names = {EntrySource(paths, tag).names for paths, tag in sources}
    assert len(names) == len(sources)
    assert not any(part in name for (name,) in names for part in (str(a), str(a).encode().hex()))


@pytest.mark.parametrize("in_folder", [False, True])
def test_another_file_of_the_same_size_and_time_changes_the_stamps(tmp_path: Path, in_folder: bool) -> None:
    (tmp_path / "series").mkdir()
    one, other = tmp_path / "series" / "a", tmp_path / "b"
    for path, content in ((one, "one patient"), (other, "two patient")):
        path.write_text(content)
        os.utime(path, (1, 1))
    source = EntrySource((one.parent if in_folder else one,))
    stamps = source.stamps()
    assert source.stamps() == stamps
    # Until the system's clock for files has gone on.
    time.sleep(0.05)
    shutil.copy2(other, one)
    assert (one.stat().st_size, one.stat().st_mtime) == (other.stat().st_size, 1)
    assert source.stamps() != stamps
