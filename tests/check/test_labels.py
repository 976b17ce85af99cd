"""What training would refuse for its labels is found by check."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges import covid19, rsna
from radlearn.challenges.challenge import VolumeFiles
from radlearn.challenges.xray_case import XrayCase
from radlearn.check.audit import audit_folder
from radlearn.check.labels import label_findings, mask_findings
from radlearn.check.volumes import VolumeFacts
from radlearn.errors import BadSetting
from radlearn.scans.nifti import read_volume, write_volume
from radlearn.training.run_folder import new_run
from radlearn.workflow.splits import split_cases


@dataclass(frozen=True)
class Settings:
    epochs: int = 1


RULES = {"label-one-class", "split-one-class", "label-few", "mask-none"}


def cases(labels: str, split: str = "") -> list[XrayCase]:
    """X-rays of a person each, with a label and the first letter of a subset each."""
    subsets = {"t": "train", "v": "validation", "e": "test"}
    return [
        XrayCase(f"x{n}", Path(f"x{n}.dcm"), label == "1", (), None, f"p{n}", split=subsets[split[n]] if split else None)
        for n, label in enumerate(labels)
    ]


def rules(found: list[XrayCase]) -> list[str]:
    return [one.rule for one in label_findings(found)]


@pytest.mark.parametrize("label", "01")
def test_a_table_of_one_class_is_an_error_that_says_so(small_rsna: Path, tmp_path: Path, label: str) -> None:
    images = sorted((small_rsna / "stage_2_train_images").iterdir())[:8]
    (tmp_path / "cases.csv").write_text("\n".join(["path,label,person", *(f"{image},{label},{image.stem}" for image in images)]))
    audit = audit_folder(tmp_path / "cases.csv", workers=1)
    (found,) = (one for one in audit.findings if one.rule in RULES)
    words = "with" if label == "1" else "without"
    assert found.found == f"all 8 X-rays are {words} the finding (label {label}): there is nothing to tell apart, and nothing to evaluate"
    assert audit.must_be_mended


def test_a_challenges_folder_of_one_class_is_an_error_too(small_rsna: Path, tmp_path: Path) -> None:
    (tmp_path / "stage_2_train_images").symlink_to(small_rsna / "stage_2_train_images")
    lines = (small_rsna / "stage_2_train_labels.csv").read_text().splitlines()
    healthy = [line for line in lines if line.endswith(",0")]
    (tmp_path / "stage_2_train_labels.csv").write_text("\n".join([lines[0], *healthy]) + "\n")
    assert all(not case.label for case in rsna.find_cases(tmp_path))
    assert "label-one-class" in {one.rule for one in audit_folder(tmp_path, workers=1).findings}


@pytest.mark.parametrize(
    ("labels", "split", "rule"),
    [
        ("0" * 9, "", "label-one-class"),
        ("1", "", "label-one-class"),
        ("001111111", "", "label-few"),
        ("001100110011", "ttttvvvveeee", ""),
        ("001100111111", "ttttvvvveeee", "split-one-class"),
        ("001100110011", "", ""),
    ],
)
def test_check_and_training_refuse_the_same(tmp_path: Path, labels: str, split: str, rule: str) -> None:
    found = cases(labels, split)
    assert rules(found) == ([rule] if rule else [])

    class Item:
        def __init__(self, case: XrayCase) -> None:
            self.case, self.label = case, bool(case.label)

    for case in found:
        (tmp_path / case.path).write_bytes(case.image_id.encode())
    moved = [XrayCase(one.image_id, tmp_path / one.path, one.label, (), None, one.person, split=one.split) for one in found]
    (tmp_path / "run").mkdir()
    try:
        split_cases([Item(case) for case in moved], 0, None, new_run(tmp_path / "run", "classification", Settings()))
    except BadSetting:
        assert rule
    else:
        assert not rule


def test_labels_that_could_not_be_read_say_nothing() -> None:
    assert rules([XrayCase("a", Path("a.dcm"), None, (), None, "p")]) == []


def test_masks_that_are_all_empty_are_an_error_and_one_that_is_not_suffices(small_covid19: Path, tmp_path: Path) -> None:
    empty = VolumeFacts(VolumeFiles("a", (Path("a"),), Path("m")), [("mask-empty", Path("m"), "")])
    full = VolumeFacts(VolumeFiles("b", (Path("b"),), Path("n")))
    assert [one.rule for one in mask_findings([empty, empty])] == ["mask-none"]
    assert list(mask_findings([empty, full])) == list(mask_findings([])) == []
    case = covid19.find_cases(small_covid19)[0]
    assert case.mask_path is not None
    mask = read_volume(case.mask_path)
    write_volume(tmp_path / "m.nii.gz", np.zeros(mask.voxels.shape, np.uint8), mask.affine)
    (tmp_path / "cases.csv").write_text(f"path,mask,person\n{case.path},m.nii.gz,p\n")
    assert "the only mask is empty" in " ".join(one.found for one in audit_folder(tmp_path / "cases.csv", workers=1).findings)


def test_labels_that_too_few_people_have_are_named() -> None:
    values = {"mass": [True, False] * 4, "hernia": [False] * 8, "nodule": [True, *[False] * 7], "unknown": [None] * 8}
    several = [
        replace(case, labels=tuple((name, value[number]) for name, value in values.items()))
        for number, case in enumerate(cases("10101010"))
    ]
    assert [(one.rule, one.found) for one in label_findings(several)] == [
        ("label-rare", "label hernia is 0 on all of 8 X-rays: nothing can be learnt of it here"),
        ("label-rare", "label nodule: 1 person with it, so that one of train, validation, test has none"),
        ("label-rare", "label unknown is not known on any of 8 X-rays: nothing can be learnt of it here"),
    ]


def test_check_tells_how_often_each_label_is_there(small_rsna: Path, tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    rows = [f"{case.path},{case.person},{int(number < 20)},{int(number < 5)}" for number, case in enumerate(rsna.find_cases(small_rsna))]
    path.write_text("path,person,label_mass,label_hernia\n" + "\n".join(rows) + "\n")
    said = [one.found for one in audit_folder(path, workers=1).findings if one.rule == "about"]
    assert "labels: mass 20, hernia 5" in said
    assert any(one.endswith("20 with any of the labels (42%)") for one in said)
