"""The submission of the challenge Ultrasound Nerve Segmentation: a table of run lengths, written, proved and read.

    img,pixels
    1,14306 16 14725 18
    2,

One row an image, pixels as in `run_lengths`; where no nerve is seen the row is there and its text is empty. The file gives no sizes, so
runs are read on the grid of the images, 420 × 580 unless said otherwise: a mask encoded row by row lies elsewhere and still gets a score.
A table that is read may name its images by subject and img, as train_masks.csv does (`rows`).
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from radlearn.challenges.run_lengths import decoded, encoded
from radlearn.challenges.tables.csv_rows import rows_of_images, table_text, table_text_of
from radlearn.challenges.troubles import listed
from radlearn.challenges.ultrasound.rows import joined_note, run_table
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadLayout, BadSetting
from radlearn.files import write_text
from radlearn.scans.label_map_files import read_label_map

SUBMISSION_COLUMNS = ("img", "pixels")
SIZE_PX = (420, 580)
"Rows and columns of the challenge's images."
ONE_ROW = "one row an image, with all its runs"
WITHOUT_ROW = "An image on which nothing was found has a row too, with empty pixels."


def write_submission(path: Path, masks: Mapping[str, np.ndarray | Path], cases: Sequence[UltrasoundCase] | None = None) -> None:
    """Write image → mask as run lengths, atomically, once the text was read back and gives the same masks.

    Args:
        path: of the table.
        masks: image id → bool (rows, columns) or a file of a label map; class 1 is the nerve.
        cases: the images that the masks are of. If given, there must be a mask for each of them and for no other.

    Raises:
        BadLayout: an image has no mask, or a mask no image; a text read back gives another mask. Nothing was written.
        BadSetting: a mask is not a bool array of two axes.
        UnreadableScan: a file is no label map.
    """
    path = Path(path)
    ids = list(masks) if cases is None else [case.image_id for case in cases]
    distinct_images(path, ids)
    if set(ids) != set(masks):
        alone = sorted(set(ids) ^ set(masks))
        what = "has no mask" if alone[0] not in masks else "is no image of this submission"
        raise BadLayout(f"{path}: {alone[0]} {what}; expected one mask for each of the {len(ids):,} images. Nothing was written.")
    shapes: dict[str, tuple[int, int]] = {}
    runs: dict[str, str] = {}
    for image_id in ids:
        mask = _mask(image_id, masks[image_id])
        shapes[image_id], runs[image_id] = (mask.shape[0], mask.shape[1]), encoded(mask)
        if not np.array_equal(decoded(runs[image_id], shapes[image_id]), mask):
            raise BadLayout(f"{path}: the run lengths of {image_id} read back as another mask. Nothing was written.")
    text = table_text(SUBMISSION_COLUMNS, runs.items())
    read, troubles = runs_in(path.name, text, ids)
    if troubles or read != runs:
        said = troubles or ["the table reads back differently from what was to be written."]
        raise BadLayout(listed(path, said, "in it could not be scored, so nothing was written"))
    write_text(path, text)


def distinct_images(path: Path, image_ids: Collection[str]) -> None:
    """Raise a BadLayout where two images would have one row of the table `path`."""
    seen: set[str] = set()
    for image_id in image_ids:
        if image_id in seen:
            raise BadLayout(f"{path}: two images are called {image_id}; a submission tells them apart by name. Rename one of them.")
        seen.add(image_id)


def read_submission(path: Path, sizes_px: Mapping[str, tuple[int, int]], notes: list[str] | None = None) -> dict[str, np.ndarray]:
    """Read a submission of any tool.

    Args:
        path: the file, as Kaggle or Excel leaves it: with a byte-order mark, CRLF, quotes.
        sizes_px: image id → (rows, columns) of the images that must have a row, no more and no less.
        notes: to which is appended how the table names images, where that is not by `img` alone.

    Returns:
        image id → bool (rows, columns), in the order of the file.

    Raises:
        BadLayout: with the first ten things that are wrong, each with its line or image, what was found and the rule.
    """
    path = Path(path)
    text, troubles = table_text_of(path)
    runs, more = runs_in(path.name, text, sizes_px, notes) if text else ({}, [])
    troubles = troubles + more
    masks: dict[str, np.ndarray] = {}
    for image_id, pixels in runs.items():
        try:
            masks[image_id] = decoded(pixels, sizes_px[image_id])
        except BadLayout as error:
            troubles.append(f"{path.name}, image {image_id}: {error}")
    if troubles:
        raise BadLayout(listed(path, troubles))
    return masks


def runs_in(
    name: str, text: str, expected_ids: Collection[str] | None = None, notes: list[str] | None = None
) -> tuple[dict[str, str], list[str]]:
    """Return image → the text of its runs, and one line per thing that is wrong with the table; `notes` as in `read_submission`."""
    troubles: list[str] = []
    table = run_table(name, text, troubles)
    if notes is not None:
        notes += joined_note(name, table, expected_ids or ())
    rows = [(line, image_id, pixels) for line, image_id, pixels, _ in table.named(expected_ids or ())]
    runs: dict[str, str] = {}
    for _, image_id, pixels in rows_of_images(name, rows, expected_ids, troubles, "img", ONE_ROW, WITHOUT_ROW):
        runs[image_id] = pixels
    return runs, troubles


def _mask(image_id: str, given: np.ndarray | Path) -> np.ndarray:
    if isinstance(given, Path):
        return read_label_map(given).labels == 1
    if given.dtype != bool or given.ndim != 2:
        raise BadSetting(f"the mask of {image_id} is {given.dtype} of shape {given.shape}; expected bool (rows, columns).")
    return given
