"""Whether the values of a chest CT are stretched: multiplied, or made with a wrong RescaleSlope, so that air, fat and muscle lie elsewhere.

Three anchors tell, in the spread of values, none of which depends on what the patient has: of what is no air, most is fat and muscle,
-120 to 80 HU, in sound CTs seven tenths at least, also with contrast medium and white lungs; the commonest dark value is air or lung, never
below -1010 HU; and some air is as dark as the room. Of 123 chest CTs that are right (three real ones, 120 built-in ones), whole, cut off at
-1000 and 400 HU, or set to -1024 outside of the body, none is doubted. A RescaleSlope that is wrong by a fifth is told, and values that are
multiplied by 1.15 or 0.8; what lies between mostly passes.
"""

import numpy as np

from radlearn.scans.doubt import Doubt
from radlearn.scans.low_values import PADDING_BELOW_HU

LOWEST_HU, HIGHEST_HU, BIN_HU = -3500, 4500, 10
FILLED_ABOVE, BESIDE_HU = 0.02, 15
"A value that more voxels have than this share, and more than all beside it together, is a filling or the end of a clipped range."
SOLID_ABOVE_HU, SOFT_HU, LEAST_SOFT = -560, (-150, 130), 0.55
COMMONEST_HU = (-150, 100)
"Where the peak of fat or of muscle lies; -105 to 55 in sound CTs."
LEAST_SOLID, LEAST_RISE = 0.2, 10.0
"Share of the voxels that are solid, and how much commoner their peak is than what lies between it and lung: else it shows lung alone."
LUNG_ABOVE_HU = -700
DARK_BELOW_HU, AIR_ABOVE_HU, LEAST_DARK = -400, -1060, 0.02
NO_AIR_ABOVE_HU, DARKEST = -870, 0.005
"In every chest CT so many voxels are air, in the trachea at least."
STRETCHED = "its values look stretched (is its RescaleSlope right?)"
LOOK = "Look at RescaleSlope and RescaleIntercept in its header; convert it again from its DICOM slices, so that air is -1000 and water 0."


def stretched(sample: np.ndarray) -> Doubt | None:
    """Return a doubt where values (voxels,) of a chest CT lie where neither air nor soft tissue has them; None where they are in place."""
    counts, centres = _spread(sample)
    # A block inside of a lung has neither soft tissue nor, mostly, air.
    shows_lung_alone = counts[centres > SOLID_ABOVE_HU].sum() <= LEAST_SOLID * counts.sum()
    found = "" if shows_lung_alone else _soft_elsewhere(counts, centres) or _air_elsewhere(sample, counts, centres)
    return Doubt("ct-stretched", found.replace("-", "−"), LOOK) if found else None


def _soft_elsewhere(counts: np.ndarray, centres: np.ndarray) -> str:
    solid = centres > SOLID_ABOVE_HU
    smooth = np.convolve(counts, np.ones(3), "same")
    peak = int(np.argmax(np.where(solid, smooth, 0)))
    between = smooth[(centres > LUNG_ABOVE_HU) & (np.arange(len(centres)) <= peak)].min()
    soft = counts[(centres > SOFT_HU[0]) & (centres < SOFT_HU[1])].sum() / counts[solid].sum()
    if smooth[peak] < LEAST_RISE * between or soft >= LEAST_SOFT or COMMONEST_HU[0] <= centres[peak] <= COMMONEST_HU[1]:
        return ""
    return f"{STRETCHED}: most of what is no air has values near {centres[peak]:g} HU, where soft tissue has about 50 and fat -100"


def _air_elsewhere(sample: np.ndarray, counts: np.ndarray, centres: np.ndarray) -> str:
    dark = (centres > PADDING_BELOW_HU) & (centres < DARK_BELOW_HU)
    smooth = np.where(dark, np.convolve(counts, np.ones(3), "same"), 0)
    usual = int(np.argmax(smooth))
    if smooth[usual] > LEAST_DARK * counts.sum() and centres[usual] < AIR_ABOVE_HU:
        return f"{STRETCHED}: most of its dark voxels are near {centres[usual]:g} HU, where air has -1000"
    # What is filled with air counts here, padding below any air does not.
    darkest = float(np.quantile(sample[sample > AIR_ABOVE_HU], DARKEST))
    if darkest > NO_AIR_ABOVE_HU:
        return f"{STRETCHED}, or it shows no air: its darkest voxels are near {darkest:.0f} HU, where air has -1000"
    return ""


def _spread(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many voxels have values in each bin, without fillings, and the bins' centres in HU."""
    # So wide that what lies beside a value is always there.
    whole = np.clip(np.rint(sample), LOWEST_HU - 1, HIGHEST_HU).astype(np.int64) - (LOWEST_HU - 1)
    counts = np.bincount(whole, minlength=HIGHEST_HU - LOWEST_HU + 2).astype(np.float64)
    for value in np.flatnonzero(counts > FILLED_ABOVE * sample.size):
        beside = counts[max(0, value - BESIDE_HU) : value + BESIDE_HU + 1].sum() - counts[value]
        if counts[value] > beside:
            counts[value] = 0
    inside = counts[1:-1]
    return inside.reshape(-1, BIN_HU).sum(axis=1), np.arange(LOWEST_HU, HIGHEST_HU, BIN_HU) + BIN_HU / 2
