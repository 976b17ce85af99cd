"""Texts of a header, damaged and whole; the rest is tested through `dicom`."""

from typing import Any

import pydicom
import pytest

from radlearn.scans.header_texts import orientation_in, text_in, view_in


@pytest.mark.parametrize(
    ("written", "read"),
    [(["L", "F"], "L\\F"), (["r ", "f\0"], "R\\F"), (["L", ""], ""), ("L", ""), ("", ""), (None, ""), (["L", "F", "R"], "")],
)
def test_an_orientation_has_two_values(written: Any, read: str) -> None:
    assert orientation_in({"PatientOrientation": written}) == read
    dataset = pydicom.Dataset()
    dataset.PatientOrientation = written
    assert orientation_in(dataset) == read


def test_a_missing_text_is_empty_and_the_view_may_stand_in_a_description() -> None:
    assert (text_in({}, "PatientID"), text_in({"PatientID": " a\0"}, "PatientID")) == ("", "a")
    said = [{"ViewPosition": "pa", "SeriesDescription": "view: AP"}, {"SeriesDescription": "view: ap"}, {"SeriesDescription": "chest"}]
    assert [view_in(one) for one in said] == ["PA", "AP", None]
