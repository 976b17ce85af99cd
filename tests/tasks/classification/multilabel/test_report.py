"""The page of several labels: a row a label, what is left out, the worst before the best."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from radlearn.tasks.classification.multilabel.evaluation import evaluate_labels
from radlearn.tasks.classification.multilabel.report import write_labels_report
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run


def test_the_page_has_its_sections_and_a_row_for_each_label(
    several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray, coarse_pictures: None
) -> None:
    asked = []

    def heat_maps(shown: Sequence[PreparedRadiograph], label: int) -> np.ndarray:
        asked.append(label)
        return np.full((len(shown), 32, 32), 0.6, np.float32)

    page = write_labels_report(several, evaluate_labels(several, labelled, predicted, "test"), heat_maps)
    text = page.read_text()
    headings = ["Evaluation data", "The labels", "Subgroups", "The worst", "Calibration", "Unlike the training data", "Training"]
    places = [text.index(heading, text.index("<h2")) for heading in headings]
    assert places == sorted(places)
    assert "hernia has no score and no part in the means: nobody in training is known to have it." in text
    assert text.index("given the lowest probabilities") < text.index("The best: labels")
    # Only of labels that are judged.
    assert set(asked) == {0, 1}
    pictures = {path.stem for path in (several.folder / "pictures").glob("*.png")}
    assert {"co-occurrence", "roc", "reliability", "xrays-missed", "xrays-alarms"} <= pictures


def test_headers_that_say_nothing_have_neither_headline_nor_column(
    several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray, coarse_pictures: None
) -> None:
    bare = [xray._replace(case=replace(xray.case, view=None, sex=None, age_years=None)) for xray in labelled]
    page = write_labels_report(several, evaluate_labels(several, bare, predicted, "test"), lambda shown, _: np.zeros((len(shown), 32, 32)))
    text = page.read_text()
    assert "Age, sex and view alone are no rival here" in text
    assert "age, sex, view alone" not in text
    assert ">Age, sex and view<" not in text
