"""Label maps: what is certain is read, and nothing else is guessed."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image, ImageOps

from radlearn.errors import BadSetting, UnreadableScan
from radlearn.scans.label_map_files import MOST_CLASSES, read_label_map, refuse_another_size, write_class_probabilities, write_label_map
from radlearn.scans.picture_files import read_stored
from radlearn.scans.value_digests import may_be_of_size, size_in, value_digest

LABELS = np.zeros((20, 30), np.uint8)
LABELS[4:9, 5:12], LABELS[10:15, 20:25] = 1, 2


def saved(image: Image.Image, path: Path) -> Path:
    image.save(path)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_whole_numbers_are_classes(name: str, tmp_path: Path) -> None:
    found = read_label_map(saved(Image.fromarray(LABELS), tmp_path / name))
    assert np.array_equal(found.labels, LABELS)
    assert (found.labels.dtype, found.highest, found.notes) == (np.uint8, 2, ())


def test_indices_of_a_palette_are_classes_whatever_its_colours(tmp_path: Path) -> None:
    image = Image.fromarray(LABELS).convert("P")
    # Class 1 is drawn in nearly black, class 2 in the white that elsewhere is 255.
    image.putpalette([0, 0, 0, 2, 2, 2, 255, 255, 255])
    assert np.array_equal(read_label_map(saved(image, tmp_path / "a.png")).labels, LABELS)


@pytest.mark.parametrize("kind", ["L", "1", "RGB", "wide"])
def test_black_and_white_is_a_mask_of_one_class(kind: str, tmp_path: Path) -> None:
    mask = LABELS == 1
    eight_bits = Image.fromarray(mask.astype(np.uint8) * 255)
    image = Image.fromarray(mask.astype(np.uint16) * 65535) if kind == "wide" else eight_bits.convert(kind)
    found = read_label_map(saved(image, tmp_path / "a.png"))
    assert np.array_equal(found.labels, mask)
    assert "counts as class 1" in found.notes[0]


def test_an_empty_label_map_is_valid(tmp_path: Path) -> None:
    assert read_label_map(saved(Image.fromarray(LABELS * 0), tmp_path / "a.tif")).highest == 0


def coloured() -> Image.Image:
    return Image.fromarray(np.stack([LABELS * 100, LABELS * 0, LABELS * 0], axis=-1))


@pytest.mark.parametrize(
    ("image", "name", "words"),
    [
        (coloured(), "a.png", "has 3 colours, and no palette that numbers them"),
        (Image.fromarray(LABELS * 90), "a.png", "holds the values 0, 90, 180; expected 0 for the background"),
        (Image.fromarray(np.where(LABELS == 1, 255, LABELS)), "a.png", "holds the values 0, 2, 255"),
        (Image.fromarray(LABELS), "a.jpg", "is a JPEG, which changes values at every border"),
        (Image.fromarray(LABELS / np.float32(4)), "a.tif", "holds 0.25; expected the whole numbers of classes"),
        (Image.fromarray(np.stack([LABELS, LABELS], axis=-1)), "a.png", "is transparent in places"),
    ],
    ids=["colours", "many values", "255 beside classes", "JPEG", "fractions", "transparent"],
)
def test_what_is_ambiguous_is_refused(image: Image.Image, name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match=words):
        read_label_map(saved(image, tmp_path / name))


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(UnreadableScan, match="is no picture that can be read"):
        read_label_map(tmp_path / "a.png")
    with pytest.raises(UnreadableScan, match="there is no such file"):
        read_label_map(tmp_path / "b.png")
    whole = write_label_map(tmp_path / "c.png", LABELS).read_bytes()
    (tmp_path / "c.png").write_bytes(whole[:-30])
    with pytest.raises(UnreadableScan, match="is damaged or cut short"):
        read_label_map(tmp_path / "c.png")
    first, second = Image.fromarray(LABELS), Image.fromarray(LABELS)
    first.save(tmp_path / "d.tif", save_all=True, append_images=[second])
    with pytest.raises(UnreadableScan, match="holds 2 pages"):
        read_label_map(tmp_path / "d.tif")


def test_what_is_written_has_a_palette_and_reads_back(tmp_path: Path) -> None:
    path = write_label_map(tmp_path / "a.png", LABELS)
    with Image.open(path) as image:
        assert (image.mode, image.size) == ("P", (30, 20))
        colours = np.asarray(image.convert("RGB"))
    # The colours of two classes differ from each other and from the background.
    assert len({tuple(colours[number == LABELS][0].tolist()) for number in range(3)}) == 3
    assert np.array_equal(read_label_map(path).labels, LABELS)
    with pytest.raises(BadSetting, match=f"up to {MOST_CLASSES}"):
        write_label_map(tmp_path / "b.png", np.full((4, 4), MOST_CLASSES + 1, np.uint8))
    assert not (tmp_path / "b.png").exists()


def test_another_size_than_the_image_is_refused() -> None:
    refuse_another_size("a.png", (4, 5), (4, 5), "a.tif")
    with pytest.raises(UnreadableScan, match=r"4 × 5 pixels, and its image a\.tif 5 × 4"):
        refuse_another_size("a.png", (4, 5), (5, 4), "a.tif")


def test_two_label_maps_have_two_digests_and_a_copy_has_the_same(tmp_path: Path) -> None:
    one = value_digest(write_label_map(tmp_path / "a.png", LABELS))
    other = value_digest(write_label_map(tmp_path / "b.png", np.where(LABELS == 1, 2, LABELS).astype(np.uint8)))
    with Image.open(tmp_path / "a.png") as image:
        copy = value_digest(saved(image.convert("RGB"), tmp_path / "c.tif"))
    assert one == copy != other != ""
    assert may_be_of_size(tmp_path / "c.tif", {size_in(one)})
    assert not may_be_of_size(tmp_path / "c.tif", {(20, 31)})


def test_probabilities_are_written_a_page_for_each_class_and_read_back_by_another_library(tmp_path: Path) -> None:
    probability = np.random.default_rng(0).dirichlet(np.ones(4), (20, 30)).transpose(2, 0, 1).astype(np.float32)[1:]
    path = write_class_probabilities(tmp_path / "deep" / "a.tif", probability)
    pages = [SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[number] for number in range(3)]
    np.testing.assert_array_equal(np.stack(pages), probability)
    one = write_class_probabilities(tmp_path / "one.tif", probability[:1].astype(np.float64))
    with Image.open(one) as opened:
        assert (opened.mode, getattr(opened, "n_frames", 1)) == ("F", 1)
        np.testing.assert_array_equal(np.asarray(opened), probability[0])


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (np.full((2, 3, 4), 1.5, np.float32), "lie from 1.5 to 1.5; a probability is from 0 to 1"),
        (np.full((2, 3, 4), np.nan, np.float32), "a probability is from 0 to 1"),
        (np.zeros((3, 4), np.float32), r"float32 of shape \(3, 4\); expected float \(classes, rows, columns\)"),
        (np.zeros((2, 3, 4), np.uint8), "is uint8"),
    ],
)
def test_what_is_no_probability_is_not_written(probability: np.ndarray, words: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=words):
        write_class_probabilities(tmp_path / "a.tif", probability)
    assert not (tmp_path / "a.tif").exists()


@pytest.mark.parametrize("size", [(20, 30), (20, 20)])
@pytest.mark.parametrize("turn", range(2, 9))
def test_an_exif_orientation_is_followed_as_that_of_the_image_is(size: tuple[int, int], turn: int, tmp_path: Path) -> None:
    labels, exif = LABELS[:, 3 : 3 + size[1]], Image.Exif()
    exif[274] = turn
    paletted = Image.fromarray(labels).convert("P")
    paletted.putpalette([0, 0, 0, 200, 0, 0, 0, 200, 0])
    paletted.save(tmp_path / "palette.png", exif=exif)
    for name in ("a.png", "a.tif"):
        Image.fromarray(labels).save(tmp_path / name, exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert not np.array_equal(upright, labels)
    for name in ("a.png", "a.tif", "palette.png"):
        found = read_label_map(tmp_path / name)
        assert np.array_equal(found.labels, upright)
        assert found.notes == ("turned as its EXIF orientation says",)
    # What predicts for such an image sees it as its mask lies.
    assert np.array_equal(read_stored(tmp_path / "a.tif").values, upright)


MASK = np.where(LABELS == 1, 255, 0).astype(np.uint8)


def scale_from_white() -> Image.Image:
    image = Image.fromarray(255 - MASK).convert("P")
    image.putpalette([255 - index for index in range(256) for _ in "rgb"])
    return image


def two_colours(*colours: int) -> Image.Image:
    # The first colour is that of the background.
    image = Image.fromarray((LABELS == 1).astype(np.uint8)).convert("P")
    image.putpalette([part for colour in colours for part in (colour, colour, colour)])
    return image


@pytest.mark.parametrize(
    ("image", "name", "more"),
    [
        (Image.fromarray(MASK).convert("RGB").quantize(2), "a.png", {}),
        (Image.fromarray(MASK).convert("RGB").quantize(2), "a.bmp", {}),
        (Image.fromarray(MASK).convert("RGB").quantize(2), "a.tif", {}),
        (Image.fromarray(MASK).convert("RGB").quantize(2), "a.gif", {}),
        (scale_from_white(), "a.png", {}),
        (Image.fromarray(MASK), "a.tif", {"tiffinfo": {262: 0}}),
        (Image.fromarray(MASK).convert("1"), "a.tif", {"tiffinfo": {262: 0}}),
    ],
    ids=["PNG", "BMP", "TIFF", "GIF", "scale", "WhiteIsZero", "WhiteIsZero of 1 bit"],
)
def test_a_mask_in_black_and_white_is_read_as_it_is_shown(image: Image.Image, name: str, more: dict, tmp_path: Path) -> None:
    image.save(tmp_path / name, **more)
    with Image.open(tmp_path / name) as written:
        shown = np.asarray(written.convert("L"))
    assert np.array_equal(shown, MASK)
    found = read_label_map(tmp_path / name)
    assert np.array_equal(found.labels, shown > 0)
    assert len(found.notes) == 1
    assert found.as_white


def test_a_palette_that_holds_other_colours_too_stays_indices(tmp_path: Path) -> None:
    inside = LABELS == 1
    assert np.array_equal(read_label_map(saved(two_colours(0, 255), tmp_path / "a.png")).labels, inside)
    # White paper with one grey class on it, and one of two classes that have one colour.
    assert np.array_equal(read_label_map(saved(two_colours(255, 90), tmp_path / "b.png")).labels, inside)
    image = Image.fromarray(LABELS).convert("P")
    image.putpalette([255, 255, 255, 0, 0, 0, 0, 0, 0])
    assert np.array_equal(read_label_map(saved(image, tmp_path / "c.png")).labels, LABELS)
    Image.fromarray(255 - LABELS).save(tmp_path / "d.tif", tiffinfo={262: 0})
    found = read_label_map(tmp_path / "d.tif")
    assert np.array_equal(found.labels, LABELS)
    assert found.notes == ()
