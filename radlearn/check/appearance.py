"""What is odd about a film by itself, and beside the others of its folder: its header's words, its blacks and whites, what lies on it.

What a chest looks like is not known here; it is learnt from the folder, as the median of its films. So a folder of inverted films is
taken as it is, and a lone film is not judged. A film that is mirrored is told only where it is plain: many chests are nearly symmetrical.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from radlearn.check.duplicates import ORIENTATIONS, oriented
from radlearn.check.findings import Finding
from radlearn.check.headers import burnt_in
from radlearn.check.radiographs import FilmFacts, within
from radlearn.scans.dicom import OLDEST_YEARS, age_in_years

LEAST_FILMS = 12
"Fewer say nothing about what is usual."
CONSTANT_BELOW = 0.004
"Standard deviation, where 1 is white: one step of 8 bits."
MOST_BLACK, MOST_WHITE = 0.6, 0.2
"Shares of a film; of 110 real films at most 0.12 and 0.001 are that."
LEAST_PX = 200
INVERTED_BELOW, UNLIKE_BELOW = -0.25, 0.25
"Correlation with the median film; 110 real films have 0.47 and more."
TURNED_BY, MIRRORED_BY = 0.15, 0.12
"By how much a turned film must resemble the median more than it does as it is; 0.04 is the most that real mirror images do."
FRONTAL = {"PA", "AP", "AP SUPINE", "AP ERECT", ""}
FILM_MODALITIES = {"CR", "DX", "DR", "RG", "XA", "RF", "OT", ""}
CHEST = ("CHEST", "THORAX", "LUNG", "RIB", "PORT CHEST", "")


def film_findings(facts: Sequence[FilmFacts], root: Path) -> Iterator[Finding]:
    """Yield what is odd about films, one by one and beside each other."""
    for film in facts:
        name = within(film.path, root)
        if film.trouble:
            yield Finding(film.rule, name, film.trouble)
            continue
        yield from (Finding(rule, name, found) for rule, found in film.remarks)
        yield from (Finding(rule, name, found) for rule, found in _by_header(film))
        yield from (Finding(rule, name, found) for rule, found in _by_looks(film))
    # What is hidden under black or white resembles nothing.
    seen = [film for film in facts if film.thumbnail is not None and not is_constant(film) and not is_clipped(film)]
    yield from _beside_the_others(seen, root)


def series_privacy(facts: Sequence[FilmFacts], root: Path) -> Iterator[Finding]:
    """Yield one finding for each DICOM series whose headers may tell who somebody is; its slices say the same."""
    seen: set[str] = set()
    for one in facts:
        if one.header is not None and one.is_slice and one.identifying and one.header.series_uid not in seen:
            seen.add(one.header.series_uid)
            yield Finding(
                "privacy", within(one.path, root), f"filled in, here and maybe in the series' other slices: {', '.join(one.identifying)}"
            )


def is_constant(film: FilmFacts) -> bool:
    """Whether a film shows nothing at all."""
    return bool(film.looks) and film.looks["contrast"] < CONSTANT_BELOW


def is_clipped(film: FilmFacts) -> bool:
    """Whether much of a film is pure black or pure white."""
    return bool(film.looks) and (film.looks["share of pure black"] > MOST_BLACK or film.looks["share of pure white"] > MOST_WHITE)


def median_film(facts: Sequence[FilmFacts]) -> np.ndarray | None:
    """Return what films look like in the median, float (side · side,) of mean 0 and length 1; None where they are too few to say."""
    thumbnails = [film.thumbnail for film in facts if film.thumbnail is not None]
    if len(thumbnails) < LEAST_FILMS:
        return None
    # A sample is enough, and keeps memory small.
    step = max(1, len(thumbnails) // 2000)
    median = np.median(np.stack([_normalised(one) for one in thumbnails[::step]]), axis=0)
    return _normalised(median)


def _by_header(film: FilmFacts) -> Iterator[tuple[str, str]]:
    header, said = film.header, film.told
    if header is None:
        return
    if film.identifying and not film.is_slice:
        yield "privacy", f"filled in: {', '.join(film.identifying)}"
    if burnt_in(said):
        yield "burnt-in", "BurnedInAnnotation is YES"
    if header.modality not in FILM_MODALITIES and not film.is_slice:
        yield "film-not-xray", f"Modality is {header.modality}"
    if (view := (header.view or "").upper()) not in FRONTAL and not film.is_slice:
        yield "film-lateral", f"the view is {view}"
    part = said.get("BodyPartExamined", "").upper()
    if part and not any(word and word in part for word in CHEST) and not film.is_slice:
        yield "film-not-chest", f"BodyPartExamined is {part}"
    age = said.get("PatientAge", "")
    if age and age_in_years(age) is None:
        yield "age", f"PatientAge is {age!r}; expected an age of up to {OLDEST_YEARS} years"
    if min(header.size_px) < LEAST_PX and not film.is_slice:
        yield "film-small", f"{header.size_px[1]} × {header.size_px[0]} px (width × height)"


def _by_looks(film: FilmFacts) -> Iterator[tuple[str, str]]:
    if not film.looks:
        return
    if is_constant(film):
        yield "film-constant", f"every pixel is about {film.looks['mean brightness']:.0%} white"
        return
    if is_clipped(film):
        black, white = film.looks["share of pure black"], film.looks["share of pure white"]
        yield "film-clipped", f"{black:.0%} of it is pure black, {white:.0%} pure white"


def _beside_the_others(facts: Sequence[FilmFacts], root: Path) -> Iterator[Finding]:
    median = median_film(facts)
    if median is None:
        return
    for film in facts:
        thumbnail = film.thumbnail
        # A header that says two things of black and white has been named for it.
        if thumbnail is None or "film-polarity" in dict(film.remarks):
            continue
        like = [float(_normalised(oriented(thumbnail, turn)) @ median) for turn in range(len(ORIENTATIONS))]
        best = int(np.argmax(like))
        name = within(film.path, root)
        seen = f"its likeness to the folder's median film is {like[0]:.2f} (1 is the same, −1 its negative)".replace("-", "−")
        if like[0] < INVERTED_BELOW:
            yield Finding("film-inverted", name, seen)
        elif like[best] - like[0] > (MIRRORED_BY if ORIENTATIONS[best] == "mirrored" else TURNED_BY):
            yield Finding(
                "film-turned", name, f"it looks more like the other films when {ORIENTATIONS[best]}: {like[best]:.2f}, not {like[0]:.2f}"
            )
        elif like[0] < UNLIKE_BELOW:
            yield Finding("film-unlike", name, seen)


def _normalised(thumbnail: np.ndarray) -> np.ndarray:
    flat = thumbnail.astype(np.float64).ravel()
    flat -= flat.mean()
    return flat / max(float(np.linalg.norm(flat)), 1e-9)
