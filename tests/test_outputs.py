"""Nothing that somebody needs is replaced by what a command writes, and what cannot be written is found before the work."""

import os
from pathlib import Path

import pytest

from radlearn.errors import BadSetting, CannotWrite
from radlearn.outputs import NOTHING_REPLACED, prove_output, refuse_inputs, refuse_other_format


def test_an_input_is_not_replaced_by_whatever_name(tmp_path: Path) -> None:
    truth = tmp_path / "labels.csv"
    truth.write_text("patientId,person,score\n")
    (tmp_path / "link.csv").symlink_to(truth)
    os.link(truth, tmp_path / "hard.csv")
    (tmp_path / "sub").mkdir()
    for name in ("labels.csv", "link.csv", "hard.csv", "sub/../labels.csv"):
        with pytest.raises(BadSetting, match="is read by this command"):
            prove_output(tmp_path / name, [tmp_path, truth], b"patientid,person,score", "a table")
    assert truth.read_text() == "patientId,person,score\n"


@pytest.mark.parametrize("content", [b"patientId,x,y,width,height,Target\n", b"\x1f\x8b\x08", b"{}", b"PK\x03\x04"])
def test_a_file_of_another_kind_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "out.csv").write_bytes(content)
    with pytest.raises(BadSetting, match=r"out\.csv: is there already, and is no table that could be replaced"):
        prove_output(tmp_path / "out.csv", [tmp_path], b"case,person,", "a table")


@pytest.mark.parametrize("content", [None, b"", b"case,person,dice_score\n", b"\xef\xbb\xbfCase,Person,dice\r\n", b"other,person,x"])
def test_what_the_command_wrote_before_is_replaced(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "out.csv").write_bytes(content)
    prove_output(tmp_path / "out.csv", [tmp_path, tmp_path / "nowhere"], (b"case,person,", b"other,"), "a table")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv"] * (content is not None)


@pytest.mark.parametrize("content", [b"patientId,PredictionString\n", b"PK\x03\x04", b" "])
def test_what_took_hours_is_not_replaced_even_by_its_like(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "out.csv").write_bytes(content)
    with pytest.raises(BadSetting, match=r"out\.csv already exists\. Choose another name"):
        prove_output(tmp_path / "out.csv", [tmp_path], NOTHING_REPLACED, "a submission")
    assert (tmp_path / "out.csv").read_bytes() == content
    (tmp_path / "empty.csv").touch()
    prove_output(tmp_path / "empty.csv", [tmp_path], NOTHING_REPLACED, "a submission")


def test_what_cannot_be_written_is_found_before_the_work(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(CannotWrite, match="is a pipe or a device"):
        prove_output(tmp_path / "pipe.csv", [])
    with pytest.raises(BadSetting, match="is a folder"):
        prove_output(tmp_path, [])
    for place in ("/proc/out.csv", "/proc/nowhere/out.csv"):
        with pytest.raises(PermissionError):
            prove_output(Path(place), [])
    # A folder that is new is made when something is written into it.
    prove_output(tmp_path / "a" / "b" / "out.csv", [])
    assert not (tmp_path / "a").exists()


def test_what_is_predicted_takes_the_place_of_no_image(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.nii.gz").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "masks")
    with pytest.raises(BadSetting, match=r"link/a\.nii\.gz: would be replaced.*another folder with --out"):
        refuse_inputs([tmp_path / "masks" / "a.nii.gz"], [tmp_path / "b.nii.gz", tmp_path / "link" / "a.nii.gz"])
    refuse_inputs([tmp_path / "masks" / "b.nii.gz"], [tmp_path / "masks" / "a.nii.gz"])


@pytest.mark.parametrize(
    ("name", "suffix", "better"),
    [("a.xlsx", ".csv", "a.csv"), ("a.csv.gz", ".csv", "a.csv"), ("A.CSV", ".zip", "A.zip"), ("page.pdf", ".html", "page.html")],
)
def test_the_name_of_another_format_is_refused(name: str, suffix: str, better: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=rf"{name}: would hold {suffix[1:].upper()} under .* Name it {better}\."):
        prove_output(tmp_path / name, [], suffix=suffix)


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.txt", "a", "2024.11.27", "a.v2"])
def test_other_names_are_anyones_choice(name: str, tmp_path: Path) -> None:
    prove_output(tmp_path / name, [], suffix=".csv")
    refuse_other_format(tmp_path / name, "")
    assert not list(tmp_path.iterdir())
