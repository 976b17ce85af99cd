"""No file is read, and no image decoded, twice, unless it changed."""

import json
import os
import shutil
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest

from radlearn import known_contents
from radlearn.file_contents import file_digest, read_content
from radlearn.known_contents import KnownContents


def ct(path: Path, seed: int = 0) -> Path:
    voxels = np.random.default_rng(seed).integers(-1000, 400, (12, 10, 6)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)
    return path


def after_a_tick() -> None:
    """Wait until the system's clock for files has gone on."""
    time.sleep(0.05)


def kept(known: KnownContents) -> KnownContents:
    """The table as the next process finds it."""
    known.keep(known.take_read())
    return KnownContents()


def test_what_was_read_is_remembered_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ct(tmp_path / "Doe Jane 1970.nii")
    known = KnownContents()
    assert not known.knows(path)
    first = known.file(path)
    again = kept(known)
    reads = []
    monkeypatch.setattr(known_contents, "file_digest", lambda one: (reads.append(one), file_digest(one))[1])
    assert again.knows(path)
    assert again.file(path) == first == file_digest(path)
    assert reads == []
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    assert not again.knows(path)
    assert again.file(path) == first
    assert reads == [path]
    # Patients' names are those of files in hospitals.
    assert "Doe" not in again.path.read_text()
    assert again.path.stat().st_mode & 0o077 == 0


def test_stored_pixels_are_looked_for_only_when_somebody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = ct(tmp_path / "a.nii.gz")
    known = KnownContents()
    with monkeypatch.context() as patched:
        patched.setattr(known_contents, "read_content", lambda one: pytest.fail(f"{one} is unpacked"))
        known.file(path)
        known = kept(known)
        known.file(path)
    assert known.pixels(path) == read_content(path).pixels
    known = kept(known)
    monkeypatch.setattr(known_contents, "read_content", lambda one: pytest.fail(f"{one} is unpacked"))
    assert known.pixels(path) == kept(known).pixels(path)


def test_lines_of_before_are_read(tmp_path: Path) -> None:
    path = ct(tmp_path / "a.nii")
    known = KnownContents()
    known.pixels(path)
    line = json.loads(known.take_read()[-1])
    known.path.parent.mkdir(parents=True, exist_ok=True)
    known.path.write_text(json.dumps([*line[:2], "1" * 32, "2" * 32]) + "\n")
    known = KnownContents()
    assert (known.file(path), known.pixels(path)) == ("1" * 32, "2" * 32)


def test_values_are_known_by_bytes_wherever_these_lie() -> None:
    known = KnownContents()
    assert known.values_of("a" * 32) == ""
    known.learn_values("a" * 32, "v2:3x4:b")
    known.learn_values("c" * 32, "v2:3x4:d")
    again = kept(known)
    assert [again.values_of(one * 32) for one in "ace"] == ["v2:3x4:b", "v2:3x4:d", ""]


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", '["a"]', '["a", 3]', '["a", 3, "b"]', '["a", [1], "b", "c", "d"]', '["a", 3, "b", "c"]', "[" * 5000]
    + ['[["a"], [1], "b", "c"]', "\x00", "3", '{"a": 1}', '[["a"], "b"]'],
)
def test_a_damaged_line_is_no_file(tmp_path: Path, line: str) -> None:
    path = ct(tmp_path / "a.nii")
    known = KnownContents()
    known.path.parent.mkdir(parents=True, exist_ok=True)
    known.path.write_text(line + "\n")
    known = KnownContents()
    known.file(path)
    assert kept(known).knows(path)


def test_where_the_table_cannot_be_written_files_are_read_again(tmp_path: Path) -> None:
    known = KnownContents()
    known.path.mkdir(parents=True)
    known = KnownContents()
    path = ct(tmp_path / "a.nii")
    assert known.file(path) == file_digest(path)
    known.keep(known.take_read())


def test_a_file_that_took_the_place_of_another_with_its_size_and_time_is_read(tmp_path: Path) -> None:
    one, other = ct(tmp_path / "one.nii"), ct(tmp_path / "other.nii", 1)
    for path in (one, other):
        os.utime(path, (1, 1))
    known = KnownContents()
    first, second = known.file(one), known.file(other)
    assert one.stat().st_size == other.stat().st_size
    after_a_tick()
    # As `cp -p` does, and tools that check out data sets with one time for all files.
    shutil.copy2(other, one)
    assert known.file(one) == second != first


def test_a_link_to_another_folder_of_data_is_another_file(tmp_path: Path) -> None:
    for seed, name in enumerate(("version-1", "version-2")):
        (tmp_path / name).mkdir()
        os.utime(ct(tmp_path / name / "a.nii", seed), (1, 1))
        after_a_tick()
    known, link = KnownContents(), tmp_path / "current"
    link.symlink_to("version-1")
    first = known.file(link / "a.nii")
    link.unlink()
    link.symlink_to("version-2")
    assert not known.knows(link / "a.nii")
    assert known.file(link / "a.nii") != first
