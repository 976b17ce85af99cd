"""Rows of another length than the header says, and the end of a file that never arrived. numpy's own reshape is the witness of a length."""

import warnings
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from radlearn.scans.dicom import PixelWarning, read_radiograph
from radlearn.scans.pixel_order import lost_end, lost_rows, order_words, other_sides

DicomFile = Callable[..., Path]


def film(rows: int, columns: int, bits: int = 8) -> np.ndarray:
    """A bright shape with noise on a dimmer ground: (rows, columns), nowhere 0."""
    down, across = np.mgrid[0:rows, 0:columns]
    shape = 90 + 60 * np.sin(down / rows * 5) * np.cos(across / columns * 7) + 20 * np.sin(across / 11)
    noise = np.random.default_rng(rows + columns).normal(0, 2, shape.shape)
    return ((shape + noise) * 2 ** (bits - 8)).astype(np.uint8 if bits == 8 else np.uint16)


def cut(stored: np.ndarray, share: float) -> np.ndarray:
    """What a share of the bytes is of, the others 0."""
    whole = bytearray(stored.tobytes())
    kept = int(share * len(whole))
    whole[kept:] = bytes(len(whole) - kept)
    return np.frombuffer(bytes(whole), stored.dtype).reshape(stored.shape)


def rows_lost(stored: np.ndarray) -> int:
    return int((np.cumsum(stored[::-1].any(axis=1)) == 0).sum())


def notes_of(path: Path) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        notes = read_radiograph(path).notes
    told = [str(one.message) for one in caught if issubclass(one.category, PixelWarning)]
    assert all(any(note in one for one in told) for note in notes)
    return "; ".join(notes)


@pytest.mark.parametrize(("bits", "photometric"), [(8, "MONOCHROME2"), (12, "MONOCHROME2"), (16, "MONOCHROME2"), (12, "MONOCHROME1")])
@pytest.mark.parametrize("sides", [(200, 300), (300, 200), (240, 250)])
def test_exchanged_sides_are_told(dicom_file: DicomFile, bits: int, photometric: str, sides: tuple[int, int]) -> None:
    image = film(*sides, bits)
    path = dicom_file(image.reshape(sides[::-1]), bits=bits, PhotometricInterpretation=photometric)
    words = f"with {sides[1]} columns and {sides[0]} rows: are its Rows ({sides[1]}) and Columns ({sides[0]}) exchanged?"
    assert words in notes_of(path)
    # And it is so: neighbouring rows of the other reading differ by less than half as much.
    assert (
        np.abs(np.diff(image.astype(float), axis=0)).mean() < np.abs(np.diff(image.reshape(sides[::-1]).astype(float), axis=0)).mean() / 2
    )
    assert notes_of(dicom_file(image, bits=bits, PhotometricInterpretation=photometric)) == ""


@pytest.mark.parametrize(("read_as", "columns"), [((128, 512), 256), ((192, 400), 256), ((160, 450), 300)])
def test_another_length_of_a_row_is_told_also_of_a_square_and_of_signed_numbers(read_as: tuple[int, int], columns: int) -> None:
    image = film(read_as[0] * read_as[1] // columns, columns, 12).astype(np.int16) - 1500
    assert other_sides(image) == ""
    assert f"would with {columns} columns" in (said := other_sides(image.reshape(read_as)))
    assert "wrong?" in said


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_what_has_no_rows_to_speak_of_has_none_of_another_length(kind: type) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (80, 120)).astype(kind)
    assert order_words(noise) == order_words(np.zeros((80, 120), kind)) == order_words(np.full((80, 120), 7, kind)) == ""
    assert order_words(film(20, 900).astype(kind)) == ""
    # Detectors that are read by every second row.
    stripes = film(80, 120).astype(kind) // 2 + 100 * (np.arange(80) % 2).astype(kind)[:, None]
    assert order_words(stripes) == ""
    # The same pattern of stripes down every row goes on at any length that is a multiple of theirs.
    assert order_words(np.tile(np.arange(120, dtype=kind), (80, 1))) == ""


@pytest.mark.parametrize("share", [0.333, 0.6, 0.871, 0.95])
@pytest.mark.parametrize(("bits", "photometric"), [(8, "MONOCHROME2"), (12, "MONOCHROME2"), (16, "MONOCHROME2"), (8, "MONOCHROME1")])
def test_rows_of_0_at_the_end_are_told_where_one_breaks_off(dicom_file: DicomFile, bits: int, photometric: str, share: float) -> None:
    stored = cut(film(256, 320, bits), share)
    said = notes_of(dicom_file(stored, bits=bits, PhotometricInterpretation=photometric))
    assert f"the last {rows_lost(stored)} of its 256 rows are all 0, as a download leaves that was not finished" in said


def test_many_rows_of_0_at_the_end_are_told_that_begin_with_a_row() -> None:
    stored = film(200, 300)
    for lost, is_told in ((60, True), (21, True), (10, False)):
        ended = stored.copy()
        ended[-lost:] = 0
        assert bool(lost_end(ended)) == is_told


def test_black_borders_of_films_are_no_lost_rows() -> None:
    square, down, across = film(300, 300), *np.mgrid[0:300, 0:300]
    slope = np.where(down + across / 20 < 240, square, 0)
    circle = np.where((down - 150) ** 2 + (across - 150) ** 2 < 130**2, square, 0)
    faded = (square * np.clip((250 - down) / 30, 0, 1)).astype(np.uint8)
    padded_below = np.pad(film(240, 300), ((0, 60), (0, 0)))
    both = np.pad(film(200, 300), ((40, 40), (0, 0)))
    around = np.pad(film(200, 240), ((40, 60), (30, 30)))
    for black in (slope, slope[:, ::-1], circle, faded, padded_below, both, around):
        assert not black[-40:].any() or black is circle
        assert lost_end(black) == lost_end(black.astype(np.int16)) == ""


def without(stored: np.ndarray, *parts: tuple[float, float]) -> np.ndarray:
    values = np.maximum(stored, 1).reshape(-1)
    for start, end in parts:
        values[int(start * values.size) : int(end * values.size)] = 0
    return values.reshape(stored.shape)


@pytest.mark.parametrize(
    "parts", [((0.401, 0.6),), ((0, 0.302),), ((0.203, 0.31), (0.7, 0.833)), ((0.4, 0.6013),)], ids=["middle", "start", "two", "whole row"]
)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_rows_of_0_that_break_off_are_told_wherever_they_are(
    dicom_file: DicomFile, bits: int, parts: tuple[tuple[float, float], ...]
) -> None:
    stored = without(film(260, 320, bits), *parts)
    lost = int((~stored.any(axis=1)).sum())
    said = notes_of(dicom_file(stored, bits=bits))
    assert f"{lost} of its 260 rows, " in said
    assert "as a copy leaves of which a part is missing" in said
    assert ("in 2 places" in said) == (len(parts) == 2)
    assert f"from row {np.flatnonzero(~stored.any(axis=1))[0] + 1} on" in said or len(parts) == 2
    # A file that keeps the lowest row first.
    assert f"{lost} of its 260 rows, " in lost_rows(stored[::-1], last_first=True)


def test_black_bars_across_an_image_and_borders_around_it_are_no_lost_rows() -> None:
    image, down, across = np.maximum(film(300, 320), 1), *np.mgrid[0:300, 0:320]
    bar = np.where((down > 100) & (down < 140), 0, image)
    sloping = np.where((down > 100 + across / 20) & (down < 160 + across / 20), 0, image)
    shoulders = np.where(down < 30 + 60 * ((across - 160) / 160) ** 2, 0, image)
    narrow = np.where((down < 20) | (across < 90) | ((down == 20) & (across < 130)), 0, image)
    around = np.pad(image, 40)
    stacked = np.vstack([image, np.zeros((30, 320), image.dtype), image])
    for black in (image, bar, sloping, shoulders, narrow, around, stacked, np.zeros_like(image)):
        assert lost_rows(black) == lost_rows(black[:, ::-1]) == lost_rows(black.astype(np.int16)) == ""


def saved(image: np.ndarray, path: Path) -> Path:
    if path.suffix == ".nii":
        nibabel.save(nibabel.Nifti1Image(image.T[..., None], np.eye(4)), path)
    elif path.suffix in (".mha", ".nrrd"):
        sitk = pytest.importorskip("SimpleITK", reason="SimpleITK writes these files")
        sitk.WriteImage(sitk.GetImageFromArray(image), str(path))
    else:
        Image.fromarray(image).save(path)
    return path


@pytest.mark.parametrize("name", ["a.bmp", "a.tif", "a.nii", "a.mha", "a.nrrd"])
@pytest.mark.parametrize("bits", [8, 16])
def test_other_files_that_are_not_packed_are_told_too(name: str, bits: int, tmp_path: Path) -> None:
    image = film(256, 320, bits) if not (name == "a.bmp" and bits == 16) else np.stack([film(256, 320)] * 3, axis=2)
    path = saved(image, tmp_path / name)
    whole = path.read_bytes()
    assert "download" not in notes_of(path)
    kept = int(0.6 * len(whole))
    # In colour a pixel that is cut itself is coloured.
    kept -= (kept - (len(whole) - image.nbytes)) % 3
    path.write_bytes(whole[:kept] + bytes(len(whole) - kept))
    where = "first" if name == "a.bmp" else "last"
    found = int(notes_of(path).partition(f"the {where} ")[2].partition(" of its 256 rows")[0])
    # Of a TIFF some bytes may follow the pixels.
    assert found in ((rows := (len(whole) - kept) // (image.nbytes // 256)), rows - 1)


def test_a_packed_picture_may_end_in_black(tmp_path: Path) -> None:
    assert "rows" not in notes_of(saved(cut(film(256, 320), 0.6), tmp_path / "a.png"))


def test_exchanged_sides_of_a_volume_file_of_one_slice_are_told(tmp_path: Path) -> None:
    assert "with 320 columns and 256 rows" in notes_of(saved(film(256, 320).reshape(320, 256), tmp_path / "a.nii"))
