"""Scores of a classifier's probabilities, of any tool, against `Target` of the challenge's labels, with intervals by person.

The challenge itself takes boxes and never scored this; the figures are those that current guidance expects of a prediction model:
ranking, both kinds of mistake at a threshold, and calibration by logistic recalibration (arXiv:2412.10288). The view alone ranks the
challenge's X-rays with an AUROC of 0.71, so the AUROC within a view stands beside it wherever the views are known.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from radlearn.amounts import counted
from radlearn.challenges.challenge import ScoredSubmission
from radlearn.challenges.readings.probability_readings import one_class_notes, reversed_notes, shifted_notes
from radlearn.challenges.readings.row_orders import orders_of
from radlearn.challenges.rsna.label_truth import label_truth
from radlearn.challenges.rsna.probabilities import read_probabilities
from radlearn.challenges.rsna.view_table import views_of
from radlearn.challenges.tables.csv_rows import table_text
from radlearn.errors import BadSetting
from radlearn.files import write_text
from radlearn.metrics import calibration, decisions, ranking
from radlearn.metrics.intervals import Interval, bootstrap_band, bootstrap_interval

COLUMNS = ("patientId", "person", "view", "Target", "probability", "called", "squared_error")
CALIBRATION_DRAWS = 200
"Each draw is a fit of its own, and takes its time."


@dataclass(frozen=True, kw_only=True)
class ScoredProbabilities(ScoredSubmission):
    """Probabilities compared with the labels; every array is (images,), in the order of the labels table."""

    scorer = "classification"
    labels: np.ndarray  # bool
    probabilities: np.ndarray  # float64, in [0, 1]
    views: tuple[str, ...]  # "" where it is not known
    threshold: float

    def details(self) -> dict[str, Any]:
        counts = decisions.confusion_counts(self.probabilities, self.labels, self.threshold)
        return {"positives": int(self.labels.sum()), "threshold": self.threshold, "counts": dict(vars(counts))}

    def summary(self) -> list[str]:
        found = self.as_dict()
        xrays, positives, counts = found["cases"], found["positives"], found["counts"]
        share = positives / xrays
        return [
            f"X-rays: {xrays:,} of {counted(found['persons'], 'persons')}. With an opacity: {positives:,} ({share:.1%}).",
            f"At a threshold of {self.threshold:g}: {counts['true_positives']:,} true positives, {counts['false_negatives']:,} false "
            f"negatives, {counts['false_positives']:,} false positives, {counts['true_negatives']:,} true negatives.",
            f"Chance: average_precision_score {share:.3f}; brier_error {share * (1 - share):.3f} for predicting the share of positives.",
            *self._calibration_words(),
            "The challenge takes boxes and scores no probabilities: these figures are on no leaderboard.",
        ]

    def _calibration_words(self) -> list[str]:
        level = self.scores["calibration_in_the_large"]
        words = "calibration_in_the_large is 0 where the mean probability is the share of positives, below 0 where it is too high. "
        if level.value != level.value:
            return [calibration.level_in_words(level)]
        slope = "A calibration_slope below 1 means overconfident probabilities; calibration_intercept belongs to it and says nothing alone."
        return [words + calibration.level_in_words(level), slope]

    def write_table(self, path: Path) -> None:
        """Write a row an image: whose it is, its view, label and probability, what it was called, and its part in the Brier error."""
        called, errors = self.probabilities >= self.threshold, (self.probabilities - self.labels) ** 2
        columns = (self.labels.astype(int), self.probabilities.tolist(), called.astype(int), (f"{error:.6f}" for error in errors))
        write_text(path, table_text(COLUMNS, zip(self.image_ids, self.persons, self.views, *columns, strict=True), exact=False))


def score_probabilities(
    labels_csv: Path, submission: Path, threshold: float = 0.5, views: Path | None = None, draws: int = 1000, seed: int = 0
) -> ScoredProbabilities:
    """Score a table of probabilities of any tool.

    Args:
        labels_csv: a table such as `stage_2_train_labels.csv`, or one without boxes: see `label_truth`. Who the persons are comes from a
            column of it, or from `persons.csv`, or RSNA's mapping to NIH ChestX-ray14, beside it.
        submission: the probabilities; every image of the labels table must have a prediction.
        threshold: an X-ray is called positive from this probability on.
        views: a table with each X-ray's view, or a folder of the X-rays; None looks for a table beside the labels.
        draws, seed: of the bootstrap.

    Raises:
        BadLayout: a table is not there, or something in it cannot be scored: the message names lines, values and rules.
        BadSetting: the threshold is outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise BadSetting(f"threshold is {threshold}; expected 0 to 1.")
    labels_csv, submission = Path(labels_csv), Path(submission)
    images, person_of, own_views, notes = label_truth(labels_csv)
    predictions = read_probabilities(submission, images)
    view_of, more = (own_views, []) if own_views and views is None else views_of(labels_csv, images, views)
    persons = tuple(person_of.get(image_id, image_id) for image_id in images)
    labels = np.array([bool(image.target) for image in images.values()])
    probabilities = np.array([predictions.of_image[image_id] for image_id in images])
    shown = tuple(view_of.get(image_id, "") for image_id in images)
    interval = partial(bootstrap_interval, draws=draws, seed=seed)
    scores = {"auroc_score": interval(ranking.auroc_score, persons, probabilities, labels)}
    if view_of:
        scores["within_view_auroc_score"] = interval(ranking.within_view_auroc_score, persons, probabilities, labels, np.array(shown))
    for name, score in (
        ("average_precision_score", ranking.average_precision_score),
        ("sensitivity", partial(decisions.sensitivity, threshold=threshold)),
        ("specificity", partial(decisions.specificity, threshold=threshold)),
        ("brier_error", calibration.brier_error),
    ):
        scores[name] = interval(score, persons, probabilities, labels)
    few = {"draws": min(draws, CALIBRATION_DRAWS), "seed": seed}
    scores["calibration_in_the_large"] = bootstrap_interval(calibration.calibration_in_the_large, persons, probabilities, labels, **few)
    line = bootstrap_band(calibration.recalibration_line, persons, probabilities, labels, **few)
    for place, name in enumerate(("calibration_slope", "calibration_intercept")):
        scores[name] = Interval(float(line.value[place]), float(line.low[place]), float(line.high[place]))
    looks_like = [
        *one_class_notes(labels),
        *reversed_notes(scores["auroc_score"], labels, "They look like those of the other class: 1 − p"),
        *shifted_notes(
            np.array([*predictions.of_image.values()]),
            orders_of(list(predictions.of_image), {image_id: bool(image.target) for image_id, image in images.items()}),
        ),
    ]
    return ScoredProbabilities(
        image_ids=tuple(images), persons=persons, scores=scores, notes=(*predictions.notes, *notes, *more, *looks_like), labels=labels,
        probabilities=probabilities, views=shown, threshold=threshold,
    )  # fmt: skip
