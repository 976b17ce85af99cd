"""What is doubtful about files is said in sentences."""

import warnings

import pytest

from radlearn.errors import RadlearnWarning
from radlearn.remarks import notes_gathered, show_own_warnings_as_sentences, tell_notes, warnings_as_sentences


def warn(note: str, *files: str) -> None:
    for file in files:
        warnings.warn(RadlearnWarning(note, file), stacklevel=1)


def test_notes_are_gathered_by_file_inside_of_a_command_too_and_said_by_their_number(capsys: pytest.CaptureFixture[str]) -> None:
    notes: dict[str, list[str]] = {}
    with warnings_as_sentences():
        warn("is odd", "first.dcm")
        with notes_gathered(notes):
            warn("is odd", "a.dcm", "b.dcm", "a.dcm")
            warn("is turned", "c.dcm")
        warn("is even", "last.dcm")
    assert notes == {"is odd": ["a.dcm", "b.dcm"], "is turned": ["c.dcm"]}
    tell_notes(notes | {f"is number {number}": ["d.dcm"] for number in range(4)}, "X-rays")
    assert capsys.readouterr().err.splitlines() == [
        "first.dcm: is odd.",
        "last.dcm: is even.",
        "is odd (2 X-rays)",
        *(f"d.dcm: is number {number}" for number in range(4)),
        "… and 1 more such note.",
    ]


def test_who_ignores_a_warning_or_makes_it_an_error_is_asked_first(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings_as_sentences(), warnings.catch_warnings():
        warnings.simplefilter("ignore", RadlearnWarning)
        warn("is odd", "a.dcm")
        warnings.simplefilter("error", RadlearnWarning)
        with pytest.raises(RadlearnWarning, match=r"a\.dcm: is odd\."):
            warn("is odd", "a.dcm")
    assert capsys.readouterr().err == ""


def test_afterwards_warnings_are_shown_as_before() -> None:
    before = warnings.showwarning
    with notes_gathered({}), warnings_as_sentences():
        pass
    assert warnings.showwarning is before


def test_python_writes_own_warnings_as_sentences_and_others_as_before(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    others = warnings.formatwarning(UserWarning("else"), UserWarning, "a.py", 3, "")
    show_own_warnings_as_sentences()
    show_own_warnings_as_sentences()
    shown = [warnings.formatwarning(said, type(said), "a.py", 3, "") for said in (RadlearnWarning("is odd", "a.dcm"), UserWarning("else"))]
    assert shown == ["a.dcm: is odd.\n", others]
    with pytest.warns(RadlearnWarning, match="is odd"):
        warn("is odd", "b.dcm")
    assert capsys.readouterr().err == ""
