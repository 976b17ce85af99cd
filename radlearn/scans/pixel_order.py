"""Whether the pixels of an uncompressed image lie as its header says: rows of another length, and parts that never arrived.

Neither is an error to a decoder. Rows of another length make a sheared picture of as many pixels; the end of a file whose download stopped,
and a part of one that was copied in parts or rescued from a disk, are often there, and 0. Compressed images say both by themselves.
"""

import math

import numpy as np

ROWS_LOOKED_AT, PIXELS_OF_A_ROW, LEAST_SIDE = 32, 256, 32
OTHER_ROWS, CUT_END = "rows do not go on in one another", "as a download leaves that was not finished"
CUT_PART = "as a copy leaves of which a part is missing"
"Words by which others know what was found."
SMOOTHER_BELOW = 0.5
"""Difference of neighbouring rows, against that of the rows that the header says. Of 674 sound images (350 real X-rays, 120 built-in
ones, 204 of ultrasound; five crops each, every length that divides their pixels) it is 0.72 and more. Read with exchanged
sides 110 X-rays had 0.01 to 0.47 where the sides differ by 4 in 1,000; by 1 in 1,000, where little shifts from row to row, 0.5 to 0.8."""
PART_BELOW = 0.97
"The same where the row is a part of the one that is said: of sound images 1.66 and more, of two rows read as one 0.96 at most."
ALIKE_BELOW = 4.0
"Difference of neighbouring rows over that of neighbours in a row: of 110 X-rays 1.9 at most, and 1.4 in the middle."
SUSPECT_ABOVE, MOST_OBLONG = 1.5, 4
"""The same where lengths are tried that are no part of a row: where rows are more alike, none can be plainly better. And how often the
width of an image may be its height, or the other way round."""
LEAST_LOST, LEAST_LOST_SHARE = 2, 0.1
"Rows of 0 at the end: after a row that breaks off, and where they begin with a row."
ROWS_BEFORE, AROUND_ROWS, COLUMNS_APART = 4, 16, 61
LEAST_BESIDE, LEAST_BESIDE_PX = 1 / 100, 8
"Of a row: so much is missing where it breaks off."
WHOLE, AS_BRIGHT = 0.9, 0.5


def order_words(stored: np.ndarray) -> str:
    """Return in words how stored values (height, width), in the order of the file, seem to lie elsewhere; "" where all is as it should be.

    >>> ramp = np.add.outer(np.arange(60.0) ** 2, np.arange(90.0) ** 2)
    >>> order_words(ramp), order_words(ramp.reshape(90, 60))[:54]
    ('', 'its rows do not go on in one another, and would with 9')
    """
    return "; ".join(filter(None, [other_sides(stored), lost_rows(stored)]))


def other_sides(stored: np.ndarray) -> str:
    """Return in words that the rows of an image seem to have another length; "" where they do not.

    A length is tried if it divides the pixels and is no multiple of a row, unless the sides are then exchanged.
    """
    rows, columns = stored.shape
    if min(rows, columns) < LEAST_SIDE:
        return ""
    pixels = stored.reshape(-1)
    beside, said = _change(pixels, 1), _change(pixels, columns)
    shortest = max(LEAST_SIDE, math.isqrt(pixels.size // MOST_OBLONG))
    tried = np.arange(shortest, pixels.size // shortest + 1)
    # Where every second row differs, as of detectors that are read in halves, several rows are smoother together.
    lengths = [one for one in tried[pixels.size % tried == 0].tolist() if one % columns or one == rows != columns]
    if said <= SUSPECT_ABOVE * beside:
        lengths = [one for one in lengths if columns % one == 0]
    changes = {length: _change(pixels, length) for length in lengths}
    if not changes:
        return ""
    best = min(changes, key=lambda length: changes[length])
    smoother = changes[best] < SMOOTHER_BELOW * said
    if columns % best == 0:
        # Two rows that are read as one are alike themselves; half a row away is something else.
        smoother = changes[best] < PART_BELOW * said and changes[best] < SMOOTHER_BELOW * _change(pixels, best + best // 2)
    # So that what is no number is no finding.
    if not (smoother and changes[best] <= ALIKE_BELOW * beside):
        return ""
    others = f"{best} columns and {pixels.size // best} rows"
    exchanged = "exchanged" if best == rows else "wrong"
    return (
        f"its {OTHER_ROWS}, and would with {others}: are its Rows ({rows}) and Columns ({columns}) {exchanged}? "
        "As it is read it is sheared. Correct its header, or export it again"
    )


def lost_rows(stored: np.ndarray, last_first: bool = False) -> str:
    """Return in words that rows of an image are 0 as in a file of which the end, or parts before it, never arrived; "" where none are.

    `last_first` is for files that keep the lowest row of a picture first, as BMP does.
    """
    return "; ".join(filter(None, [_lost_parts(stored[::-1] if last_first else stored, last_first), lost_end(stored, last_first)]))


def _lost_parts(stored: np.ndarray, last_first: bool) -> str:
    """Return in words that rows, in the order of the file, which have others behind them are 0, and break off where they begin or end.

    Black bars, borders and collimators end as a row does, or slope. Of 350 real X-rays, 60 built-in ones and 204 images of ultrasound, with
    bars of 0 across them, black above and below, and turned by some degrees, none is taken for one of which a part is missing.
    """
    rows, columns = stored.shape
    # A few columns say of most images that no row is 0.
    if min(rows, columns) < LEAST_SIDE or stored[:, ::COLUMNS_APART].any(axis=1).all():
        return ""
    filled = np.concatenate([[-1], np.flatnonzero(stored.any(axis=1))])
    gaps = [(int(filled[at]), int(filled[at + 1])) for at in np.flatnonzero(np.diff(filled) > LEAST_LOST)]
    found = [(before + 1, after) for before, after in gaps if _is_torn(stored, before, after)]
    if not found:
        return ""
    many, first = sum(end - start for start, end in found), found[0][0] + 1
    where = f"from row {rows - found[0][1] + 1 if last_first else first} on" if len(found) == 1 else f"in {len(found)} places"
    return f"{many} of its {rows} rows, {where}, are all 0, {CUT_PART}: copy it again from its source, unless they are so there too"


def _is_torn(stored: np.ndarray, before: int, after: int) -> bool:
    """Whether rows of 0 between two others begin or end within a row, and at their other end with one that is whole, if not so too."""
    backwards = stored[::-1, ::-1]
    last, columns = len(stored) - 1 - after, stored.shape[1]
    below = last >= 2 * ROWS_BEFORE and _breaks_off(backwards, last)
    if before < 0:
        # A body that begins below a black border begins with a row that is shorter than the next ones.
        begins = int(np.flatnonzero(stored[after])[0])
        return below and bool(np.count_nonzero(stored[after + 1, :begins]) >= WHOLE * begins)
    above = before >= 2 * ROWS_BEFORE and _breaks_off(stored, before)
    whole = [np.count_nonzero(stored[row]) >= WHOLE * columns for row in (before, after)]
    return (above and (below or bool(whole[1]))) or (below and bool(whole[0]))


def lost_end(stored: np.ndarray, last_first: bool = False) -> str:
    """Return in words that the last rows of an image are 0 as in a download that was not finished; "" where they are not.

    `last_first` is for files that keep the lowest row of a picture first, as BMP does.

    Black borders of films end as a row does, or slope, or fade, or lie on the other side too. Of the real and built-in images above, upside
    down too, 320 end in up to 108 rows of 0, and none is taken for one that was cut.
    """
    stored = stored[::-1] if last_first else stored
    rows, columns = stored.shape
    if stored[-1].any() or min(rows, columns) < LEAST_SIDE:
        return ""
    filled = np.flatnonzero(stored.any(axis=1))
    if filled.size == 0 or (last := int(filled[-1])) < 2 * ROWS_BEFORE:
        return ""
    lost = rows - 1 - last
    if lost < LEAST_LOST or not (_breaks_off(stored, last) or _ends_at_once(stored, last, filled.size, lost)):
        return ""
    which = "first" if last_first else "last"
    return f"the {which} {lost} of its {rows} rows are all 0, {CUT_END}: copy it again from its source, unless they are so there too"


def _breaks_off(stored: np.ndarray, last: int) -> bool:
    """Whether a row stops where those above it go on."""
    columns = stored.shape[1]
    end = int(np.flatnonzero(stored[last])[-1]) + 1
    above = stored[last - ROWS_BEFORE : last]
    beyond = np.count_nonzero(above[:, end:], axis=1)
    is_enough = beyond.min() >= max(LEAST_BESIDE_PX, LEAST_BESIDE * columns)
    # Of a border that slopes or curves each row goes on a little less far than the one above.
    goes_on = is_enough and beyond.min() >= WHOLE * beyond.max()
    before = above[-1, :end] != 0
    is_whole = np.count_nonzero(stored[last, :end][before]) >= WHOLE * np.count_nonzero(before)
    return bool(goes_on and is_whole and _is_as_bright(stored[:last], columns, end))


def _ends_at_once(stored: np.ndarray, last: int, filled: int, lost: int) -> bool:
    """Whether many rows are lost after a row that is as full and as bright as those above, of which none is 0."""
    rows, columns = stored.shape
    # Many programs make an image square with one border, below.
    if rows == columns:
        return False
    is_whole = np.count_nonzero(stored[last]) >= WHOLE * columns
    return lost >= LEAST_LOST_SHARE * rows and filled == last + 1 and bool(is_whole) and _is_as_bright(stored[: last + 1], columns, 0)


def _is_as_bright(above: np.ndarray, columns: int, start: int) -> bool:
    """Whether the last row does not fade, from a column on."""
    around = np.abs(above[-AROUND_ROWS:, start:columns].astype(np.float64))
    return bool(around[-1].mean() >= AS_BRIGHT * around.mean())


def _change(pixels: np.ndarray, apart: int) -> float:
    """Return the mean difference of pixels (pixels,) so far apart, at places all over the image."""
    # By the golden ratio, because even steps may all fall on one column.
    places = (np.arange(ROWS_LOOKED_AT) * 0.6180339887 % 1 * max(1, pixels.size - apart - PIXELS_OF_A_ROW)).astype(np.int64)
    first, second = (
        np.concatenate([pixels[at : at + PIXELS_OF_A_ROW] for at in np.add(places, more)]).astype(np.float64) for more in (0, apart)
    )
    return float(np.abs(second - first).mean())
