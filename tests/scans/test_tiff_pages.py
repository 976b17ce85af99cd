"""Pages of a TIFF are taken out as they are: Pillow's frames, and arrays made by hand, are the witnesses."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.errors import UnreadableScan
from radlearn.file_names import called
from radlearn.scans.picture_files import read_stored
from radlearn.scans.tiff_pages import file_called, page_file, page_files, page_name, pages_in, source_of, without_previews
from radlearn.scans.value_digests import value_digest

RNG = np.random.default_rng(0)
DEEP = [RNG.integers(0, 60000, (30, 20 + 4 * page)).astype(np.uint16) for page in range(3)]
GREY = [(page >> 8).astype(np.uint8) for page in DEEP]


def stack(path: Path, pages: list[np.ndarray], **options: object) -> Path:
    first, *others = map(Image.fromarray, pages)
    first.save(path, save_all=True, append_images=others, **options)
    return path


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("pages", [GREY, DEEP, [page.astype(np.float32) for page in DEEP]], ids=["u1", "u2", "f4"])
def test_each_page_is_that_of_pillow(tmp_path: Path, pages: list[np.ndarray], big: bool, compression: str | None) -> None:
    path = stack(tmp_path / "stack.tif", pages, compression=compression, big_endian=big)
    assert pages_in(path) == 3
    with Image.open(path) as witness:
        for number, expected in enumerate(pages):
            witness.seek(number)
            copy = page_file(path, number + 1)
            assert copy.name == f"stack-page-{number + 1:03}.tif"
            assert pages_in(copy) == 1
            assert np.array_equal(read_stored(copy).values, np.asarray(witness))
            assert np.array_equal(read_stored(copy).values, expected)
            Image.fromarray(expected).save(tmp_path / "alone.tif")
            assert value_digest(copy) == value_digest(tmp_path / "alone.tif")
    assert len({value_digest(copy) for copy in page_files(path)}) == 3
    assert {source_of(copy) for copy in page_files(path)} == {path}
    assert [called(copy) for copy in page_files(path)] == [f"{path} (page {page})" for page in (1, 2, 3)]
    assert [file_called(Path(called(copy))) for copy in page_files(path)] == page_files(path)
    assert file_called(path) == path


def test_palettes_colours_jpeg_and_a_turn_are_kept(tmp_path: Path) -> None:
    labels = Image.fromarray(GREY[0] % 3).convert("P")
    labels.putpalette([0, 0, 0, 9, 9, 9, 200, 0, 0])
    coloured = Image.fromarray(RNG.integers(0, 256, (16, 24, 3), dtype=np.uint8))
    labels.save(tmp_path / "a.tif", save_all=True, append_images=[coloured])
    pages = page_files(tmp_path / "a.tif")
    with Image.open(pages[0]) as first, Image.open(pages[1]) as second:
        assert (first.mode, second.mode) == ("P", "RGB")
        assert np.array_equal(np.asarray(first), GREY[0] % 3)
        assert np.array_equal(np.asarray(second), np.asarray(coloured))
    smooth = [np.add.outer(np.arange(64), np.arange(64 + page)).astype(np.uint8) for page in range(2)]
    path = stack(tmp_path / "jpeg.tif", smooth, compression="jpeg", tiffinfo={274: 3})
    with Image.open(path) as witness:
        witness.seek(1)
        # Pillow turns only the first frame by itself when it is loaded.
        decoded = np.asarray(witness)
    with Image.open(page_file(path, 2)) as alone:
        assert np.asarray(alone).shape == decoded.shape
    assert read_stored(page_file(path, 2)).turned


def test_a_stack_that_is_written_again_has_other_copies_and_one_page_is_its_own_file(tmp_path: Path) -> None:
    path = stack(tmp_path / "stack.tif", GREY)
    before = page_file(path, 2)
    stack(path, GREY[::-1] + GREY)
    assert page_file(path, 2) != before
    assert np.array_equal(read_stored(page_file(path, 1)).values, GREY[2])
    Image.fromarray(GREY[0]).save(tmp_path / "one.tif")
    assert page_files(tmp_path / "one.tif") == [tmp_path / "one.tif"]
    assert source_of(tmp_path / "one.tif") == tmp_path / "one.tif"
    assert page_name("stack", 12) == "stack-page-012"


def test_what_is_damaged_or_no_tiff_is_left_to_its_reader(tmp_path: Path) -> None:
    path = stack(tmp_path / "stack.tif", DEEP)
    content = path.read_bytes()
    for name, bad in (("none.tif", b""), ("text.tif", b"II*\0text"), ("a.png", content), ("circle.tif", _circle(content))):
        (tmp_path / name).write_bytes(bad)
    assert [pages_in(tmp_path / name) for name in ("none.tif", "text.tif", "a.png", "gone.tif")] == [1, 1, 1, 1]
    assert pages_in(tmp_path / "circle.tif") == 1
    # Strips of the last page that begin behind the end of the file.
    with Image.open(path) as opened:
        opened.seek(2)
        at = int(opened.tag_v2[273][0])
    place = content.rindex(struct.pack("<HHI", 273, 4, 1)) + 8
    assert struct.unpack_from("<I", content, place)[0] == at
    path.write_bytes(content[:place] + struct.pack("<I", len(content) - 5) + content[place + 4 :])
    with pytest.raises(UnreadableScan, match=r"its page 3 is damaged, or of a kind that cannot be taken out\. Save each page"):
        page_file(path, 3)
    assert np.array_equal(read_stored(page_file(path, 1)).values, DEEP[0])
    assert page_files(path) == [path]
    with pytest.raises(UnreadableScan, match="holds 3 pages; expected one image"):
        read_stored(path)


def _circle(content: bytes) -> bytes:
    """Return a TIFF whose first directory is followed by itself."""
    (place,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, place)
    end = place + 2 + 12 * count
    return content[:end] + struct.pack("<I", place) + content[end + 4 :]


def test_no_message_names_the_copy_of_a_page(tmp_path: Path) -> None:
    from radlearn.check.radiographs import looked_at
    from radlearn.scans.cache import cached_xrays
    from radlearn.scans.chest_xray import ChestWarning, refuse_no_chest_xray
    from radlearn.scans.dicom import PixelWarning, read_radiograph
    from radlearn.workflow.unreadable_files import UnreadableFiles

    small, flat, deep = RNG.integers(0, 255, (90, 90)).astype(np.uint8), np.full((300, 300), 9, np.uint8), RNG.integers(0, 4000, (300, 300))
    pages = [Image.fromarray(one) for one in (small, flat, deep.astype(np.uint16))]
    path = tmp_path / "three.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    first, second, third = page_files(path)
    with pytest.warns(ChestWarning, match=r"three\.tif \(page 1\): may be"):
        refuse_no_chest_xray(first, read_radiograph(first))
    with pytest.warns(PixelWarning, match=r"three\.tif \(page 3\): its values"):
        read_radiograph(third)
    assert all(str(third.parent) not in found for _, found in looked_at(third).remarks)
    with pytest.raises(UnreadableScan) as refused:
        cached_xrays([first, second, third], 64, workers=2, chest=True, root=tmp_path / "cache")
    assert f"{path} (page 2): shows nothing" in str(refused.value)
    assert str(second.parent) not in str(refused.value)
    unreadable = UnreadableFiles(None, "files")
    unreadable.add(second, UnreadableScan(f"{second}: shows nothing."))
    assert unreadable.lines == [f"{path} (page 2): shows nothing."]


def test_a_note_of_one_page_names_its_file_and_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from radlearn.scans.cache import cached_xrays

    image = Image.fromarray(RNG.integers(0, 255, (300, 300)).astype(np.uint8))
    image.save(tmp_path / "two.tif", save_all=True, append_images=[image.resize((90, 90))])
    cached_xrays(page_files(tmp_path / "two.tif"), 64, workers=1, chest=True, root=tmp_path / "cache")
    assert "two.tif (page 2): may be no frontal chest X-ray: 90 × 90 px" in " ".join(capsys.readouterr().err.split())


def with_kinds(path: Path, pages: list[np.ndarray], kinds: list[int | None], order: str = "<") -> Path:
    """A TIFF of 8 bits, made by hand, whose pages say these kinds of NewSubfileType; None says nothing."""
    content = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    link = 4
    for page, kind in zip(pages, kinds, strict=True):
        at = len(content)
        content += page.tobytes() + bytes(page.size % 2)
        height, width = page.shape
        tags = {254: kind, 256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: at, 277: 1, 278: height, 279: page.size}
        said = {tag: value for tag, value in tags.items() if value is not None}
        content[link : link + 4] = struct.pack(f"{order}I", len(content))
        content += struct.pack(f"{order}H", len(said)) + b"".join(struct.pack(f"{order}HHII", tag, 4, 1, one) for tag, one in said.items())
        link = len(content)
        content += bytes(4)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kinds", "own"),
    [
        ([0, 1], [0]),
        ([1, 0], [1]),
        ([None, 4], [0]),
        ([0, 1, 5], [0]),
        ([2, 2, 1], [0, 1]),
        ([0, 1, 2, 1], [0, 2]),
        ([1, 1], [0, 1]),
        ([None, 2], [0, 1]),
    ],
)
def test_smaller_copies_and_masks_are_no_pages(tmp_path: Path, kinds: list[int | None], own: list[int], order: str) -> None:
    pages = [RNG.integers(1, 200, (40 - 3 * number, 50), dtype=np.uint8) for number in range(len(kinds))]
    path = with_kinds(tmp_path / "a.tif", pages, kinds, order)
    with Image.open(path) as witness:
        assert witness.n_frames == len(kinds)
    assert pages_in(path) == len(own)
    found = page_files(path)
    assert [read_stored(one).values.tolist() for one in found] == [pages[number].tolist() for number in own]
    if len(own) == 1:
        assert found == [path]
        how_many = "2 further pages" if len(kinds) == 3 else "another page"
        assert read_stored(path).order.startswith(f"{how_many} of its file, by the header (NewSubfileType)")
    else:
        assert without_previews(path.read_bytes()) == (path.read_bytes(), "")
        with pytest.raises(UnreadableScan, match="pages; expected one image"):
            read_stored(path)


def test_what_is_no_tiff_or_damaged_stays_as_it_is(tmp_path: Path) -> None:
    whole = with_kinds(tmp_path / "a.tif", GREY[:2], [0, 1]).read_bytes()
    for content in (b"", b"PNG", whole[:20], whole[:-30], b"II+\0" + whole[4:]):
        assert without_previews(content) == (content, "")
