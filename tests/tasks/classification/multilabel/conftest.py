"""X-rays with three labels, of which one is rare, one is partly unknown, and one nobody has; and a finished run that knows them."""

from dataclasses import replace

import numpy as np
import pytest

from radlearn.tasks.classification.multilabel.postprocessing import choose_labels_postprocessing
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run

NAMES = ("mass", "effusion", "hernia")


@pytest.fixture
def labelled(evaluated_xrays: list[PreparedRadiograph]) -> list[PreparedRadiograph]:
    """The 60 X-rays of 40 persons; mass goes with the view, effusion is not known of every fifth, nobody has a hernia."""
    found = []
    for number, xray in enumerate(evaluated_xrays):
        effusion = None if number % 5 == 0 else number % 3 == 0
        labels = (("mass", bool(xray.case.label)), ("effusion", effusion), ("hernia", False))
        found.append(xray._replace(case=replace(xray.case, label=any(value for _, value in labels), labels=labels, boxes_xyxy_px=())))
    return found


@pytest.fixture
def predicted(labelled: list[PreparedRadiograph]) -> np.ndarray:
    """Probabilities (60, 3) that know something of mass and effusion."""
    rng = np.random.default_rng(0)
    truth = np.array([[float(value or 0) for _, value in xray.case.labels] for xray in labelled])
    return np.clip(0.35 + 0.3 * truth + rng.normal(0, 0.2, truth.shape), 0.01, 0.99)


@pytest.fixture
def several(finished: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray) -> Run:
    """A run of three labels whose thresholds were chosen, and its baseline fitted, on the 60 X-rays."""
    choose_labels_postprocessing(finished, predicted, NAMES, labelled, labelled)
    line = '{"epoch": 1, "step": 1, "loss": 0.5, "learning_rate": 0.1, "seconds": 1.0, '
    finished.history_file.write_text(line + '"macro_auroc_score": 0.6, "macro_average_precision_score": 0.4}\n')
    return finished
