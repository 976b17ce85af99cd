"""Whether the numbers of a volume are Hounsfield units of a chest, or those of a mask, of another modality or of nothing.

`check` reports what is found here, and whatever reads a CT to train on it or to predict for it refuses what is surely none.
"""

import numpy as np

from radlearn.amounts import begun, counted
from radlearn.errors import UnreadableScan
from radlearn.scans.chest_shape import UNIT, shape_doubts
from radlearn.scans.ct_anatomy import ct_wrong_way_round
from radlearn.scans.doubt import Doubt as Doubt
from radlearn.scans.geometry import Volume, orientation, spacing_mm
from radlearn.scans.lost_slices import lost_slices, lost_words
from radlearn.scans.low_values import PADDING_BELOW_HU, SAME_WITHIN_HU, padding_and_inside
from radlearn.scans.series_header import RESCALED
from radlearn.scans.stretched import stretched

AIR_ABOVE_HU = -700.0
"The darkest hundredth of a chest CT, padding aside, is air: about -1000 HU."
BONE_BELOW_HU, BONE_ABOVE_HU = 150.0, 8000.0
"The brightest thousandth is bone and contrast: far above the first in every adult chest, and metal is less than a thousandth."
HIGHEST_HU = 32_000
FEW_SLICES = 20
FEW_VALUES = 32
"A CT has noise: hundreds of different values."
MOST_LABELS = 256
SAMPLED = 500_000
NEAR_ZERO = 1e-3
NEAR_INSIDE, MOSTLY = 0.2, 0.95
LEAST_TOO_LOW = 0.1
"Share of the voxels; 0.02 at most where a CT was resampled with its padding, 0.2 at least where its intercept was subtracted twice."
LEAST_INSIDE = 2e-4
"Share of the voxels: bones whose sign was taken wrongly are ten times as many."
DARK_BELOW_HU, LEAST_DARK = -400, 0.05
WRAPPED_ABOVE, PADDED_ABOVE = 64_000, 60_000
EXPLAINED = ("ct-order", "ct-not-hu", "ct-stretched", "ct-low")
CONVERT = "Convert it again from its DICOM slices, so that air is -1000 and water 0."
ONE_SLICE = "Use the whole scan; an X-ray or another single image belongs to a task on images."
MASK = "Leave masks out, or name them ID_seg.nii.gz beside ID_ct.nii.gz; in a table they belong in the column mask."


def doubts_of(ct: Volume) -> list[Doubt]:
    """Return what speaks against a volume (i, j, k) being a chest CT in Hounsfield units; empty for nearly every CT."""
    low, high = float(ct.voxels.min()), float(ct.voxels.max())
    if low == high:
        return [Doubt("ct-constant", f"every voxel is {low:g}".replace("-", "−"), "Export it again, or remove it.", sure=True)]
    if min(ct.voxels.shape) == 1:
        # Its values say nothing: an X-ray in a file of volumes has others than a CT.
        return _of_slices(ct)
    # Not the first of every so many in memory order only: a step that divides a row would look at one column.
    flat = ct.voxels.ravel(order="K")
    sample = flat[:: max(1, flat.size // SAMPLED) | 1]
    inside = sample[sample >= PADDING_BELOW_HU]
    of_values = _too_low(sample) or _of_values(inside if inside.size else sample, high) or stretched(sample)
    if of_values is not None and of_values.sure:
        if cause := next((doubt for doubt in ct.doubts if doubt.rule == RESCALED), None):
            of_values = of_values._replace(advice=f"{begun(cause.found)}: {cause.advice}")
        return [of_values, *_of_slices(ct), *([] if of_values.rule == "ct-is-mask" else _of_lost(ct))]
    is_hounsfield = of_values is None or of_values.rule not in ("ct-not-hu", "ct-stretched")
    shape = list(shape_doubts(ct, is_hounsfield))
    # Which way a chest lies is told by its size in millimetres.
    is_sized = all(doubt.rule == UNIT for doubt in shape)
    turned = [Doubt("ct-turned", words)] if is_hounsfield and is_sized and (words := ct_wrong_way_round(ct)) else []
    doubts = [*([of_values] if of_values else []), *_low_inside(ct, sample), *_of_slices(ct), *_of_lost(ct), *shape, *turned, *ct.doubts]
    return _with_cause(doubts)


def _with_cause(doubts: list[Doubt]) -> list[Doubt]:
    """Return doubts without what slices that are rescaled differently explain, and without that where nothing looks wrong."""
    causes = [doubt for doubt in doubts if doubt.rule == RESCALED]
    # A scanner that rescales each slice by itself changes the slope too.
    may_be_right = any(doubt.found.startswith("RescaleSlope") for doubt in causes)
    if not causes or (may_be_right and not any(doubt.rule in EXPLAINED for doubt in doubts)):
        return [doubt for doubt in doubts if doubt.rule != RESCALED]
    return [doubt for doubt in doubts if doubt.rule != "ct-order"]


def refuse_no_chest_ct(ct: Volume) -> tuple[str, ...]:
    """Return what is doubtful about a volume, as notes.

    Raises:
        UnreadableScan: the volume is surely no CT of a chest in Hounsfield units.
    """
    doubts = doubts_of(ct)
    if sure := next((doubt for doubt in doubts if doubt.sure), None):
        raise UnreadableScan(f"{ct.path}: {sure.found}. {sure.advice}")
    return tuple(doubt.found for doubt in doubts)


def _of_values(sample: np.ndarray, high: float) -> Doubt | None:
    low, top = float(sample.min()), float(sample.max())
    if inside := next((inside for inside in (1, 255) if _is_mask(sample, low, top, inside)), None):
        return Doubt("ct-is-mask", f"holds 0 and {inside}: a mask, not a CT", MASK, sure=True)
    values = np.unique(sample)
    whole = sample.dtype.kind in "iu" or np.array_equal(values, np.rint(values))
    said = f"from {low:g} to {top:g}"
    if whole and len(values) <= FEW_VALUES:
        listed = ", ".join(f"{value:g}" for value in values[:8]) + (", …" if len(values) > 8 else "")
        is_labels = low >= 0 and top < MOST_LABELS
        what = "a label map, not a CT" if is_labels else "a drawing, without the noise of a CT"
        found = f"holds {len(values)} different values only ({listed}): {what}".replace("-", "−")
        # Phantoms without noise have air and water where they belong.
        return Doubt(
            "ct-is-mask" if is_labels else "ct-not-hu", found, MASK if is_labels else CONVERT, sure=is_labels or low > AIR_ABOVE_HU
        )
    if (usual := _usual_dark(sample)) > AIR_ABOVE_HU and top > BONE_BELOW_HU:
        found = f"most of its dark voxels are near {usual:g}; expected air near -1000, or lung near -850".replace("-", "−")
        return Doubt("ct-not-hu", f"may not be in Hounsfield units: {found}", f"Was it scaled, or are the lungs white? {CONVERT}")
    darkest, brightest = (float(value) for value in np.percentile(sample, (1, 99.9)))
    if darkest <= AIR_ABOVE_HU and BONE_BELOW_HU <= brightest <= BONE_ABOVE_HU and high <= HIGHEST_HU:
        return None
    found = f"the darkest hundredth lies below {darkest:g} and the brightest voxels near {brightest:g} (the highest is {high:g})"
    found = f"is not in Hounsfield units of a chest: {found}; expected air near -1000 and bone above 200".replace("-", "−")
    return Doubt("ct-not-hu", found, _what_it_is(darkest, said, low, top, whole), sure=darkest > AIR_ABOVE_HU or brightest > BONE_ABOVE_HU)


def _too_low(sample: np.ndarray) -> Doubt | None:
    """Return a doubt where many voxels lie below any density and are no padding, which is one value: an intercept subtracted twice."""
    below = np.rint(sample[sample < PADDING_BELOW_HU].astype(np.float64))
    if len(below) <= LEAST_TOO_LOW * sample.size:
        return None
    # Resampling leaves values between padding and air, at the edge of the field only.
    share = _no_padding(below) / sample.size
    if share <= LEAST_TOO_LOW:
        return None
    found = f"{share:.0%} of the voxels have many values from {below.min():g} to {PADDING_BELOW_HU}, which nothing in a chest has"
    found = f"is not in Hounsfield units: {found}".replace("-", "−")
    return Doubt("ct-not-hu", found, f"Was RescaleIntercept subtracted twice, or all multiplied? {CONVERT}", sure=True)


def _no_padding(below: np.ndarray) -> int:
    """Return how many low values are another than the commonest, which padding would be."""
    values, counts = np.unique(below, return_counts=True)
    return int(np.count_nonzero(np.abs(below - values[counts.argmax()]) > SAME_WITHIN_HU)) if below.size else 0


def _low_inside(ct: Volume, sample: np.ndarray) -> list[Doubt]:
    """Return a doubt where values below any density lie inside of a body, where no padding is."""
    if _no_padding(sample[sample < PADDING_BELOW_HU].astype(np.float64)) < LEAST_INSIDE / 2 * sample.size:
        return []
    count, lowest = 0, 0.0
    for one in np.moveaxis(ct.voxels, _axis_to_head(ct), 0):
        _, inside = padding_and_inside(one)
        if inside is not None:
            count, lowest = count + int(inside.sum()), min(lowest, float(one[inside].min()))
    if count < LEAST_INSIDE * ct.voxels.size:
        return []
    share = f"{100 * count / ct.voxels.size:.2g}%"
    found = f"{share} of its voxels lie below {PADDING_BELOW_HU} HU inside of it, where nothing is that low (the lowest is {lowest:g})"
    found = f"{found}: metal, or bright values that were taken for negative ones".replace("-", "−")
    return [Doubt("ct-low", found, "Look at PixelRepresentation and BitsStored in its header, and export it again.")]


def _usual_dark(sample: np.ndarray) -> float:
    """Return the commonest value below −400, to 20 HU; −1000 where hardly any is."""
    dark = sample[sample < DARK_BELOW_HU]
    if len(dark) < LEAST_DARK * sample.size:
        return -1000.0
    counts, edges = np.histogram(dark, np.arange(PADDING_BELOW_HU, DARK_BELOW_HU + 20, 20))
    return float(edges[counts.argmax()]) + 10


def _what_it_is(darkest: float, said: str, low: float, top: float, whole: bool) -> str:
    """Return what to do about numbers that are no Hounsfield units, by what they look like."""
    if low >= 0 and whole and top > WRAPPED_ABOVE:
        return f"Its values, {said}, look like negative numbers that were saved as unsigned ones: −1000 has become 64536. {CONVERT}"
    if whole and darkest <= AIR_ABOVE_HU and PADDED_ABOVE < top < 1 << 16:
        lost = "a padding of -2000 or the like that was saved as an unsigned number, 63536"
        return f"Its highest value, {top:g}, looks like {lost}. Correct PixelRepresentation in its header, or set it to air, -1024."
    if low >= 0 and top <= 1 + NEAR_ZERO:
        return f"Its values, {said}, were scaled to 0 … 1, or are probabilities. {CONVERT}"
    if low >= 0 and top < MOST_LABELS and whole:
        return f"Its values, {said}, are grey values of 8 bits, or labels. {CONVERT}"
    if -200 < darkest < 500 and top > 1000:
        return f"Its values, {said}, may lack RescaleIntercept (-1024 mostly), or it is another modality, such as MR. {CONVERT}"
    return f"Is it another modality, such as MR or PET, or another part of the body? {CONVERT}"


def _of_slices(ct: Volume) -> list[Doubt]:
    axis = _axis_to_head(ct)
    count = ct.voxels.shape[axis]
    if min(ct.voxels.shape) == 1:
        return [Doubt("ct-flat", "is one slice; a volume needs more", ONE_SLICE, sure=True)]
    return [Doubt("ct-flat", f"has {counted(count, 'slices')} of {spacing_mm(ct.affine)[axis]:.3g} mm")] if count < FEW_SLICES else []


def _of_lost(ct: Volume) -> list[Doubt]:
    axis = _axis_to_head(ct)
    if min(ct.voxels.shape) == 1:
        return []
    words = lost_words(lost_slices(ct.voxels, axis), ct.voxels.shape[axis])
    return [Doubt("ct-gap", found, "Are slices missing? Export the series again.") for found in words]


def _axis_to_head(ct: Volume) -> int:
    """Return the axis along which slices are stacked."""
    return next(number for number, letter in enumerate(orientation(ct.affine)) if letter in "SI")


def _is_mask(sample: np.ndarray, low: float, top: float, inside: int) -> bool:
    """Whether nearly all values are about 0 or about `inside`, as in a mask, also one that was resampled."""
    if low < -0.5 * inside or not 0.5 * inside < top <= 1.5 * inside:
        return False
    about = NEAR_INSIDE * inside
    return float(np.mean((np.abs(sample) <= about) | (np.abs(sample - inside) <= about))) >= MOSTLY
