"""Values below any density: padding that scanners write around their field of view, or numbers that went wrong.

Padding is one value, at the border of a slice. What has structure, or lies inside of a body, is none: an intercept that was subtracted
twice, the sign of numbers taken wrongly, metal. So padding is recognised before anything is set to air.
"""

import numpy as np
from scipy import ndimage

PADDING_BELOW_HU = -1500
"Below any density in or around a person: scanners write -2000 or -3024 outside their round field of view."
SAME_WITHIN_HU = 2.0
MOSTLY_ONE_VALUE = 0.8
"Of what is connected to the border: resampling and lossy compression leave other values at the edge of the field."
LOWER_THAN_AIR_HU, DENSE_ABOVE_HU, LEAST_BESIDE = -1100, -200, 4
"What noise leaves of air; fat and all that is denser; and pixels of a slice that are the first beside the second."
LEAST_PADDING = 1e-3
"Share of a slice: a few low pixels at its border are as odd as elsewhere."


def padding_and_inside(hu: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return which pixels of a slice are padding, and which are as low inside of it; bool of its shape, or None where there are none.

    What lies at the border and is not mostly one value is neither.

    Args:
        hu: (rows, columns), in Hounsfield units.
    """
    if hu.min() >= PADDING_BELOW_HU:
        return None, None
    low = hu < PADDING_BELOW_HU
    edges = np.concatenate([hu[0], hu[-1], hu[:, 0], hu[:, -1]])
    values, counts = np.unique(edges[edges < PADDING_BELOW_HU], return_counts=True)
    if not values.size:
        return None, low
    usual = values[counts.argmax()]
    # Wider, or the difference of two int16 wraps around.
    constant = low & (np.abs(hu.astype(np.float32) - np.float32(usual)) <= SAME_WITHIN_HU)
    enough = LEAST_PADDING * low.size
    if np.array_equal(constant, low):
        return (low if np.count_nonzero(low) >= enough else None), None
    labels, _ = ndimage.label(low)
    at_border = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    reached = np.isin(labels, at_border[at_border > 0])
    inside = low & ~reached
    is_padding = np.count_nonzero(constant & reached) >= max(enough, MOSTLY_ONE_VALUE * np.count_nonzero(reached))
    return reached if is_padding else None, inside if inside.any() else None


def low_beside_dense(hu: np.ndarray) -> tuple[int, float]:
    """Return how many pixels of a slice without padding are lower than air although one beside them is dense, and the lowest of them.

    Between tissue and air lie values of both. What drops below air at once is metal, or more than its bits could hold.

    Args:
        hu: (rows, columns), in Hounsfield units.
    """
    low = hu < LOWER_THAN_AIR_HU
    if np.count_nonzero(low) < LEAST_BESIDE:
        return 0, 0.0
    beside, _ = ndimage.label(low)
    near = np.unique(beside[low & (ndimage.maximum_filter(hu, 3) > DENSE_ABOVE_HU)])
    dropped = np.isin(beside, near[near > 0])
    count = int(np.count_nonzero(dropped))
    return (count, float(hu[dropped].min())) if count >= LEAST_BESIDE else (0, 0.0)
