"""Whether the headers of a series agree: that its slices are of one person and one study, and with each other about lengths.

Some lengths stand in a header twice. Where they differ nobody knows which is right, and millilitres follow from them; so that is said, and
nothing is chosen. Never is an identity itself put into words: messages are shown, logged and sent around.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from radlearn.errors import UnreadableScan
from radlearn.scans.body_parts import far_part_in
from radlearn.scans.decimals import decimals
from radlearn.scans.doubt import Doubt
from radlearn.scans.projections import projection_note, refuse_no_slices

OF_ONE_PERSON = ("PatientID",)
OF_ONE_STUDY = ("StudyInstanceUID", "FrameOfReferenceUID")
OF_ONE_KIND = ("PatientBirthDate", "PatientSex", "PixelRepresentation", "BitsStored")
"What differs in no series as scanners write it, and does not prove that slices do not belong together."
BODY_PART, DESCRIPTION, IMAGE_TYPE = "BodyPartExamined", "SeriesDescription", "ImageType"
LENGTHS = ("SliceLocation", "SpacingBetweenSlices", "ReconstructionDiameter", "SliceThickness")
RESCALE = ("RescaleSlope", "RescaleIntercept")

RESCALED = "ct-rescaled"
"Right where a scanner rescales each slice by itself: it matters only where the values look wrong."
STEPS_WITHIN, ROUNDED_WITHIN_MM = 1.2, 2.0
"Ratio of two distances between slices; and of the whole stack in mm, because some scanners round SliceLocation to millimetres."
DIAMETER_WITHIN = 1.25
MATRICES = (256, 320, 340, 512, 768, 1024)
"Pixels along the diameter as scanners reconstruct it: a cropped image keeps the diameter of the whole, and its own spacing."
WHICH = "Which of them is right is unknown, and millilitres follow from it: look at the scanner's protocol, or export it again."


class Told(NamedTuple):
    """What one slice says: texts by their keyword, "" where it says nothing; lengths in mm and its rescaling, NaN where it says none."""

    texts: dict[str, str]
    lengths: dict[str, float]


Named = tuple[str, Told]
"The name of a file, and what it says."


def told_of(said: Any) -> Told:
    """Return what a header says of its person, its study and its lengths."""
    texts = {}
    for keyword in (*OF_ONE_PERSON, *OF_ONE_STUDY, *OF_ONE_KIND, BODY_PART, DESCRIPTION, IMAGE_TYPE):
        value = said.get(keyword)
        whole = "" if value is None else value if isinstance(value, str) or not isinstance(value, Sequence) else "\\".join(map(str, value))
        texts[keyword] = str(whole).strip(" \0")
    return Told(texts, {keyword: _length(said, keyword) for keyword in (*LENGTHS, *RESCALE)})


def refuse_mixed(where: str, slices: Sequence[Named]) -> None:
    """Raise an UnreadableScan where slices of a series are of several people or studies, or are no slices.

    UIDs of their own in most slices are the work of software that was to make them anonymous, and say nothing.
    """
    refuse_no_slices(where, [told.texts[IMAGE_TYPE] for _, told in slices])
    for keyword in (*OF_ONE_PERSON, *OF_ONE_STUDY):
        filled = [(name, told.texts[keyword]) for name, told in slices if told.texts[keyword]]
        different = {value for _, value in filled}
        if len(different) < 2 or (keyword in OF_ONE_STUDY and 2 * len(different) > len(filled)):
            continue
        first = filled[0]
        other = next(one for one in filled if one[1] != first[1])
        of = "people" if keyword in OF_ONE_PERSON else "examinations"
        raise UnreadableScan(
            f"{where}: its slices are of several {of}: {keyword} has {len(different)} different values, one in {first[0]} and another in "
            f"{other[0]}. Put the slices of each into a folder of its own, or correct the header."
        )


def header_notes(slices: Sequence[Named], step_mm: float) -> Iterator[str]:
    """Yield what is odd where slices that belong together say different things of themselves, or are of no chest, or projections.

    Args:
        step_mm: between neighbours, by their positions.
    """
    texts = [told.texts for _, told in slices]
    thickness = float(np.median([told.lengths["SliceThickness"] for _, told in slices]))
    if note := projection_note([one[DESCRIPTION] for one in texts], [one[IMAGE_TYPE] for one in texts], thickness, step_mm):
        yield note
    if part := far_part_in(slices[0][1].texts[BODY_PART]):
        yield f"{BODY_PART} names {part}: is it a CT of the chest?"
    for keyword in (*OF_ONE_PERSON, *OF_ONE_KIND):
        values = [told.texts[keyword] for _, told in slices]
        usual, count = Counter(values).most_common(1)[0]
        if count == len(values):
            continue
        odd = next(name for (name, _), value in zip(slices, values, strict=True) if value != usual)
        empty = values.count("")
        how = f"is missing in {empty}" if empty > 0 and len(set(values)) == 2 else f"is another in {len(values) - count}"
        yield f"{keyword} {how} of its {len(values)} slices (such as {odd}): do they belong together?"


def header_doubts(slices: Sequence[Named], step_mm: float, spacing_mm: tuple[float, float], size_px: tuple[int, int]) -> Iterator[Doubt]:
    """Yield a doubt where lengths in the headers contradict the positions and the spacing, or slices are rescaled differently.

    Args:
        slices: in their order along the stack.
        step_mm: between neighbours, by their positions.
        spacing_mm, size_px: of the pixels: (between rows, between columns), (rows, columns).
    """
    for keyword in RESCALE:
        values = [told.lengths[keyword] for _, told in slices]
        usual, count = Counter(values).most_common(1)[0]
        if count < len(values) and np.isfinite(values).all():
            odd = next(number for number, value in enumerate(values) if value != usual)
            found = f"{keyword} is {usual:g} in {count} of its {len(values)} slices and another in the rest"
            yield Doubt(RESCALED, f"{found} ({values[odd]:g} in {slices[odd][0]})", "Export it again, with one rescaling for all slices.")
    others = _other_steps(slices, step_mm)
    if others:
        listed = " and ".join(f"{step:.3g} mm by {keyword}" for keyword, step in others.items())
        found = f"its slices are {step_mm:.3g} mm apart by ImagePositionPatient, but {listed}"
        yield Doubt("ct-size", f"{found}. {WHICH}")
    diameters = [told.lengths["ReconstructionDiameter"] for _, told in slices]
    diameter = float(np.median(diameters)) if np.isfinite(diameters).all() else np.nan
    across_mm = max(length * count for length, count in zip(spacing_mm, size_px, strict=True))
    if diameter > 0 and not _agree(diameter, across_mm, DIAMETER_WITHIN) and not _is_cropped(diameter, spacing_mm, size_px):
        found = f"it is {across_mm:.3g} mm wide by PixelSpacing, but {diameter:.3g} mm by ReconstructionDiameter"
        yield Doubt("ct-size", f"{found}. {WHICH}")


def _other_steps(slices: Sequence[Named], step_mm: float) -> dict[str, float]:
    """Return the distances between slices that contradict `step_mm`, by their keyword."""
    gaps = len(slices) - 1
    found = {}
    located = np.array([told.lengths["SliceLocation"] for _, told in slices])
    if np.isfinite(located).all() and (np.diff(located) > 0).all() | (np.diff(located) < 0).all():
        step = float(abs(located[-1] - located[0])) / gaps
        if _agree(step, step_mm, STEPS_WITHIN) or abs(step - step_mm) * gaps <= ROUNDED_WITHIN_MM:
            # Two against one: where some slices were left out SpacingBetweenSlices is of the whole series.
            return {}
        found["SliceLocation"] = step
    between = [abs(told.lengths["SpacingBetweenSlices"]) for _, told in slices]
    step = float(np.median(between)) if np.isfinite(between).all() else 0.0
    if step > 0 and not _agree(step, step_mm, STEPS_WITHIN):
        found["SpacingBetweenSlices"] = step
    return found


def _is_cropped(diameter_mm: float, spacing_mm: tuple[float, float], size_px: tuple[int, int]) -> bool:
    whole = diameter_mm / max(spacing_mm)
    return whole > max(size_px) and any(_agree(whole, matrix, 1.005) for matrix in MATRICES)


def _agree(one: float, other: float, within: float) -> bool:
    return max(one, other) <= within * min(one, other)


def _length(said: Any, keyword: str) -> float:
    try:
        values = decimals(said, keyword)
    # What cannot be read contradicts nothing.
    except (ValueError, TypeError):
        return float("nan")
    return values[0] if len(values) == 1 else float("nan")
