"""A table that `table` writes is one that the next command takes, also where several images have one name."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.challenges import rsna
from radlearn.challenges.first_tables.ids import add_ids
from radlearn.challenges.first_tables.rows import FirstTable
from radlearn.workflow.table_command import write_first_table
from tests.challenges.first_tables.test_table import picture


@pytest.mark.parametrize(
    ("names", "elsewhere", "has_ids"),
    [
        (("normal/a1.png", "normal/a1.jpg", "sick/b1.png"), False, True),
        (("normal/1.png", "sick/1.png"), False, False),
        (("normal/1.png", "sick/1.png"), True, True),
        (("a:b/normal/1.png", "a:b/normal/1.jpg", "a:b/sick/2.png"), False, True),
        (("normal/1.png", "normal/1.jpg", "normal/1-2.png", "sick/x.png"), False, True),
    ],
)
def test_images_of_one_name_get_ids_and_the_table_is_read(tmp_path: Path, names: Sequence[str], elsewhere: bool, has_ids: bool) -> None:
    for name in names:
        picture(tmp_path / "data" / name)
    (tmp_path / "out").mkdir()
    place = write_first_table("classification", rsna.CHALLENGE, tmp_path / "data", tmp_path / "out" / "c.csv" if elsewhere else None)
    with open(place, newline="") as opened:
        assert ("id" in next(csv.reader(opened))) == has_ids
    cases = rsna.find_cases(place)
    assert len({case.image_id for case in cases}) == len(names)
    assert {case.path.name: case.label for case in cases} == {Path(name).name: "sick" in name for name in names}


@pytest.mark.parametrize("elsewhere", [False, True])
def test_pages_of_stacks_of_one_name_are_told_apart(tmp_path: Path, elsewhere: bool) -> None:
    rng = np.random.default_rng(0)
    for place in ("normal", "sick"):
        pages = [Image.fromarray(rng.integers(0, 255, (40, 40), np.uint8)) for _ in range(2)]
        (tmp_path / "data" / place).mkdir(parents=True)
        pages[0].save(tmp_path / "data" / place / "s.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "out").mkdir()
    place = write_first_table("classification", rsna.CHALLENGE, tmp_path / "data", tmp_path / "out" / "c.csv" if elsewhere else None)
    cases = rsna.find_cases(place)
    ids = {f"{folder}_s-page-00{page}": folder == "sick" for folder in ("normal", "sick") for page in (1, 2)}
    assert {case.image_id: case.label for case in cases} == ids


def test_ids_that_are_there_stay(tmp_path: Path) -> None:
    table = FirstTable(("path", "id"), [{"path": tmp_path / "a.png", "id": "x"}, {"path": tmp_path / "a.jpg", "id": "y"}])
    add_ids(table, tmp_path)
    assert [row["id"] for row in table.rows] == ["x", "y"]
    assert not table.assumed
