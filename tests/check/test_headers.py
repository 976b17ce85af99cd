"""What a header gives away: fields that go with the label, and people."""

import pydicom
import pytest

from radlearn.check.headers import burnt_in, identifying, shown, told


def test_an_anonymised_header_tells_nobody() -> None:
    header = pydicom.Dataset()
    header.PatientName = header.PatientID = "0004cfab-14fd-4e49-80ba-63a80b6bddd6"
    header.StudyDate, header.PatientBirthDate, header.ReferringPhysicianName = "19010101", "", "Anonymous"
    assert identifying(header) == ()


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("PatientName", "Muster^Erika"), ("PatientBirthDate", "19640812"), ("InstitutionName", "General Hospital"), ("StudyDate", "20180705")],
)
def test_a_name_place_or_date_is_told_by_its_field_and_not_by_its_value(keyword: str, value: str) -> None:
    header = pydicom.Dataset()
    header.PatientID = "1"
    setattr(header, keyword, value)
    assert identifying(header) == (keyword,)
    assert value not in str(identifying(header))


def test_fields_that_may_go_with_the_label_hold_no_identifier_and_no_date() -> None:
    header = pydicom.Dataset()
    header.PatientID, header.StudyDate, header.PatientName, header.StudyInstanceUID = "1", "20180705", "A^B", "1.2.3"
    header.ViewPosition, header.KVP, header.SeriesDescription = "AP", "120", "x" * 200
    assert told(header) == {"ViewPosition": "AP", "KVP": "120"}


def test_free_text_is_shown_as_numbers_and_what_describes_the_picture_as_it_is() -> None:
    for keyword in ("StationName", "SeriesDescription", "InstitutionalDepartmentName", "OfNoDictionary", "PerformedStationAETitle"):
        assert shown(keyword, ["B", "", "A", "B"]) == ["text 1", "", "text 2", "text 1"]
    for keyword in ("ViewPosition", "KVP", "Rows", "PatientSex", "PatientAge", "Manufacturer", "ManufacturerModelName"):
        assert shown(keyword, ["B", "", "A", "B"]) == ["B", "", "A", "B"]


def test_burnt_in_text_is_what_the_header_says() -> None:
    assert burnt_in({"BurnedInAnnotation": "YES"})
    assert not burnt_in({"BurnedInAnnotation": "NO"})
    assert not burnt_in({})
