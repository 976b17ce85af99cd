"""X-rays that are odd beside the others; a few X-rays say nothing about what is usual."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from radlearn.check.appearance import median_xray, series_privacy, xray_findings
from radlearn.check.radiographs import XrayFacts, looks_of
from radlearn.scans.dicom import RadiographHeader, find_xrays, read_radiograph
from radlearn.scans.look_alikes import thumbnail_of


def chest(seed: int) -> np.ndarray:
    """Return something with two dark fields, a bright middle, and a bright lower end; no two are equal."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:128, 0:128]
    fields = np.exp(-(((x - 38) / 20) ** 2 + ((y - 55) / 34) ** 2)) + np.exp(-(((x - 92) / 17) ** 2 + ((y - 52) / 36) ** 2))
    return np.clip(0.75 + 0.1 * (y / 128) - 0.6 * fields + rng.normal(0, 0.04, (128, 128)), 0, 1).astype(np.float32)


def xray(name: str, pixels: np.ndarray) -> XrayFacts:
    return XrayFacts(Path(name), looks=looks_of(pixels), thumbnail=thumbnail_of(pixels))


def rules(xrays: list[XrayFacts]) -> dict[str, str]:
    return {one.file: one.rule for one in xray_findings(xrays, Path())}


def test_usual_xrays_are_passed_over() -> None:
    assert rules([xray(f"{number}.dcm", chest(number)) for number in range(20)]) == {}


def test_a_negative_a_turned_xray_and_something_else_are_named() -> None:
    xrays = [xray(f"{number}.dcm", chest(number)) for number in range(20)]
    xrays += [xray("negative.dcm", 1 - chest(50)), xray("turned.dcm", np.rot90(chest(51)).copy())]
    xrays += [xray("negative.png", 1 - chest(53))]
    xrays += [xray("head.dcm", chest(52)[::-1].copy()), xray("other.dcm", np.random.default_rng(1).random((128, 128)))]
    found = rules(xrays)
    assert found == {
        "negative.dcm": "image-inverted",
        "negative.png": "picture-inverted",
        "turned.dcm": "image-turned",
        "head.dcm": "image-turned",
        "other.dcm": "image-unlike",
    }


def test_an_upside_down_xray_that_resembles_the_negative_is_called_turned() -> None:
    """Dark above and bright below: upside down it is as unlike the median as a negative, but nothing is inverted."""
    slope = np.linspace(0, 1.5, 128, dtype=np.float32)[:, None]
    xrays = [xray(f"{number}.dcm", (chest(number) + slope) / 2.5) for number in range(20)]
    turned, negative = (chest(50) + slope)[::-1] / 2.5, 1 - (chest(51) + slope) / 2.5
    found = rules([*xrays, xray("turned.dcm", turned.copy()), xray("negative.dcm", negative)])
    assert found == {"turned.dcm": "image-turned", "negative.dcm": "image-inverted"}


def test_few_xrays_say_nothing_about_what_is_usual() -> None:
    xrays = [xray(f"{number}.dcm", chest(number)) for number in range(4)] + [xray("negative.dcm", 1 - chest(50))]
    assert median_xray(xrays) is None
    assert rules(xrays) == {}


def test_an_even_xray_and_a_burnt_out_one_are_named() -> None:
    burnt = chest(1)
    burnt[:40] = 1
    found = rules([xray("even.dcm", np.full((128, 128), 0.5, np.float32)), xray("burnt.dcm", burnt)])
    assert found == {"even.dcm": "image-constant", "burnt.dcm": "image-clipped"}


def test_a_series_is_told_of_once_where_its_headers_name_somebody() -> None:
    header = RadiographHeader(None, "F", 40.0, None, "1", "study", "series", "image", "CT", "MONOCHROME2", (512, 512), 12)
    slices = [XrayFacts(Path(f"{number}.dcm"), header=header, identifying=("PatientName",)) for number in range(5)]
    (one,) = series_privacy(slices, Path())
    assert (one.rule, one.file) == ("privacy", "0.dcm")
    assert list(series_privacy([XrayFacts(Path("a.dcm"), header=header)], Path())) == []


def built_in(folder: Path, count: int) -> list[np.ndarray]:
    return [read_radiograph(path, 128).pixels for path in find_xrays(folder)[:count]]


@pytest.mark.parametrize("turn", [np.flipud, np.rot90, np.transpose, lambda pixels: pixels[::-1, ::-1]])
@pytest.mark.parametrize("count", [1, 5, 20])
def test_a_folder_whose_xrays_are_all_turned_alike_is_named(
    built_in_xrays: Path, turn: Callable[[np.ndarray], np.ndarray], count: int
) -> None:
    upright = built_in(built_in_xrays, count)
    assert rules([xray(f"{number}.png", pixels) for number, pixels in enumerate(upright)]) == {}
    found = rules([xray(f"{number}.png", turn(pixels).copy()) for number, pixels in enumerate(upright)])
    assert set(found.values()) == {"image-turned"}
    assert len(found) >= 0.8 * count


def test_upright_xrays_among_turned_ones_are_not_called_turned(built_in_xrays: Path) -> None:
    pixels = built_in(built_in_xrays, 20)
    xrays = [xray(f"{number}.png", one if number < 4 else one[::-1].copy()) for number, one in enumerate(pixels)]
    found = rules(xrays)
    assert set(found.values()) == {"image-turned"}
    assert not {f"{number}.png" for number in range(4)} & set(found)
