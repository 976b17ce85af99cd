"""No person is in two subsets, and a run keeps its split."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from PIL import Image
from pydicom.uid import RLELossless

from radlearn.challenges.ct_case import Case as CtCase
from radlearn.challenges.rsna import find_cases
from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.tasks.xray.radiographs import PreparedRadiograph, prepared_radiographs
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import CaseContent, read_split
from radlearn.workflow import splits
from radlearn.workflow.splits import cases_by_subset, split_cases


@dataclass(frozen=True)
class Settings:
    epochs: int = 1


@pytest.fixture
def xrays(small_rsna: Path) -> list[PreparedRadiograph]:
    return prepared_radiographs(find_cases(small_rsna), 16)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return new_run(tmp_path / "run", "classification", Settings())


def test_every_xray_and_every_person_is_in_one_subset(xrays: list[PreparedRadiograph], run: Run) -> None:
    split = split_cases(xrays, 0, None, run)
    assert sorted(xray.case.image_id for here in split.values() for xray in here) == sorted(xray.case.image_id for xray in xrays)
    persons = [{xray.case.person for xray in here} for here in split.values()]
    assert sum(map(len, persons)) == len(set.union(*persons)) == 32


def test_a_run_keeps_its_split_with_another_seed(xrays: list[PreparedRadiograph], run: Run) -> None:
    first = split_cases(xrays, 0, None, run)
    again = split_cases(list(reversed(xrays)), 99, 3, run)
    assert {subset: [xray.case.image_id for xray in here] for subset, here in first.items()} == {
        subset: [xray.case.image_id for xray in here] for subset, here in again.items()
    }


def test_data_without_an_xray_of_the_run_are_refused(xrays: list[PreparedRadiograph], run: Run) -> None:
    split_cases(xrays, 0, None, run)
    cases = [xray.case for xray in xrays]
    with pytest.raises(BadRunFolder, match=r"1 of the 48 cases .* not in the data, the first is xray-000"):
        cases_by_subset(cases[1:], run)


def asked(xrays: list[PreparedRadiograph], subsets: dict[str, str]) -> list[PreparedRadiograph]:
    """The X-rays as a table has them that asks for a subset of each person, by the last figure of its number."""
    return [xray._replace(case=replace(xray.case, split=subsets[xray.case.person[-1]])) for xray in xrays]


THREE = {figure: "train" if figure < "6" else "validation" if figure < "8" else "test" for figure in "0123456789"}


def test_the_subsets_that_a_table_asks_for_are_kept_whatever_the_seed(xrays: list[PreparedRadiograph], run: Run) -> None:
    split = split_cases(asked(xrays, THREE), 7, None, run)
    assert {THREE[xray.case.person[-1]] for xray in split["train"]} == {"train"}
    assert [len(split[subset]) for subset in ("train", "validation", "test")] == [
        sum(THREE[xray.case.person[-1]] == subset for xray in xrays) for subset in ("train", "validation", "test")
    ]


def test_a_split_of_a_table_that_cannot_be_used_is_refused(xrays: list[PreparedRadiograph], run: Run) -> None:
    with pytest.raises(BadSetting, match="so there are no folds"):
        split_cases(asked(xrays, THREE), 0, 1, run)
    labels = [xray.label and THREE[xray.case.person[-1]] != "test" for xray in xrays]
    with pytest.raises(BadSetting, match=r"test holds 0 X-rays with an opacity and \d+ without; every subset needs 2 of each"):
        split_cases(asked(xrays, THREE), 0, None, run, labels)
    assert not (run.folder / "split.csv").exists()


def as_it_is(source: Path, copy: Path) -> None:
    copy.write_bytes(source.read_bytes())


def as_rle(source: Path, copy: Path) -> None:
    dataset = pydicom.dcmread(source)
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset.decompress()
    dataset.compress(RLELossless)
    dataset.PatientID = "another"
    dataset.save_as(copy)


def as_png(source: Path, copy: Path) -> None:
    Image.fromarray(pydicom.dcmread(source).pixel_array).save(copy)


@pytest.mark.parametrize(("save", "name"), [(as_it_is, "copy.dcm"), (as_rle, "copy.dcm"), (as_png, "copy.png")])
def test_one_xray_in_two_subsets_of_a_table_is_refused_with_both_names(
    xrays: list[PreparedRadiograph],
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    save: Callable[[Path, Path], None],
    name: str,
) -> None:
    table = asked(xrays, THREE)
    one, other = (next(xray for xray in table if xray.case.split == subset) for subset in ("train", "test"))
    save(one.case.path, tmp_path / name)
    mixed = [xray._replace(case=replace(xray.case, path=tmp_path / name)) if xray is other else xray for xray in table]
    with pytest.raises(BadSetting) as error:
        split_cases(mixed, 0, None, run)
    said = str(error.value)
    assert f"{one.case.path.name} of {one.case.person} (train) and {name} of {other.case.person} (test) are one and the same image" in said
    assert "Remove one of the two rows, or put both into one subset" in said
    # Nothing was kept in one subset.
    assert "kept in one subset" not in capsys.readouterr().err
    assert not (run.folder / "split.csv").exists()


def test_one_person_spelt_in_two_ways_in_two_subsets_is_refused_with_both(xrays: list[PreparedRadiograph], run: Run) -> None:
    table = asked(xrays, THREE)
    one, other = (next(xray for xray in table if xray.case.split == subset) for subset in ("train", "test"))
    mixed = [xray._replace(case=replace(xray.case, person=f"{one.case.person} ")) if xray is other else xray for xray in table]
    with pytest.raises(BadSetting) as error:
        split_cases(mixed, 0, None, run)
    assert f"{one.case.person!r} ({one.case.path.name}, train) and '{one.case.person} ' ({other.case.path.name}, test)" in str(error.value)


@pytest.mark.parametrize("persons", [["a", "b"], ["a", "a"]])
def test_one_image_with_two_labels_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], persons: list[str]
) -> None:
    items = items_of([*persons, *(f"person-{number}" for number in range(78))])
    monkeypatch.setattr(splits, "contents_of", lambda cases: [CaseContent(str(max(number, 1))) for number in range(80)])
    split_cases([items[0], replace(items[1], label=False), *items[2:]], 0, None, run)
    said = " ".join(capsys.readouterr().err.split())
    assert "1 X-ray is there twice with labels that contradict each other, such as xray-0 with an opacity and xray-1 without" in said
    assert "One of the two is wrong: correct its label, or remove it." in said
    (run.folder / "split.csv").unlink()
    split_cases(items, 0, None, run)
    assert "contradict" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("truths", "said"), [(("a", "b"), True), (("a", "a"), False), (("a", ""), False)], ids=["others", "the same", "unknown"]
)
@pytest.mark.parametrize("what", ["boxes", "masks"])
def test_one_image_with_other_boxes_or_masks_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], truths: tuple[str, str], said: bool, what: str
) -> None:
    items: list[Any] = items_of([f"person-{number}" for number in range(80)])
    if what == "masks":
        items = [Item(CtCase(item.case.image_id, Path("x.nii"), Path("m.nii"), item.case.person), item.label) for item in items]
    monkeypatch.setattr(
        splits, "contents_of", lambda cases: [CaseContent(str(max(number, 1)), [*truths, *"c" * 78][number]) for number in range(80)]
    )
    split_cases(items, 0, None, run)
    told = " ".join(capsys.readouterr().err.split())
    words = f"1 X-ray is there twice, and the {what} differ, such as those of xray-0 and xray-1."
    assert (words in told, f"the {what} differ" in told) == (said, said)
    assert "contradict" not in told


@pytest.mark.parametrize(("label", "words"), [(False, "All 48 X-rays are without an opacity"), (True, "All 48 X-rays are with an opacity")])
def test_labels_that_are_all_the_same_are_called_so(xrays: list[PreparedRadiograph], run: Run, label: bool, words: str) -> None:
    with pytest.raises(BadSetting, match=words):
        split_cases(xrays, 0, None, run, [label] * 48)
    assert not (run.folder / "split.csv").exists()


@dataclass(frozen=True)
class Item:
    """An X-ray that no file is needed for."""

    case: Any
    label: bool


def items_of(persons: list[str]) -> list[Item]:
    return [
        Item(XrayCase(f"xray-{number}", Path("x.dcm"), number // 2 % 2 == 0, (), None, person), number // 2 % 2 == 0)
        for number, person in enumerate(persons)
    ]


def subsets_of_pairs(run: Run) -> list[tuple[str, str]]:
    subsets = [subset for _, subset in read_split(run.folder / "split.csv").values()]
    return list(zip(subsets[::2], subsets[1::2], strict=True))


def test_one_image_under_two_persons_is_in_one_subset_and_it_is_said(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    items = items_of([f"person-{number}" for number in range(80)])
    # xray-0 and xray-1 have the same pixels, and so on; those of xray-78 and xray-79 are not known.
    pixels = [f"digest {number // 2}" if number < 78 else "" for number in range(80)]
    monkeypatch.setattr(splits, "contents_of", lambda cases: [CaseContent(one, "truth") for one in pixels])
    split_cases(items, 0, None, run)
    pairs = subsets_of_pairs(run)
    assert all(one == other for one, other in pairs[:-1])
    assert {one for one, _ in pairs} == {"train", "validation", "test"}
    said = " ".join(capsys.readouterr().err.split())
    assert "39 X-rays are there under the names of several persons, such as xray-0 of person-0 and xray-1 of person-1" in said
    # What the tables say of persons stays.
    assert [person for person, _ in read_split(run.folder / "split.csv").values()] == [item.case.person for item in items]


def test_persons_are_joined_through_a_third(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # a and b share an image, b and c another one: a, b and c are in one subset.
    persons = ["a", "b", "b", "c", *(f"person-{number}" for number in range(76))]
    digests = ["1", "1", "2", "2", *map(str, range(3, 79))]
    monkeypatch.setattr(splits, "contents_of", lambda cases: [CaseContent(one) for one in digests])
    for seed in range(5):
        (run.folder / "split.csv").unlink(missing_ok=True)
        split_cases(items_of(persons), seed, None, run)
        assert len({subset for _, subset in list(read_split(run.folder / "split.csv").values())[:4]}) == 1


@pytest.mark.parametrize(
    "spelt",
    [
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: f" {name} ",
        lambda name: name.replace(" ", "  "),
        lambda name: f"{name}\u200b",
        lambda name: f"{name}^^",
        str.upper,
        lambda name: name.replace(" ", "-00"),
        lambda name: name.replace("é", "e"),
    ],
)
def test_two_spellings_of_one_person_are_in_one_subset(run: Run, monkeypatch: pytest.MonkeyPatch, spelt: Callable[[str], str]) -> None:
    names = [f"José {number // 2}" for number in range(80)]
    monkeypatch.setattr(splits, "contents_of", lambda cases: [CaseContent() for _ in cases])
    split_cases(items_of([spelt(name) if number % 2 else name for number, name in enumerate(names)]), 0, None, run)
    assert all(one == other for one, other in subsets_of_pairs(run))


def test_persons_that_share_nothing_are_split_as_before(xrays: list[PreparedRadiograph], run: Run, tmp_path: Path) -> None:
    from radlearn.training.splits import split_by_person

    split_cases(xrays, 0, None, run)
    subsets = [subset for _, subset in read_split(run.folder / "split.csv").values()]
    assert subsets == split_by_person([xray.case.person for xray in xrays], [xray.label for xray in xrays], 0)


def test_ids_with_an_end_of_line_come_back_from_the_split(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [
        replace(item, case=replace(item.case, image_id=f"a\r{number}\n"))
        for number, item in enumerate(items_of([f"person-{number}" for number in range(64)]))
    ]
    monkeypatch.setattr(splits, "contents_of", lambda cases: [CaseContent() for _ in cases])
    split_cases(items, 0, None, run)
    assert list(read_split(run.folder / "split.csv")) == [item.case.image_id for item in items]


def test_a_split_that_a_spreadsheet_wrote_is_read(xrays: list[PreparedRadiograph], run: Run) -> None:
    split_cases(xrays, 0, None, run)
    path = run.folder / "split.csv"
    before, content = read_split(path), path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n"))
    assert read_split(path) == before
