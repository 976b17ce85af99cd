"""The pixel cache: the same X-rays as from the files, whatever happens while it is made."""

import mmap
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from radlearn import known_entries, progress
from radlearn.errors import BadSetting, CacheTrouble, UnreadableScan
from radlearn.pseudonyms import pseudonym
from radlearn.scans import cache
from radlearn.scans.cache import CachedXrays, cached_xrays
from radlearn.scans.dicom import read_radiograph, write_radiograph

SIZE = 24
DicomFile = Callable[..., Path]


@pytest.fixture(scope="module")
def written_xrays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Twenty X-rays of 8 bits, each with a picture of its own, not square; two jobs' worth."""
    folder = tmp_path_factory.mktemp("xrays")
    for number in range(20):
        pixels = np.random.default_rng(number).integers(0, 256, (6, 5), np.uint8).repeat(10, 0).repeat(10, 1)
        kind = "MONOCHROME1" if number % 5 == 0 else "MONOCHROME2"
        path = folder / f"{number:02d}.dcm"
        write_radiograph(path, pixels, patient_id=str(number), view="PA", sex="F", age="062Y", spacing_mm=(0.2, 0.2), photometric=kind)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def xrays(tmp_path: Path, written_xrays: dict[str, bytes]) -> list[Path]:
    """The twenty X-rays, to be changed at will."""
    for name, content in written_xrays.items():
        (tmp_path / name).write_bytes(content)
    return [tmp_path / name for name in written_xrays]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the X-rays that were decoded, in order, as long as one process reads."""
    names: list[str] = []

    def reading(path: str, *options: object) -> object:
        names.append(Path(path).name)
        return read_radiograph(path, *options)  # type: ignore[arg-type]

    monkeypatch.setattr(cache, "read_radiograph", reading)
    # What a copy of this process reads would not be seen here.
    monkeypatch.setattr(progress, "cores", lambda: 1)
    return names


def expect_the_xrays(cached: CachedXrays, paths: list[Path], shape: str = "stretch") -> None:
    assert len(cached.entries) == len(cached.headers) == len(paths)
    for row, (header, path) in enumerate(zip(cached.headers, paths, strict=True)):
        xray, stored = read_radiograph(path, SIZE, shape), cached.xray(row)  # type: ignore[arg-type]
        levels = 255 if xray.header.stored_bits <= 8 else 65535
        assert stored.dtype == (np.uint8 if levels == 255 else np.uint16)
        np.testing.assert_allclose(stored / levels, xray.pixels, atol=0.5001 / levels)
        names = ("patient_id", "study_uid", "series_uid", "sop_uid")
        assert header == replace(xray.header, **{name: pseudonym(getattr(xray.header, name)) for name in names})


def touch(path: Path) -> None:
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


@pytest.mark.parametrize(("workers", "shape"), [(1, "pad"), (2, "stretch")])
def test_every_row_is_the_xray_in_the_order_asked_for(xrays: list[Path], workers: int, shape: str) -> None:
    paths = xrays[::-1] + xrays[3:4]
    cached = cached_xrays(paths, SIZE, shape, workers=workers)  # type: ignore[arg-type]
    expect_the_xrays(cached, paths, shape)


def test_the_result_is_a_map_and_writing_to_it_leaves_the_file_alone(xrays: list[Path]) -> None:
    cached = cached_xrays(xrays, SIZE)
    mapped = cached.xray(0)
    assert isinstance(mapped.base, mmap.mmap)
    mapped[:] = 0
    expect_the_xrays(cached_xrays(xrays, SIZE), xrays)
    assert cached.xray(0).any()


def test_one_line_says_what_was_made_and_where_and_none_that_it_is_there(xrays: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    cached = cached_xrays(xrays, SIZE)
    assert f"pixel cache: 20 X-rays, 0 MB, in {cached.folder}" in capsys.readouterr().err
    cached_xrays(xrays, SIZE)
    assert capsys.readouterr().err == ""


def test_a_ready_cache_decodes_nothing(xrays: list[Path], decoded: list[str]) -> None:
    cached_xrays(xrays, SIZE)
    assert len(decoded) == 20
    expect_the_xrays(cached_xrays(xrays, SIZE), xrays)
    assert len(decoded) == 20


def test_size_shape_and_reading_code_have_caches_of_their_own(xrays: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {cached_xrays(xrays[:2], SIZE).folder, cached_xrays(xrays[:2], SIZE, "pad").folder, cached_xrays(xrays[:2], SIZE + 1).folder}
    monkeypatch.setattr(cache, "reading_version", lambda: "another")
    assert len(folders | {cached_xrays(xrays[:2], SIZE).folder}) == 4


def test_the_version_covers_every_file_that_reading_an_xray_imports() -> None:
    code = "import sys, radlearn.scans.dicom; print(*(m.split('.')[-1] for m in sys.modules if m.startswith('radlearn.scans.')))"
    imported = set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())
    assert imported - {"radiograph_writer"} == set(cache.READING_CODE)


def test_a_deep_xray_is_never_cut_to_8_bits(xrays: list[Path], dicom_file: DicomFile) -> None:
    deep = dicom_file(np.random.default_rng(0).integers(0, 4096, (40, 30), np.uint16), bits=12)
    paths = [*xrays[:3], deep, *xrays[3:6]]
    cached = cached_xrays(paths, SIZE)
    expect_the_xrays(cached, paths)
    assert cached.xray(3).dtype == np.uint16
    assert len(np.unique(cached.xray(3))) > 256
    # An X-ray of 8 bits stays one, whoever its neighbours are.
    assert cached.xray(0).dtype == np.uint8


def test_a_changed_xray_is_read_again_and_only_that_one(xrays: list[Path], decoded: list[str]) -> None:
    cached_xrays(xrays, SIZE)
    decoded.clear()
    write_radiograph(xrays[7], np.full((50, 60), 99, np.uint8), patient_id="new", view="AP", sex="M", age="", spacing_mm=None)
    cached = cached_xrays(xrays, SIZE)
    assert decoded == ["07.dcm"]
    assert cached.headers[7].patient_id == pseudonym("new")
    expect_the_xrays(cached, xrays)


def test_a_touched_xray_is_recognised_by_its_content(xrays: list[Path], decoded: list[str]) -> None:
    cached_xrays(xrays, SIZE)
    decoded.clear()
    for path in xrays:
        touch(path)
    expect_the_xrays(cached_xrays(xrays, SIZE), xrays)
    assert decoded == []


def test_another_list_shares_what_was_read(xrays: list[Path], decoded: list[str], dicom_file: DicomFile) -> None:
    deep = dicom_file(np.random.default_rng(0).integers(0, 4096, (40, 30), np.uint16), bits=12)
    cached_xrays([deep, *xrays], SIZE)
    decoded.clear()
    touch(xrays[4])
    paths = [*xrays[10:3:-1], *xrays[:3]]
    cached = cached_xrays(paths, SIZE)
    assert decoded == []
    expect_the_xrays(cached, paths)
    paths = [xrays[0], deep]
    expect_the_xrays(cached_xrays(paths, SIZE), paths)
    assert decoded == []


def test_unreadable_xrays_are_listed_after_the_pass_and_the_others_kept(xrays: list[Path], decoded: list[str], tmp_path: Path) -> None:
    bad = [tmp_path / f"bad{number:02d}.dcm" for number in range(12)]
    for path in bad[:-1]:
        path.write_bytes(b"no X-ray")
    with pytest.raises(UnreadableScan) as raised:
        cached_xrays([*bad, *xrays], SIZE)
    words = str(raised.value)
    assert words.startswith("12 of 32 X-rays cannot be read:\n")
    assert all(path.name in words for path in bad[:10])
    assert "… and 2 more." in words
    assert "The other 20 are in the cache" in words
    # Mended by copies of X-rays that are in the cache, they cost nothing: an X-ray is known by its content.
    decoded.clear()
    for path, good in zip(bad, xrays, strict=False):
        path.write_bytes(good.read_bytes())
    expect_the_xrays(cached_xrays([*bad, *xrays], SIZE), [*bad, *xrays])
    assert decoded == []


def test_taken_out_of_the_list_a_bad_xray_costs_nothing_more(xrays: list[Path], decoded: list[str]) -> None:
    whole = xrays[5].read_bytes()
    xrays[5].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableScan, match=r"1 of 20 X-rays cannot be read:\n.*05\.dcm"):
        cached_xrays(xrays, SIZE)
    decoded.clear()
    good = xrays[:5] + xrays[6:]
    expect_the_xrays(cached_xrays(good, SIZE), good)
    assert decoded == []


def test_an_xray_that_vanished_is_named_and_its_row_waits_for_it(xrays: list[Path], decoded: list[str]) -> None:
    cached_xrays(xrays, SIZE)
    xrays[2].rename(xrays[2].with_suffix(".away"))
    with pytest.raises(UnreadableScan, match=r"1 of 20 X-rays cannot be read:\n.*02\.dcm"):
        cached_xrays(xrays, SIZE)
    xrays[2].with_suffix(".away").rename(xrays[2])
    decoded.clear()
    expect_the_xrays(cached_xrays(xrays, SIZE), xrays)
    assert decoded == []


def test_an_xray_that_changes_while_it_is_read_is_not_kept(xrays: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def growing(path: str, *options: object) -> object:
        xray = read_radiograph(path, *options)  # type: ignore[arg-type]
        if path == xrays[3]:
            touch(xrays[3])
        return xray

    monkeypatch.setattr(cache, "read_radiograph", growing)
    with pytest.raises(UnreadableScan, match=r"03\.dcm: changed while it was read"):
        cached_xrays(xrays, SIZE)
    monkeypatch.undo()


def test_what_an_xray_warns_of_is_said_once_for_all(dicom_file: DicomFile, capsys: pytest.CaptureFixture[str]) -> None:
    raw = [dicom_file(np.full((9, 9), number, np.uint8), PresentationIntentType="FOR PROCESSING") for number in range(3)]
    cached_xrays(raw, SIZE)
    said = capsys.readouterr().err
    assert said.count("FOR PROCESSING") == 1
    assert "(3 X-rays)" in said


def in_a_fork(work: Callable[[], object]) -> int:
    """Do the work in a fork of this process, which has everything imported, and return the fork's number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


@pytest.mark.parametrize("after", [0, 1, 7, 16, 19])
def test_a_pass_killed_in_the_middle_goes_on_where_it_was(xrays: list[Path], monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    monkeypatch.setattr(known_entries, "SYNC_EVERY_SECONDS", 0)
    monkeypatch.setattr(cache, "XRAYS_PER_JOB", 1)
    names: list[str] = []

    def reading(path: str, *options: object) -> object:
        if len(names) == after:
            os.kill(os.getpid(), signal.SIGKILL)
        names.append(path)
        return read_radiograph(path, *options)  # type: ignore[arg-type]

    monkeypatch.setattr(cache, "read_radiograph", reading)
    _, status = os.waitpid(in_a_fork(lambda: cached_xrays(xrays, SIZE, workers=1)), 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    names.extend(["never again"] * 1000)
    cached = cached_xrays(xrays, SIZE, workers=1)
    assert len(names) - 1000 == 20 - after
    expect_the_xrays(cached, xrays)


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_xrays(
    xrays: list[Path], dicom_file: DicomFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_entries, "SYNC_EVERY_SECONDS", 0)
    monkeypatch.setattr(cache, "XRAYS_PER_JOB", 1)
    deep = dicom_file(np.random.default_rng(0).integers(0, 4096, (40, 30), np.uint16), bits=12)
    paths = [*xrays[:10], deep, *xrays[10:]]
    killed = 0
    for attempt in range(60):
        child = in_a_fork(lambda: cached_xrays(paths, SIZE, workers=1))
        time.sleep(0.002 + 0.003 * (attempt % 20))
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        if attempt % 10 == 9:
            touch(paths[attempt % 20])
    assert killed > 10
    expect_the_xrays(cached_xrays(paths, SIZE), paths)


def test_a_second_process_waits_and_then_reads_what_the_first_made(xrays: list[Path], monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    begun = Path(cache.cache_folder()) / "begun"

    def slowly(path: str, *options: object) -> object:
        begun.touch()
        time.sleep(0.05)
        return read_radiograph(path, *options)  # type: ignore[arg-type]

    monkeypatch.setattr(cache, "read_radiograph", slowly)
    begun.parent.mkdir(parents=True, exist_ok=True)
    child = in_a_fork(lambda: cached_xrays(xrays, SIZE, workers=1))
    while not begun.exists():
        time.sleep(0.01)

    def never(*_: object) -> object:
        raise AssertionError("the second process read an X-ray")

    monkeypatch.setattr(cache, "read_radiograph", never)
    cached = cached_xrays(xrays, SIZE, workers=1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    expect_the_xrays(cached, xrays)
    assert "waiting for another process that is making the pixel cache" in capfd.readouterr().err


def test_two_threads_make_one_cache(xrays: list[Path], decoded: list[str]) -> None:
    results: list[CachedXrays] = []
    threads = [threading.Thread(target=lambda: results.append(cached_xrays(xrays, SIZE, workers=1))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    assert len(decoded) == 20
    expect_the_xrays(results[1], xrays)


def limited(xrays: list[Path], most_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    with pytest.raises(
        CacheTrouble, match=r"not enough disk space.*: [\d,]+ MB are needed and [\d,]+ MB are free\. Free some space, or set RADLEARN_CACHE"
    ):
        cached_xrays(xrays, 1000, workers=1)


def test_a_full_disk_is_said_with_what_to_do_and_leaves_nothing_behind(xrays: list[Path]) -> None:
    def work() -> None:
        limited(xrays, 2**19)

    assert os.waitstatus_to_exitcode(os.waitpid(in_a_fork(work), 0)[1]) == 0
    expect_the_xrays(cached_xrays(xrays, SIZE), xrays)
    assert not list((cache.cache_folder() / "xrays").glob("*/.*"))


def test_more_than_the_disk_holds_is_refused_at_once(xrays: list[Path], decoded: list[str]) -> None:
    with pytest.raises(CacheTrouble, match="not enough disk space"):
        cached_xrays(xrays, 2**22)
    assert decoded == []


def test_a_folder_that_cannot_be_is_said_with_what_to_do(xrays: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CacheTrouble, match=r"the cache cannot be used \(.*Not a directory.*\)\. Correct that, or set RADLEARN_CACHE"):
        cached_xrays(xrays, SIZE, root=tmp_path / "file")


def test_a_cache_that_is_read_only_can_be_read_but_not_made(xrays: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    cached_xrays(xrays, SIZE)
    monkeypatch.setattr(Path, "mkdir", refused)
    expect_the_xrays(cached_xrays(xrays, SIZE), xrays)
    with pytest.raises(CacheTrouble, match=r"no permission for the cache \(Read-only file system\)\. Grant it, or set RADLEARN_CACHE"):
        cached_xrays(xrays, SIZE + 1)


@pytest.mark.parametrize("victim", ["known.jsonl", "entry"])
@pytest.mark.parametrize("damage", ["gone", "empty", "half", "garbage"])
def test_a_damaged_cache_is_made_again(xrays: list[Path], victim: str, damage: str) -> None:
    cached = cached_xrays(xrays, SIZE)
    file = cached.entries[7].path if victim == "entry" else cached.folder / victim
    content = file.read_bytes()
    file.unlink()
    if damage != "gone":
        file.write_bytes({"empty": b"", "half": content[: len(content) // 2], "garbage": bytes(reversed(content))}[damage])
    expect_the_xrays(cached_xrays(xrays, SIZE), xrays)


def test_sent_to_another_process_it_is_opened_there_and_not_copied(xrays: list[Path]) -> None:
    cached = cached_xrays(xrays, SIZE)
    again = pickle.loads(pickle.dumps(cached))
    assert len(pickle.dumps(cached.entries[0])) < 1000
    np.testing.assert_array_equal(again.xray(3), cached.xray(3))
    assert again.headers == cached.headers


@pytest.mark.parametrize(("paths", "size_px", "shape"), [([], 8, "stretch"), (["a"], 0, "stretch"), (["a"], 8, "crop")])
def test_what_makes_no_sense_is_refused_before_a_folder_is_made(paths: list[str], size_px: int, shape: str) -> None:
    with pytest.raises(BadSetting, match="The pixel cache got"):
        cached_xrays(paths, size_px, shape)  # type: ignore[arg-type]
    assert not (cache.cache_folder() / "xrays").exists()


def test_the_real_xrays_are_the_same_from_the_cache(shared_data: Path) -> None:
    paths = sorted((shared_data / "rsna_real_sample/stage_2_train_images").glob("*.dcm"))[:12]
    expect_the_xrays(cached_xrays(paths, SIZE), paths)


def test_no_patient_is_named_in_the_cache(xrays: list[Path], own_cache_folder: Path) -> None:
    """Neither by PatientID and UIDs nor by the names of files; and nobody else can read it."""
    named = xrays[0].with_name("Doe-Jane-1970.dcm")
    write_radiograph(named, np.full((50, 60), 9, np.uint8), patient_id="Secret^Sam", view="AP", sex="M", age="", spacing_mm=None)
    header = read_radiograph(named, SIZE, "stretch").header
    cached_xrays([named, *xrays[:2]], SIZE)
    files = [path for path in own_cache_folder.rglob("*") if path.is_file() and path.name != "lock"]
    assert len(files) == 6
    for path in files:
        assert path.stat().st_mode & 0o077 == 0
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in ("Doe", "Secret", header.study_uid, header.series_uid, header.sop_uid))


def test_an_xray_that_took_the_place_of_another_with_its_size_and_time_is_read(tmp_path: Path) -> None:
    paths = [tmp_path / "a.dcm", tmp_path / "b.dcm"]
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32)).astype(np.uint8)
        write_radiograph(path, pixels, patient_id="x", view="PA", sex="F", age="50", spacing_mm=(1.0, 1.0), photometric="MONOCHROME2")
        dataset = pydicom.dcmread(path)
        dataset.decompress()
        dataset.save_as(path)
        os.utime(path, (1, 1))
    first, second = (np.array(cached_xrays([path], SIZE, workers=1).xray(0)) for path in paths)
    assert paths[0].stat().st_size == paths[1].stat().st_size
    # Until the system's clock for files has gone on.
    time.sleep(0.05)
    shutil.copy2(paths[1], paths[0])
    np.testing.assert_array_equal(cached_xrays(paths[:1], SIZE, workers=1).xray(0), second)
    assert (first != second).any()
