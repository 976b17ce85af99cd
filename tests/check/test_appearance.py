"""Films that are odd beside the others; a few films say nothing about what is usual."""

from pathlib import Path

import numpy as np

from radlearn.check.appearance import film_findings, median_film, series_privacy
from radlearn.check.radiographs import FilmFacts, looks_of, thumbnail_of
from radlearn.scans.dicom import FilmHeader


def chest(seed: int) -> np.ndarray:
    """Return something with two dark fields, a bright middle, and a bright lower end; no two are equal."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:128, 0:128]
    fields = np.exp(-(((x - 38) / 20) ** 2 + ((y - 55) / 34) ** 2)) + np.exp(-(((x - 92) / 17) ** 2 + ((y - 52) / 36) ** 2))
    return np.clip(0.75 + 0.1 * (y / 128) - 0.6 * fields + rng.normal(0, 0.04, (128, 128)), 0, 1).astype(np.float32)


def film(name: str, pixels: np.ndarray) -> FilmFacts:
    return FilmFacts(Path(name), looks=looks_of(pixels), thumbnail=thumbnail_of(pixels))


def rules(films: list[FilmFacts]) -> dict[str, str]:
    return {one.file: one.rule for one in film_findings(films, Path())}


def test_usual_films_are_passed_over() -> None:
    assert rules([film(f"{number}.dcm", chest(number)) for number in range(20)]) == {}


def test_a_negative_a_turned_film_and_something_else_are_named() -> None:
    films = [film(f"{number}.dcm", chest(number)) for number in range(20)]
    films += [film("negative.dcm", 1 - chest(50)), film("turned.dcm", np.rot90(chest(51)).copy())]
    films += [film("head.dcm", chest(52)[::-1].copy()), film("other.dcm", np.random.default_rng(1).random((128, 128)))]
    found = rules(films)
    assert found == {
        "negative.dcm": "film-inverted",
        "turned.dcm": "film-turned",
        "head.dcm": "film-turned",
        "other.dcm": "film-unlike",
    }


def test_few_films_say_nothing_about_what_is_usual() -> None:
    films = [film(f"{number}.dcm", chest(number)) for number in range(4)] + [film("negative.dcm", 1 - chest(50))]
    assert median_film(films) is None
    assert rules(films) == {}


def test_an_even_film_and_a_burnt_out_one_are_named() -> None:
    burnt = chest(1)
    burnt[:40] = 1
    found = rules([film("even.dcm", np.full((128, 128), 0.5, np.float32)), film("burnt.dcm", burnt)])
    assert found == {"even.dcm": "film-constant", "burnt.dcm": "film-clipped"}


def test_a_series_is_told_of_once_where_its_headers_name_somebody() -> None:
    header = FilmHeader(None, "F", 40.0, None, "1", "study", "series", "image", "CT", "MONOCHROME2", (512, 512), 12)
    slices = [FilmFacts(Path(f"{number}.dcm"), header=header, identifying=("PatientName",)) for number in range(5)]
    (one,) = series_privacy(slices, Path())
    assert (one.rule, one.file) == ("privacy", "0.dcm")
    assert list(series_privacy([FilmFacts(Path("a.dcm"), header=header)], Path())) == []
