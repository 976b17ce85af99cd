"""One look at a file: what keeps it from being read, what it looks like."""

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from radlearn.check.appearance import xray_findings
from radlearn.check.radiographs import facts_of, looked_at, looks_of
from radlearn.check.rules import RULES
from radlearn.scans.dicom import find_xrays, read_radiograph, write_radiograph
from radlearn.scans.look_alikes import thumbnail_of


def write(path: Path, pixels: np.ndarray) -> Path:
    write_radiograph(path, pixels, patient_id="1", view="AP", sex="F", age="40", spacing_mm=None)
    return path


@pytest.mark.parametrize(
    ("content", "rule"),
    [(b"", "file-empty"), (b"x" * 500, "not-dicom"), (b"\0" * 128 + b"DICM", "file-no-image")],
)
def test_what_cannot_be_read_has_its_cause(tmp_path: Path, content: bytes, rule: str) -> None:
    (tmp_path / "a.dcm").write_bytes(content)
    facts = looked_at(tmp_path / "a.dcm")
    assert facts.rule == rule
    assert str(tmp_path) not in facts.trouble


@pytest.mark.parametrize("suffix", [".dcm", ".png", ""])
def test_what_never_ends_is_not_read(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    with open(tmp_path / f"sparse{suffix}", "wb") as opened:
        opened.truncate(60 << 30)
    said = {"pipe": "is a pipe or a device, not a file", "zero": "is a pipe or a device", "sparse": "it holds 64,424,509,440 bytes"}
    for name, words in said.items():
        facts = looked_at(tmp_path / f"{name}{suffix}")
        assert facts.rule == "image-damaged"
        assert words in facts.trouble


def test_facts_come_in_the_order_of_the_paths(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [write(tmp_path / f"{number}.dcm", rng.integers(0, 255, (140, 140), dtype=np.uint8)) for number in range(40)]
    wanted = paths[::-1]
    facts = facts_of(wanted, workers=1)
    assert [one.path for one in facts] == wanted
    assert all(one.header and one.header.size_px == (140, 140) and one.told["ViewPosition"] == "AP" for one in facts)


def test_pictures_are_looked_at_too_and_what_is_wrong_with_them_has_its_rule(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (140, 160), dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / "a.png")
    Image.fromarray(np.stack([grey, grey, 255 - grey], axis=-1)).save(tmp_path / "colour.png")
    Image.fromarray(grey).save(tmp_path / "pages.tif", save_all=True, append_images=[Image.fromarray(grey)])
    Image.fromarray(np.stack([grey, grey // 2], axis=-1), "LA").save(tmp_path / "transparent.png")
    Image.fromarray(np.stack([grey] * 4, axis=-1), "CMYK").save(tmp_path / "print.jpg")
    one = looked_at(tmp_path / "a.png")
    assert one.header is not None
    assert (one.header.size_px, one.told, one.identifying, one.trouble) == ((140, 160), {}, (), "")
    assert one.thumbnail is not None
    # What to do with them is said without a word of DICOM.
    assert {looked_at(tmp_path / name).rule for name in ("transparent.png", "print.jpg")} == {"picture-colour"}
    assert "MONOCHROME" not in RULES["picture-colour"].advice + RULES["picture-inverted"].advice
    assert [looked_at(tmp_path / name).rule for name in ("colour.png", "pages.tif")] == ["picture-colour", "image-frames"]


def test_a_thumbnail_spans_from_black_to_white_and_an_even_xray_is_black() -> None:
    ramp = np.tile(np.linspace(0.4, 0.5, 128, dtype=np.float32), (128, 1))
    thumbnail = thumbnail_of(ramp)
    assert thumbnail.shape == (32, 32)
    assert (thumbnail[:, 0].max(), thumbnail[:, -1].min()) == (0, 255)
    assert not thumbnail_of(np.full((128, 128), 0.4, np.float32)).any()


def test_looks_are_what_can_be_counted_by_hand() -> None:
    xray = np.full((128, 128), 0.5, np.float32)
    xray[:, :64] = 1.0
    xray[0, 64:] = 0.0
    looks = looks_of(xray)
    assert looks["share of pure white"] == 0.5
    assert looks["share of pure black"] == 64 / 128**2
    assert looks["left half brighter than the right"] == pytest.approx(0.5 * (1 + 1 / 128), abs=1e-3)


def test_a_letter_near_the_border_is_a_mark_and_one_in_the_middle_is_not() -> None:
    grey = np.full((128, 128), 0.3, np.float32)
    at_border, in_middle = grey.copy(), grey.copy()
    at_border[4:10, 4:7] = 1
    in_middle[60:66, 60:63] = 1
    assert looks_of(at_border)["bright marks near the border"] == pytest.approx(18 / 128**2)
    assert looks_of(in_middle)["bright marks near the border"] == 0


@pytest.mark.parametrize(
    ("centre", "width", "words"),
    [(128, 256, ""), (128, 1000, "does it fit them"), (128, 12000, "stored bits is shown instead"), (-9000, 100, "pure white")],
)
def test_a_window_that_does_not_fit_is_told(tmp_path: Path, centre: float, width: float, words: str) -> None:
    path = write(tmp_path / "a.dcm", (128 + 118 * np.sin(np.add(*np.mgrid[0:260, 0:300]) / 40)).astype(np.uint8))
    dataset = pydicom.dcmread(path)
    dataset.WindowCenter, dataset.WindowWidth = centre, width
    dataset.save_as(path)
    said = [found for rule, found in looked_at(path).remarks if rule == "image-window"]
    assert len(said) == bool(words)
    assert not words or words in said[0]


def test_rows_of_another_length_and_rows_that_never_arrived_are_told(tmp_path: Path) -> None:
    image = (128 + 60 * np.sin(np.add(*np.mgrid[0:300, 0:420]) / 40) + 40 * np.cos(np.arange(420) / 60)).astype(np.uint8)
    path = write(tmp_path / "a.dcm", image)
    dataset = pydicom.dcmread(path)
    dataset.decompress()
    dataset.save_as(path)
    assert not looked_at(path).remarks
    whole = dataset.PixelData
    dataset.Rows, dataset.Columns = 420, 300
    dataset.save_as(path)
    assert [rule for rule, _ in looked_at(path).remarks] == ["image-sheared"]
    dataset.Rows, dataset.Columns, dataset.PixelData = 300, 420, whole[: 420 * 200 + 90] + bytes(420 * 100 - 90)
    dataset.save_as(path)
    ((rule, found),) = looked_at(path).remarks
    assert rule == "image-cut"
    assert "the last 99 of its 300 rows" in found
    assert {"image-cut", "image-sheared"} <= RULES.keys()


def test_what_an_xray_alone_shows_is_told_and_not_twice(tmp_path: Path, built_in_xrays: Path) -> None:
    chests = [read_radiograph(path).pixels for path in find_xrays(built_in_xrays)]
    noise = np.random.default_rng(0).random((512, 400))
    half = chests[0].copy()
    half[len(half) // 2 :] = 0.5
    shown = {"sound": chests[1], "noise": noise, "half": half}
    negatives = {f"negative-{number}": 1 - chest for number, chest in enumerate(chests)}
    for name, pixels in (shown | negatives).items():
        Image.fromarray(np.rint(255 * pixels).astype(np.uint8)).save(tmp_path / f"{name}.png")
    facts = facts_of(sorted(tmp_path.iterdir()), workers=1)
    found: dict[str, list[str]] = {}
    for one in xray_findings(facts, tmp_path):
        found.setdefault(one.rule, []).append(one.file.removesuffix(".png"))
    assert sorted(found["image-look"]) == ["half", "noise"]
    assert "noise" not in found.get("image-unlike", [])
    # Most are negatives, so that the median is one: they are told by themselves, and each once.
    told = found["picture-inverted"]
    assert len(told) == len(set(told)) >= len(negatives) // 2
    assert not {"sound"} & set(told)
    assert "image-inverted" not in found


@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE"])
@pytest.mark.parametrize("negative", [False, True])
def test_a_header_that_says_two_things_of_black_and_white_is_named_and_the_look_is_not(
    shape: str, negative: bool, tmp_path: Path, built_in_xrays: Path
) -> None:
    chest = read_radiograph(find_xrays(built_in_xrays)[0], 512).pixels
    path = write(tmp_path / "a.dcm", np.rint(255 * (1 - chest if negative else chest)).astype(np.uint8))
    dataset = pydicom.dcmread(path)
    dataset.PresentationLUTShape = shape
    dataset.save_as(path)
    expected = ["image-polarity"] if shape == "INVERSE" else ["image-inverted"] * negative
    assert [rule for rule, _ in looked_at(path).remarks] == expected
