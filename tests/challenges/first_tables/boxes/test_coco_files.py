"""Which JSON files are COCO."""

import json
from pathlib import Path

import pytest

from radlearn.challenges.first_tables.boxes.coco_files import coco_files, key_of, shown, size_stated


@pytest.mark.parametrize(("one", "key"), [(7, "7"), (7.0, "7"), (" 7 ", "7"), ("a", "a"), (7.5, "7.5")])
def test_an_id_is_one_text(one: object, key: str) -> None:
    assert key_of(one) == key


def test_files_that_are_coco_and_those_that_would_be(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"images": [{"id": 1}], "annotations": []}))
    (tmp_path / "other.json").write_text(json.dumps({"images": ["a.png"], "annotations": []}))
    (tmp_path / "cut.json").write_text('{"images": [], "annotations": [')
    troubles: list[str] = []
    assert [name for _, name, _ in coco_files(tmp_path, troubles)] == ["a.json"]
    assert len(troubles) == 1
    assert troubles[0].startswith("cut.json: names boxes as COCO does, and is not JSON")


def test_sizes_and_values_in_words() -> None:
    assert size_stated({"width": "80", "height": 40}) == (80, 40)
    assert size_stated({"width": 80, "height": 0}) is None
    assert shown({"a": "x" * 99}).endswith(" …")
