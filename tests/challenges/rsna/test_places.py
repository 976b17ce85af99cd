"""X-rays and tables of the challenge that lie elsewhere, or under other names: read where that is sure, else said what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from radlearn.challenges import rsna
from radlearn.challenges.covid19 import layout as covid19_layout
from radlearn.challenges.rsna.audit import audit_folder
from radlearn.challenges.rsna.places import elsewhere, images_folder
from radlearn.challenges.ultrasound import layout as ultrasound_layout
from radlearn.check import audit
from radlearn.errors import BadLayout
from tests.challenges.first_tables.test_table import picture, volume

IMAGES, LABELS = "stage_2_train_images", "stage_2_train_labels.csv"


@pytest.fixture
def layout(small_rsna: Path, tmp_path: Path) -> Path:
    """Twelve X-rays in the challenge's layout."""
    place = tmp_path / "rsna"
    (place / IMAGES).mkdir(parents=True)
    cases = rsna.find_cases(small_rsna)[:12]
    for case in cases:
        shutil.copy(case.path, place / IMAGES)
    ids = {case.image_id for case in cases}
    header, *rows = (small_rsna / LABELS).read_text().splitlines()
    (place / LABELS).write_text("\n".join([header, *(row for row in rows if row.split(",")[0] in ids), ""]))
    return place


def as_pictures(place: Path, suffix: str) -> None:
    for path in sorted((place / IMAGES).iterdir()):
        Image.new("L", (64, 64)).save(path.with_suffix(suffix))
        path.unlink()


def test_a_folder_of_the_same_name_in_the_folder_of_x_rays_is_read(layout: Path) -> None:
    before = [(case.image_id, case.label) for case in rsna.find_cases(layout)]
    (layout / IMAGES).rename(layout / "moved")
    (layout / IMAGES).mkdir()
    (layout / "moved").rename(layout / IMAGES / IMAGES)
    cases = rsna.find_cases(layout)
    assert [(case.image_id, case.label) for case in cases] == before
    assert all(case.path.parent == layout / IMAGES / IMAGES and case.path.is_file() for case in cases)
    assert not [one for one in audit_folder(layout).findings if one.rule.startswith("image-")]


def deeper(place: Path) -> None:
    inner = place / IMAGES / "train"
    inner.mkdir()
    for path in sorted((place / IMAGES).glob("*.dcm")):
        path.rename(inner / path.name)


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "pictures": (lambda place: as_pictures(place, ".png"), "12 X-rays lie there as .png, such as stage_2_train_images/"),
    "JPEG pictures": (lambda place: as_pictures(place, ".jpg"), "12 X-rays lie there as .jpg, such as stage_2_train_images/"),
    "a folder deeper": (deeper, "in stage_2_train_images/train: move them to stage_2_train_images"),
    "another folder": (lambda place: (place / IMAGES).rename(place / "dcm"), "in dcm: move them to stage_2_train_images"),
}


@pytest.mark.parametrize("way", WRONG)
def test_check_and_training_say_where_the_x_rays_lie_and_not_that_the_archive_was_cut(layout: Path, way: str) -> None:
    change, words = WRONG[way]
    change(layout)
    with pytest.raises(BadLayout) as caught:
        rsna.find_cases(layout)
    assert words in str(caught.value)
    assert "unpacked to its end" not in str(caught.value)
    assert ("in a table of your own" in str(caught.value)) == ("pictures" in way)
    (found,) = (one for one in audit_folder(layout).findings if one.rule.startswith("image-mis"))
    assert found.rule == "image-misplaced"
    assert words in found.found


def test_x_rays_without_their_suffix_are_said_to_be_so(layout: Path) -> None:
    for path in sorted((layout / IMAGES).iterdir())[:3]:
        path.rename(path.with_suffix(""))
    words = r"3 X-rays lie there without a suffix, such as stage_2_train_images/xray-\d+: name each ID\.dcm"
    with pytest.raises(BadLayout, match=words) as refused:
        rsna.find_cases(layout)
    assert "unpacked" not in str(refused.value)


def test_x_rays_that_lie_nowhere_are_missing(layout: Path) -> None:
    gone = sorted((layout / IMAGES).iterdir())[0]
    gone.unlink()
    picture(layout / "overlays" / f"{gone.stem}.png")
    with pytest.raises(BadLayout, match="Was the archive unpacked to its end"):
        rsna.find_cases(layout)
    (found,) = (one for one in audit_folder(layout).findings if one.rule == "image-missing")
    assert gone.stem in found.found
    assert elsewhere(layout, images_folder(layout, IMAGES), {gone.stem}) == (set(), "")


@pytest.mark.parametrize("stage", ["stage_1_train", "train"])
def test_the_names_of_the_first_stage_are_told_by_check_as_by_training(layout: Path, stage: str) -> None:
    (layout / LABELS).rename(layout / f"{stage}_labels.csv")
    (layout / IMAGES).rename(layout / f"{stage}_images")
    words = (
        f"{stage}_labels.csv has the columns of the challenge's table of labels. Call it {LABELS}, and the folder {stage}_images {IMAGES}"
    )
    with pytest.raises(BadLayout) as caught:
        rsna.find_cases(layout)
    assert words in str(caught.value)
    looked = audit.audit_folder(layout, workers=1)
    assert looked.must_be_mended
    assert [(one.severity, one.found) for one in looked.findings if one.rule == "layout-near"] == [("error", words)]


def test_other_tables_are_not_taken_for_the_challenges(layout: Path, tmp_path: Path) -> None:
    assert rsna.near_layout(layout) == ""
    (tmp_path / "notes.csv").write_text("patientId,x\na,1\n")
    assert rsna.near_layout(tmp_path) == ""


def test_a_train_folder_in_a_train_folder_is_read_by_the_other_challenges(tmp_path: Path) -> None:
    for kind in ("ct", "seg"):
        volume(tmp_path / "ct" / "Train" / "Train" / f"a_{kind}.nii.gz")
    for mark in ("", "_mask"):
        picture(tmp_path / "us" / "train" / "train" / f"1_1{mark}.tif")
    assert [case.case_id for case in covid19_layout.find_cases(tmp_path / "ct")] == ["a"]
    assert [case.image_id for case in ultrasound_layout.find_cases(tmp_path / "us")] == ["1_1"]


@pytest.mark.parametrize(("suffix", "advice"), [(".gz", "gunzip stage_2_train_images/*.gz"), (".zip", "each into a file that")])
def test_x_rays_that_are_packed_one_by_one_are_to_be_unpacked(layout: Path, suffix: str, advice: str) -> None:
    for path in sorted((layout / IMAGES).iterdir()):
        path.rename(path.with_name(path.name + suffix))
    with pytest.raises(BadLayout) as refused:
        rsna.find_cases(layout)
    assert f"12 X-rays lie packed as .dcm{suffix}, such as {IMAGES}/" in str(refused.value)
    assert f"unpack them ({advice}" in str(refused.value)


def test_the_folder_of_x_rays_is_sent_to_the_folder_above(layout: Path) -> None:
    (layout / IMAGES / "deeper").mkdir()
    for place in (layout / IMAGES, layout / IMAGES / "deeper"):
        with pytest.raises(BadLayout, match=rf"lie in the folder above: --data {layout}\.$"):
            rsna.find_cases(place)
    (layout / LABELS).rename(layout / "labels.csv")
    with pytest.raises(BadLayout, match="Without labels, use 'predict'"):
        rsna.find_cases(layout / IMAGES)
