"""Tables against X-rays."""

from pathlib import Path

from radlearn.check.tables import box_findings, table_findings

from radlearn.challenges.rsna import Case
from radlearn.check.radiographs import XrayFacts
from radlearn.scans.dicom import RadiographHeader

HEADER = RadiographHeader("AP", "F", 40.0, None, "same", "1", "2", "3", "CR", "MONOCHROME2", (1000, 1000), 8)


def found(boxes: tuple[tuple[float, float, float, float], ...]) -> list[str]:
    path = Path("a.dcm")
    case = Case("a", path, True, boxes, None, "p")
    return [one.rule for one in box_findings([case], {path: XrayFacts(path, header=HEADER)}, Path())]


def test_boxes_are_held_against_their_xray() -> None:
    assert found(((100, 100, 300, 400),)) == []
    assert found(((900, 100, 1001, 400),)) == ["box-outside"]
    assert found(((900, 100, 905, 400),)) == ["box-tiny"]
    assert found(((0, 0, 1000, 900),)) == ["box-huge"]
    assert found(((100, 100, 300, 400), (102, 100, 300, 400))) == ["box-doubled"]


def test_one_patient_id_on_xrays_of_two_people_is_told() -> None:
    cases = [Case(name, Path(f"{name}.dcm"), False, (), None, person) for name, person in (("a", "p"), ("b", "q"), ("c", "q"))]
    facts = {case.path: XrayFacts(case.path, header=HEADER) for case in cases}
    (one,) = box_findings(cases, facts, Path())
    assert (one.rule, one.file, one.also) == ("persons-header", "a.dcm", ("b.dcm",))


def test_a_clean_layout_has_nothing_to_mend(small_rsna: Path) -> None:
    cases, findings = table_findings(small_rsna)
    assert len(cases) == 48
    assert findings == []


def test_a_table_without_xrays_is_told_and_not_raised(tmp_path: Path) -> None:
    (tmp_path / "stage_2_train_labels.csv").write_text("patientId,x,y,width,height,Target\na,,,,,0\n")
    cases, findings = table_findings(tmp_path)
    assert [case.image_id for case in cases] == ["a"]
    assert [one.rule for one in findings] == ["image-missing", "persons-none"]
