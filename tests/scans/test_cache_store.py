"""The array and the table of a pixel cache: a row is done when its line stands in the table, and not before."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import CacheTrouble
from radlearn.scans import cache_store
from radlearn.scans.cache_store import TABLE, PixelStore, Row, narrowed, space_for, widened
from radlearn.scans.dicom import RadiographHeader

SIZE = 8


def row_of(number: int, stored_bits: int = 8, spacing_mm: tuple[float, float] | None = (0.143, 0.2)) -> Row:
    header = RadiographHeader(
        view="PA",
        sex=None,
        age_years=62.5,
        spacing_mm=spacing_mm,
        patient_id=f"Müller^{number}",
        study_uid="1.2",
        series_uid="1.3",
        sop_uid=f"1.4.{number}",
        modality="CR",
        photometric="MONOCHROME2",
        size_px=(20, 30),
        stored_bits=stored_bits,
    )
    return Row(f"/X-rays/{number}.dcm", (1000 + number, 1_700_000_000_123_456_789), f"digest {number}", header)


def xray(number: int, kind: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(number).integers(0, np.iinfo(kind).max, (SIZE, SIZE), kind, endpoint=True)


@pytest.fixture
def store(tmp_path: Path) -> PixelStore:
    """A store of five X-rays, of which 3 and 1 are done."""
    made = PixelStore(tmp_path / "store", (5, SIZE))
    made.folder.mkdir()
    made.begin()
    for number in (3, 1):
        made.write(number, xray(number), row_of(number))
    made.sync()
    return made


def test_what_was_written_is_there_for_the_next_process(store: PixelStore) -> None:
    again = PixelStore(store.folder, (5, SIZE))
    assert again.done == {3: row_of(3), 1: row_of(1)}
    np.testing.assert_array_equal(again.pixels()[[3, 1]], [xray(3), xray(1)])
    assert PixelStore(store.folder).done == again.done
    assert not again.pixels().flags.writeable
    store.write(0, xray(0), row_of(0, spacing_mm=None))
    store.sync()
    assert PixelStore(store.folder).done[0] == row_of(0, spacing_mm=None)


def test_a_row_is_not_done_before_it_is_synced(store: PixelStore) -> None:
    store.write(0, xray(0), row_of(0))
    assert set(PixelStore(store.folder).done) == {1, 3}
    store.close()
    again = PixelStore(store.folder, (5, SIZE))
    again.begin()
    assert set(again.done) == {1, 3}


@pytest.mark.parametrize("cut", [1, 2, 40, 100])
def test_a_line_that_was_cut_short_is_one_xray_less(store: PixelStore, cut: int) -> None:
    table = store.folder / TABLE
    table.write_bytes(table.read_bytes()[:-cut])
    again = PixelStore(store.folder, (5, SIZE))
    # Without its line end alone, a line is still whole.
    assert set(again.done) == ({3, 1} if cut == 1 else {3})
    again.begin()
    again.write(4, xray(4), row_of(4))
    again.sync()
    assert set(PixelStore(store.folder).done) == set(again.done)


@pytest.mark.parametrize(
    "line", ["[]", "null", '{"row": 1}', '[1, "p", [1], "d", []]', "\xff\xfe", '[9, "p", [1, 2], "d", ["PA"]]', '["x"]']
)
def test_a_damaged_line_speaks_of_no_row(store: PixelStore, line: str) -> None:
    with (store.folder / TABLE).open("a", encoding="latin-1") as table:
        table.write(line + "\n")
    assert set(PixelStore(store.folder).done) == {1, 3}


@pytest.mark.parametrize("damage", ["no array", "short array", "no head", "other array", "foreign head"])
def test_an_array_and_a_table_that_do_not_go_together_are_nothing(store: PixelStore, damage: str) -> None:
    array, table = store.array_path(), store.folder / TABLE
    if damage == "no array":
        array.unlink()
    elif damage == "short array":
        os.truncate(array, array.stat().st_size - 1)
    elif damage == "other array":
        np.save(array, np.zeros((4, SIZE, SIZE), np.uint8))
    else:
        table.write_text("\n".join(["{}" if damage == "no head" else "x", *table.read_text().splitlines()[1:]]))
    again = PixelStore(store.folder, (5, SIZE))
    assert again.done == {}
    again.begin()
    # The new array is empty, so nothing that was said of the old one may come back.
    assert PixelStore(store.folder, (5, SIZE)).done == {}
    assert again.pixels().shape == (5, SIZE, SIZE)
    assert not again.pixels().any()


def test_a_new_array_never_meets_the_old_table(store: PixelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.array_path().unlink()
    again = PixelStore(store.folder, (5, SIZE))

    def killed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(again, "_write_table", killed)
    with pytest.raises(KeyboardInterrupt):
        again.begin()
    assert PixelStore(store.folder, (5, SIZE)).done == {}


def test_a_store_of_another_shape_counts_as_nothing(store: PixelStore) -> None:
    assert PixelStore(store.folder, (5, SIZE + 1)).done == {}
    assert PixelStore(store.folder, (6, SIZE)).done == {}


def test_a_resumed_store_keeps_the_pixels_of_rows_it_no_longer_trusts(store: PixelStore) -> None:
    again = PixelStore(store.folder, (5, SIZE))
    again.done.clear()
    again.begin()
    np.testing.assert_array_equal(again.pixels()[3], xray(3))


def test_what_a_killed_process_left_is_removed(store: PixelStore) -> None:
    for name in (".pixels-8-abc.npy", ".xrays-abc.jsonl", "pixels-16.npy"):
        (store.folder / name).touch()
    again = PixelStore(store.folder, (5, SIZE))
    again.begin()
    assert sorted(path.name for path in store.folder.iterdir()) == ["pixels-8.npy", TABLE]
    assert set(again.done) == {1, 3}


def test_the_first_deeper_xray_widens_all(store: PixelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_store, "ROWS_AT_ONCE_BYTES", 2 * SIZE**2)  # so that the copy takes several steps
    store.write(2, xray(2, np.uint16), row_of(2, stored_bits=12))
    store.write(0, xray(0), row_of(0))
    store.sync()
    again = PixelStore(store.folder, (5, SIZE))
    pixels = again.pixels()
    assert (pixels.dtype, set(again.done), again.bits) == (np.uint16, {0, 1, 2, 3}, 16)
    np.testing.assert_array_equal(pixels[2], xray(2, np.uint16))
    for number in (0, 1, 3):
        np.testing.assert_array_equal(pixels[number] / 65535, xray(number) / 255)
    assert not store.array_path(8).exists()
    # Taken into another cache, an X-ray of 8 bits takes 8 again.
    shallow, deep = again.xrays([3, 2])
    np.testing.assert_array_equal(shallow, xray(3))
    np.testing.assert_array_equal(deep, xray(2, np.uint16))
    assert (shallow.dtype, deep.dtype) == (np.uint8, np.uint16)


def test_widening_that_finds_no_room_leaves_the_8_bits_as_they_were(store: PixelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(CacheTrouble, match="not enough disk space"):
        store.write(2, xray(2, np.uint16), row_of(2, stored_bits=12))
    store.close()
    assert set(PixelStore(store.folder, (5, SIZE)).done) == {1, 3}
    assert not list(store.folder.glob(".pixels*"))


def test_a_widening_that_was_killed_is_begun_again(store: PixelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_write_table", killed)
    with pytest.raises(KeyboardInterrupt):
        store.write(2, xray(2, np.uint16), row_of(2, stored_bits=12))
    again = PixelStore(store.folder, (5, SIZE))
    assert (again.bits, set(again.done)) == (8, {1, 3})
    again.begin()
    again.write(2, xray(2, np.uint16), row_of(2, stored_bits=12))
    np.testing.assert_array_equal(again.pixels()[1], widened(xray(1)))


def test_widening_is_exact_both_ways() -> None:
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(widened(every) / 65535, every / 255)
    np.testing.assert_array_equal(narrowed(widened(every)), every)


def test_the_space_is_taken_before_an_xray_is_read(tmp_path: Path) -> None:
    made = PixelStore(tmp_path, (100, 64))
    made.begin()
    status = made.array_path().stat()
    assert status.st_size >= 100 * 64 * 64
    assert status.st_blocks * 512 >= status.st_size


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, r"not enough disk space.*: 1,234 MB are needed and [\d,]+ MB are free. Free some space, or set RADLEARN_CACHE"),
        (errno.EROFS, r"no permission to write the cache \(Read-only file system\). Grant it, or set RADLEARN_CACHE"),
        (errno.EIO, r"the cache cannot be written \(.*Input/output error\)"),
    ],
)
def test_an_error_of_the_disk_says_what_to_do(tmp_path: Path, number: int, words: str) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    with pytest.raises(CacheTrouble, match=words), space_for(1_234_000_000, folder):
        raise OSError(number, os.strerror(number))


def test_writing_before_beginning_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CacheTrouble, match="not open for writing"):
        PixelStore(tmp_path, (5, SIZE)).write(0, xray(0), row_of(0))
