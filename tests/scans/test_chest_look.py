"""What an X-ray shows that no chest X-ray does is said, and of real and built-in X-rays nothing is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radlearn.scans.chest_look import look_doubts
from radlearn.scans.chest_xray import ChestWarning, refuse_no_chest_xray
from radlearn.scans.dicom import find_xrays, read_radiograph
from radlearn.scans.resize import resized


@pytest.fixture(scope="module")
def chests(built_in_xrays: Path) -> list[np.ndarray]:
    return [read_radiograph(path, 256).pixels for path in find_xrays(built_in_xrays)]


def without_lower_half(pixels: np.ndarray, grey: float) -> np.ndarray:
    lost = pixels.copy()
    lost[len(lost) // 2 :] = grey
    return lost


def test_nothing_is_said_of_chests_whole_or_cut_turned_or_padded(chests: list[np.ndarray]) -> None:
    for pixels in chests:
        for same in (pixels, resized(pixels, 64, 48), np.rot90(pixels), np.pad(pixels, ((0, 0), (90, 40))), pixels[30:-30, 30:-30]):
            assert look_doubts(same) == ()


def test_nothing_is_said_of_real_chests(shared_data: Path) -> None:
    for path in find_xrays([shared_data / "rsna_real_sample", *sorted((shared_data / "nih_multilabel_sample" / "images").iterdir())[::4]]):
        assert look_doubts(read_radiograph(path).pixels) == ()


@pytest.mark.parametrize("grey", [128 / 255, 0.3, 2048 / 4095])
def test_a_part_of_one_grey_is_said_with_its_size(chests: list[np.ndarray], grey: float) -> None:
    lost = without_lower_half(chests[0], grey)
    for image, words in ((lost, "50% of its rows"), (lost.T, "50% of its columns")):
        (doubt,) = look_doubts(image)
        assert doubt.startswith(f"{words} are of one grey from end to end ({grey:.0%} white)")


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_what_is_black_or_white_may_be_collimated(chests: list[np.ndarray], end: float) -> None:
    assert not any("of one grey" in doubt for doubt in look_doubts(without_lower_half(chests[0], end)))


def test_a_part_below_a_quarter_says_nothing(chests: list[np.ndarray]) -> None:
    lost = chests[0].copy()
    lost[:40] = 0.5
    assert look_doubts(lost) == ()


def noises() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        "uniform": draw.random((512, 400)),
        "normal": np.clip(draw.normal(0.5, 0.12, (300, 512)), 0, 1),
        "counts": draw.poisson(40, (224, 224)) / 100,
        "narrow": 0.5 + 0.02 * draw.random((1024, 1024)),
    }


@pytest.mark.parametrize("kind", list(noises()))
def test_noise_is_said(kind: str) -> None:
    (doubt,) = look_doubts(noises()[kind].astype(np.float32))
    assert "as noise is" in doubt


def gradients() -> dict[str, np.ndarray]:
    across = np.linspace(0, 1, 600)
    return {
        "across": np.tile(across, (400, 1)),
        "down": np.tile(across[:, None], (1, 300)),
        "diagonal": np.add.outer(across, across) / 2,
        "round": np.hypot.outer(across - 0.5, across - 0.5),
        "narrow": 0.2 + np.tile(across, (400, 1)) / 2,
    }


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("kind", list(gradients()))
def test_gradients_are_said(kind: str, bits: int) -> None:
    (doubt,) = look_doubts((np.round(gradients()[kind] * (2**bits - 1)) / (2**bits - 1)).astype(np.float32))
    assert "as that of a gradient" in doubt


def test_most_negatives_are_said_to_be_that(chests: list[np.ndarray]) -> None:
    doubts = [look_doubts(1 - pixels) for pixels in chests]
    assert np.mean([bool(found) for found in doubts]) > 0.8
    assert all("looks like the negative of a chest X-ray" in doubt for found in doubts for doubt in found)


@pytest.mark.parametrize(("axis", "where"), [(1, "side by side"), (0, "one above the other")])
def test_most_pairs_of_chests_in_one_image_are_said(chests: list[np.ndarray], axis: int, where: str) -> None:
    pairs = [np.concatenate(pair, axis=axis) for pair in zip(chests[::2], chests[1::2], strict=False)]
    told = [f"looks like two X-rays {where}" in " ".join(look_doubts(pair)) for pair in pairs]
    assert np.mean(told) > 0.6


def test_what_shows_nothing_or_hardly_has_pixels_is_left_to_others() -> None:
    assert look_doubts(np.zeros((64, 64), np.float32)) == look_doubts(np.full((64, 64), 0.5, np.float32)) == ()
    assert look_doubts(np.random.default_rng(0).random((9, 300)).astype(np.float32)) == ()


def test_it_is_a_note_on_an_xray_and_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    Image.fromarray((noises()["uniform"] * 255).astype(np.uint8)).save(path)
    with pytest.warns(ChestWarning, match="noise.png: its pixels are as unlike their neighbours"):
        (note,) = refuse_no_chest_xray(path, read_radiograph(path))
    assert note.endswith("nothing can be seen on it")
