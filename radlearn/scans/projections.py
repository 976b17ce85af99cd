"""Whether the images of a CT series are slices: no scout views, and no projections through a slab, as their headers name them.

A projection shows the brightest or darkest of many slices in each of its pixels, and is stored as slices are. A lesion in it is as thick
as all of them, so its millilitres mean nothing. A reformat (MPR) is cut out of the slices, and as good as they are.
"""

import re
from collections.abc import Sequence

from radlearn.errors import UnreadableScan

SCOUTS = ("LOCALIZER", "SCOUT", "TOPOGRAM")
PROJECTIONS = {"MIP", "MAXIP", "MINIP", "MINMIP", "VRT"}
"Of a part of ImageType that is one of these, by itself or as a word in it (CSA MIP, PROJECTION IMAGE MIP)."
OTHER_PROJECTIONS = ("PROJECTION IMAGE", "PROJECTION_IMAGE", "VOLUME_RENDERED", "VOLUME RENDERED", "INTENSITY PROJECTION")
IN_WORDS = re.compile(
    r"(?<![A-Z])(MAX[ _-]?IP|MIN[ _-]?M?IP|MIPS?|(?:MINIMUM |MAXIMUM )?INTENSITY PROJECTIONS?|VRT|VOLUME RENDER(?:ED|ING))(?![A-Z])"
)
AVERAGES, THICKER_FROM = ("AVERAGE", "AVG", "MEAN", "AVERAGE IP", "AVGIP"), 2.5
"Thickness over distance: scanners reconstruct slices of twice their distance, and a mean of slices that lie apart is a thicker slice."


def refuse_no_slices(where: str, image_types: Sequence[str]) -> None:
    """Raise an UnreadableScan where ImageType, its parts joined by a backslash, calls all images scout views, or any of them a projection.

    >>> refuse_no_slices("ct", ["ORIGINAL\\\\PRIMARY\\\\AXIAL", "DERIVED\\\\SECONDARY\\\\MPR"])
    >>> refuse_no_slices("ct", ["DERIVED\\\\SECONDARY\\\\AXIAL\\\\MIP"])
    Traceback (most recent call last):
    radlearn.errors.UnreadableScan: ct: its images are no slices but projections: ImageType says MIP. ...
    """
    parts = [[part.strip().upper() for part in one.split("\\")[2:]] for one in image_types]
    if parts and all(any(part in SCOUTS for part in one) for one in parts):
        found = f"{where}: its images are scout views (localizers), by ImageType, and no slices of a chest"
        raise UnreadableScan(f"{found}. Use the series of axial slices of that examination.")
    for one in parts:
        if named := next((part for part in one if _is_projection(part)), None):
            found = f"{where}: its images are no slices but projections: ImageType says {named}"
            raise UnreadableScan(f"{found}. Volumes of lesions in them mean nothing. Use the series of axial slices they were made from.")


def projection_note(descriptions: Sequence[str], image_types: Sequence[str], thickness_mm: float, step_mm: float) -> str:
    """Return a note where words of people or the thickness of an average say that images are projections; "" where none do.

    >>> projection_note(["MinIP 8mm ax"], [""], 8, 8)
    'SeriesDescription names a projection (MINIP): millilitres of lesions are right in slices only'
    >>> projection_note(["Thorax 1.0 Br40 ax MPR", "Lung, no limits"], [""], 1, 1)
    ''
    """
    for text in dict.fromkeys(descriptions):
        if named := IN_WORDS.search(text.upper()):
            return f"SeriesDescription names a projection ({named[0]}): millilitres of lesions are right in slices only"
    is_average = any(part.strip().upper() in AVERAGES for one in image_types for part in one.split("\\")[2:])
    if is_average and thickness_mm > THICKER_FROM * step_mm:
        found = f"ImageType says AVERAGE, and its slices are {thickness_mm:.3g} mm thick and {step_mm:.3g} mm apart"
        return f"{found}: each holds what its neighbours hold, so that lesions look too large"
    return ""


def _is_projection(part: str) -> bool:
    return part in OTHER_PROJECTIONS or any(word in PROJECTIONS for word in re.findall("[A-Z]+", part.replace("MIN IP", "MINIP")))
