"""Out-of-distribution (OOD) images: how predictions, score files and reports speak of what is unlike the training data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from radlearn.amounts import begun, counted, none_of, noun_of, part_of, verb_of
from radlearn.metrics.case_scores import CaseScore, score_intervals
from radlearn.metrics.feature_distance import OodScores, mean_scores
from radlearn.metrics.intervals import bootstrap_interval
from radlearn.metrics.predictions import pooled_share
from radlearn.pictures.report import Block, Note, Table
from radlearn.pictures.style import percent, spoken
from radlearn.progress import say
from radlearn.training.feature_distance import FILE, missing_because, read_feature_distance
from radlearn.training.run_folder import Run
from radlearn.workflow.scores_file import interval_of

# Columns of every table of predictions, as `OodScores` has them; the third is "yes" or "no". Empty where it is not known.
OOD_COLUMNS = ("ood_score", "ood_distance", "out_of_distribution")
UNKNOWN = ("", "", "")
HEADING = "Unlike the training data"
# From this share of usual images on that is flagged too, a flag says little.
WEAK_SHARE = 0.05
# Images are far from here on: farther than four fifths of the validation images.
FAR_FROM = 0.8
SHOWN = 5


class OodPredictions:
    """What a pass over new images finds unlike the training data.

    Args:
        runs: that predict. Of several, the mean of their scores and distances is used.
        units: what an image is called, in the plural.
    """

    def __init__(self, runs: Sequence[Run], units: str) -> None:
        self.units, self.images = units, 0
        self.flagged: list[str] = []
        found = [(run, read_feature_distance(run)) for run in runs]
        self.distances = [distance for _, distance in found if distance is not None]
        self.missing = [run for run, distance in found if distance is None]
        self.known = 0

    def scored(self, names: Sequence[str], features: Sequence[np.ndarray] | None) -> OodScores | None:
        """Return the scores of images, and count them; None where a run cannot tell.

        Args:
            names: of the images, for the summary.
            features: of each run, float (images, features); None where they are not known.
        """
        self.images += len(names)
        if self.missing or features is None:
            return None
        each = [distance.scored(rows) for distance, rows in zip(self.distances, features, strict=True)]
        scores = each[0] if len(each) == 1 else mean_scores(each)
        self.known += len(names)
        self.flagged += [name for name, flagged in zip(names, scores.flagged, strict=True) if flagged]
        return scores

    def recall(self, row: Mapping[str, str], name: str) -> None:
        """Count an image that an earlier pass wrote down: `row` by the columns of the table, `name` that of the image's name."""
        self.images += 1
        self.known += row[OOD_COLUMNS[2]] != UNKNOWN[2]
        if row[OOD_COLUMNS[2]] == "yes":
            self.flagged.append(row[name])

    @property
    def promised_share(self) -> float:
        """The share of usual images that is flagged at most, 0 to 1: of several runs the largest."""
        return max((distance.promised_share for distance in self.distances), default=0.0)

    @property
    def warning(self) -> str:
        """What to say beside the prediction for a flagged image."""
        if self.promised_share > WEAK_SHARE:
            return f"unlike the training data, as up to {percent(self.promised_share)} of usual {self.units} are"
        return "unlike the training data: do not trust this prediction"

    def report(self) -> None:
        """Say how many images are unlike the training data."""
        if self.missing:
            say(f"Whether {self.units} are unlike the training data is not known. {missing_because(self.missing[0])}", style="yellow")
        elif self.flagged:
            shown = ", ".join(self.flagged[:SHOWN]) + (", …" if len(self.flagged) > SHOWN else "")
            some = f"{begun(part_of(len(self.flagged), self.images, self.units, 'of'))} {verb_of(len(self.flagged), 'are')}"
            said = f"{some} unlike the training data"
            if self.promised_share > WEAK_SHARE:
                fewest, usual = min(len(distance.validation) for distance in self.distances), percent(self.promised_share)
                said += f", which says little: with {counted(fewest, f'validation {self.units}')}, up to {usual} of usual ones are too"
            else:
                said += "; do not trust their predictions"
            say(f"{said} (column out_of_distribution): {shown}", style="yellow")
        elif self.known:
            none = f"{begun(none_of(self.images, self.units))} is" if self.images > 1 else f"The {noun_of(1, self.units)} is not"
            say(f"{none} unlike the training data.")


def ood_cells(scores: OodScores | None, number: int) -> tuple[str, str, str]:
    """Return what `OOD_COLUMNS` hold for one of the images; empty where it is not known."""
    if scores is None:
        return UNKNOWN
    return f"{scores.scores[number]:.4f}", f"{scores.distances[number]:.4f}", "yes" if scores.flagged[number] else "no"


def ood_summary(
    run: Run,
    features: np.ndarray | None,
    scores: Mapping[str, CaseScore],
    columns: Mapping[str, np.ndarray],
    persons: np.ndarray,
    errors: np.ndarray,
) -> dict[str, Any] | None:
    """Return what evaluation says of images that are unlike the training data, as JSON values; None where it is not known.

    Args:
        features: of the evaluated images, float (images, features), or None.
        scores: those to give also without the flagged images; `columns` are theirs, (images,) each.
        errors: (images,), how wrong the prediction for an image is, from 0 to 1; NaN where it has no answer.
    """
    distance = read_feature_distance(run)
    if distance is None or features is None:
        return None
    found, persons = distance.scored(features), np.asarray(persons)
    far, known = found.scores >= FAR_FROM, ~np.isnan(errors)
    kept = ~found.flagged
    without = score_intervals(scores, {name: column[kept] for name, column in columns.items()}, persons[kept]) if kept.any() else {}

    def mean_error(chosen: np.ndarray) -> dict[str, Any]:
        wrong, counted = np.where(chosen & known, errors, 0.0), chosen & known
        return {"cases": int(counted.sum()), **bootstrap_interval(pooled_share, persons, wrong, counted).as_dict()}

    return {
        "promised_share": distance.promised_share,
        "flagged": int(found.flagged.sum()),
        "flagged_share": bootstrap_interval(pooled_share, persons, found.flagged, np.ones(len(found))).as_dict(),
        "scores_without_flagged": {name: score.as_dict() for name, score in without.items()},
        "far_from_score": FAR_FROM,
        "mean_error_far": mean_error(far),
        "mean_error_others": mean_error(~far),
    }


def ood_blocks(run: Run, found: Mapping[str, Any], units: str, error: str, labels: Mapping[str, str] | None = None) -> list[Block]:
    """Return the section of a report about images that are unlike the training data.

    Args:
        found: the content of the score file.
        units: what an image is called, in the plural.
        error: what the error of an image is, such as "share of wrong decisions".
        labels: display names of scores that only one challenge has.
    """
    ood = found.get("ood")
    if ood is None:
        # Several runs that are evaluated together have a folder, but no network of their own.
        why = f" {missing_because(run)}" if run.best_weights.exists() and not (run.folder / FILE).exists() else ""
        return [Note(f"Whether {units} are unlike the training data is not known.{why}")]
    said = (
        f"{begun(part_of(ood['flagged'], found['cases'], units, 'of'))} {verb_of(ood['flagged'], 'are')} flagged: in the "
        f"network's features they are farther from the training data "
        f"than nearly all {units} of validation. Of new {units} like those, {ood['promised_share']:.1%} at most are flagged on average."
    )
    rows: list[list[Any]] = [["share flagged as unlike the training data", interval_of(ood["flagged_share"]), None]]
    without = ood["scores_without_flagged"].items()
    rows += [[spoken(name, labels), interval_of(found["scores"][name]), interval_of(score)] for name, score in without]
    nearer = f"{ood['far_from_score']:.0%} of the validation {units}"
    for key, where in (("mean_error_far", f"farther than {nearer}"), ("mean_error_others", "nearer than that")):
        rows.append([f"{error}, {ood[key]['cases']:,} {units} {where}", interval_of(ood[key]), None])
    caption = "Whether what is far from the training data is predicted worse. No labels were used to measure distances."
    kind = "warning" if ood["flagged_share"]["value"] > 2 * ood["promised_share"] else "info"
    return [Note(said, kind), Table(["", "value (95 % interval)", "without the flagged"], rows, caption)]
