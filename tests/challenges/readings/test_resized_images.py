"""X-rays of the challenge of another size than its boxes are told, and those of others are not."""

import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from radlearn.challenges.folders import TRUTH_TABLE
from radlearn.challenges.readings.resized_images import of_other_sizes, sizes_words
from radlearn.challenges.xray_case import XrayCase
from radlearn.check.boxes import box_findings
from radlearn.check.radiographs import XrayFacts
from radlearn.scans.dicom import RadiographHeader

BOXES = ((100.0, 200.0, 300.0, 500.0), (500.0, 200.0, 700.0, 500.0))


def cases_of(amount: int, folder: Path = Path("data"), boxes: tuple[tuple[float, float, float, float], ...] = BOXES) -> list[XrayCase]:
    names = [str(uuid.UUID(int=number * 7919 + 1, version=4)) for number in range(amount)]
    return [XrayCase(name, folder / "images" / f"{name}.dcm", True, boxes, None, name) for name in names]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ([(1536, 1536)] * 4, 4),
        ([(2048, 2048)] + [(1024, 1024)] * 3, 1),
        ([(960, 984)] * 4, 4),
        ([(1024, 1280)] * 2 + [(1024, 1024)] * 2, 2),
        ([(1024, 1024)] * 4, 0),
        # Half as large, they were scaled with their boxes.
        ([(700, 720)] * 4, 0),
    ],
)
def test_xrays_of_another_size_than_the_challenges_boxes_are_told(sizes: list[tuple[int, int]], told: int) -> None:
    cases = cases_of(4)
    assert len(of_other_sizes(cases, sizes)) == told
    said = sizes_words(cases, sizes)
    assert said.startswith(f"{told} X-ray" if told else "")
    assert bool(said) == bool(told)
    header = RadiographHeader("AP", "F", 40.0, None, "", "", "", "", "CR", "MONOCHROME2", (1, 1), 8)
    facts = {case.path: XrayFacts(case.path, header=replace(header, size_px=size)) for case, size in zip(cases, sizes, strict=True)}
    found = [one for one in box_findings(cases, facts, Path("data")) if one.rule == "box-size"]
    assert [1 + len(one.also) for one in found] == [told] * bool(told)


def test_the_words_name_one_and_what_to_do() -> None:
    said = sizes_words(cases_of(2), [(1024, 1024), (1536, 2000)])
    assert f"such as {cases_of(2)[1].image_id}: 2000 × 1536 px" in said
    assert "multiply x and width by the X-ray's width / 1024" in said


@pytest.mark.parametrize("boxes", [((150.5, 300.0, 450.0, 750.0),), ((900.0, 300.0, 1200.0, 750.0),), ()])
def test_boxes_that_were_scaled_are_sound_and_xrays_without_need_none(boxes: tuple[tuple[float, float, float, float], ...]) -> None:
    assert sizes_words(cases_of(3, boxes=boxes), [(1536, 1536)] * 3) == ""


def test_other_names_tables_of_ones_own_and_built_in_xrays_are_not_meant(tmp_path: Path) -> None:
    sizes = [(1536, 1536)] * 3
    assert sizes_words([replace(case, image_id=f"xray-{number}") for number, case in enumerate(cases_of(3))], sizes) == ""
    assert sizes_words([replace(case, data_folder=tmp_path) for case in cases_of(3)], sizes) == ""
    assert sizes_words(cases_of(3, tmp_path), sizes) != ""
    (tmp_path / TRUTH_TABLE).touch()
    assert sizes_words(cases_of(3, tmp_path), sizes) == ""
