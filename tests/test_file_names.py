"""Names of any kind become text that can be written, and names of files that any disk takes."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radlearn.file_names import distinct_file_names, expanded, file_name, printable, readable

RAW_NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name)


@given(RAW_NAMES)
def test_every_name_of_a_file_can_be_written_as_utf8(name: bytes) -> None:
    text = readable(os.fsdecode(name))
    assert text.encode("utf-8").decode("utf-8") == text


@pytest.mark.parametrize("text", ["IM0001.dcm", "Röntgen 胸部.dcm", "with\nnewline", ""])
def test_text_that_is_text_stays_as_it_is(text: str) -> None:
    assert readable(text) == text


def test_bytes_that_are_not_utf8_are_named_by_their_number() -> None:
    assert readable(os.fsdecode("Müller.dcm".encode("latin-1"))) == "M\\xfcller.dcm"
    # A surrogate of a damaged JSON file stands for no byte.
    assert readable("a\ud800") == "a\\ud800"


@given(st.lists(RAW_NAMES.map(os.fsdecode), max_size=8))
def test_each_of_any_names_gets_a_file_of_its_own_that_can_be_made(names: list[str]) -> None:
    made = distinct_file_names(names, ".nii.gz")
    assert len({one.casefold() for one in made}) == len(names)
    for one in made:
        assert len(os.fsencode(one)) <= 255
        assert "/" not in one
        assert one.endswith(".nii.gz")


def test_a_number_never_makes_the_name_of_another() -> None:
    for names in (["IM1", "IM1", "IM1-2"], ["IM1-2", "IM1", "IM1"], ["IM1", "IM1-2", "IM1", "IM1-3", "IM1"]):
        made = distinct_file_names(names, ".png")
        assert len(set(made)) == len(names)
        # Who has a name of its own keeps it.
        assert all(f"{name}.png" in made for name in names)
    assert distinct_file_names(["a", "b"], ".png") == ["a.png", "b.png"]


def test_names_that_some_disks_take_for_one_are_told_apart() -> None:
    # An umlaut as one character and as two.
    for pair in (["im1", "IM1"], ["R\u00f6", "Ro\u0308"], ["x" * 300, "x" * 300]):
        first, second = distinct_file_names(pair, ".png")
        assert first.casefold() != second.casefold()


@pytest.mark.parametrize(("pattern", "names"), [("*.dcm", ["a.dcm", "b.dcm"]), ("?.png", ["c.png"]), ("[ab].dcm", ["a.dcm", "b.dcm"])])
def test_a_pattern_that_no_shell_expanded_is_what_a_shell_makes_of_it(tmp_path: Path, pattern: str, names: list[str]) -> None:
    for name in ("b.dcm", "a.dcm", "c.png", ".hidden.dcm"):
        (tmp_path / name).touch()
    assert [path.name for path in expanded(tmp_path / pattern)] == names
    assert expanded(tmp_path / "none*.dcm") == [tmp_path / "none*.dcm"]
    (tmp_path / pattern).touch()
    assert expanded(tmp_path / pattern) == [tmp_path / pattern]


def test_two_long_names_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    names = [file_name("1.2.840." * 40 + end, ".png") for end in ("1", "2")]
    for name in names:
        (tmp_path / name).touch()
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("text", ["IM\x1b[2J", "a\rb", "\x07", "\x7f", "\x9b31m", "\u202egpj.dcm", "\u2066x", "\u2028", "\0"])
def test_what_a_terminal_would_obey_is_written_out(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown.encode("ascii").decode("unicode_escape") == text


@pytest.mark.parametrize("text", ["IM0001", "a\nb\tc", "Röntgen", "患者", "95\u202f%", "a\u200db", "\\x1b"])
def test_other_text_is_printed_as_it_is(text: str) -> None:
    assert printable(text) == text
