"""Whether the window or the look-up table of a header fits the pixels of its X-ray, and what is shown where it surely does not.

A table or a window of another image leaves hardly anything between black and white, and one for far more bits hardly any contrast. What is
in the same header and fits is used instead, and said: the window beside a table, the range of the stored bits, that of a table's entries.
What is only flat, a window some times as wide as the values or beside them, is shown as the header says, and said.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from radlearn.scans.display import Display
from radlearn.scans.lookup_tables import Lut

MOST_WHITE, MOST_BLACK, MOST_PADDED = 0.5, 0.6, 0.6
"Shares of an X-ray that are seldom more where its window fits: collimators and air around the patient are that."
MOST_ENDS, LEAST_END = 0.7, 0.2
"Shares of white and black together, and of each, above which hardly anything lies between: of 350 real X-rays 0.22 at most, 0 of white."
WHITE, MOST_BRIGHT, SURELY_LESS = 0.99, 0.9, 0.8
"""As white as the end of the scale for an eye, as a table often ends one entry below; the mean grey, of these X-rays 0.83 at most; and so
much of any limit is not reached by a few pixels where it is by none of all."""
LEAST_USED = 1 / 8
"Of the range of the stored bits, and of the grey scale."
LESS_FLAT_BY = 2.0
"So much more of the grey scale must be used before another mapping takes the place of one that the header names."
LEAST_SHOWN, NOTHING = 1 / 3, 0.01
"Of the grey scale: of 350 real X-rays nearly all pixels of each take 0.52 to 0.97, of built-in ones 0.43 at least."
TRIMMED, LEAST_OF_BODY = ((1, 96), (4, 99)), 1 / 4
"""Percentiles between which an X-ray lies but for a bright marker or a dark one, and of the grey scale: of the X-rays above 0.37 at least.
A few hot pixels, or a letter that takes another range than the body, leave less."""
NARROW = 0.006
"Of the grey scale: one and a half steps of 8 bits."
OUTERMOST, INNER = (1, 99), (5, 95)
"Percentiles between which nearly all pixels lie, and fewer."
SPARSE = 32
"Of rows and columns every one of so many."
LOOKED_AT = 256
"Rows and columns at most; the spread of an X-ray's values needs no more."
EVERYWHERE = np.ones(1, bool)


def fitted(display: Display, stored: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, str]:
    """Return the pixels to be shown, and in words how badly the mapping fits the stored values; "" where it fits.

    Args:
        display: the mapping that the header defines.
        stored: (height, width).
        pixels: of the same shape, as the mapping shows them.
    """
    shown = EVERYWHERE
    if display.padding is not None:
        shown = ~((stored >= display.padding[0]) & (stored <= display.padding[1]))
        if shown.mean() < 1 - MOST_PADDED:
            low, high = display.padding
            return (
                pixels,
                f"{1 - shown.mean():.0%} of its pixels are padding by its header (PixelPaddingValue, {low:g} to {high:g}) and black",
            )
    if display.voi is None:
        return pixels, _unused_range(display, stored, shown) or without_contrast(pixels)
    saturated = _saturated(pixels, shown)
    used = 1.0 if saturated else _used(display, stored, shown)
    if not saturated and used >= LEAST_USED:
        return pixels, f"with its {_named(display)} {dull}: does it fit them?" if (dull := flat(pixels) or _bright(pixels)) else ""
    found = f"its {_named(display)} leaves {saturated or f'nearly all of its pixels within {used:.0%} of the grey scale'}"
    for other, words in _others(display, stored, shown, bool(saturated)):
        instead = other(stored)
        spread = _used(other, stored, shown)
        if not _saturated(instead, shown) and (saturated or spread >= LESS_FLAT_BY * used) and (other.voi is None or spread >= LEAST_USED):
            return instead, f"{found}: {words} instead"
    return pixels, f"{found}: does it fit them?"


def without_contrast(pixels: np.ndarray) -> str:
    """Return in words that an X-ray (height, width) in [0, 1], of which no window says more, shows little, and what to do; "" else.

    Borders of whole rows and columns that are 0 do not count.
    """
    if _saturated(pixels, EVERYWHERE):
        rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
        inside = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if rows.size else pixels[:0]
        if saturated := _saturated(inside, EVERYWHERE):
            return f"it has {saturated}, as values have that were cut off to fit into fewer bits: export it with its full contrast"
    return f"{dull}: export it with its full contrast" if (dull := flat(pixels) or _bright(pixels)) else ""


def flat(pixels: np.ndarray) -> str:
    """Return in words that an X-ray (height, width) in [0, 1] uses little of the grey scale; "" where it does not.

    Borders and padding, which are 0, do not count, nor does a small marker that is brighter or darker than all else.
    """
    # Of most X-rays a few pixels say it: still fewer lie as far apart.
    few = pixels[::SPARSE, ::SPARSE]
    if np.ptp(np.percentile(few[few > 0], INNER) if (few > 0).any() else 0.0) >= LEAST_SHOWN:
        return ""
    sample = _sample(pixels, EVERYWHERE)
    sample = sample[sample > 0]
    if not sample.size:
        return ""
    low, high = np.percentile(sample, OUTERMOST)
    if high - low < LEAST_SHOWN:
        # What shows nothing at all is refused elsewhere.
        return f"nearly all of its pixels lie within {_range_words(low, high)}" if np.ptp(pixels[pixels > 0]) > NOTHING else ""
    low, high = min((np.percentile(sample, ends) for ends in TRIMMED), key=np.ptp)
    if high - low >= LEAST_OF_BODY:
        return ""
    return f"nearly all of its pixels lie within {_range_words(low, high)}, and a few, as of a marker, take the rest"


def _bright(pixels: np.ndarray) -> str:
    # Of most X-rays a few pixels say it.
    if pixels[::SPARSE, ::SPARSE].mean() <= SURELY_LESS * MOST_BRIGHT or (mean := float(pixels.mean())) <= MOST_BRIGHT:
        return ""
    return f"its mean grey is {mean:.0%} of the grey scale, which is nearly white"


def _range_words(low: float, high: float) -> str:
    digits = 0 if high - low >= NOTHING else 1
    return f"{high - low:.{digits}%} of the grey scale ({low:.{digits}%} to {high:.{digits}%} white)"


def has_two_values(pixels: np.ndarray) -> bool:
    """Tell whether an image (height, width) in [0, 1] has no more than two grey values, or two that hardly spread, as a mask has."""
    # Of most X-rays a few pixels say it.
    return all(_in_two(some) for some in (pixels[::SPARSE, ::SPARSE], pixels))


def _in_two(pixels: np.ndarray) -> bool:
    low, high = float(pixels.min()), float(pixels.max())
    return bool(((pixels <= low + NARROW) | (pixels >= high - NARROW)).all())


def _others(display: Display, stored: np.ndarray, shown: np.ndarray, is_saturated: bool) -> Iterator[tuple[Display, str]]:
    """Yield what else the header says that may be shown, and how that is said."""
    if isinstance(display.voi, Lut) and display.beside is not None:
        beside = replace(display, voi=display.beside, beside=None)
        yield beside, f"its {_named(beside)} is used"
    if is_saturated:
        return
    if isinstance(display.voi, Lut):
        # One entry of 16 bits among those of 12 makes a range of 16.
        entries = display.voi(display.modality(_sample(stored, shown)))
        highest = float((1 << int(np.percentile(entries, OUTERMOST[1])).bit_length()) - 1)
        if 0 < highest < display.voi.highest:
            narrower = Lut(display.voi.first_value, np.clip(display.voi.entries, 0, highest), highest)
            yield replace(display, voi=narrower), f"the range of the entries that they take, 0 to {highest:g}, is shown"
    else:
        yield replace(display, voi=None), "the range of its stored bits is shown"


def _named(display: Display) -> str:
    if display.voi is None or isinstance(display.voi, Lut):
        return "look-up table"
    return f"window (centre {display.voi.centre:g}, width {display.voi.width:g})"


def _saturated(pixels: np.ndarray, shown: np.ndarray) -> str:
    """Describe how many pixels are white and black where that is too many; "" else."""
    few = pixels[::SPARSE, ::SPARSE][np.broadcast_to(shown, pixels.shape)[::SPARSE, ::SPARSE]]
    # Of most X-rays a few pixels say it.
    if few.size >= LOOKED_AT and not _ends_words(few, SURELY_LESS):
        return ""
    return _ends_words(pixels if shown.all() else pixels[shown])


def _ends_words(pixels: np.ndarray, of_limits: float = 1.0) -> str:
    """Describe what is too many, or what is that share of too many."""
    if not pixels.size:
        return ""
    white, black = (np.count_nonzero(end) / pixels.size for end in (pixels >= WHITE, pixels <= 0))
    is_split = white + black > of_limits * MOST_ENDS and min(white, black) > of_limits * LEAST_END
    if white > of_limits * MOST_WHITE or black > of_limits * MOST_BLACK or is_split:
        return f"{white:.0%} of its pixels pure white and {black:.0%} pure black"
    return ""


def _used(display: Display, stored: np.ndarray, shown: np.ndarray) -> float:
    """Return which share of the grey scale nearly all pixels take; 1 where that cannot be said."""
    sample = _sample(stored, shown)
    if not sample.size:
        return 1.0
    if display.voi is None or isinstance(display.voi, Lut):
        return float(np.ptp(np.percentile(display.grey(sample), OUTERMOST)))
    # By its width, because a window that lies beside the values uses nothing of the grey scale either, and is not too wide.
    return min(1.0, float(np.ptp(np.percentile(display.modality(sample.astype(np.float64)), OUTERMOST))) / display.voi.width)


def _sample(stored: np.ndarray, shown: np.ndarray) -> np.ndarray:
    steps = tuple(slice(None, None, max(1, side // LOOKED_AT)) for side in stored.shape)
    sample, kept = stored[steps], np.broadcast_to(shown, stored.shape)[steps]
    return sample[kept & np.isfinite(sample)]


def _unused_range(display: Display, stored: np.ndarray, shown: np.ndarray) -> str:
    if display.stored_range is None or display.modality_lut is not None or display.stored_range[1] - display.stored_range[0] < 1 << 8:
        return ""
    low, high = display.stored_range
    values = stored if shown.all() else stored[shown]
    least, most = int(values.min()), int(values.max())
    if most - least >= LEAST_USED * (high - low):
        return ""
    found = f"its values, {least} to {most}, use {(most - least) / (high - low):.1%} of those that BitsStored allows ({low} to {high})"
    return f"{found}, and no window says more: it is shown with hardly any contrast"
