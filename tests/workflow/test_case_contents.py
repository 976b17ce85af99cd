"""Who a case is: its pixels and its truth, whatever it is called and whatever its header says."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from radlearn import known_contents
from radlearn.challenges.covid19.layout import Case as CtCase
from radlearn.challenges.rsna import Case, find_cases
from radlearn.file_contents import read_content
from radlearn.scans import value_digests
from radlearn.training.splits import CaseContent
from radlearn.workflow import case_contents
from radlearn.workflow.case_contents import compared, contents_of, digest_of, images_of


@dataclass(frozen=True)
class Plain:
    """A case of a challenge that says nothing of its truth."""

    image_id: str
    path: Path
    person: str = "p"
    folder: Path = Path()


def ct(folder: Path, name: str, seed: int, lesion: int) -> CtCase:
    draw = np.random.default_rng(seed)
    voxels = draw.integers(-1000, 400, (8, 8, 4)).astype(np.int16)
    mask = (np.arange(256).reshape(8, 8, 4) < lesion).astype(np.uint8)
    for kind, values in (("ct", voxels), ("seg", mask)):
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), folder / f"{name}_{kind}.nii.gz")
    return CtCase(name, folder / f"{name}_ct.nii.gz", folder / f"{name}_seg.nii.gz", name)


def test_the_label_and_the_boxes_are_the_truth_of_an_xray_and_its_order_is_none(small_rsna: Path) -> None:
    case = next(case for case in find_cases(small_rsna) if case.label)
    box = (1.0, 2.0, 3.0, 4.0)
    changes = [case, replace(case, label=False, boxes_xyxy_px=()), replace(case, boxes_xyxy_px=(box,)), replace(case, boxes_xyxy_px=())]
    contents = contents_of(changes)
    assert len({content.pixels for content in contents}) == 1
    assert len({content.truth for content in contents}) == 4
    two, turned = (replace(case, boxes_xyxy_px=boxes) for boxes in ((box, (5, 6, 7, 8)), ((5.0, 6.0, 7.0, 8.0), box)))
    assert contents_of([two])[0] == contents_of([turned])[0]
    # View, sex and age come from the header, and are not known before it was read.
    assert contents_of([replace(case, view="AP", age_years=3.0)]) == contents_of([case])


def test_a_ct_is_its_voxels_and_its_mask(tmp_path: Path) -> None:
    one, other_mask, other_ct, empty, full = (
        ct(tmp_path, f"{n}", *what) for n, what in enumerate([(0, 9), (0, 10), (1, 9), (0, 0), (0, 256)])
    )
    contents = contents_of([one, other_mask, other_ct, empty, full])
    assert len({content.pixels for content in contents}) == 2
    # An empty mask is a truth too.
    assert len({content.truth for content in contents}) == 4
    assert contents[0].truth == contents[2].truth


def test_a_series_is_the_same_under_other_names_and_without_one_slice_another(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
    for folder, names in (("a", "123"), ("b", "zyx"), ("c", "12")):
        (tmp_path / folder).mkdir()
        for number, name in enumerate(names):
            dataset.PixelData = bytes([number, 1] * (128 * 128))
            dataset.PatientID = folder
            dataset.save_as(tmp_path / folder / f"{name}.dcm")
    first, renamed, cut = contents_of([Plain("x", tmp_path / folder) for folder in "abc"])
    assert first.pixels
    assert first == renamed
    assert first.pixels != cut.pixels


@pytest.mark.parametrize("content", [None, bytes(5000)])
def test_what_is_missing_or_blank_is_nobody(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.nii"
    if content is not None:
        nibabel.save(nibabel.Nifti1Image(np.zeros((5, 5, 5), np.int16), np.eye(4)), path)
    case = Plain("a", path)
    assert contents_of([case]) == [CaseContent()]
    assert compared([case], {"a": CaseContent("0" * 32)}).unknown == ["a"]
    assert digest_of([case]) is None


def test_cases_are_compared_with_what_is_known_of_their_names(tmp_path: Path) -> None:
    cases = [ct(tmp_path, name, seed, 9) for seed, name in enumerate("abcd")]
    known = {case.case_id: content for case, content in zip(cases, contents_of(cases), strict=True)}
    assert compared(cases, known) == ([], [], [])
    changed = [replace(cases[1], case_id="a"), ct(tmp_path, "b", 1, 30), cases[2], replace(cases[3], case_id="e")]
    assert compared(changed, known) == (["a"], ["b"], ["e"])
    assert compared([replace(cases[0], mask_path=None)], known) == ([], [], [])


def test_one_digest_of_cases_depends_on_names_pixels_and_truth_and_not_on_their_order(tmp_path: Path) -> None:
    cases = [ct(tmp_path, name, seed, 9) for seed, name in enumerate("ab")]
    assert digest_of(cases) == digest_of(cases[::-1]) is not None
    swapped = [replace(case, case_id=other.case_id) for case, other in zip(cases, cases[::-1], strict=True)]
    (tmp_path / "other").mkdir()
    other_mask = [cases[0], ct(tmp_path / "other", "b", 1, 8)]
    assert len({digest_of(these) for these in (cases, cases[:1], swapped, other_mask)}) == 4


def test_a_file_is_read_and_decoded_once_whoever_asks(small_rsna: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, decodes = list[Path](), list[Path]()
    read, decode = known_contents.file_digest, value_digests.value_digests
    monkeypatch.setattr(known_contents, "file_digest", lambda path: (reads.append(path), read(path))[1])
    monkeypatch.setattr(value_digests, "value_digests", lambda path: (decodes.append(path), decode(path))[1])
    shutil.copytree(small_rsna, tmp_path / "rsna")
    # One in other bytes: a cache that other tests share knows those of the rest.
    for path in (tmp_path / "rsna" / "stage_2_train_images").iterdir():
        path.write_bytes(path.read_bytes().replace(b"person-", b"nobody-"))
    cases: list[Case] = find_cases(tmp_path / "rsna")
    first = contents_of(cases)
    assert len(reads) == len(decodes) == len(cases)
    assert contents_of(cases) == first
    # Copies elsewhere are read, and known by their bytes.
    shutil.copytree(tmp_path / "rsna", tmp_path / "copy")
    assert contents_of(find_cases(tmp_path / "copy")) == first
    assert images_of([case.path for case in cases], {content.pixels for content in first}) == [content.pixels for content in first]
    assert (len(reads), len(decodes)) == (2 * len(cases), len(cases))


def test_many_images_are_decoded_in_other_processes_with_the_same_result(
    small_rsna: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = find_cases(small_rsna)
    expected = contents_of(cases)
    monkeypatch.setattr(case_contents, "FEW", 5)
    monkeypatch.setenv("RADLEARN_CACHE", str(tmp_path / "cache"))
    assert contents_of(cases) == expected


def saved_again(case: CtCase, folder: Path) -> CtCase:
    """The same CT and mask as other numbers, with other axes."""
    paths = []
    for path in (case.path, case.mask_path):
        assert path is not None
        image = nibabel.load(path)
        turned = nibabel.Nifti1Image(image.get_fdata(), image.affine).as_reoriented(np.array([[1, -1], [0, 1], [2, -1]]))
        nibabel.save(turned, folder / path.name)
        paths.append(folder / path.name)
    return replace(case, path=paths[0], mask_path=paths[1])


def test_what_was_saved_again_is_the_same_case(tmp_path: Path) -> None:
    cases = [ct(tmp_path, name, seed, 9) for seed, name in enumerate("abc")]
    (tmp_path / "again").mkdir()
    again = [saved_again(case, tmp_path / "again") for case in cases]
    known = contents_of(cases)
    assert contents_of(again) == known
    assert compared(again, {case.case_id: content for case, content in zip(cases, known, strict=True)}) == ([], [], [])
    assert digest_of(cases) == digest_of(again)
    assert images_of([case.path for case in again], [known[0].pixels, known[2].pixels]) == [known[0].pixels, "", known[2].pixels]


def test_a_run_of_before_knows_the_bytes_of_its_images(tmp_path: Path) -> None:
    cases = [ct(tmp_path, name, seed, 9) for seed, name in enumerate("abc")]
    old = contents_of(cases, stored=True)
    # As they were before digests of values: of the type, the size and the bytes of the voxels.
    assert [content.pixels for content in old] == [read_content(case.path).pixels for case in cases]
    by_name = {case.case_id: content for case, content in zip(cases, old, strict=True)}
    assert compared(cases, by_name) == ([], [], [])
    mixed = {**by_name, "b": contents_of(cases)[1]}
    assert compared(cases, mixed) == ([], [], [])
    assert images_of([case.path for case in cases], [mixed["a"].pixels, mixed["b"].pixels]) == [mixed["a"].pixels, mixed["b"].pixels, ""]


def test_a_run_of_before_knows_its_cts_by_exact_values_and_those_of_now_by_what_was_rounded(tmp_path: Path) -> None:
    case = ct(tmp_path, "a", 0, 9)
    original = nibabel.load(case.path)
    steps = nibabel.Nifti1Image(original.get_fdata(), original.affine)
    steps.set_data_dtype(np.int16)
    (tmp_path / "b").mkdir()
    saved = replace(case, path=tmp_path / "b" / "a_ct.nii.gz")
    nibabel.save(steps, saved.path)
    assert not np.array_equal(nibabel.load(saved.path).get_fdata(), original.get_fdata())
    (now,) = contents_of([case])
    assert contents_of([saved]) == [now]
    exact = nibabel.load(saved.path).get_fdata(dtype=np.float64).astype(np.float32)
    before = now._replace(pixels=value_digests._digest_of([exact]))
    assert before.pixels != now.pixels
    assert compared([saved], {"a": before}) == compared([saved], {"a": now}) == compared([case], {"a": now}) == ([], [], [])
    assert compared([case], {"a": before}).other_pixels == ["a"]
    assert images_of([saved.path, case.path], [before.pixels]) == [before.pixels, ""]


def test_what_was_decoded_before_values_were_rounded_is_decoded_again(tmp_path: Path) -> None:
    case = ct(tmp_path, "a", 7, 9)
    known = known_contents.KnownContents()
    known.learn_values(known.file(case.path), "v2:8x8x4:" + "0" * 32)
    known.keep(known.take_read())
    assert contents_of([case])[0].pixels == value_digests.value_digest(case.path)


def test_an_image_of_another_size_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [ct(tmp_path, name, seed, 9) for seed, name in enumerate("ab")]
    wanted = [content.pixels for content in contents_of(cases)]
    nibabel.save(nibabel.Nifti1Image(np.arange(60, dtype=np.int16).reshape(3, 4, 5), np.eye(4)), tmp_path / "small.nii")
    monkeypatch.setattr(value_digests, "value_digests", lambda path: pytest.fail(f"{path} is decoded"))
    assert images_of([tmp_path / "small.nii", cases[0].path], wanted) == ["", wanted[0]]


def test_preparing_xrays_reads_their_content_for_the_split(small_rsna: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from radlearn.scans.cache import cached_xrays

    cases = find_cases(small_rsna)[:6]
    cached_xrays([case.path for case in cases], 64, workers=2)
    monkeypatch.setattr(known_contents, "file_digest", lambda path: pytest.fail(f"{path} is read again"))
    assert all(content.pixels for content in contents_of(cases))
