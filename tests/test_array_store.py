"""The store of arrays: the same arrays as by making each entry, whatever happens while they are made."""

import errno
import json
import mmap
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from radlearn import array_store, entry_files, known_entries
from radlearn.array_store import Entry, Made, Sources, Words, stored_entries
from radlearn.entry_files import opened_entry
from radlearn.errors import CacheTrouble, UnreadableScan
from radlearn.file_contents import file_digest
from radlearn.known_contents import KnownContents

SCANS = Words("scan cache", "scans", "read", "Repair them")
Pair = tuple[Path, Path | None]


def array_in(path: Path) -> np.ndarray:
    """What a scan or a mask is made into: a line of digits, doubled."""
    text = path.read_text()
    if not text.isdigit():
        raise UnreadableScan(f"{path.name}: holds something else than digits.")
    return np.array([int(digit) for digit in text], np.int16) * 2


def made_of(scan: Path, mask: Path | None) -> Made:
    arrays = {"image": array_in(scan)} | ({} if mask is None else {"mask": array_in(mask) > 0})
    return Made(arrays, {"digits": len(arrays["image"])}, {"mask": {"is_there": mask is not None}})


def made_from(sources: Sequence[Pair], number: int) -> Made:
    return made_of(*sources[number])


@pytest.fixture
def scans(tmp_path: Path) -> list[Path]:
    """Six scans with their masks beside them, to be changed at will."""
    (tmp_path / "scans").mkdir()
    for number in range(6):
        (tmp_path / "scans" / f"{number}.scan").write_text(str(12345 + number))
        (tmp_path / "scans" / f"{number}.mask").write_text("01100" if number % 2 else "00110")
    return sorted((tmp_path / "scans").glob("*.scan"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the scans that were made, as long as one process does it."""
    names: list[str] = []

    def noted(sources: Sequence[Pair], number: int) -> Made:
        names.append(sources[number][0].name)
        return made_of(*sources[number])

    monkeypatch.setitem(globals(), "made_from", noted)
    return names


def mask_of(path: Path) -> Path:
    return path.with_suffix(".mask")


def store(folder: Path, paths: Sequence[Path], workers: int = 1, with_masks: bool = True, **options) -> list[Entry]:
    sources: list[Pair] = [(path, mask_of(path) if with_masks else None) for path in paths]
    return stored_entries(folder, sources, partial(made_from, sources), SCANS, workers=workers, **options)


def expect_the_scans(entries: Sequence[Entry], paths: Sequence[Path]) -> None:
    assert len(entries) == len(paths)
    for entry, path in zip(entries, paths, strict=True):
        expected = made_of(path, mask_of(path))
        assert sorted(entry.names) == ["image", "mask"]
        for name, array in expected.arrays.items():
            np.testing.assert_array_equal(entry.array(name), array)
        assert (entry.about, entry.details()) == (expected.about, expected.details)


def touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def in_a_fork(work: Callable[[], object]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return child


@pytest.mark.parametrize(("workers", "forked", "per_job"), [(1, False, 1), (2, True, 1), (3, True, 2), (2, False, 4)])
def test_every_entry_is_made_in_the_order_asked_for(folder: Path, scans: list[Path], workers: int, forked: bool, per_job: int) -> None:
    paths = scans[::-1] + scans[2:3]
    expect_the_scans(store(folder, paths, workers, forked=forked, per_job=per_job), paths)


def test_one_line_says_what_was_made_and_where_and_none_that_it_is_there(
    folder: Path, scans: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    entries = store(folder, [*scans, scans[0]])
    megabytes = sum(entry.path.stat().st_size for entry in entries[:6]) / 1e6
    assert f"scan cache: 7 scans, {megabytes:,.0f} MB, in {folder}" in capsys.readouterr().err
    store(folder, scans)
    assert capsys.readouterr().err == ""


def test_what_is_ready_is_not_made_again_and_a_longer_list_makes_only_what_is_new(folder: Path, scans: list[Path], made: list[str]) -> None:
    store(folder, scans[:4])
    store(folder, scans[:2])
    assert len(made) == 4
    expect_the_scans(store(folder, scans), scans)
    assert made == [path.name for path in scans]


def test_a_scan_that_is_named_twice_is_made_once(folder: Path, scans: list[Path], made: list[str]) -> None:
    first, second = store(folder, [scans[0], scans[0]])
    assert made == ["0.scan"]
    assert first == second


def test_a_scan_of_the_same_content_is_made_once_in_one_pass_too(folder: Path, scans: list[Path], made: list[str]) -> None:
    for suffix in (".scan", ".mask"):
        shutil.copy(scans[0].with_suffix(suffix), scans[1].with_suffix(suffix))
    first, second = store(folder, scans[:2])
    assert made == ["0.scan"]
    assert first == second


def test_touched_copied_or_moved_it_is_recognised_by_its_content(folder: Path, scans: list[Path], made: list[str]) -> None:
    (first,) = store(folder, scans[:1])
    touch(scans[0])
    for suffix in (".scan", ".mask"):
        shutil.copy(scans[0].with_suffix(suffix), scans[0].with_name(f"9{suffix}"))
        shutil.move(scans[1].with_suffix(suffix), scans[1].with_name(f"8{suffix}"))
    again, copy = store(folder, [scans[0], scans[0].with_name("9.scan")])
    assert made == ["0.scan"]
    assert again == copy == first
    # The new time is in the table now, and the file is trusted again.
    store(folder, scans[:1])
    moved = scans[1].with_name("8.scan")
    expect_the_scans(store(folder, [moved]), [moved])
    assert made == ["0.scan", "8.scan"]


def test_changed_content_is_made_again_though_the_name_is_the_same(folder: Path, scans: list[Path], made: list[str]) -> None:
    store(folder, scans)
    scans[3].write_text("77777")
    expect_the_scans(store(folder, scans), scans)
    assert made.count("3.scan") == 2
    assert len(made) == 7


def test_one_content_under_two_names_may_be_made_by_two_processes_at_once(
    folder: Path, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = array_store.write_entry

    def overtaken(path: Path, made: Made) -> None:
        writing(path, made)
        writing(path, made)

    monkeypatch.setattr(array_store, "write_entry", overtaken)
    expect_the_scans(store(folder, scans[:1]), scans[:1])
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_another_mask_is_another_entry_and_so_is_none_and_another_tag(folder: Path, scans: list[Path], made: list[str]) -> None:
    (first,) = store(folder, scans[:1])
    mask_of(scans[0]).write_text("11111")
    (second,) = store(folder, scans[:1])
    expect_the_scans([second], scans[:1])
    (bare,) = store(folder, scans[:1], with_masks=False)
    assert bare.names == ["image"]
    (tagged,) = store(folder, scans[:1], tags=["a label"])
    assert len({first, second, bare, tagged}) == 4
    assert len(made) == 4
    # Tags of several entries go with their sources.
    one, other = store(folder, [scans[1], scans[1]], tags=["a", "b"])
    assert one != other


def test_a_missing_mask_is_not_the_one_beside_it(folder: Path, scans: list[Path]) -> None:
    sources: list[Sources] = [(scans[0], None, scans[1]), (scans[0], scans[1], None)]
    first, second = stored_entries(folder, sources, lambda number: Made({"x": np.array([number])}), workers=1)
    assert (int(first.array("x")[0]), int(second.array("x")[0])) == (0, 1)


def test_the_store_imports_neither_torch_nor_monai() -> None:
    code = "import sys, radlearn.array_store; print([m for m in ('torch', 'monai', 'pydicom') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "[]"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def grown(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def torn(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[12:16] = b"\0\0\0\0"
    path.write_bytes(content)


def flipped(path: Path) -> None:
    """Of a number in the last array: size, header and shapes are as they were."""
    content = bytearray(path.read_bytes())
    content[-2] ^= 4
    path.write_bytes(content)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, grown, torn, flipped, emptied, Path.unlink])
def test_a_damaged_or_deleted_entry_is_made_again_and_only_that_one(
    folder: Path, scans: list[Path], made: list[str], damage: Callable[[Path], None]
) -> None:
    damaged = store(folder, scans[:3])[1].path
    made.clear()
    damage(damaged)
    expect_the_scans(store(folder, scans[:3]), scans[:3])
    assert made == ["1.scan"]


def test_a_damaged_line_of_the_table_costs_one_entry(folder: Path, scans: list[Path], made: list[str]) -> None:
    store(folder, scans[:3])
    made.clear()
    table = folder / known_entries.KNOWN
    lines = table.read_text().splitlines(keepends=True)
    table.write_text(lines[0] + lines[1][: len(lines[1]) // 2])
    expect_the_scans(store(folder, scans[:3]), scans[:3])
    assert made == ["1.scan", "2.scan"]
    assert all(line.endswith("]") for line in table.read_text().splitlines())


def test_an_entry_that_no_line_lists_is_not_trusted(folder: Path, scans: list[Path]) -> None:
    """After a power failure a file may have its length and not its content."""
    (entry,) = store(folder, scans[:1])
    content = entry.path.read_bytes()
    entry.path.write_bytes(content[:-8] + bytes(8))
    (folder / known_entries.KNOWN).unlink()
    expect_the_scans(store(folder, scans[:1]), scans[:1])


@pytest.mark.parametrize("content", ["../../elsewhere/0", "/elsewhere/0", "0" * 31, "0" * 33, "A" * 32, 7, None, ["0"], "0" * 31 + "\n"])
def test_a_line_of_the_table_cannot_name_a_file_elsewhere(
    folder: Path, scans: list[Path], monkeypatch: pytest.MonkeyPatch, content: object
) -> None:
    (entry,) = store(folder, scans[:1])
    (line,) = map(str.rstrip, (folder / known_entries.KNOWN).open())
    names, stamps, _ = json.loads(line)
    (folder / known_entries.KNOWN).write_text(json.dumps([names, stamps, content]) + "\n")
    opened: list[Path] = []

    def noted(path: Path) -> Entry | None:
        opened.append(path)
        return opened_entry(path)

    monkeypatch.setattr(array_store, "opened_entry", noted)
    expect_the_scans(store(folder, scans[:1]), scans[:1])
    assert set(opened) == {entry.path}


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_pass_killed_in_the_middle_goes_on_where_it_was(
    folder: Path, scans: list[Path], made: list[str], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    writing = array_store.write_entry
    monkeypatch.setattr(known_entries, "SYNC_EVERY_SECONDS", 0.0)

    def killed(path: Path, entry: Made) -> None:
        if len(made) > after:
            path.with_name(f".{path.name}").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        writing(path, entry)

    monkeypatch.setattr(array_store, "write_entry", killed)
    assert os.WTERMSIG(os.waitpid(in_a_fork(lambda: store(folder, scans)), 0)[1]) == signal.SIGKILL
    monkeypatch.setattr(array_store, "write_entry", writing)
    entries = store(folder, scans)
    assert len(made) == len(scans) - after
    expect_the_scans(entries, scans)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_a_killed_pass_on_several_processes_leaves_none_that_holds_the_lock(
    folder: Path, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def for_ever(number: int) -> Made:
        (folder / f"pid-{os.getpid()}").touch()
        time.sleep(600)
        raise AssertionError

    sources: list[Sources] = [(path,) for path in scans]
    child = in_a_fork(lambda: stored_entries(folder, sources, for_ever, SCANS, workers=2, forked=True))
    while len(busy := list(folder.glob("pid-*"))) < 2:
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    # Not as a second process, which would wait: as one that gives up at once, or soon, for the kernel takes its time.
    with FileLock(folder / array_store.LOCK, timeout=30):
        pass
    pids = [int(path.name.removeprefix("pid-")) for path in busy]
    ends = time.monotonic() + 30
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < ends
        time.sleep(0.01)
    expect_the_scans(store(folder, scans, 2, forked=True), scans)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_second_process_waits_and_then_opens_what_the_first_made(folder: Path, scans: list[Path], made: list[str], capfd) -> None:
    store(folder, scans[:1])
    lock = FileLock(folder / array_store.LOCK)
    lock.acquire()
    found: list[list[Entry]] = []
    waiting = threading.Thread(target=lambda: found.append(store(folder, scans[:2])))
    waiting.start()
    while f"waiting for another process that is making the scan cache in {folder}" not in capfd.readouterr().err:
        time.sleep(0.01)
    assert not found
    # What another process writes meanwhile is not made again.
    elsewhere = folder.with_name("elsewhere")
    store(elsewhere, scans[:2])
    for file in elsewhere.glob("*"):
        if file.name != array_store.LOCK:
            shutil.copy(file, folder)
    made.clear()
    lock.release()
    waiting.join()
    expect_the_scans(found[0], scans[:2])
    assert made == []


def test_two_threads_make_one_cache(folder: Path, scans: list[Path], made: list[str]) -> None:
    found: dict[int, list[Entry]] = {}
    threads = [threading.Thread(target=lambda number=number: found.update({number: store(folder, scans)})) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [path.name for path in scans]
    assert found[0] == found[1]
    expect_the_scans(found[0], scans)


def test_what_cannot_be_read_is_listed_and_the_others_are_kept(folder: Path, scans: list[Path], made: list[str]) -> None:
    scans[1].write_text("not digits")
    mask_of(scans[3]).write_text("no mask")
    mask_of(scans[4]).unlink()
    with pytest.raises(UnreadableScan) as caught:
        store(folder, scans, 2, forked=True)
    assert str(caught.value).splitlines() == [
        "3 of 6 scans cannot be read:",
        f"  {mask_of(scans[4])}: there is no such file.",
        "  1.scan: holds something else than digits.",
        "  3.mask: holds something else than digits.",
        "The other 3 are in the cache and will not be read again. Repair them, then try again.",
    ]
    made.clear()
    good = [scans[0], scans[2], scans[5]]
    expect_the_scans(store(folder, good), good)
    assert made == []


def test_of_many_unreadable_files_ten_are_listed(folder: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number:02d}.scan" for number in range(14)]
    for path in paths:
        path.write_text("x")
    with pytest.raises(UnreadableScan, match=r"^All 14 scans cannot be read:\n(  \d\d\.scan: .*\n){10}  … and 4 more\.\nRepair them"):
        store(folder, paths, with_masks=False)


def test_a_source_that_cannot_be_opened_is_no_trouble_of_the_cache(
    folder: Path, scans: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> np.ndarray:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setitem(globals(), "array_in", refused)
    with pytest.raises(UnreadableScan, match=r"0\.scan: cannot be opened \(Permission denied\)"):
        store(folder, scans[:1])


def test_a_file_that_changes_while_it_is_read_is_refused_by_its_name(folder: Path, scans: list[Path]) -> None:
    def slowly(number: int) -> Made:
        touch(mask_of(scans[0]))
        return made_of(scans[0], mask_of(scans[0]))

    with pytest.raises(UnreadableScan, match=r"0\.mask: changed while it was read\. Is it still being copied\?") as caught:
        stored_entries(folder, [(scans[0], mask_of(scans[0]))], slowly, SCANS, workers=1)
    assert "0.scan: changed" not in str(caught.value)
    assert not list(folder.glob("*.safetensors"))


def test_a_file_that_changes_after_it_was_read_is_refused_too(folder: Path, scans: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = array_store.in_parallel

    def then_changed(*args, **options) -> Iterator[object]:
        yield from waiting(*args, **options)
        scans[0].write_text("999")

    monkeypatch.setattr(array_store, "in_parallel", then_changed)
    with pytest.raises(CacheTrouble, match=r"0\.scan: changed while the scan cache was made"):
        store(folder, scans)


def test_notes_are_said_with_the_name_and_often_said_ones_with_their_number(
    folder: Path, scans: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def make(number: int) -> Made:
        if number < 3:
            warnings.warn("three do this", UserWarning, stacklevel=1)
        warnings.warn("only a programmer cares", DeprecationWarning, stacklevel=1)
        return Made({"x": np.array([number])}, notes=[f"is number {number}", f"is number {number}"])

    sources: list[Sources] = [(None, path) for path in scans]
    stored_entries(folder, sources, make, SCANS, workers=1)
    lines = capsys.readouterr().err.splitlines()
    assert "three do this (3 scans)" in lines
    assert [line for line in lines if "is number" in line] == [f"{number}.scan: is number {number}" for number in range(4)]
    assert "… and 2 more such notes." in lines
    assert not any("programmer" in line for line in lines)


def test_a_full_disk_is_said_with_what_to_do_before_anything_is_made(folder: Path, scans: list[Path], made: list[str]) -> None:
    with pytest.raises(CacheTrouble, match=r"not enough disk space for the cache: .* MB are needed and .* MB are free\. Free some space"):
        store(folder, scans, needed_bytes=10**18)
    assert made == []
    assert not folder.exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_disk_that_is_full_in_the_middle_keeps_what_is_there(
    folder: Path, scans: list[Path], made: list[str], monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    writing = array_store.write_entry

    def full(path: Path, entry: Made) -> None:
        if len(list(folder.glob("*.safetensors"))) >= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        writing(path, entry)

    monkeypatch.setattr(array_store, "write_entry", full)
    with pytest.raises(CacheTrouble, match=r"not enough disk space for the cache: .* Free some space, or set RADLEARN_CACHE"):
        store(folder, scans, workers, forked=True)
    monkeypatch.setattr(array_store, "write_entry", writing)
    made.clear()
    expect_the_scans(store(folder, scans), scans)
    assert workers > 1 or len(made) == 4


def test_a_process_that_was_killed_is_said_so_without_a_traceback(folder: Path, scans: list[Path]) -> None:
    def killed(number: int) -> Made:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    with pytest.raises(CacheTrouble, match=r"a process was killed, most likely because memory ran out\. What was read is kept") as caught:
        stored_entries(folder, [(path,) for path in scans], killed, SCANS, workers=2, forked=True)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    expect_the_scans(store(folder, scans), scans)


def without_rights(work: Callable[[], object]) -> str:
    """Run `work` in a copy of this process that is not root, and return the error that it raised, "" if none."""
    read, write = os.pipe()

    def as_nobody() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        try:
            work()
        except BaseException as error:
            os.write(write, f"{type(error).__name__}: {error}".encode()[:4000])

    os.waitpid(in_a_fork(as_nobody), 0)
    os.close(write)
    with open(read, encoding="utf-8") as said:
        return said.read()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can look into, which those of pytest are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_cache_that_cannot_be_written_can_be_read_and_says_when_it_lacks_something(open_folder: Path) -> None:
    paths = [open_folder / "0.scan", open_folder / "1.scan"]
    for number, path in enumerate(paths):
        path.write_text(str(number) * 4)
    folder = open_folder / "store"
    store(folder, paths[:1], with_masks=False)
    for place in (*folder.iterdir(), folder):
        place.chmod(0o555 if place == folder else 0o444)
    assert without_rights(lambda: np.testing.assert_array_equal(store(folder, paths[:1], with_masks=False)[0].array("image"), 0)) == ""
    said = without_rights(lambda: store(folder, paths, with_masks=False))
    assert said.startswith(f"CacheTrouble: {folder}: no permission for the cache (Permission denied). Grant it, or set RADLEARN_CACHE")


def test_a_cache_that_cannot_be_read_is_said_so(open_folder: Path) -> None:
    path = open_folder / "0.scan"
    path.write_text("123")
    folder = open_folder / "store"
    store(folder, [path], with_masks=False)
    (folder / known_entries.KNOWN).chmod(0)
    said = without_rights(lambda: store(folder, [path], with_masks=False))
    assert said.startswith(f"CacheTrouble: {folder}: no permission for the cache")


def test_a_file_where_the_folder_should_be_is_said(folder: Path, scans: list[Path]) -> None:
    folder.write_text("a file")
    with pytest.raises(CacheTrouble, match=r"store: the cache cannot be used \(.*Not a directory"):
        store(folder, scans)


def test_a_folder_is_known_by_all_of_its_files(folder: Path, tmp_path: Path) -> None:
    series = tmp_path / "series"
    (series / "inner").mkdir(parents=True)
    (series / "1").write_text("ab")
    (series / "inner" / "2").write_text("c")
    count: list[int] = []

    def make(number: int) -> Made:
        count.append(number)
        return Made({"x": np.array(count)})

    def entry() -> Entry:
        return stored_entries(folder, [(series,)], make, workers=1)[0]

    first = entry()
    touch(series / "inner" / "2")
    assert entry() == first
    assert len(count) == 1
    # The same bytes, cut between the files at another place.
    (series / "1").write_text("a")
    (series / "inner" / "2").write_text("bc")
    assert entry() != first
    (series / "1").unlink()
    entry()
    assert len(count) == 3


def test_a_map_is_let_go_when_the_patch_is_there(folder: Path, scans: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    entries = store(folder, scans[:2])
    maps: list[weakref.ref] = []
    mapping = mmap.mmap

    def noted(*args, **options):
        mapped = mapping(*args, **options)
        maps.append(weakref.ref(mapped))
        return mapped

    monkeypatch.setattr(entry_files.mmap, "mmap", noted)
    patches = [array[1:3].copy() for entry in entries for _ in range(5) for array in entry.arrays().values()]
    assert len(patches) == 20
    assert len(maps) == 10
    assert all(one() is None for one in maps)


def test_sent_to_another_process_an_entry_is_opened_there_and_not_copied(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "large").write_text("x")
    (entry,) = stored_entries(folder, [(tmp_path / "large",)], lambda _: Made({"x": np.arange(100_000)}), workers=1)
    sent = pickle.dumps(entry)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent).array("x"), np.arange(100_000))


def test_a_fault_in_the_code_is_not_hidden(folder: Path, scans: list[Path]) -> None:
    def faulty(number: int) -> Made:
        raise ZeroDivisionError("a fault")

    with pytest.raises(ZeroDivisionError, match="a fault"):
        stored_entries(folder, [(path,) for path in scans], faulty, SCANS, workers=2, forked=True)


def test_the_notes_of_an_error_go_with_the_report(folder: Path, scans: list[Path]) -> None:
    def faulty(number: int) -> Made:
        error = UnreadableScan(f"{number}: a fault")
        error.add_note(f"Traceback of {number}")
        raise error

    with pytest.raises(UnreadableScan, match="a fault") as caught:
        stored_entries(folder, [(path,) for path in scans], faulty, SCANS, workers=1)
    assert caught.value.__notes__ == ["Traceback of 0"]


def test_a_process_uses_what_another_made_meanwhile_without_the_lock(folder: Path, scans: list[Path], made: list[str]) -> None:
    store(folder, scans)
    made.clear()
    with FileLock(folder / array_store.LOCK):
        expect_the_scans(store(folder, scans[2:4]), scans[2:4])
    assert made == []


def test_a_store_names_no_patient_and_is_its_owners_alone(folder: Path, tmp_path: Path) -> None:
    """Hospitals name files and folders after patients."""
    home = tmp_path / "Doe^Jane 1970"
    home.mkdir()
    (home / "Doe.scan").write_text("12345")
    (home / "Doe.mask").write_text("01100")
    store(folder, [home / "Doe.scan"])
    kept = [path for path in folder.iterdir() if path.name != array_store.LOCK]
    assert len(kept) == 2
    for path in kept:
        assert b"Doe" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0


def test_what_was_read_for_an_entry_need_not_be_read_to_know_the_files_again(folder: Path, scans: list[Path]) -> None:
    store(folder, scans, workers=2, forked=True)
    known = KnownContents()
    assert all(known.knows(path) and known.knows(mask_of(path)) for path in scans)
    assert known.file(scans[0]) == file_digest(scans[0])
