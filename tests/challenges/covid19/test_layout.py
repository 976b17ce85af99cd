"""The COVID-19-20 layout as a folder: found, read, refused. The volumes hold one byte each: nobody may open one."""

import os
import shutil
from pathlib import Path

import pytest

from radlearn.challenges.covid19.layout import Case, audit, case_paths, find_cases, find_images, layout_folder, write_persons
from radlearn.errors import BadLayout

IDS = ("volume-covid19-A-0003", "volume-covid19-A-0012", "volume-covid19-A-0247_1")


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for case_id in IDS:
        for path in case_paths(folder, case_id):
            put(folder, str(path.relative_to(folder)))
    put(folder, "Validation/volume-covid19-A-0100_ct.nii.gz", "Validation/volume-covid19-A-0101_ct.nii.gz")
    write_persons(folder, {IDS[0]: "anna", IDS[1]: "anna", IDS[2]: "ben"})
    return folder


def only_trouble(folder: Path) -> str:
    with pytest.raises(BadLayout, match="one thing in the files would go wrong") as raised:
        find_cases(folder)
    return str(raised.value)


def test_a_folder_becomes_cases_sorted_by_name(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert find_cases(layout) == [
        Case(case_id, *case_paths(layout, case_id), person) for case_id, person in zip(IDS, ("anna", "anna", "ben"), strict=True)
    ]
    assert capsys.readouterr().err == ""


def test_the_folder_that_an_archive_unpacks_into_is_found_and_so_is_train_itself(layout: Path) -> None:
    outer = layout.parent / "outer"
    outer.mkdir()
    layout.rename(outer / "COVID-19-20_v2")
    inner = outer / "COVID-19-20_v2"
    assert layout_folder(outer) is not None
    assert layout_folder(outer) == inner
    whole = find_cases(inner)
    assert [case.person for case in whole] == ["anna", "anna", "ben"]
    assert find_cases(outer) == find_cases(inner / "Train") == whole
    shutil.copytree(inner, outer / "copy")
    with pytest.raises(BadLayout, match=r"2 folders in it hold a Train with masks \(COVID-19-20_v2, copy\)"):
        find_cases(outer)


def test_what_is_not_the_layout_is_not_recognised(tmp_path: Path) -> None:
    assert layout_folder(tmp_path) is None
    assert layout_folder(tmp_path / "none") is None
    put(tmp_path, "a.nii.gz", "b_ct.nii.gz")
    assert layout_folder(tmp_path) is None
    with pytest.raises(BadLayout, match=r"Expected Train/ with ID_ct\.nii\.gz and ID_seg\.nii\.gz"):
        find_cases(tmp_path)


def test_a_ct_without_its_mask_is_refused_by_name(layout: Path) -> None:
    case_paths(layout, IDS[1])[1].unlink()
    words = only_trouble(layout)
    assert f"1 of the 3 CTs has no mask, the first being {IDS[1]}_ct.nii.gz, for which {IDS[1]}_seg.nii.gz is missing" in words


def test_a_mask_without_its_ct_is_refused_by_name(layout: Path) -> None:
    for case_id in IDS[:2]:
        case_paths(layout, case_id)[0].unlink()
    assert f"2 of the 3 masks have no CT, the first being {IDS[0]}_seg.nii.gz" in only_trouble(layout)


@pytest.mark.parametrize(("name", "which"), [(f"{IDS[0]}_ct.nii", "CT"), (f"{IDS[0]}_seg.nii", "mask"), (f"{IDS[0]}_CT.nii.gz", "CT")])
def test_two_files_for_one_are_refused(layout: Path, name: str, which: str) -> None:
    put(layout / "Train", name)
    assert f"is the {which} of {IDS[0]} too; keep one of them" in only_trouble(layout)


def test_an_empty_file_is_refused(layout: Path) -> None:
    case_paths(layout, IDS[2])[1].write_bytes(b"")
    assert f"Train/{IDS[2]}_seg.nii.gz: is empty (0 bytes)" in only_trouble(layout)


def test_a_name_that_says_neither_is_refused(layout: Path) -> None:
    put(layout / "Train", "volume-covid19-A-0400.nii.gz")
    assert "Train/volume-covid19-A-0400.nii.gz: is neither a CT nor a mask by its name" in only_trouble(layout)


def test_files_that_are_no_volumes_are_nobodys_business(layout: Path) -> None:
    before = find_cases(layout)
    put(layout / "Train", "README.txt", ".hidden_ct.nii.gz", "._volume-covid19-A-0003_ct.nii.gz")
    assert find_cases(layout) == before


def test_all_that_is_wrong_is_said_at_once_and_counted(layout: Path) -> None:
    put(layout / "Train", *(f"x{number:02d}.nii.gz" for number in range(12)))
    case_paths(layout, IDS[0])[0].unlink()
    (layout / "persons.csv").write_text("case,person\nvolume-covid19-A-0012,\n")
    with pytest.raises(BadLayout) as raised:
        find_cases(layout)
    words = str(raised.value)
    assert "14 things in the files would go wrong" in words
    assert words.count("\n  Train/x") == 10
    assert "… and 4 more." in words
    assert len(audit(layout)[1]) == 14


def test_without_a_table_every_case_is_a_person_and_it_is_said(layout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (layout / "persons.csv").unlink()
    assert [case.person for case in find_cases(layout)] == list(IDS)
    assert "every case counts as a person of its own" in capsys.readouterr().err


def test_the_validation_folder_is_found_from_the_layout_and_by_itself(layout: Path) -> None:
    found = find_images(layout)
    assert [(case.case_id, case.mask_path, case.person) for case in found] == [
        (case_id, None, case_id) for case_id in ("volume-covid19-A-0100", "volume-covid19-A-0101")
    ]
    assert find_images(layout / "Validation") == found


def test_masks_beside_their_cts_are_left_out_and_lone_ones_are_not(layout: Path) -> None:
    assert [case.case_id for case in find_images(layout / "Train")] == list(IDS)
    case_paths(layout, IDS[0])[0].unlink()
    assert next(case.path.name for case in find_images(layout / "Train")) == f"{IDS[0]}_seg.nii.gz"


def test_any_folder_of_volumes_and_series_gives_a_case_each(tmp_path: Path) -> None:
    put(tmp_path, "b.nii.gz", "deep/a.nii", "deep/c_ct.nii.gz", "study/series 1/1.dcm", "study/series 1/2.dcm", "study/series 2/1.dcm")
    (tmp_path / "study/series 3").mkdir()
    (tmp_path / "study/series 3/IM0001").write_bytes(bytes(128) + b"DICM")
    put(tmp_path, ".hidden/x.nii.gz", "notes.txt")
    found = {case.case_id: case.path.relative_to(tmp_path).as_posix() for case in find_images(tmp_path)}
    assert found == {
        "b": "b.nii.gz",
        "a": "deep/a.nii",
        "c": "deep/c_ct.nii.gz",
        "series 1": "study/series 1",
        "series 2": "study/series 2",
        "series 3": "study/series 3",
    }


def test_one_file_or_one_series_is_one_case(tmp_path: Path) -> None:
    put(tmp_path, "one/x_ct.nii.gz", "two/1.dcm")
    assert find_images(tmp_path / "one" / "x_ct.nii.gz") == [Case("x", tmp_path / "one" / "x_ct.nii.gz", None, "x")]
    assert find_images(tmp_path / "two") == [Case("two", tmp_path / "two", None, "two")]


def test_equal_names_in_several_folders_are_told_apart_by_the_folders(tmp_path: Path) -> None:
    put(tmp_path, "anna/ct.nii.gz", "ben/ct.nii.gz", "carl.nii.gz")
    assert [case.case_id for case in find_images(tmp_path)] == ["anna_ct", "ben_ct", "carl"]
    # What the folders do not tell apart is numbered, and nobody else gets that name.
    put(tmp_path, "anna/ct.nii", "anna_ct-2.nii", "ct.nii.gz", "ct.nii")
    found = {case.path.relative_to(tmp_path).as_posix(): case.case_id for case in find_images(tmp_path)}
    assert found == {
        "anna/ct.nii": "anna_ct",
        "anna/ct.nii.gz": "anna_ct-3",
        "anna_ct-2.nii": "anna_ct-2",
        "ben/ct.nii.gz": "ben_ct",
        "carl.nii.gz": "carl",
        "ct.nii": "ct",
        "ct.nii.gz": "ct-2",
    }


def test_what_is_no_file_is_called_what_it_is(layout: Path) -> None:
    pipe = layout / "Train" / f"{IDS[2]}_seg.nii.gz"
    pipe.unlink()
    os.mkfifo(pipe)
    assert "is a pipe or a device, not a file" in only_trouble(layout)
    pipe.unlink()
    pipe.symlink_to("/dev/zero")
    assert "is a pipe or a device, not a file" in only_trouble(layout)


def test_nothing_to_look_at_is_said_in_words(tmp_path: Path) -> None:
    put(tmp_path, "a.txt")
    with pytest.raises(BadLayout, match=r"holds 1 \.txt file \(a\.txt\)\. Expected volumes \(\.nii\.gz"):
        find_images(tmp_path)
    with pytest.raises(BadLayout, match="there is no such folder"):
        find_images(tmp_path / "none")
    # Whoever reads it says that it is empty, and goes on with the others.
    (tmp_path / "b.nii.gz").touch()
    assert [case.path.name for case in find_images(tmp_path)] == ["b.nii.gz"]


def test_masks_among_cts_are_left_out_by_name_and_place_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, "a_ct.nii.gz", "a-mask.nii.gz", "b.nii.gz", "b_label.nii.gz", "c_0000.nii.gz", "c_seg.nii.gz")
    put(tmp_path, "nnunet/imagesTr/d_0000.nii.gz", "nnunet/labelsTr/d.nii.gz", "nnunet/labelsTs/lone.nii.gz")
    put(tmp_path, "answers/predictions.csv", "answers/masks/a.nii.gz", "answers/probabilities/a.nii.gz", "masks/e.nii.gz")
    found = {case.path.relative_to(tmp_path).as_posix() for case in find_images(tmp_path)}
    # `labelsTs` has no `imagesTs` beside it, and `masks` no table: what lies there is looked at when it is read.
    assert found == {
        "a_ct.nii.gz", "b.nii.gz", "c_0000.nii.gz", "nnunet/imagesTr/d_0000.nii.gz", "nnunet/labelsTs/lone.nii.gz", "masks/e.nii.gz",
    }  # fmt: skip
    assert "6 masks were left out" in capsys.readouterr().err
    assert len(find_images(tmp_path / "answers" / "masks")) == 1


def test_linked_folders_of_volumes_are_searched_and_loops_end(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "a.nii.gz")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")
    assert [case.path for case in find_images(tmp_path / "data")] == [tmp_path / "data" / "linked" / "a.nii.gz"]


@pytest.mark.parametrize("table", ["predictions.csv", "predictions.partial.jsonl"])
def test_what_predict_wrote_is_left_out_whether_it_has_finished_or_not(table: str, tmp_path: Path) -> None:
    put(tmp_path, "a_ct.nii.gz", "out/masks/a.nii.gz", "out/probabilities/a.nii.gz", f"out/{table}", "mine/masks/b.nii.gz")
    assert [case.case_id for case in find_images(tmp_path)] == ["a", "b"]


def test_a_folder_called_like_a_volume_is_not_listed_beside_what_lies_in_it(tmp_path: Path) -> None:
    for name in ("v.nii/v.nii", "w.nii.gz/w.nii", "x.nii"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty.nii").mkdir()
    assert [case.path.relative_to(tmp_path).as_posix() for case in find_images(tmp_path)] == [
        "empty.nii",
        "v.nii/v.nii",
        "w.nii.gz/w.nii",
        "x.nii",
    ]
