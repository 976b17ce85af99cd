"""Whether an image is an X-ray of a chest, as far as its header and its pixels tell.

`check` reports what is found here, and what prepares an X-ray for a network refuses what is surely none.
"""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from radlearn.errors import RadlearnWarning, UnreadableScan
from radlearn.file_names import called, readable
from radlearn.scans.body_parts import named_part, names_chest
from radlearn.scans.chest_look import look_doubts
from radlearn.scans.dicom import Radiograph, RadiographHeader
from radlearn.scans.views import is_frontal

VOLUME_MODALITIES = {"CT", "MR", "PT"}
NO_XRAY_MODALITIES = {
    *VOLUME_MODALITIES, "NM", "US", "IVUS", "ES", "GM", "SM", "OP", "OPT", "OCT", "ECG", "SEG", "RTDOSE", "RTIMAGE", "MG", "BMD", "PX",
    "IO",
}  # fmt: skip
"Of no image of a chest X-ray: volumes, ultrasound, endoscopy, microscopy, the eye, the breast, the teeth, … (PS3.3 C.7.3.1.1.1)."
XRAY_MODALITIES = {"CR", "DX", "DR", "RG", "XA", "RF", "OT", ""}
WAYS = set("LRAPHF")
"Left, right, anterior, posterior, head, feet."
LEAST_PX, SMALLEST_PX = 200, 32
"Below the first it is worth a word; below the second nothing of a chest is seen."
CONSTANT_BELOW, SPAN_BELOW = 0.004, 0.006
"Standard deviation, where 1 is white: one step of 8 bits; and the whole range, one and a half."
TWO_VALUES = "has no grey values but two, as a mask has"
AVERAGED_BELOW_PX = 100**2
"So few pixels are averages of many, whose deviation says little."


class ChestWarning(RadlearnWarning):
    """An image may be no frontal chest X-ray."""


def header_doubts(header: RadiographHeader) -> Iterator[tuple[str, str]]:
    """Yield (rule of `radlearn check`, what was found) for what a header says against a frontal chest X-ray."""
    if header.modality not in XRAY_MODALITIES:
        yield "image-not-xray", f"Modality is {header.modality}"
    if not is_frontal(header.view or ""):
        yield "image-lateral", f"the view is {header.view}"
    elif header.described_view:
        yield "image-lateral", f"ViewPosition is empty, and its description says {header.described_view}"
    part = named_part(header.body_part)
    if part and not names_chest(part):
        yield "image-not-chest", f"BodyPartExamined is {part}"
    elif not part and header.described_part:
        yield "image-not-chest", f"BodyPartExamined names none, and its description names {header.described_part}"
    if turned := _orientation_doubt(header.orientation):
        yield turned
    if min(header.size_px) < LEAST_PX:
        yield "image-small", f"{header.size_px[1]} × {header.size_px[0]} px (width × height)"


def refuse_no_chest_xray(path: str | Path, xray: Radiograph) -> tuple[str, ...]:
    """Return what is doubtful about an X-ray, as notes, and warn of it.

    Args:
        path: for the message.
        xray: at any size.

    Raises:
        UnreadableScan: it is surely no chest X-ray: another modality, one or two grey values, or hardly any pixels.

    Warns:
        ChestWarning: its header speaks of another part of the body or another view, it has few pixels, or shows what no X-ray does.
    """
    if words := refusal(xray):
        raise UnreadableScan(f"{path}: {words}")
    of_header = (f"may be no frontal chest X-ray: {found}" for _, found in header_doubts(xray.header))
    notes = (*of_header, *look_doubts(xray.pixels))
    for note in notes:
        warnings.warn(ChestWarning(readable(note), readable(called(Path(path)))), stacklevel=2)
    return notes


def refusal(xray: Radiograph) -> str:
    """Return why an X-ray, at any size, is surely none of a chest, and what to do; "" where it may be one."""
    header = xray.header
    if words := modality_refusal(header):
        return words
    if min(header.size_px) < SMALLEST_PX:
        found = f"has {header.size_px[1]} × {header.size_px[0]} px (width × height)"
        return f"{found}; expected a chest X-ray of at least {SMALLEST_PX} px. Use the original."
    if found := _nothing_shown(xray.pixels) or TWO_VALUES * xray.has_two_values:
        because = f" ({'; '.join(xray.notes)})" if xray.notes else ""
        return f"{found}{because}. Export it again, or remove it."
    return ""


def modality_refusal(header: RadiographHeader) -> str:
    """Return why an image of this modality is no chest X-ray, and what to do; "" where it may be one."""
    if header.modality not in NO_XRAY_MODALITIES:
        return ""
    return f"Modality is {header.modality}; expected a chest X-ray (CR or DX). Leave such files out."


def _orientation_doubt(orientation: str) -> tuple[str, str] | None:
    r"""Return (rule, what was found) for an orientation that a frontal X-ray, shown as radiologists look at it, does not have.

    That is L\F: along the rows to the patient's left, down the columns to the feet (PS3.3 C.7.6.1.1.1).
    """
    along, _, down = orientation.partition("\\")
    # Letters of the main direction come first; those of animals are others.
    if along[:1] not in WAYS or down[:1] not in WAYS or (along[0], down[0]) == ("L", "F"):
        return None
    is_mirrored = (along[0], down[0]) == ("R", "F")
    seems = "a lateral X-ray" if {along[0], down[0]} & {"A", "P"} else "one that is mirrored" if is_mirrored else "one that is turned"
    found = f"PatientOrientation is {orientation}, as of {seems} (a frontal one has L\\F)"
    return ("image-lateral" if "lateral" in seems else "image-turned"), found


def _nothing_shown(pixels: np.ndarray) -> str:
    """Return in words that an image (height, width) shows nothing: one grey value, or black and one other; "" where it shows something."""
    # Borders and padding are 0, so that an empty image between them has two values.
    shown = pixels[pixels > 0]
    if not shown.size:
        return "shows nothing: every pixel is black"
    if not _is_empty(shown):
        return ""
    black = "black or " if shown.size < pixels.size else ""
    return f"shows nothing: every pixel is {black}about {float(shown.mean()):.0%} white"


def _is_empty(shown: np.ndarray) -> bool:
    """Whether pixels (pixels,) have one grey value, but for the noise of a JPEG."""
    return float(np.ptp(shown)) < SPAN_BELOW or (shown.size >= AVERAGED_BELOW_PX and float(np.std(shown)) < CONSTANT_BELOW)
