"""A folder in the COVID-19-20 layout is looked through by its names."""

from pathlib import Path

from radlearn.challenges.covid19.audit import audit_folder
from tests.check.phantom import write_case


def test_the_challenges_layout_is_taken_by_its_names(tmp_path: Path) -> None:
    for seed, name in enumerate("abc"):
        write_case(tmp_path / "Train", name, seed)
    (tmp_path / "Train" / "c_seg.nii.gz").unlink()
    (tmp_path / "Train" / "d_seg.nii.gz").write_bytes(b"x")
    (tmp_path / "Train" / "b_ct.nii.gz").write_bytes(b"")
    audited = audit_folder(tmp_path)
    assert audited.volumes is not None
    assert [one.case for one in audited.volumes] == [case.case_id for case in audited.cases] == ["a"]
    assert audited.recognised == "the COVID-19-20 challenge's layout: 1 CT"
    assert {(one.rule, one.file) for one in audited.findings} == {
        ("ct-missing", "Train/c_ct.nii.gz"),
        ("ct-missing", "Train/d_seg.nii.gz"),
        ("file-empty", "Train/b_ct.nii.gz"),
    }


def test_masks_without_a_lesion_are_right_where_the_exact_truth_says_so(tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        write_case(tmp_path / "Train", name, seed)
    assert audit_folder(tmp_path).empty_masks == frozenset()
    (tmp_path / "truth.csv").write_text("case,components\na,2\nb,0\n")
    assert audit_folder(tmp_path).empty_masks == {"Train/b_seg.nii.gz"}


def test_what_else_lies_in_the_folder_is_looked_at_without_a_mask(tmp_path: Path) -> None:
    write_case(tmp_path / "Train", "a", 0)
    ct, _ = write_case(tmp_path / "Validation", "z", 1)
    (tmp_path / "Validation" / "z_seg.nii.gz").unlink()
    audited = audit_folder(tmp_path)
    assert audited.volumes is not None
    assert [(one.paths, one.mask is None) for one in audited.volumes][1:] == [((ct,), True)]
    assert [case.image_id for case in audited.cases] == ["a"]
