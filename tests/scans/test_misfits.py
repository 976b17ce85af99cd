"""A window or a table that surely does not fit gives way to what does, and that is said; a low contrast that was meant is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image

from radlearn.scans.dicom import PixelWarning, read_radiograph
from radlearn.scans.display import display_of
from radlearn.scans.misfits import fitted, flat, has_two_values, without_contrast
from radlearn.scans.stored_pixels import open_xray

DicomFile = Callable[..., Path]
FILM = (2048 + 1900 * np.sin(np.add(*np.mgrid[0:90, 0:110]) / 20)).astype(np.uint16)
WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}


def lut(entries: np.ndarray, first_value: int = 0, bits: int = 16) -> dict[str, Any]:
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % (1 << 16), first_value, bits])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return {"VOILUTSequence": [item]}


def windowed(stored: np.ndarray, centre: float, width: float) -> np.ndarray:
    """The formula of PS3.3 C.11.2.1.2.1."""
    return np.clip((stored - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


@pytest.mark.parametrize(
    ("centre", "width", "function"),
    [(50000, 100000, "LINEAR"), (32768, 65536, "LINEAR_EXACT"), (0, 1e6, "SIGMOID"), (2048, 40000, "LINEAR")],
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_that_is_far_too_wide_gives_way_to_the_stored_bits(
    dicom_file: DicomFile, centre: float, width: float, function: str, photometric: str
) -> None:
    said = {"WindowCenter": centre, "WindowWidth": width, "VOILUTFunction": function, "PhotometricInterpretation": photometric}
    with pytest.warns(PixelWarning, match=r"within \d+% of the grey scale: the range of its stored bits is shown instead"):
        found = read_radiograph(dicom_file(FILM, bits=12, **said)).pixels
    np.testing.assert_allclose(found, FILM / 4095 if photometric == "MONOCHROME2" else 1 - FILM / 4095, atol=1e-6)


def test_a_rescale_is_counted_in(dicom_file: DicomFile) -> None:
    # In units of the rescale the window fits; in stored ones it would be far too wide, and the other way round.
    said = {"RescaleSlope": 16, "RescaleIntercept": 0, "WindowCenter": 32768, "WindowWidth": 65536}
    np.testing.assert_allclose(read_radiograph(dicom_file(FILM, bits=12, **said)).pixels, windowed(FILM * 16.0, 32768, 65536), atol=1e-6)
    said = {"RescaleSlope": 0.0625, "RescaleIntercept": 0, "WindowCenter": 2048, "WindowWidth": 4096}
    with pytest.warns(PixelWarning, match="stored bits is shown instead"):
        np.testing.assert_allclose(read_radiograph(dicom_file(FILM, bits=12, **said)).pixels, FILM / 4095, atol=1e-6)


def test_a_table_with_an_outlier_is_shown_in_the_range_of_the_entries_in_use(dicom_file: DicomFile) -> None:
    for outliers in ([-1], [0], [-3, -2, -1]):
        entries = np.arange(4096)
        entries[outliers] = 65535
        with pytest.warns(PixelWarning, match="the range of the entries that they take, 0 to 4095, is shown instead"):
            found = read_radiograph(dicom_file(FILM, bits=12, **lut(entries))).pixels
        np.testing.assert_allclose(found, FILM / 4095, atol=1e-6)


@pytest.mark.parametrize(
    "entries",
    [np.zeros(4096), np.array([0, 4095]), np.full(4096, 30000), np.full(4096, 65535), np.arange(16), np.arange(4096) // 300 + 100],
    ids=["zeros", "two entries", "all grey", "all white", "sixteen entries", "hardly any greys"],
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_table_that_shows_nothing_gives_way_to_the_window_beside_it(dicom_file: DicomFile, entries: np.ndarray, photometric: str) -> None:
    path = dicom_file(FILM, bits=12, PhotometricInterpretation=photometric, **lut(entries), **WINDOW)
    with pytest.warns(PixelWarning, match=r"its look-up table leaves .*: its window \(centre 2048, width 4096\) is used instead"):
        found = read_radiograph(path).pixels
    grey = windowed(FILM.astype(float), 2048, 4096)
    np.testing.assert_allclose(found, grey if photometric == "MONOCHROME2" else 1 - grey, atol=1e-6)


def test_without_anything_better_the_header_is_followed_and_doubted(dicom_file: DicomFile) -> None:
    # All bits of the pixels are as dull as the window, and the window beside the table fits no better.
    dull = (2000 + FILM // 64).astype(np.uint16)
    with pytest.warns(PixelWarning, match=r"within \d% of the grey scale: does it fit them\?"):
        np.testing.assert_allclose(
            read_radiograph(dicom_file(dull, bits=12, **WINDOW)).pixels, windowed(dull.astype(float), 2048, 4096), atol=1e-6
        )
    with pytest.warns(PixelWarning, match="its look-up table leaves 0% of its pixels pure white and 100% pure black: does it fit them"):
        found = read_radiograph(dicom_file(FILM, bits=12, **lut(np.zeros(4096)), WindowCenter=60000, WindowWidth=300)).pixels
    assert not found.any()


@pytest.mark.parametrize(
    "said",
    [WINDOW, {"WindowCenter": 2048, "WindowWidth": 10000}, lut(np.arange(4096)[::-1], bits=12), lut(np.sqrt(np.arange(4096)) * 1000), {}],
    ids=["window", "two fifths", "inverting table", "curved table", "none"],
)
def test_what_fits_or_is_only_dull_is_shown_as_the_header_says(
    dicom_file: DicomFile, recwarn: pytest.WarningsRecorder, said: dict[str, Any]
) -> None:
    path = dicom_file(FILM, bits=12, **said)
    display = display_of(open_xray(path))
    np.testing.assert_array_equal(read_radiograph(path).pixels, display(FILM))
    assert fitted(display, FILM, display(FILM))[1] == ""
    assert not [one for one in recwarn if issubclass(one.category, PixelWarning)]


def test_padding_does_not_count(dicom_file: DicomFile) -> None:
    padded = FILM.copy()
    padded[:, :40] = 4095
    path = dicom_file(padded, bits=12, PixelPaddingValue=4095, WindowCenter=50000, WindowWidth=100000)
    with pytest.warns(PixelWarning, match="stored bits is shown instead"):
        found = read_radiograph(path).pixels
    assert not found[:, :40].any()
    np.testing.assert_allclose(found[:, 40:], FILM[:, 40:] / 4095, atol=1e-6)


@pytest.mark.parametrize(
    ("centre", "width"), [(2048, 16000), (2048, 20000), (8192, 16384), (-4000, 16384), (5300, 7000)], ids=lambda number: f"{number}"
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_window_that_makes_an_xray_flat_is_followed_and_told(
    dicom_file: DicomFile, centre: float, width: float, photometric: str
) -> None:
    path = dicom_file(FILM, bits=12, WindowCenter=centre, WindowWidth=width, PhotometricInterpretation=photometric)
    grey = windowed(FILM.astype(float), centre, width)
    grey = grey if photometric == "MONOCHROME2" else 1 - grey
    inner = np.sort(grey[grey > 0])
    spread = inner[int(0.99 * inner.size)] - inner[int(0.01 * inner.size)]
    with pytest.warns(PixelWarning, match=r"with its window \(.*\) nearly all of its pixels lie within \d+% of the grey scale") as caught:
        xray = read_radiograph(path)
    np.testing.assert_allclose(xray.pixels, grey, atol=1e-6)
    told = str(caught[0].message).split("within ")[1].split("%")[0]
    assert int(told) == pytest.approx(100 * spread, abs=1.5)
    assert read_radiograph(path, 64).notes == xray.notes


def test_what_is_flat_without_a_window_is_told_in_dicom_and_pictures(dicom_file: DicomFile, tmp_path: Path) -> None:
    with pytest.warns(PixelWarning, match=r"within 2\d% of the grey scale \(.*\): export it with its full contrast"):
        read_radiograph(dicom_file(FILM // 4, bits=12))
    Image.fromarray((60 + FILM // 64).astype(np.uint8)).save(tmp_path / "flat.png")
    with pytest.warns(PixelWarning, match=r"within 2\d% of the grey scale \(.*\): export it with its full contrast"):
        read_radiograph(tmp_path / "flat.png")


def test_of_real_xrays_none_is_called_flat(shared_data: Path) -> None:
    for path in [
        *sorted((shared_data / "rsna_real_sample").rglob("*.dcm")),
        *sorted((shared_data / "nih_multilabel_sample").rglob("*.png")),
    ]:
        assert not [note for note in read_radiograph(path).notes if "grey scale" in note], path


@pytest.mark.parametrize(("height", "width"), [(24, 31), (300, 280), (1024, 900)])
@pytest.mark.parametrize("contrast", [0.05, 0.2, 0.3, 0.36, 0.5, 1.0])
def test_what_is_flat_is_what_all_pixels_but_borders_say(height: int, width: int, contrast: float) -> None:
    dice = np.random.default_rng(height)
    ramp = np.linspace(0, 1, height * width).reshape(height, width)
    pixels = 0.3 + contrast * (0.7 * ramp + 0.3 * dice.random((height, width))) * 0.69
    pixels[:, : width // 4] = 0
    low, high = np.percentile(pixels[pixels > 0], (1, 99))
    assert bool(flat(pixels)) == (high - low < 1 / 3)


def test_two_grey_values_are_known_by_a_count_of_their_values() -> None:
    rng = np.random.default_rng(0)
    for shape in ((40, 300), (512, 512)):
        mask = (rng.random(shape) > 0.5).astype(np.float32)
        few = mask.copy()
        few[-1, -3] = 0.5
        for image in (mask, few, mask * 0.3 + 0.2, np.zeros(shape, np.float32), rng.random(shape).astype(np.float32)):
            assert has_two_values(image) == (len(np.unique(image)) <= 2)


REAL_LIKE = np.add(*np.mgrid[0:300, 0:280]) / 580


@pytest.mark.parametrize(("centre", "width"), [(2048, 500), (2048, 100), (2000, 20), (2300, 300)])
def test_a_window_that_leaves_only_white_and_black_is_told(dicom_file: DicomFile, centre: float, width: float) -> None:
    stored = (REAL_LIKE * 4095).astype(np.uint16)
    white = (windowed(stored.astype(float), centre, width) >= 0.99).mean()
    with pytest.warns(PixelWarning, match=rf"leaves {white:.0%} of its pixels pure white and \d+% pure black: does it fit them"):
        assert read_radiograph(dicom_file(stored, bits=12, WindowCenter=centre, WindowWidth=width)).notes


def test_what_is_nearly_white_is_told(dicom_file: DicomFile) -> None:
    # Dark in a corner, so that it is not flat, and nearly white elsewhere.
    stored = np.where(REAL_LIKE < 0.2, 300 + REAL_LIKE * 5000, 1900 + REAL_LIKE * 190).astype(np.uint16)
    with pytest.warns(PixelWarning, match=r"its mean grey is 9\d% of the grey scale, which is nearly white: does it fit"):
        read_radiograph(dicom_file(stored, bits=12, WindowCenter=300, WindowWidth=3600))
    entries = np.clip(np.arange(1024) * 64, 0, 65472)
    with pytest.warns(PixelWarning, match=r"its look-up table leaves [6-9]\d% of its pixels pure white"):
        read_radiograph(dicom_file((REAL_LIKE * 4095).astype(np.uint16), bits=12, **lut(entries)))


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.bmp", "x.dcm"])
@pytest.mark.parametrize("end", ["white", "black"])
def test_what_was_cut_off_at_an_end_is_told_whatever_it_is_read_from(name: str, end: str, dicom_file: DicomFile, tmp_path: Path) -> None:
    cut = np.clip(REAL_LIKE * 4095 - 100, 0, 255) if end == "white" else np.clip(REAL_LIKE * 700 - 500, 0, 255)
    # The darkest corner is a marker, so that the black is no border.
    cut[:9, :9] = 255
    stored = cut.astype(np.uint8)
    path = dicom_file(stored, bits=8) if name == "x.dcm" else tmp_path / name
    if name != "x.dcm":
        Image.fromarray(stored).save(path)
    white, black = (stored / np.float32(255) >= 0.99).mean(), (stored == 0).mean()
    with pytest.warns(
        PixelWarning, match=rf"it has {white:.0%} of its pixels pure white and {black:.0%} pure black, as values have that were"
    ):
        read_radiograph(path)


@pytest.mark.parametrize("share", [0.002, 0.01, 0.017, 0.03])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_a_marker_does_not_hide_that_the_body_is_flat(dicom_file: DicomFile, share: float, photometric: str) -> None:
    stored = (200 + REAL_LIKE * 3000).astype(np.uint16)
    side = round((share * stored.size) ** 0.5)
    stored[20 : 20 + side, 20 : 20 + side] = 65535
    with pytest.warns(PixelWarning, match=r"nearly all of its pixels lie within [45]% of the grey scale"):
        read_radiograph(dicom_file(stored, bits=16, PhotometricInterpretation=photometric))


def test_borders_markers_and_collimators_of_sound_images_are_not_told() -> None:
    image = (0.1 + 0.8 * REAL_LIKE).astype(np.float32)
    marked, collimated, padded, framed = (image.copy() for _ in range(4))
    marked[10:50, 10:60] = 1
    collimated[:60] = collimated[-60:] = 0
    padded = np.pad(image, ((0, 0), (400, 400)))
    framed[:30] = framed[-30:] = 1
    assert [without_contrast(one) for one in (image, marked, collimated, padded, framed, 1 - image)] == [""] * 6
