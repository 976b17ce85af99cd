"""A label that says that there is nothing goes with no finding, and counts as none."""

from pathlib import Path

import pytest

from radlearn.challenges import rsna
from radlearn.challenges.tables.xray_table import audit
from radlearn.errors import BadLayout
from tests.challenges.first_tables.test_table import picture


def table(folder: Path, columns: str, rows: list[str]) -> Path:
    for number in range(len(rows)):
        picture(folder / f"{number}.png", (8, 8))
    path = folder / "cases.csv"
    path.write_text(f"path,person,{columns}\n" + "".join(f"{number}.png,p{number},{row}\n" for number, row in enumerate(rows)))
    return path


@pytest.mark.parametrize("name", ["label_no_finding", "label_No Finding", "label_normal", "label_healthy", "label_NO_FINDINGS"])
def test_a_finding_and_none_on_one_x_ray_is_refused_with_its_lines(tmp_path: Path, name: str) -> None:
    path = table(tmp_path, f"{name},label_mass", ["1,0", "1,1", "0,1", "1,1", "1,"])
    (trouble,) = audit(path)[0].troubles
    assert trouble.startswith(f"cases.csv, line 3, column {name}: is 1, and label_mass is 1 too, as in 1 more row (line 5)")
    with pytest.raises(BadLayout, match="a finding or none, not both"):
        rsna.find_cases(path)


@pytest.mark.parametrize("other", ["label_Support Devices", "label_pacemaker", "label_healthy", "label_rotated_patient"])
def test_devices_and_how_an_x_ray_was_taken_are_no_findings(tmp_path: Path, other: str) -> None:
    # CheXpert has thousands of such rows.
    assert not audit(table(tmp_path, f"label_no_finding,{other}", ["1,1", "0,1"]))[0].troubles


@pytest.mark.parametrize("name", ["label_abnormal", "label_negative", "label_control"])
def test_names_that_may_mean_something_else_are_taken(tmp_path: Path, name: str) -> None:
    assert not audit(table(tmp_path, f"{name},label_mass", ["1,1", "0,1"]))[0].troubles


def test_none_is_not_counted_among_the_findings(tmp_path: Path) -> None:
    cases = rsna.find_cases(table(tmp_path, "label_normal,label_mass", ["1,0", "0,1", ",0", "1,"]))
    assert [case.label for case in cases] == [False, True, False, False]
    # It is learnt as before.
    assert [dict(case.labels)["normal"] for case in cases] == [True, False, None, True]


def test_alone_it_is_what_is_learnt(tmp_path: Path) -> None:
    assert [case.label for case in rsna.find_cases(table(tmp_path, "label_normal", ["1", "0"]))] == [True, False]


@pytest.mark.parametrize(
    "columns",
    ["label_reader1,label_reader2", "label_R1,label_R2,label_R3", "label_rad_a,label_rad_b", "label_Annotator 1,label_Annotator 2"],
)
def test_labels_that_are_called_as_readers_are_asked_about(tmp_path: Path, columns: str) -> None:
    count = len(columns.split(","))
    found, cases = audit(table(tmp_path, columns, [",".join("10"[(row + column) % 2] for column in range(count)) for row in range(4)]))
    (note,) = [note for note in found.notes if "readers" in note]
    assert note.startswith(f"cases.csv: {columns.replace(',', ', ')} are learnt as {count} findings.")
    assert found.troubles == []
    assert all(len(case.labels) == count for case in cases)


@pytest.mark.parametrize(
    "columns", ["label_mass,label_effusion", "label_reader1,label_mass", "label_grade1,label_grade2", "label_rib_a,label_rib_b"]
)
def test_findings_are_not_taken_for_readers(tmp_path: Path, columns: str) -> None:
    assert not [note for note in audit(table(tmp_path, columns, ["0,1", "1,0", "1,1"]))[0].notes if "readers" in note]
