"""Grey pictures are read as they are; what is not grey, not one, or not whole is refused with its reason."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import PixelWarning, find_xrays, read_header, read_radiograph, read_reduced
from radlearn.scans.picture_files import is_picture, read_picture
from radlearn.scans.resize import resized

GREY = np.random.default_rng(0).integers(0, 256, (12, 20), np.uint8)
DEEP = np.random.default_rng(1).integers(100, 4000, (12, 20), np.uint16)


@pytest.mark.parametrize("name", ["a.png", "a.TIF", "a.tiff", "a.bmp"])
def test_eight_bits_are_shares_of_255(name: str, tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / name)
    found = read_picture(tmp_path / name)
    np.testing.assert_array_equal(found.pixels, GREY.astype(np.float32) / 255)
    assert (found.bits, found.notes) == (8, ())
    xray = read_radiograph(tmp_path / name)
    np.testing.assert_array_equal(xray.pixels, found.pixels)
    assert (xray.header.size_px, xray.header.stored_bits, xray.header.view) == ((12, 20), 8, None)
    assert read_header(tmp_path / name) == xray.header
    np.testing.assert_array_equal(read_reduced(tmp_path / name, 4).pixels, found.pixels)


def test_a_jpeg_is_read_as_pillow_reads_it(tmp_path: Path) -> None:
    smooth = resized(GREY.astype(np.float32), 96, 160).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.jpg").pixels, np.asarray(Image.open(tmp_path / "a.jpg"), np.float32) / 255)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_kept_and_fill_the_range_which_is_said(name: str, tmp_path: Path) -> None:
    Image.fromarray(DEEP).save(tmp_path / name)
    with pytest.warns(PixelWarning, match="are shown from black to white, because a picture of 16 bits has no window"):
        xray = read_radiograph(tmp_path / name)
    low, high = int(DEEP.min()), int(DEEP.max())
    np.testing.assert_allclose(xray.pixels, (DEEP - low) / (high - low), atol=1e-7)
    # As many grey values as the file has.
    assert len(np.unique(xray.pixels)) == len(np.unique(DEEP))
    assert xray.header.stored_bits == 16


def test_a_tiff_whose_zero_is_white_is_inverted(tmp_path: Path) -> None:
    Image.fromarray(DEEP).save(tmp_path / "a.tif", tiffinfo={262: 0})
    found = read_picture(tmp_path / "a.tif")
    assert found.pixels[np.unravel_index(DEEP.argmax(), DEEP.shape)] == 0
    assert any("0 is white" in note for note in found.notes)


def test_a_floating_point_tiff_fills_the_range(tmp_path: Path) -> None:
    values = DEEP.astype(np.float32) / 7
    Image.fromarray(values).save(tmp_path / "a.tif")
    np.testing.assert_allclose(read_picture(tmp_path / "a.tif").pixels, (values - values.min()) / np.ptp(values), atol=1e-6)
    values[0, 0] = np.nan
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(UnreadableScan, match="1 of 240 pixels is NaN or infinite"):
        read_picture(tmp_path / "a.tif")


def test_an_exif_orientation_is_followed_and_said(tmp_path: Path) -> None:
    image, exif = Image.fromarray(GREY), Image.Exif()
    exif[274] = 6
    image.save(tmp_path / "a.png", exif=exif)
    found = read_picture(tmp_path / "a.png")
    # 6: the first row of the file is the right side of the image.
    np.testing.assert_array_equal(found.pixels, np.rot90(GREY, -1).astype(np.float32) / 255)
    assert found.notes == ("turned as its EXIF orientation says",)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_grey_that_is_stored_in_colour_is_grey(mode: str, tmp_path: Path) -> None:
    Image.fromarray(GREY).convert(mode).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png")
    np.testing.assert_allclose(found.pixels, GREY / 255, atol=1e-6)
    assert found.notes == ("stored in colour, though it is grey",)


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(GREY > 100).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, GREY > 100)


def coloured() -> Image.Image:
    colours = np.stack([GREY] * 3, axis=-1)
    colours[3, 4] = (200, 20, 20)
    return Image.fromarray(colours)


def transparent() -> Image.Image:
    image = Image.fromarray(GREY).convert("RGBA")
    image.putpixel((1, 1), (9, 9, 9, 100))
    return image


@pytest.mark.parametrize(
    ("image", "name", "words"),
    [
        (coloured(), "a.png", "is coloured; expected grey values"),
        (transparent(), "a.png", "is transparent in places"),
        (Image.fromarray(GREY).convert("CMYK"), "a.jpg", "is a picture of the colours CMYK"),
    ],
    ids=["coloured", "transparent", "CMYK"],
)
def test_what_is_not_grey_is_refused(image: Image.Image, name: str, words: str, tmp_path: Path) -> None:
    image.save(tmp_path / name)
    with pytest.raises(UnreadableScan, match=words):
        read_radiograph(tmp_path / name)


def test_several_pages_are_refused(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.tif", save_all=True, append_images=[Image.fromarray(GREY)])
    with pytest.raises(UnreadableScan, match=r"holds 2 pages; expected one image\. Name the page in the column page"):
        read_picture(tmp_path / "a.tif")


def test_what_is_damaged_another_kind_or_not_there_says_so(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(GREY).save(buffer, "PNG")
    contents = {
        "cut.png": (buffer.getvalue()[:90], "damaged or cut short"),
        "empty.png": (b"", "is empty"),
        "text.jpg": (b"no picture", "is no picture that can be read"),
        "dicom.png": (bytes(128) + b"DICM" + bytes(400), "is DICOM, and no picture. Give it a name that ends with .dcm."),
    }
    for name, (content, words) in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UnreadableScan, match=words):
            read_header(tmp_path / name)
    with pytest.raises(UnreadableScan, match="there is no such file"):
        read_radiograph(tmp_path / "none.png")


def test_a_small_file_of_very_many_pixels_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.png")
    monkeypatch.setattr("radlearn.scans.picture_files.MOST_PIXELS", 100)
    with pytest.raises(UnreadableScan, match=r"is 20 × 12 px \(width × height\); expected an image of at most 100 pixels"):
        read_picture(tmp_path / "a.png")


def test_pictures_are_brought_to_a_size_like_dicom(tmp_path: Path) -> None:
    Image.fromarray(GREY).save(tmp_path / "a.png")
    np.testing.assert_allclose(read_radiograph(tmp_path / "a.png", 6).pixels, resized(GREY.astype(np.float32) / 255, 6, 6), atol=1e-6)
    padded = read_radiograph(tmp_path / "a.png", 10, "pad").pixels
    assert padded.shape == (10, 10)
    assert (padded[:2] == 0).all()


def test_pictures_of_a_folder_are_found_where_there_is_no_dicom(small_rsna: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "deep/a.jpg", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    assert find_xrays(tmp_path) == []
    assert find_xrays(tmp_path, pictures=True) == [tmp_path / "b.png", tmp_path / "deep" / "a.jpg"]
    dicom = next((small_rsna / "stage_2_train_images").iterdir())
    (tmp_path / "deep" / "x.dcm").write_bytes(dicom.read_bytes())
    # Overlays and thumbnails lie beside X-rays.
    assert find_xrays(tmp_path, pictures=True) == [tmp_path / "deep" / "x.dcm"]
    assert find_xrays([tmp_path / "b.png"]) == [tmp_path / "b.png"]
    assert not is_picture("a.dcm")


SAVED_AS = {"JPEG2000": "JPEG 2000", "WEBP": "WebP", "GIF": "GIF", "PPM": "portable grey map"}


@pytest.mark.parametrize("kind", SAVED_AS)
@pytest.mark.parametrize("name", ["xray.{}", "xray.png", "xray.dcm"])
def test_pictures_of_kinds_that_are_not_read_are_to_be_converted_without_loss(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / name.format(kind.lower())
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(path, format=kind)
    with pytest.raises(
        UnreadableScan, match=rf"{SAVED_AS[kind]}.*picture, which radlearn does not read\. Convert it to PNG or TIFF without loss"
    ):
        read_radiograph(path)


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("TIFF", ".tif"), ("BMP", ".bmp")])
def test_a_picture_under_the_name_of_dicom_is_to_be_renamed(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / "xray.dcm"
    Image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(path, format=kind)
    with pytest.raises(UnreadableScan, match=rf"is a {kind} picture\. Give it a name that ends with \{suffix}"):
        read_radiograph(path)


@pytest.mark.parametrize(("values", "words"), [([np.nan], "1 of 4,096 pixels is"), ([np.inf, -np.inf], "2 of 4,096 pixels are")])
def test_pixels_that_are_no_numbers_are_counted_and_it_is_said_what_to_do(tmp_path: Path, values: list[float], words: str) -> None:
    pixels = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
    pixels[3, : len(values)] = values
    Image.fromarray(pixels).save(tmp_path / "float.tif")
    with pytest.raises(UnreadableScan, match=rf"{words} NaN or infinite.*Write the value of black there, and save the picture again"):
        read_radiograph(tmp_path / "float.tif")
