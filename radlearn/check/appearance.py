"""What is odd about an X-ray by itself, and beside the others of its folder: its header's words, its blacks and whites, what lies on it.

A chest's normal appearance is learnt from the folder, as the median of its X-rays, so that a lone X-ray is not compared. A mirrored X-ray
is reported only where it is plain: many chests are nearly symmetrical. Which way up an X-ray lies, and whether it is a negative, is known
without the others too (`scans.way_up`, `scans.chest_look`): all of a folder may be that.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from radlearn.challenges.folders import within
from radlearn.check.findings import Finding
from radlearn.check.headers import age_shown, burnt_in
from radlearn.check.radiographs import INVERTED, LOOK, XrayFacts
from radlearn.scans.chest_xray import CONSTANT_BELOW, TWO_VALUES, header_doubts
from radlearn.scans.header_texts import OLDEST_YEARS, age_in_years
from radlearn.scans.plain_images import is_plain_image
from radlearn.scans.same_xrays import ORIENTATIONS, oriented
from radlearn.scans.way_up import most_lie, way_up

NOTHING_WORDS = ("shows nothing", TWO_VALUES)
"Of a refusal by what is on an X-ray."
LEAST_XRAYS = 12
"Fewer say nothing about what is usual."
MOST_BLACK, MOST_WHITE = 0.6, 0.2
"Shares of an X-ray; of 110 real X-rays at most 0.12 and 0.001 are that."
INVERTED_BELOW, UNLIKE_BELOW = -0.25, 0.25
"Correlation with the median X-ray; 110 real X-rays have 0.47 and more."
TURNED_BY, MIRRORED_BY = 0.15, 0.12
"By how much a turned X-ray must resemble the median more than it does as it is; 0.04 is the most that real mirror images do."


def xray_findings(facts: Sequence[XrayFacts], root: Path) -> Iterator[Finding]:
    """Yield what is odd about X-rays, one by one and beside each other."""
    for xray in facts:
        name = within(xray.path, root)
        if xray.trouble:
            yield Finding(xray.rule, name, xray.trouble)
            continue
        yield from (Finding(rule, name, found) for rule, found in xray.remarks)
        yield from (Finding(rule, name, found) for rule, found in _by_header(xray))
        yield from (Finding(rule, name, found) for rule, found in _by_looks(xray))
    # What is hidden under black or white resembles nothing, as what has been named; beside negatives the others would look inverted.
    hidden = (is_constant, is_clipped, _is_named_for_its_look)
    seen = [xray for xray in facts if xray.thumbnail is not None and not any(why(xray) for why in hidden)]
    yield from _beside_the_others(seen, root)


def refused_findings(facts: Sequence[XrayFacts], labelled: Collection[Path], root: Path) -> list[Finding]:
    """Return an error for each labelled X-ray that training refuses by its modality or its size, which are doubts of any other."""
    return [
        Finding("image-not-xray" if "Modality" in one.refused else "image-small", within(one.path, root), one.refused, weight="error")
        for one in facts
        if one.path in labelled and one.refused and not is_constant(one)
    ]


def series_privacy(facts: Sequence[XrayFacts], root: Path) -> Iterator[Finding]:
    """Yield one finding for each DICOM series whose headers may tell who somebody is; its slices say the same."""
    seen: set[str] = set()
    for one in facts:
        if one.header is not None and one.is_slice and one.identifying and one.header.series_uid not in seen:
            seen.add(one.header.series_uid)
            found = f"filled in, here and maybe in the series' other slices: {', '.join(one.identifying)}"
            yield Finding("privacy", within(one.path, root), found)


def is_constant(xray: XrayFacts) -> bool:
    """Whether an X-ray shows nothing at all, or two grey values alone."""
    return bool(xray.looks) and (xray.looks["contrast"] < CONSTANT_BELOW or any(words in xray.refused for words in NOTHING_WORDS))


def is_clipped(xray: XrayFacts) -> bool:
    """Whether much of an X-ray is pure black or pure white."""
    return bool(xray.looks) and (xray.looks["share of pure black"] > MOST_BLACK or xray.looks["share of pure white"] > MOST_WHITE)


def _is_named_for_its_look(xray: XrayFacts) -> bool:
    return any(rule in (LOOK, *INVERTED) for rule, _ in xray.remarks)


def median_xray(facts: Sequence[XrayFacts]) -> np.ndarray | None:
    """Return what X-rays look like in the median, float (side · side,) of mean 0 and length 1; None where they are too few to say."""
    thumbnails = [xray.thumbnail for xray in facts if xray.thumbnail is not None]
    if len(thumbnails) < LEAST_XRAYS:
        return None
    # A sample is enough, and keeps memory small.
    step = max(1, len(thumbnails) // 2000)
    median = np.median(np.stack([_normalised(one) for one in thumbnails[::step]]), axis=0)
    return _normalised(median)


def _by_header(xray: XrayFacts) -> Iterator[tuple[str, str]]:
    header, said = xray.header, xray.told
    if header is None:
        return
    if xray.identifying and not xray.is_slice:
        yield "privacy", f"filled in: {', '.join(xray.identifying)}"
    if burnt_in(said):
        yield "burnt-in", "BurnedInAnnotation is YES"
    if not xray.is_slice:
        yield from header_doubts(header)
    age = said.get("PatientAge", "")
    if age and age_in_years(age) is None:
        yield "age", f"PatientAge is {age_shown(age)}; expected an age of up to {OLDEST_YEARS} years"


def _by_looks(xray: XrayFacts) -> Iterator[tuple[str, str]]:
    if not xray.looks:
        return
    if is_constant(xray):
        yield "image-constant", xray.refused or f"every pixel is about {xray.looks['mean brightness']:.0%} white"
        return
    if is_clipped(xray):
        black, white = xray.looks["share of pure black"], xray.looks["share of pure white"]
        yield "image-clipped", f"{black:.0%} of it is pure black, {white:.0%} pure white"


def _beside_the_others(facts: Sequence[XrayFacts], root: Path) -> Iterator[Finding]:
    ways = {xray.path: way_up(xray.thumbnail) for xray in facts if xray.thumbnail is not None}
    others_lie, _ = most_lie(list(ways.values()))
    median = median_xray(facts)
    for xray in facts:
        thumbnail = xray.thumbnail
        # A header that says two things of black and white has been named for it.
        if thumbnail is None or "image-polarity" in dict(xray.remarks):
            continue
        if way := ways[xray.path]:
            yield Finding("image-turned", within(xray.path, root), f"it looks like the X-ray of a chest that is {way}")
            continue
        if median is None:
            continue
        like = [float(_normalised(oriented(thumbnail, turn)) @ median) for turn in range(len(ORIENTATIONS))]
        best = int(np.argmax(like))
        name = within(xray.path, root)
        seen = f"its likeness to the median of all X-rays is {f'{like[0]:.2f}'.replace('-', '−')} (1 is the same, −1 its negative)"
        # An upside-down X-ray may resemble the median's negative too, but less than it resembles the median when it is turned back.
        if like[0] < INVERTED_BELOW and -like[0] >= like[best]:
            yield Finding(INVERTED[is_plain_image(xray.path)], name, seen)
        # Where the others lie turned, an upright one is what looks turned.
        elif not others_lie and like[best] - like[0] > (MIRRORED_BY if ORIENTATIONS[best] == "mirrored" else TURNED_BY):
            turned = f"it looks more like the other X-rays when {ORIENTATIONS[best]}: {like[best]:.2f}, not {like[0]:.2f}"
            yield Finding("image-turned", name, turned)
        elif not others_lie and like[0] < UNLIKE_BELOW:
            yield Finding("image-unlike", name, seen)


def _normalised(thumbnail: np.ndarray) -> np.ndarray:
    flat = thumbnail.astype(np.float64).ravel()
    flat -= flat.mean()
    return flat / max(float(np.linalg.norm(flat)), 1e-9)
