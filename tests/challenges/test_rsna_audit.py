"""Tables whose X-rays are not there are read as far as they go."""

from pathlib import Path

from radlearn.check.tables_alone import no_xrays, read_tables

LABELS = "patientId,x,y,width,height,Target\na,1,1,5,5,1\nb,,,,,0\n"


def test_cases_are_made_from_tables_with_the_paths_where_xrays_would_lie(tmp_path: Path) -> None:
    (tmp_path / "stage_2_train_labels.csv").write_text(LABELS)
    (tmp_path / "stage_2_detailed_class_info.csv").write_text("patientId,class\na,Lung Opacity\nb,Normal\n")
    (tmp_path / "persons.csv").write_text("patientId,person\na,7\nb,7\n")
    (tmp_path / "headers.csv").write_text("patientId,view\na,AP\nb,PA\n")
    cases, troubles, notes = read_tables(tmp_path)
    assert (troubles, notes) == ([], [])
    assert cases[0].path == tmp_path / "stage_2_train_images" / "a.dcm"
    assert [(case.label, case.category, case.person, case.view) for case in cases] == [
        (True, "Lung Opacity", "7", "AP"),
        (False, "Normal", "7", "PA"),
    ]
    (missing,) = no_xrays(cases)
    assert (missing.rule, missing.severity) == ("image-missing", "error")
    assert "none of its 2 X-rays" in missing.found


def test_only_the_labels_are_needed_and_what_is_wrong_is_listed(tmp_path: Path) -> None:
    (tmp_path / "stage_2_train_labels.csv").write_text(LABELS + "c,,,,,maybe\n")
    cases, troubles, notes = read_tables(tmp_path)
    assert [case.person for case in cases] == ["a", "b", "c"]
    assert troubles == ["stage_2_train_labels.csv, line 4: Target is 'maybe'; expected 0 or 1."]
    assert "there is no persons.csv" in notes[0]
