"""A folder is recognised, looked through, and never stops at the first trouble."""

from pathlib import Path

import pytest

from radlearn.check.audit import audit_folder
from radlearn.errors import BadLayout


def test_clean_built_in_films_are_passed_over_in_silence(built_in: Path) -> None:
    audit = audit_folder(built_in)
    assert [one for one in audit.findings if one.severity != "note"] == []
    assert not audit.must_be_mended
    assert audit.kinds == ["the RSNA challenge's layout: 40 labelled films"]
    assert sum(audit.counts()["view"].values()) == 40


def test_a_folder_that_is_not_there_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadLayout, match="there is no such folder"):
        audit_folder(tmp_path / "none")
    (tmp_path / "readme.txt").write_text("x")
    with pytest.raises(BadLayout, match=r"readme\.txt"):
        audit_folder(tmp_path)


def test_loose_dicom_is_looked_at_without_labels(small_rsna: Path) -> None:
    audit = audit_folder(small_rsna / "stage_2_train_images", workers=1)
    assert audit.kinds == ["loose DICOM: 48 files"]
    assert not audit.cases


def test_the_real_sample_is_told_as_it_is(shared_data: Path) -> None:
    audit = audit_folder(shared_data / "rsna_real_sample")
    assert {one.rule for one in audit.findings if one.severity == "error"} == set()
    (view,) = [one for one in audit.findings if one.rule == "shortcut" and "view" in one.found]
    assert view.severity == "warning"
    assert "0.664" in view.found
    assert any("110 films of 84 people" in one.found for one in audit.findings)
    assert any("110 of 110 files write PatientAge like" in one.found for one in audit.findings if one.rule == "age-form")
