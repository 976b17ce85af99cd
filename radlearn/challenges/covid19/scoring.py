"""The COVID-19-20 challenge's three scores of a submission, with intervals by person, and what each scan contributes to them.

The challenge ranks by Dice, normalised surface Dice and the normalised volume error |Vp − Vt| / Vt, here in percent. The tolerance of its
surface Dice is taken to be 1 mm, which was not found in print, so it can be set. Beside these stands what a mean of overlaps hides:
distances, millilitres, and lesions missed and made up.

Source: Roth et al. 2022, Medical Image Analysis 82:102605, doi:10.1016/j.media.2022.102605.
"""

from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from radlearn.amounts import part_of
from radlearn.challenges.challenge import ScoredSubmission
from radlearn.challenges.covid19.layout import LAYOUT_ADVICE, Case, audit
from radlearn.challenges.covid19.submission import grid_troubles, read_member, submission_members
from radlearn.challenges.readings.mask_owners import Places, owners_note, places_of
from radlearn.challenges.readings.mask_readings import mask_reading, readings_note
from radlearn.challenges.tables.csv_rows import table_text
from radlearn.challenges.troubles import listed
from radlearn.errors import BadLayout, UnreadableScan
from radlearn.files import write_text
from radlearn.metrics.lesions import SMALLEST_ML
from radlearn.metrics.mask_table import MaskScores, mask_scores, mask_summary
from radlearn.number_bounds import MOST_ML, MOST_TOLERANCE_MM, checked_number
from radlearn.progress import in_parallel
from radlearn.scans.geometry import steps_mm
from radlearn.scans.mask_files import read_mask

OFFICIAL_SCORES = ("dice_score", "surface_dice_score", "volume_error_percent")
TOLERANCE_MM = 1.0


@dataclass(frozen=True, kw_only=True)
class ScoredMasks(ScoredSubmission):
    """The scores over scans, those of OFFICIAL_SCORES and more, and one row a scan of what they are made of."""

    scorer = "covid19"
    rows: tuple[MaskScores, ...]
    left_out: dict[str, int]  # for each score that could not hold all scans, how many it leaves out
    tolerance_mm: float

    def details(self) -> dict[str, Any]:
        return {"tolerance_mm": self.tolerance_mm, "left_out": self.left_out}

    def summary(self) -> list[str]:
        lesions, false = (sum(getattr(row, name) for row in self.rows) for name in ("lesions", "false_lesions"))
        return [
            f"Scans: {len(self.rows):,}. True lesions: {lesions:,}. False lesions: {false:,}.",
            f"The challenge's own are dice_score, surface_dice_score (here with a tolerance of {self.tolerance_mm:g} mm) and "
            "volume_error_percent, which it gives as a fraction.",
            *(
                f"{name} leaves out {part_of(scans, len(self.rows), 'scans')}: where a mask is empty it has no finite value."
                for name, scans in self.left_out.items()
            ),
        ]

    def write_table(self, path: Path) -> None:
        """Write a row a scan, the worst Dice first: the row to look at first."""
        columns = ["case", "person", *(field.name for field in fields(MaskScores))]
        rows = sorted(zip(self.image_ids, self.persons, self.rows, strict=True), key=lambda row: (row[2].dice_score, row[0]))
        text = table_text(columns, ([case_id, person, *map(_shown, asdict(row).values())] for case_id, person, row in rows), exact=False)
        write_text(path, text)


def score_submission(
    truth_folder: Path,
    submission: Path,
    tolerance_mm: float = TOLERANCE_MM,
    smallest_ml: float = SMALLEST_ML,
    draws: int = 1000,
    workers: int | None = None,
) -> ScoredMasks:
    """Score masks of any tool as the challenge does.

    Args:
        truth_folder: the challenge's layout; it must hold the true mask of every case, and need not hold the CTs.
        submission: a zip, or a folder with what would be in it: `003.nii.gz` for volume-covid19-A-0003.
        tolerance_mm: of the surface Dice.
        smallest_ml: pieces of a mask below this volume are no lesions.
        draws: of the bootstrap.
        workers: processes; all cores if None.

    Raises:
        BadLayout: the truth is not the layout, or something in the submission cannot be scored: a mask missing or a name that no case
            has, which is found first; a mask unreadable, on another grid or not binary. The message names file, value and rule.
        BadSetting: a tolerance or a volume is no number, negative, or larger than a chest.
    """
    checked_number("--tolerance-mm", tolerance_mm, 0, MOST_TOLERANCE_MM)
    checked_number("--smallest-ml", smallest_ml, 0, MOST_ML)
    cases, notes = _truth(Path(truth_folder))
    members, troubles = submission_members(submission, cases)
    if troubles:
        # Names are mended at once; a pass over all masks takes minutes.
        raise _cannot_be_scored(submission, troubles)
    jobs = [(case, members[case.case_id]) for case in cases]
    job = partial(_scored, Path(submission), tolerance_mm, smallest_ml)
    found_of: dict[str, _Scored] = {}
    for case_id, found in in_parallel(job, jobs, "scoring", "scans", workers):
        if isinstance(found, _Scored):
            found_of[case_id] = found
        else:
            troubles += found
    if troubles:
        raise _cannot_be_scored(submission, troubles)
    scored = {case.case_id: found_of[case.case_id] for case in cases}
    table, persons = tuple(one.scores for one in scored.values()), tuple(case.person for case in cases)
    notes += _cut_notes([note for one in scored.values() for note in one.cut])
    notes += readings_note({case_id: one.looks_like for case_id, one in scored.items() if one.looks_like}, len(cases))
    notes += owners_note({case_id: one.places for case_id, one in scored.items()})
    summary = mask_summary(table, persons, draws)
    return ScoredMasks(
        image_ids=tuple(case.case_id for case in cases), persons=persons, scores=summary.scores, notes=tuple(notes), rows=table,
        left_out=summary.left_out, tolerance_mm=tolerance_mm,
    )  # fmt: skip


def _cannot_be_scored(submission: Path, troubles: list[str]) -> BadLayout:
    return BadLayout(listed(submission, sorted(troubles), "in the files cannot be scored", "Mend these masks, then try again."))


def _truth(folder: Path) -> tuple[list[Case], list[str]]:
    cases, troubles, notes = audit(folder, needs_cts=False)
    if troubles:
        raise BadLayout(listed(folder, troubles, *LAYOUT_ADVICE))
    return cases, notes


class _Scored(NamedTuple):
    """The scores of one scan, what was cut in its masks, and what its mask looks like where it fits badly, and where the two masks lie."""

    scores: MaskScores
    cut: tuple[str, ...]
    looks_like: tuple[str, float] | None
    places: Places


def _cut_notes(notes: list[str]) -> list[str]:
    """Return what was cut in masks, as one note."""
    if not notes:
        return []
    more = f", and {len(notes) - 1:,} more like it" if len(notes) > 1 else ""
    return [f"{notes[0]}{more}. The challenge's own tools may read such masks otherwise: submit 0 and 1."]


def _scored(submission: Path, tolerance_mm: float, smallest_ml: float, job: tuple[Case, str]) -> tuple[str, _Scored | list[str]]:
    """Return a case and its scores, or what is wrong with its masks."""
    case, name = job
    true_path = case.mask_path or case.path
    try:
        truth = read_mask(true_path)
        mask = read_member(submission, name, truth.grid)
    except UnreadableScan as error:
        return case.case_id, [str(error)]
    if troubles := grid_troubles(name, mask, truth.grid, true_path.name):
        return case.case_id, troubles
    scores = mask_scores(mask.voxels, truth.voxels, steps_mm(truth.affine), tolerance_mm, smallest_ml)
    read = {true_path.name: truth, name: mask}
    cut = [f"{which}: does not hold exactly 0 and 1 ({note})" for which, one in read.items() for note in one.notes]
    places = Places(places_of(mask.voxels), places_of(truth.voxels), scores.dice_score)
    return case.case_id, _Scored(scores, tuple(cut), mask_reading(mask.voxels, truth.voxels), places)


def _shown(value: float) -> str:
    return "" if value != value else f"{value:.6g}"
