"""A name in a file of boxes means one image, or several that nothing tells apart."""

from pathlib import Path

import pytest

from radlearn.challenges.first_tables.rows import ImageNames, is_called

ROOT = Path("/data")
IMAGES = [ROOT / name for name in ("train/1.png", "val/1.png", "val/2.png", "val/3.dcm", "4.png")]


@pytest.mark.parametrize(
    ("written", "beside", "expected"),
    [
        ("1.png", "train", ["train/1.png"]),
        ("1.png", "train/labels", ["train/1.png", "val/1.png"]),
        ("1.png", "", ["train/1.png", "val/1.png"]),
        ("val/1.png", "", ["val/1.png"]),
        ("val\\1.png", "", ["val/1.png"]),
        ("old/place/2.png", "train", ["val/2.png"]),
        ("2.jpg", "", ["val/2.png"]),
        ("3", "", ["val/3.dcm"]),
        ("lost.png", "", []),
        ("4.png", "val", ["4.png"]),
    ],
)
def test_a_name_is_that_of_the_image_that_fits_best(written: str, beside: str, expected: list[str]) -> None:
    assert ImageNames(IMAGES).paths_of(written, ROOT / beside) == [ROOT / name for name in expected]


def test_a_path_is_called_by_its_end_in_whole_folders() -> None:
    path = ROOT / "val" / "1.png"
    assert [is_called(path, name) for name in ("1.png", "val/1.png", "./val/1.png", "al/1.png", "other/1.png")] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(("on_disk", "written"), [("M\xfcller", "Mu\u0308ller"), ("Mu\u0308ller", "M\xfcller")])
def test_a_name_may_store_its_letters_otherwise(on_disk: str, written: str) -> None:
    names = ImageNames([ROOT / "train" / f"{on_disk}.png", ROOT / "val" / f"{on_disk}.png"])
    assert names.paths_of(f"val/{written}.jpg", ROOT) == [ROOT / "train" / f"{on_disk}.png", ROOT / "val" / f"{on_disk}.png"]
    assert names.paths_of(f"val/{written}.png", ROOT) == [ROOT / "val" / f"{on_disk}.png"]
