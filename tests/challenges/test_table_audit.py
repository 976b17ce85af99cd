"""What `check` learns from a table: the cases, each fault at its place, and whose images they are."""

from pathlib import Path

from radlearn.challenges.table_audit import audit_ct_table, audit_xray_table
from tests.challenges.tables.test_ct_table import table_of as ct_table_of
from tests.challenges.tables.test_own_table import table_of


def test_faults_and_notes_have_their_rules_and_places(tmp_path: Path) -> None:
    rows = ["path,label,day", *(f"{name},{label},{day}" for name, label, day in (("a.dcm", 0, 1), ("b.dcm", 7, 2), ("z.dcm", 1, 3)))]
    audited = audit_xray_table(table_of(tmp_path, "\n".join(rows)))
    assert audited.recognised == "a table of 2 X-rays"
    assert [(one.rule, one.file) for one in audited.findings] == [
        ("table", "cases.csv, line 3, column label"),
        ("table", "cases.csv, line 4, column path"),
        ("persons-column", "cases.csv"),
    ]
    assert audited.volumes is None
    many = ["path,label,person,day"]
    for number in range(13):
        (tmp_path / f"{number}.dcm").touch()
        many.append(f"{number}.dcm,1,p{number},{number}")
    (note,) = audit_xray_table(table_of(tmp_path, "\n".join(many))).findings
    assert (note.rule, note.found) == ("about", "column day has 13 different values, too many for subgroups.")


def test_a_usual_name_for_the_person_is_hinted_at_and_rows_are_counted(tmp_path: Path) -> None:
    text = "path,patient_id,x0,y0,x1,y1\na.dcm,p,1,2,30,40\na.dcm,p,50,60,70,80\nb.dcm,q,,,,\n"
    audited = audit_xray_table(table_of(tmp_path, text))
    assert audited.recognised == "a table of 2 X-rays, from 3 rows"
    (found,) = [one for one in audited.findings if one.rule == "persons-column"]
    assert found.found.endswith("counts as a person of its own. Is patient_id the person? Then call it person.")


def test_the_folder_of_a_series_stands_for_its_slices(tmp_path: Path) -> None:
    audited = audit_ct_table(ct_table_of(tmp_path, "path,mask,person\na.nii.gz,masks/a.nii.gz,p\nseries,masks/b.nii.gz,q\n"))
    assert audited.recognised == "a table of 2 CTs"
    assert [(one.case, one.paths, one.person) for one in audited.volumes or ()] == [
        ("a", (tmp_path / "a.nii.gz",), "p"),
        ("series", (tmp_path / "series" / "1.dcm",), "q"),
    ]
