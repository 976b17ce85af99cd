"""The challenge's score of a submission, the mean Dice over images, with intervals by person, and what each image contributes to it.

An image without a nerve on which none is claimed counts 1, one pixel claimed there makes it 0: more than half of the challenge's images are
without a nerve, so an empty submission scores above 0.5. Beside the score therefore stand the Dice where there is a nerve, and the two
shares of images on which its presence is right.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.challenges.challenge import ScoredSubmission
from radlearn.challenges.readings.row_orders import orders_of
from radlearn.challenges.readings.run_readings import order_reading, other_reading
from radlearn.challenges.run_lengths import decoded
from radlearn.challenges.tables.csv_rows import table_text, table_text_of
from radlearn.challenges.tables.table_rows import is_table
from radlearn.challenges.troubles import listed
from radlearn.challenges.ultrasound.layout import LAYOUT_ADVICE, audit
from radlearn.challenges.ultrasound.rows import joined_note, run_table
from radlearn.challenges.ultrasound.submission import SIZE_PX, read_submission
from radlearn.errors import BadLayout, UnreadableScan
from radlearn.files import write_text
from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.intervals import bootstrap_interval
from radlearn.metrics.masks import dice_score
from radlearn.number_bounds import MOST_PX, checked_number
from radlearn.progress import in_parallel
from radlearn.scans.label_map_files import read_label_map

SCORES = ("mean_dice_score", "dice_score_where_nerve", "sensitivity", "specificity")


@dataclass(frozen=True, kw_only=True)
class ScoredRuns(ScoredSubmission):
    """The scores named in SCORES, and of each image its Dice, and its pixels of true and of claimed nerve."""

    scorer = "ultrasound"
    dice: np.ndarray  # float64 (images,), 1 where both masks are empty
    true_px: np.ndarray  # int (images,)
    found_px: np.ndarray  # int (images,)

    def details(self) -> dict[str, Any]:
        return {"images_with_nerve": int((self.true_px > 0).sum()), "images_with_claimed_nerve": int((self.found_px > 0).sum())}

    def summary(self) -> list[str]:
        images, empty = len(self.image_ids), int((self.true_px == 0).sum())
        return [
            f"Images: {images:,}. With a nerve: {images - empty:,}. With a claimed nerve: {(self.found_px > 0).sum():,}.",
            "mean_dice_score is the challenge's own; an image counts 1 where both masks are empty, 0 where only one of them is.",
            f"A submission without any nerve would score {empty / images:.3f}. sensitivity and specificity are shares of images: with a "
            "nerve and claimed to have one, without and rightly empty.",
        ]

    def write_table(self, path: Path) -> None:
        """Write a row an image, the worst Dice first."""
        columns = zip(self.image_ids, self.persons, self.dice, self.true_px, self.found_px, strict=True)
        rows = sorted(columns, key=lambda row: (row[2], row[0]))
        cells = ([one, person, f"{dice:.6f}", true, found] for one, person, dice, true, found in rows)
        write_text(path, table_text(["img", "person", "dice_score", "true_px", "found_px"], cells, exact=False))


def score_submission(
    truth: Path, submission: Path, size_px: tuple[int, int] = SIZE_PX, draws: int = 1000, seed: int = 0, workers: int | None = None
) -> ScoredRuns:
    """Score a submission of any tool as the challenge does.

    Args:
        truth: a folder in the challenge's layout, whose masks say who the persons are and how large each image is; or a table of true
            masks as run lengths with columns img, pixels and, so that intervals are by person, person; or subject, img, pixels, as
            train_masks.csv.
        submission: a table with columns img, pixels, or subject, img, pixels; it must have a row for every image of the truth.
        size_px: (rows, columns) of the images, where the truth is a table.
        draws, seed: of the bootstrap.
        workers: processes; all cores if None.

    Raises:
        BadLayout: the truth cannot be read, or something in the submission cannot be scored. The message names line, value and rule.
        BadSetting: no image has that size.
    """
    for length in size_px:
        checked_number("--size-px", length, 1, MOST_PX)
    if is_table(truth):
        true_masks, persons, notes = _truth_of_table(Path(truth), Path(submission), size_px)
    else:
        true_masks, persons, notes = _truth_of_folder(Path(truth), workers)
    found = read_submission(submission, {image_id: mask.shape for image_id, mask in true_masks.items()}, notes)
    dice = np.array([image_dice(found[image_id], mask) for image_id, mask in true_masks.items()])
    true_px = np.array([np.count_nonzero(mask) for mask in true_masks.values()])
    found_px = np.array([np.count_nonzero(found[image_id]) for image_id in true_masks])
    there, claimed = true_px > 0, found_px > 0
    nothing = np.nan
    columns = {
        "mean_dice_score": dice,
        "dice_score_where_nerve": np.where(there, dice, nothing),
        "sensitivity": np.where(there, claimed, nothing),
        "specificity": np.where(there, nothing, ~claimed),
    }
    in_other_rows = order_reading(list(found.values()), orders_of(list(found), true_masks))
    # Masks of other images fit by chance when they are read in some other way as well.
    seen_otherwise = in_other_rows or other_reading([found[image_id] for image_id in true_masks], list(true_masks.values()))
    interval = partial(bootstrap_interval, mean_over_images, persons, draws=draws, seed=seed)
    return ScoredRuns(
        image_ids=tuple(true_masks), persons=persons, scores={name: interval(columns[name]) for name in SCORES},
        notes=(*notes, *seen_otherwise), dice=dice, true_px=true_px, found_px=found_px,
    )  # fmt: skip


def image_dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the Dice of an image as the challenge counts it, in [0, 1]: 1 where both masks are empty.

    >>> image_dice(np.zeros((2, 2), bool), np.zeros((2, 2), bool)), image_dice(np.ones((2, 2), bool), np.zeros((2, 2), bool))
    (1.0, 0.0)
    """
    value = dice_score(found, truth)
    return 1.0 if np.isnan(value) else value


def _truth_of_folder(folder: Path, workers: int | None) -> tuple[dict[str, np.ndarray], tuple[str, ...], list[str]]:
    cases, troubles = audit(folder, needs_images=False)
    masks: dict[str, np.ndarray] = {}
    jobs = [(case.image_id, case.mask_path or case.path) for case in cases]
    for image_id, mask in in_parallel(_read, jobs, "true masks", "masks", workers):
        if isinstance(mask, str):
            troubles.append(mask)
        else:
            masks[image_id] = mask
    if troubles:
        raise BadLayout(listed(folder, troubles, *LAYOUT_ADVICE))
    return {case.image_id: masks[case.image_id] for case in cases}, tuple(case.person for case in cases), []


def _read(job: tuple[str, Path]) -> tuple[str, np.ndarray | str]:
    try:
        return job[0], read_label_map(job[1]).labels == 1
    except UnreadableScan as error:
        return job[0], str(error)


def _truth_of_table(path: Path, submission: Path, size_px: tuple[int, int]) -> tuple[dict[str, np.ndarray], tuple[str, ...], list[str]]:
    text, troubles = table_text_of(path)
    table = run_table(path.name, text, troubles)
    # What is wrong with the submission is said when it is read.
    asked = run_table(submission.name, table_text_of(submission)[0], []).names
    by_person = table.has_person or table.has_subject
    masks: dict[str, np.ndarray] = {}
    persons: list[str] = []
    for line, image_id, pixels, person in table.named(asked):
        where = f"{path.name}, line {line}"
        if not image_id or image_id in masks or (by_person and not person):
            wrong = "an image has a row already" if image_id in masks else "a cell is empty"
            troubles.append(f"{where}: {wrong}; expected one row an image, with its name{' and its person' if by_person else ''}.")
            continue
        try:
            masks[image_id] = decoded(pixels, size_px)
            persons.append(person or image_id)
        except BadLayout as error:
            troubles.append(f"{where}: {error}")
    if not masks and not troubles:
        troubles.append(f"{path.name}: has a header and no rows.")
    if troubles:
        raise BadLayout(listed(path, troubles, "in it cannot be scored against"))
    alone = f"{path.name}: has no column person, so every image counts as a person of its own, and the intervals are too narrow."
    return masks, tuple(persons), joined_note(path.name, table, asked) if by_person else [alone]
