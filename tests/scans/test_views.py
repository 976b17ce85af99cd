"""Views as hospitals write them; what is done with them is tested with `chest_xray`."""

import pytest

from radlearn.scans.views import BY_CODE, is_frontal, lateral_in, view_named, view_of_code


@pytest.mark.parametrize(
    ("written", "view"),
    [
        *[(text, "AP") for text in ("ap", "AP_PORTABLE", "AP SUPINE", "A.P.", "a. p.", "ANTERIOR-POSTERIOR", "Antero Posterior", "A-P")],
        *[(text, "AP") for text in ("Anteroposterior projection", "antéro-postérieur", "Thorax ap liegend", "AP 1")],
        *[(text, "PA") for text in ("CHEST PA", "PA ERECT", "POSTERO_ANTERIOR", "p.a. stehend", "P/A", "posteroanterior")],
    ],
)
def test_frontal_views_are_known_however_they_are_written(written: str, view: str) -> None:
    assert view_named(written) == view
    assert is_frontal(written)


@pytest.mark.parametrize(
    "written", ["LL", "RL", "LAT", "LATERAL", "LLD", "CHEST LAT", "PA LATERAL", "AP OBLIQUE", "RAO", "left lateral", "AP AXIAL", "MLO"]
)
def test_other_views_stay_what_they_are(written: str) -> None:
    assert view_named(written) == written.upper()
    assert not is_frontal(written)


def test_both_frontal_views_and_neither_are_frontal_and_not_known() -> None:
    assert [(view_named(text), is_frontal(text)) for text in ("PA/AP", "frontal", "")] == [("PA/AP", True), ("FRONTAL", True), ("", True)]
    # Letters within words are none.
    assert [view_named(text) for text in ("APEX", "SPA", "CAPA")] == ["APEX", "SPA", "CAPA"]


def test_a_word_for_a_lateral_view_stands_alone() -> None:
    texts = ("chest, lateral", "Profil gauche", "collateral", "RX TORAX PA Y LATERAL", "Thorax a.p. + lat")
    assert [lateral_in([text]) for text in texts] == ["LATERAL", "PROFIL", "", "", ""]
    assert [lateral_in([], [text]) for text in texts] == ["LATERAL", "PROFIL", "", "", ""]
    assert lateral_in([], ["Thorax in 2 Ebenen, lat."]) == lateral_in(["Chest frontal"], ["CHEST LATERAL"]) == ""


def test_codes_are_those_of_the_standard() -> None:
    codes = pytest.importorskip("pydicom.sr.codedict", reason="pydicom's dictionary of codes is the witness").codes.cid4010
    expected = {codes.AnteroPosterior: "AP", codes.PosteroAnterior: "PA", codes.Frontal: "FRONTAL", codes.LateralProjection: "LATERAL"}
    expected |= {codes.LeftLateral: "LEFT LATERAL", codes.RightLateral: "RIGHT LATERAL"}
    for code, view in expected.items():
        assert BY_CODE[code.value] == view
        assert view_of_code("", code.meaning) in (view, f"{view} PROJECTION")
    from pydicom.sr._snomed_dict import mapping

    older = {value: modern for value, modern in mapping["SRT"].items() if value in BY_CODE}
    assert len(older) >= 5
    assert all(BY_CODE[value] == BY_CODE[modern] for value, modern in older.items())


@pytest.mark.parametrize(
    "written",
    ["ERECT", "SUPINE", "Upright", "STANDING", "SEMI-ERECT", "stehend", "FRONT", "FACE", "de face", "FRONTALE", "UNKNOWN", "PORTABLE"],
)
def test_a_posture_or_nothing_is_no_other_view(written: str) -> None:
    assert is_frontal(written)
    assert not is_frontal(f"{written} LATERAL")


def test_short_words_for_a_lateral_view_count_where_they_can_mean_nothing_else() -> None:
    found = {"Thorax seitl.": "SEITL", "RX TORACE LL": "LL", "CHEST LL": "LL", "Chest RL": "RL", "Thorax llat": "LLAT"}
    assert {text: lateral_in([text]) for text in found} == found
    assert [lateral_in([text]) for text in ("XR LL", "CHEST PA + LL", "Torax face/LL", "Knee RL", "CHEST", "LL")] == [""] * 6
