"""The thresholds of several labels chosen again, each as it would be chosen alone."""

from dataclasses import replace

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.tasks.classification.multilabel.postprocessing import LabelsPostprocessing, chosen_for
from radlearn.tasks.classification.multilabel.tuning import tune_labels
from radlearn.tasks.classification.options import TuneOptions
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.case_labels import label_values
from radlearn.workflow.postprocessing_file import read_postprocessing


def test_each_label_gets_the_threshold_that_it_would_get_alone(
    several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray
) -> None:
    before = read_postprocessing(several, LabelsPostprocessing)
    told = tune_labels(several, labelled, predicted, TuneOptions(wanted_sensitivity=0.9))
    after, beside = read_postprocessing(several, LabelsPostprocessing)
    truth = label_values([xray.case for xray in labelled], after.names)
    for number in range(2):
        assert after.labels[number].chosen == chosen_for(predicted[:, number], truth[:, number], wanted_sensitivity=0.9)
        assert after.labels[number].training_with == before[0].labels[number].training_with
    assert after.labels[2] == before[0].labels[2]
    assert (told["rule"], told["not_chosen"], told["changed"]) == ("sensitivity ≥ 0.9", ["hernia"], True)
    assert set(told["labels"]) == {"mass", "effusion"}
    assert beside["header_baseline"] == before[1]["header_baseline"]
    assert (several.folder / "tuning" / "tuning.html").is_file()


def test_chosen_as_before_it_is_unchanged(several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray) -> None:
    assert tune_labels(several, labelled, predicted)["changed"] is False


def test_where_no_label_tells_anything_apart_it_is_refused(several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray) -> None:
    alike = [xray._replace(case=replace(xray.case, labels=tuple((name, True) for name, _ in xray.case.labels))) for xray in labelled]
    with pytest.raises(BadSetting, match="no threshold can be chosen"):
        tune_labels(several, alike, predicted)
