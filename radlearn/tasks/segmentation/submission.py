"""The submission file of a challenge that asks for a mask of each image: predicted into a folder beside it, and checked by its writer."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from radlearn.amounts import begun, part_of
from radlearn.challenges.challenge import CaseT, Challenge
from radlearn.csv_cells import restored
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.progress import progress_bar
from radlearn.workflow.partial_answers import answers_beside
from radlearn.workflow.unreadable_files import SHOWN, UNREADABLE


def submit_predicted(
    challenge: Challenge[CaseT, Path],
    predict: Callable[[Path], Path],
    images: Path,
    out: Path,
    prove_readable: Callable[[Path], object],
    mask: str,
    files: str,
    mask_in: Callable[[Path], Path] = lambda path: path,
) -> list[CaseT]:
    """Write the challenge's submission file and check it against the images in `images`; return these.

    Args:
        predict: writes predictions into a folder and returns the path of their table.
        images: the folder of the challenge's unlabelled images.
        prove_readable: reads of a file what a prediction needs; raises UnreadableScan.
        mask: what is predicted, for messages, such as "mask".
        files: what the images are called, in the plural, such as "CTs".
        mask_in: returns the file that the challenge's writer gets for a predicted one, where that is not this file itself.

    Raises:
        BadSetting: if the challenge has no submission file, or `out` is a folder.
        BadLayout: if an image has no mask because it could not be read, or anything else for which the challenge would refuse the file.
    """
    if challenge.write_submission is None:
        raise BadSetting(f"{challenge.title} has no submission file. 'predict' writes a {mask} for each {challenge.unit}.")
    cases = challenge.find_images(Path(images))
    if challenge.check_names is not None:
        challenge.check_names(Path(out), [case.image_id for case in cases])
    with answers_beside(out) as folder:
        troubles = []
        with progress_bar("reading", len(cases), files) as bar:
            for case in cases:
                # That takes a second or two each, predicting for the others a minute each.
                try:
                    prove_readable(case.path)
                except UnreadableScan as error:
                    troubles.append(str(error))
                bar.advance()
        if troubles:
            raise _refused(troubles, len(cases), mask, files)
        table = predict(folder)
        with open(table, newline="", encoding="utf-8") as opened:
            masks = {restored(row["case"]): mask_in(table.parent / restored(row["mask"])) for row in csv.DictReader(opened)}
        if without := [case for case in cases if case.image_id not in masks]:
            # Before the challenge's writer, which knows only that the file for its upload lacks a mask.
            listed = table.parent / UNREADABLE
            told = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
            raise _refused(told or [f"{case.path}: has no {mask}." for case in without], len(cases), mask, files)
        challenge.write_submission(Path(out), masks, cases)
    return list(cases)


def _refused(troubles: Sequence[str], count: int, mask: str, files: str) -> BadLayout:
    shown = "\n".join(f"  {trouble}" for trouble in troubles[:SHOWN])
    some = begun(part_of(len(troubles), count, files))
    return BadLayout(
        f"{some} cannot be read, and a submission needs a {mask} for each:\n{shown}\n"
        "Mend these files, then give the same command again; what was predicted for others is not predicted again."
    )
