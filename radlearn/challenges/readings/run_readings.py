"""Whether the run lengths of a submission mean something else than they say: rows for columns, another grid, a mirrored or inverted mask.

Such a file scores near zero and looks like a bad model. So its pixels are read in other ways too, and where one of them fits the true masks
far better, a note says which. The score stays that of the file as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

from radlearn.amounts import part_of
from radlearn.challenges.readings.row_orders import AS_IT_IS
from radlearn.metrics.masks import dice_score

MOST_IMAGES = 200
FITS_ABOVE, BETTER_BY = 0.4, 0.2
"Mean Dice where both masks have a nerve, and by how much it must exceed that of the file as it is."
SHARE_OF_MISSES = 0.5
"By one pixel a large mask hardly moves: then what is missed must become half as much. No model misses in this way by chance."
FEWEST_IMAGES, FEWEST_IN_ROWS = 2, 4
GRIDS_PX = (
    (64, 64), (64, 80), (80, 112), (96, 96), (96, 128), (112, 112), (128, 128), (128, 160), (128, 192), (160, 160), (160, 224), (192, 192),
    (192, 256), (208, 288), (210, 290), (224, 224), (224, 288), (224, 320), (256, 256), (288, 384), (320, 320), (320, 448), (384, 384),
    (416, 576), (448, 448), (480, 480), (512, 512),
)  # fmt: skip
"Rows and columns that networks are trained at."

Pair = tuple[np.ndarray, np.ndarray]
Reading = Callable[[np.ndarray], np.ndarray]


def other_reading(found: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> list[str]:
    """Return a note on what masks look like; none where they fit the true masks as they are, or no other reading fits far better.

    Args:
        found: the masks of a submission, bool (rows, columns), as the challenge reads them.
        truth: the true masks of the same images.
    """
    both = [(one, true) for one, true in zip(found, truth, strict=True) if one.any() and true.any()]
    amount = part_of(len(both), len(truth), "images")
    if len(both) < FEWEST_IMAGES:
        return []
    both = both[:: -(-len(both) // MOST_IMAGES)]
    own = _fit(both, lambda mask: mask)
    where = f"where both masks have a nerve ({amount}) the Dice is {own:.2f}"
    earlier = _fit(both, lambda mask: _moved(mask, 1))
    if 1 - earlier <= SHARE_OF_MISSES * (1 - own) and own < 1:
        words = f"{where}, and {earlier:.2f} if all pixels are one later"
        return [f"The starts of the runs look counted from 0: {words}. The challenge counts from 1: add 1 to every start."]
    if own + BETTER_BY > 1:
        return []
    fits = [(_fit(both, read), words, advice) for words, advice, read in _readings(both)]
    best, words, advice = max(fits, key=lambda one: one[0])
    if best < max(FITS_ABOVE, own + BETTER_BY):
        return []
    return [f"The masks look {words}: {where}, and {best:.2f} if runs are read so. {advice}"]


def order_reading(found: Sequence[np.ndarray], orders: Mapping[str, Sequence[np.ndarray]]) -> list[str]:
    """Return a note where masks fit the images of other rows than their own far better; none else.

    Args:
        found: the masks of each row, in the order of the file.
        orders: from `row_orders.orders_of`, of the true masks.
    """
    if sum(one.any() for one in found) < FEWEST_IN_ROWS:
        return []
    own = _fit_of_rows(found, orders[AS_IT_IS])
    if own + BETTER_BY > 1:
        return []
    fits = {words: _fit_of_rows(found, truth) for words, truth in orders.items()}
    best = max(fits, key=lambda words: fits[words])
    if fits[best] < max(FITS_ABOVE, own + BETTER_BY):
        return []
    fit = f"a Dice of {fits[best]:.2f}, as they stand with {own:.2f}"
    return [f"The masks look like {best}: there they fit the true masks with {fit}. Were ids and masks joined by their order?"]


def _fit_of_rows(found: Sequence[np.ndarray], truth: Sequence[np.ndarray]) -> float:
    # A mask where there is no nerve, and none where one is, count against an order; so do images of another size.
    pairs = [(one, true) for one, true in zip(found, truth, strict=True) if one.any() or true.any()][:MOST_IMAGES]
    return float(np.mean([dice_score(one, true) if one.shape == true.shape else 0.0 for one, true in pairs]))


def _readings(both: Sequence[Pair]) -> list[tuple[str, str, Reading]]:
    """Return what masks may be, what to do then, and how they are read so."""
    turned = "The challenge wants the mask of the image as its file has it: turn it back before encoding."
    grid = "The challenge counts pixels of its own image: resize the mask to its rows and columns before encoding."
    readings: list[tuple[str, str, Reading]] = [
        ("encoded row by row", "The challenge counts down the columns: transpose before encoding.", _by_rows),
        ("inverted", "Runs are of what is nerve: encode the inside of the mask.", np.logical_not),
        ("mirrored", turned, np.fliplr),
        ("upside down", turned, np.flipud),
        ("turned by 180°", turned, lambda mask: mask[::-1, ::-1]),
        ("encoded row by row with rows and columns exchanged", grid, lambda mask: _regridded(mask, mask.shape[::-1], "C")),
        ("encoded on a grid with rows and columns exchanged", grid, lambda mask: _regridded(mask, mask.shape[::-1], "F")),
    ]
    last = max(int(np.flatnonzero(one.ravel(order="F"))[-1]) for one, _ in both)
    shapes = {one.shape for one, _ in both}
    for shape in GRIDS_PX:
        if last < shape[0] * shape[1] and shape not in shapes:
            named = f"encoded on a grid of {shape[0]} × {shape[1]} pixels (rows × columns)"
            readings += [
                (named, grid, partial(_regridded, grid=shape, order="F")),
                (f"{named}, row by row", grid, partial(_regridded, grid=shape, order="C")),
            ]
    return readings


def _by_rows(mask: np.ndarray) -> np.ndarray:
    return mask.ravel(order="F").reshape(mask.shape)


def _moved(mask: np.ndarray, pixels: int) -> np.ndarray:
    return np.roll(mask.ravel(order="F"), pixels).reshape(mask.shape, order="F")


def _regridded(mask: np.ndarray, grid: tuple[int, ...], order: str) -> np.ndarray:
    """Return the mask that the same runs are on another grid, resized to the image, each pixel from its nearest."""
    flat = np.zeros(int(np.prod(grid)), bool)
    said = mask.ravel(order="F")[: flat.size]
    flat[: said.size] = said
    there = flat.reshape(grid, order=order)  # type: ignore[call-overload]
    rows, columns = (np.arange(wanted) * held // wanted for wanted, held in zip(mask.shape, grid, strict=True))
    return np.asarray(there[np.ix_(rows, columns)])


def _fit(both: Sequence[Pair], read: Reading) -> float:
    """Return the mean Dice of masks that are read in one way; one with nothing inside then counts 0."""
    return float(np.mean([dice_score(read(one), true) for one, true in both]))
