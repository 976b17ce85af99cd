"""Names, persons and what lies in a folder instead of the layout."""

import re
import shlex
from pathlib import Path

import pytest

from radlearn.challenges.covid19 import CHALLENGE
from radlearn.challenges.covid19.folder import (
    case_and_kind,
    case_paths,
    file_trouble,
    missing_layout,
    read_persons,
    write_persons,
)
from radlearn.challenges.first_tables import table as first_table
from radlearn.challenges.folders import volume_stem
from radlearn.errors import BadSetting


@pytest.mark.parametrize(
    ("name", "understood"),
    [
        ("volume-covid19-A-0003_ct.nii.gz", ("volume-covid19-A-0003", "_ct")),
        ("volume-covid19-A-0003_seg.nii", ("volume-covid19-A-0003", "_seg")),
        ("A_CT.NII.GZ", ("A", "_ct")),
        ("a_ct_seg.nii.gz", ("a_ct", "_seg")),
        ("0003.nii.gz", None),
        ("_ct.nii.gz", None),
        ("a_ct.dcm", None),
        ("a_ct", None),
    ],
)
def test_a_name_says_whose_file_it_is_and_which(name: str, understood: tuple[str, str] | None) -> None:
    assert case_and_kind(name) == understood


def test_the_paths_of_a_case_are_understood_as_that_case() -> None:
    ct, mask = case_paths(Path("data"), "x_1")
    assert (case_and_kind(ct.name), case_and_kind(mask.name)) == (("x_1", "_ct"), ("x_1", "_seg"))
    assert ct.parent == mask.parent == Path("data/Train")


def test_only_nifti_has_a_nifti_stem() -> None:
    assert [volume_stem(name) for name in ("a.nii", "a.nii.gz", "a.gz", "a.nii.zip", "a")] == ["a", "a", None, None, None]


def test_files_that_cannot_be_volumes_are_told_without_opening(tmp_path: Path) -> None:
    good, empty, folder, link = (tmp_path / f"{name}_ct.nii.gz" for name in ("good", "empty", "folder", "link"))
    good.write_bytes(b"x")
    empty.touch()
    folder.mkdir()
    link.symlink_to(tmp_path / "nowhere")
    assert file_trouble(good) == ""
    assert "0 bytes" in file_trouble(empty)
    assert "is a folder" in file_trouble(folder)
    assert "link to a file that is not there" in file_trouble(link)


def persons_in(folder: Path, text: str, cases: str = "abc") -> tuple[dict[str, str], list[str], list[str]]:
    (folder / "persons.csv").write_text(text)
    return read_persons(folder / "persons.csv", set(cases))


def test_persons_are_written_and_read_again(tmp_path: Path) -> None:
    persons = {"a": "7", "b": "7", "c": 'Müller, "X"'}
    write_persons(tmp_path, persons)
    assert read_persons(tmp_path / "persons.csv", "abc") == (persons, [], [])


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    assert persons_in(tmp_path, "\ufeffperson,site, case\r\n7,x,a\r\n8,x,b\r\n9,y,c\r\n") == ({"a": "7", "b": "8", "c": "9"}, [], [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "persons.csv: is empty."),
        (
            "patientId,person\na,7\n",
            "line 1: the columns are patientId, person; expected case, person, each once; missing or repeated: case.",
        ),
        ("case,person\na,7\na,8\n", "line 3: a belongs to person '8' here and to '7' in line 2."),
        ("case,person\na,7\nb,\n", "line 3: person is empty."),
        ("case,person\n,7\n", "line 2: case is empty."),
        ("case,person\na,7,8\n", "line 2: has 3 fields where the header has 2."),
        ('case,person\na,7\n"b,8\n', "is not CSV"),
    ],
)
def test_a_table_that_is_wrong_is_named_by_line(tmp_path: Path, text: str, words: str) -> None:
    _, troubles, _ = persons_in(tmp_path, text)
    assert len(troubles) == 1
    assert words in troubles[0]


def test_rows_for_nobody_and_cases_without_a_row_are_counted(tmp_path: Path) -> None:
    persons, troubles, notes = persons_in(tmp_path, "case,person\na,7\nz,8\ny,8\n")
    assert persons["a"] == "7"
    assert troubles == []
    assert "2 of its 3 cases are not in Train, the first being z (line 3)" in notes[0]
    assert "does not list 2 of the 3 cases" in notes[1]


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        ((), "is empty. Expected Train/ with ID_ct.nii.gz and ID_seg.nii.gz for each case. Put the challenge's files there"),
        (("COVID-19-20_v2.zip",), "Unpack COVID-19-20_v2.zip in that folder first."),
        (("imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz"), "This is nnU-Net's layout: 'radlearn segmentation table "),
        (("Train/a_ct.nii.gz",), "The CTs are there, their masks ID_seg.nii.gz are not"),
        (("a.nii.gz",), "their names do not say what they are"),
        (("slice1.dcm",), "Put the challenge's files there"),
    ],
)
def test_the_advice_fits_what_is_there(tmp_path: Path, names: tuple[str, ...], advice: str) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert advice in str(missing_layout(tmp_path))


@pytest.mark.parametrize("part", ["", "imagesTr", "labelsTr", "imagesTr/."])
def test_each_part_of_nnunets_layout_is_known(tmp_path: Path, part: str) -> None:
    home = tmp_path / "Dataset 7"
    for name in ("imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()
    said = str(missing_layout(home / part))
    command = re.search(r"'radlearn (segmentation table .*)' pairs", said)
    assert command
    assert shlex.split(command[1]) == ["segmentation", "table", str(home)]
    assert f"--data '{home}/cases.csv'" in said
    assert first_table.ct_table(home).rows == [{"path": home / "imagesTr" / "a_0000.nii.gz", "mask": home / "labelsTr" / "a.nii.gz"}]


def test_a_folder_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    assert "there is no such folder" in str(missing_layout(tmp_path / "none"))


def test_rounded_persons_are_refused(tmp_path: Path) -> None:
    (tmp_path / "persons.csv").write_text("case,person\na,1.23457E+11\nb,1.23457E+11\n")
    _, troubles, _ = read_persons(tmp_path / "persons.csv", ["a", "b"])
    assert troubles[0].startswith("persons.csv: person '1.23457E+11' is a rounded number")


def test_the_first_table_of_the_challenges_own_layout_lists_its_cases_and_says_so(tmp_path: Path) -> None:
    name = "volume-covid19-A-0001"
    ct, mask = (tmp_path / "Train" / f"{name}_{kind}.nii.gz" for kind in ("ct", "seg"))
    ct.parent.mkdir()
    for path in (ct, mask):
        path.write_bytes(b"x")
    assert CHALLENGE.first_table is not None
    table = CHALLENGE.first_table(tmp_path, ())
    assert table.assumed == ["The folder is in the layout of the COVID-19-20 challenge."]
    assert [(row["path"], row["mask"], row["id"]) for row in table.rows] == [(ct, mask, name)]
    with pytest.raises(BadSetting, match="--positive is for classes"):
        CHALLENGE.first_table(tmp_path, ("lesion",))
