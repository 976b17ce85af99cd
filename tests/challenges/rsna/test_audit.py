"""A folder in the RSNA layout is looked through; tables whose X-rays are missing are read as far as they go."""

import shutil
from pathlib import Path

from radlearn.challenges.rsna.audit import audit_folder

LABELS = "patientId,x,y,width,height,Target\na,1,1,5,5,1\nb,,,,,0\n"


def test_cases_are_made_from_tables_with_the_paths_where_xrays_would_lie(tmp_path: Path) -> None:
    (tmp_path / "stage_2_train_labels.csv").write_text(LABELS)
    (tmp_path / "stage_2_detailed_class_info.csv").write_text("patientId,class\na,Lung Opacity\nb,Normal\n")
    (tmp_path / "persons.csv").write_text("patientId,person\na,7\nb,7\n")
    (tmp_path / "headers.csv").write_text("patientId,view\na,AP\nb,PA\n")
    audited = audit_folder(tmp_path)
    cases, (missing,) = audited.cases, audited.findings
    assert cases[0].path == tmp_path / "stage_2_train_images" / "a.dcm"
    assert [(case.label, case.category, case.person, case.view) for case in cases] == [
        (True, "Lung Opacity", "7", "AP"),
        (False, "Normal", "7", "PA"),
    ]
    assert (missing.rule, missing.file) == ("image-missing", "stage_2_train_images")
    assert "neither of its X-rays" in missing.found


def test_only_the_labels_are_needed_and_what_is_wrong_is_listed(tmp_path: Path) -> None:
    (tmp_path / "stage_2_train_labels.csv").write_text(LABELS + "c,,,,,maybe\n")
    audited = audit_folder(tmp_path)
    assert [case.person for case in audited.cases] == ["a", "b", "c"]
    missing, target, persons = audited.findings
    assert missing.rule == "image-missing"
    assert target == ("table", "stage_2_train_labels.csv, line 4", "Target is 'maybe'; expected 0 or 1.")
    assert (persons.rule, persons.file) == ("persons-none", "persons.csv")


def test_a_clean_layout_has_nothing_to_mend(small_rsna: Path) -> None:
    audited = audit_folder(small_rsna)
    assert len(audited.cases) == 48
    assert audited.findings == []


def test_a_table_without_xrays_is_a_finding_and_not_raised(tmp_path: Path) -> None:
    (tmp_path / "stage_2_train_labels.csv").write_text("patientId,x,y,width,height,Target\na,,,,,0\n")
    audited = audit_folder(tmp_path)
    assert [case.image_id for case in audited.cases] == ["a"]
    assert [one.rule for one in audited.findings] == ["image-missing", "persons-none"]


def test_the_audit_says_what_the_folder_is_and_whether_its_xrays_are_there(small_rsna: Path, tmp_path: Path) -> None:
    assert audit_folder(small_rsna).recognised == "the RSNA challenge's layout: 48 labelled X-rays"
    (tmp_path / "stage_2_train_labels.csv").write_text(LABELS)
    audited = audit_folder(tmp_path)
    assert audited.recognised == "the RSNA challenge's layout: 2 labelled X-rays, none of them there"
    assert audited.volumes is None


def test_people_in_two_subsets_of_a_split_are_named(small_rsna: Path, tmp_path: Path) -> None:
    for table in small_rsna.glob("*.csv"):
        (tmp_path / table.name).write_text(table.read_text())
    (tmp_path / "persons.csv").write_text("patientId,person\nxray-000,p\nxray-001,p\n")
    (tmp_path / "split.csv").write_text("image_id,subset\nxray-000,train\nxray-001,test\nxray-002,test\n")
    split = [one for one in audit_folder(tmp_path).findings if one.rule == "persons-split"]
    assert [one.found for one in split] == ["person p is in 2 subsets (test: xray-001; train: xray-000)"]
    (tmp_path / "split.csv").write_text("name,part\na,b\n")
    assert [one.rule for one in audit_folder(tmp_path).findings if one.file == "split.csv"] == ["split-table"]


def test_a_split_with_a_field_of_any_length_is_a_finding(small_rsna: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(small_rsna, tmp_path / "rsna")
    (folder / "split.csv").write_text("image_id,subset\n" + "x" * 200_000 + ",test\n")
    found = [one for one in audit_folder(folder).findings if one.rule == "split-table"]
    assert any("is not CSV (field larger than field limit" in one.found for one in found)
