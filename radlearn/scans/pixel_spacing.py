"""How large a pixel of an X-ray is in the patient, as far as the header can be trusted.

An X-ray shows a shadow, which is larger than what casts it: the detector's spacing divided by the magnification is that in the patient.
ImagerPixelSpacing is at the detector. PixelSpacing is calibrated to the patient where it differs from ImagerPixelSpacing or says how it was
calibrated; where it equals ImagerPixelSpacing it is at the detector too. Source: DICOM PS3.3 10.7.1.3 and C.8.11.
"""

from typing import Any, NamedTuple

from radlearn.scans.decimals import decimals

DAMAGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
# Computed Radiography, and Digital X-Ray for presentation and for processing: DICOM PS3.4, table B.5-1.
MEASURABLE = {"1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1.1"}
SAME_WITHIN = 1e-3
SQUARE_WITHIN = 0.01
LEAST_MAGNIFIED, MOST_MAGNIFIED = 1.005, 3.0
LEAST_MM, MOST_MM = 0.01, 10.0
"Of a pixel: a mammogram has 0.05 mm, and a chest X-ray of 64 pixels 7 mm."
LEAST_SIDE_MM, MOST_SIDE_MM = 50.0, 600.0
"Of the longer side of a chest X-ray, with some room: that of a newborn has 100 mm, the largest detectors 430 mm."
GROWN_YEARS, LEAST_GROWN_MM = 16, 250.0
"From this age on lungs alone are about 300 mm wide or high: less has an X-ray that was made smaller and kept the spacing of before."
FACTORS_AGREE_WITHIN = 0.1
UNKNOWN = (1.0, 1.0)
"Exactly that is written by programs that know no size: by ITK where a picture becomes DICOM, NIfTI or MetaImage."
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
"Of these lengths are not measured anyway: they may have been cut or stretched after their sizes were written."
NONE_TAKEN = "no millimetres are taken from it"

Lengths = tuple[float, float]  # (row, column) in mm


class PixelSpacing(NamedTuple):
    """(row, column) in the patient in mm, None where it is not known; the fields it comes from; and what contradicts it, if anything."""

    mm: Lengths | None
    source: str = ""
    note: str = ""


def pixel_spacing_of(said: Any) -> PixelSpacing:
    """Return the spacing in the patient that the header of an X-ray gives; none where it would make the X-ray too small or too large.

    >>> pixel_spacing_of({"ImagerPixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": 1.25})
    PixelSpacing(mm=(0.16, 0.16), source='ImagerPixelSpacing / magnification 1.25', note='')
    """
    found = _said_spacing(said)
    impossible = "" if found.mm is None else _impossible_size(said, found.mm)
    return PixelSpacing(None, "", impossible) if impossible else found


def _said_spacing(said: Any) -> PixelSpacing:
    lengths = {keyword: spacing_in(said, keyword) for keyword in ("PixelSpacing", "ImagerPixelSpacing")}
    stopgaps = [keyword for keyword, one in lengths.items() if one == UNKNOWN]
    pixel, imager = (None if keyword in stopgaps else one for keyword, one in lengths.items())
    known = pixel or imager
    if shape := _contradiction(said, known):
        return PixelSpacing(None, "", shape)
    if known and not (min(known) >= LEAST_MM and max(known) <= MOST_MM):
        found = f"its pixels are {known[0]:g} × {known[1]:g} mm by its header"
        return PixelSpacing(None, "", f"{found}, which no image has: {NONE_TAKEN}")
    if pixel and imager and not _same(pixel, imager) and not _is_magnified(pixel, imager):
        found = f"PixelSpacing is {pixel[0]:g} × {pixel[1]:g} mm and ImagerPixelSpacing {imager[0]:g} × {imager[1]:g} mm"
        return PixelSpacing(None, "", f"{found}: no magnification makes the one of the other, so none is taken")
    if pixel and (_text(said, "PixelSpacingCalibrationType") or (imager and not _same(pixel, imager))):
        return PixelSpacing(pixel, "PixelSpacing, calibrated")
    if imager:
        magnified, contradiction = _magnification(said)
        if magnified is None:
            return PixelSpacing(None, "", contradiction)
        return PixelSpacing((imager[0] / magnified, imager[1] / magnified), f"ImagerPixelSpacing / magnification {magnified:.3g}")
    if stopgaps and not pixel and not _text(said, "SOPClassUID").startswith(SECONDARY_CAPTURE):
        found = f"{' and '.join(stopgaps)} is 1 × 1 mm, as programs write that know no size"
        return PixelSpacing(None, "", f"{found}: {NONE_TAKEN}")
    return PixelSpacing(pixel, "PixelSpacing" if pixel else "")


def spacing_in(said: Any, keyword: str) -> Lengths | None:
    """Return the two lengths of a field, (row, column) in mm; None where it does not hold two that can be."""
    try:
        row_mm, column_mm = decimals(said, keyword)
    except DAMAGE:
        return None
    return (row_mm, column_mm) if 0 < row_mm < 1e6 and 0 < column_mm < 1e6 else None


def _impossible_size(said: Any, spacing: Lengths) -> str:
    """Describe an original X-ray whose longer side no chest X-ray has; "" where it can be, or nothing is measured on it anyway."""
    if _text(said, "SOPClassUID") not in MEASURABLE:
        return ""
    try:
        height, width = (int(said.get(keyword)) * mm for keyword, mm in zip(("Rows", "Columns"), spacing, strict=True))
    except DAMAGE:
        return ""
    from radlearn.scans.header_texts import age_in_years  # pydicom, and importing a challenge must stay cheap

    age, longer = age_in_years(_text(said, "PatientAge")), max(height, width)
    found = f"it is {width:.0f} × {height:.0f} mm (width × height) by its header, which no chest X-ray is"
    if not LEAST_SIDE_MM <= longer <= MOST_SIDE_MM:
        return f"{found}: {NONE_TAKEN}"
    if age is not None and age >= GROWN_YEARS and longer < LEAST_GROWN_MM:
        return f"{found} at {age:.0f} years. Was it made smaller? No millimetres are taken from it"
    return ""


def _contradiction(said: Any, spacing: Lengths | None) -> str:
    """Describe pixels that are not square by one field and by another are; or that are not, where no spacing says so too."""
    try:
        down, across = decimals(said, "PixelAspectRatio")
    except DAMAGE:
        return ""
    if not (down > 0 and across > 0):
        return ""
    by_spacing = 1.0 if spacing is None else spacing[0] / spacing[1]
    if abs(down / across / by_spacing - 1) <= SQUARE_WITHIN:
        return ""
    found = f"its pixels are not square (PixelAspectRatio {down:g}\\{across:g}, height to width)"
    return f"{found}, which nothing corrects" if spacing is None else f"{found}, but its spacing is {spacing[0]:g} × {spacing[1]:g} mm"


def _is_magnified(pixel: Lengths, imager: Lengths) -> bool:
    """Whether a spacing in the patient can be that of a detector, magnified alike along both axes."""
    down, across = (there / here for here, there in zip(pixel, imager, strict=True))
    return 1 - SAME_WITHIN <= down <= MOST_MAGNIFIED and abs(down / across - 1) <= SQUARE_WITHIN


def _magnification(said: Any) -> tuple[float | None, str]:
    """Return how much larger the shadow is than the patient, by a factor or by the distances from the source; None where they differ.

    And in words how they differ, if they do.
    """
    found = []
    for keywords in (("EstimatedRadiographicMagnificationFactor",), ("DistanceSourceToDetector", "DistanceSourceToPatient")):
        try:
            numbers = [decimals(said, keyword)[0] for keyword in keywords]
            magnified = numbers[0] if len(numbers) == 1 else numbers[0] / numbers[1]
        except DAMAGE:
            continue
        # Many machines write 1, or equal distances, for what they do not know: a patient without thickness has no shadow.
        if LEAST_MAGNIFIED <= magnified <= MOST_MAGNIFIED:
            found.append(magnified)
    if len(found) == 2 and abs(found[0] / found[1] - 1) > FACTORS_AGREE_WITHIN:
        return None, f"its magnification is {found[0]:.3g} by its factor, but {found[1]:.3g} by its distances, so none is taken"
    return (found[0], "") if found else (None, "")


def _text(said: Any, keyword: str) -> str:
    try:
        return str(said.get(keyword) or "").strip(" \0")
    except DAMAGE:
        return ""


def _same(one: Lengths, other: Lengths) -> bool:
    return all(abs(here / there - 1) <= SAME_WITHIN for here, there in zip(one, other, strict=True))
