"""One X-ray under two names is found however it was turned, and two X-rays are not taken for one."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from radlearn.challenges.xray_case import XrayCase
from radlearn.check.duplicates import duplicate_findings
from radlearn.check.radiographs import XrayFacts
from radlearn.scans.look_alikes import fingerprints
from radlearn.scans.same_xrays import ORIENTATIONS, groups, oriented, same_xrays


def xrays(count: int, seed: int = 0) -> np.ndarray:
    """Return thumbnails that share their broad light and dark, as chests do, and differ in what is fine."""
    rng = np.random.default_rng(seed)
    broad = gaussian_filter(rng.normal(size=(32, 32)), 6)
    fine = gaussian_filter(rng.normal(size=(count, 32, 32)), (0, 1, 1))
    mixed = broad / broad.std() + 0.5 * fine / fine.std()
    return np.rint(255 * (mixed - mixed.min()) / np.ptp(mixed)).astype(np.uint8)


def test_different_xrays_are_no_pair() -> None:
    assert same_xrays(xrays(300)) == []


@pytest.mark.parametrize("orientation", range(8))
def test_a_turned_or_mirrored_copy_is_found_and_named(orientation: int) -> None:
    all_xrays = xrays(30)
    all_xrays[21] = oriented(all_xrays[4], orientation)
    (pair,) = same_xrays(all_xrays)
    assert (pair.first, pair.second, pair.how) == (4, 21, ORIENTATIONS[orientation])


def test_a_negative_and_a_gamma_are_the_same_xray() -> None:
    all_xrays = xrays(20)
    all_xrays[7] = 255 - all_xrays[3]
    all_xrays[9] = np.rint(255 * (all_xrays[5] / 255) ** 1.2)
    found = {(pair.first, pair.second): pair.how for pair in same_xrays(all_xrays)}
    assert set(found) == {(3, 7), (5, 9)}
    assert found[3, 7].endswith("as a negative")


def test_pairs_are_found_across_the_blocks_of_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radlearn.scans.same_xrays.ROWS_AT_ONCE", 7)
    all_xrays = xrays(40)
    all_xrays[39] = all_xrays[1]
    assert [(pair.first, pair.second) for pair in same_xrays(all_xrays)] == [(1, 39)]


def test_three_copies_are_one_group() -> None:
    all_xrays = xrays(12)
    all_xrays[[5, 9]] = all_xrays[2]
    assert [numbers for numbers, _ in groups(same_xrays(all_xrays))] == [[2, 5, 9]]


def test_an_xray_without_detail_is_like_no_other() -> None:
    assert not fingerprints(np.full((2, 32, 32), 90, np.uint8)).any()
    assert same_xrays(np.full((2, 32, 32), 90, np.uint8)) == []


def test_oriented_covers_all_eight_and_the_words_fit() -> None:
    picture = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    assert len({oriented(picture, turn).tobytes() for turn in range(8)}) == 8
    assert np.array_equal(oriented(picture, ORIENTATIONS.index("mirrored")), picture[:, ::-1])
    assert np.array_equal(oriented(picture, ORIENTATIONS.index("turned by 180°")), picture[::-1, ::-1])
    assert np.array_equal(oriented(picture, ORIENTATIONS.index("upside down in a mirror")), picture[::-1])


Boxes = tuple[tuple[float, float, float, float], ...]
ONE: Boxes = ((10, 10, 50, 60),)
TWO: Boxes = (*ONE, (70, 20, 90, 40))


@pytest.mark.parametrize(
    ("boxes", "turned", "digests", "rule"),
    [
        ((ONE, TWO), 0, (b"a", b"a"), "image-other-boxes"),
        ((ONE, ((10, 10, 50, 80),)), 0, (b"a", b"a"), "image-other-boxes"),
        ((ONE, TWO), 0, (b"a", b"b"), "image-other-boxes"),
        ((TWO, TWO[::-1]), 0, (b"a", b"a"), "file-twice"),
        ((ONE, ((10.4, 10, 50, 59.5),)), 0, (b"a", b"b"), "image-twice"),
        # Turned with the X-ray, a box has other numbers.
        ((ONE, ((30, 20, 80, 60),)), 1, (b"a", b"b"), "image-twice"),
    ],
)
def test_one_xray_with_other_boxes_is_an_error(boxes: tuple[Boxes, Boxes], turned: int, digests: tuple[bytes, bytes], rule: str) -> None:
    picture = xrays(1)[0]
    paths = [Path("a.png"), Path("b.png")]
    pictures = [picture, np.ascontiguousarray(oriented(picture, turned))]
    facts = [XrayFacts(path, digest=digest, thumbnail=one) for path, digest, one in zip(paths, digests, pictures, strict=True)]
    cases = {path: XrayCase(path.stem, path, True, drawn, None, "p") for path, drawn in zip(paths, boxes, strict=True)}
    (found,) = duplicate_findings(facts, cases, Path())
    assert found.rule == rule
    assert found.found.endswith("; their boxes differ") == (rule == "image-other-boxes")
