"""What is chosen for each label: by the functions of one label, on the X-rays of which it is known."""

from dataclasses import replace

import numpy as np
import pytest

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.json_files import read_json, write_json
from radlearn.metrics import decisions
from radlearn.tasks.classification.multilabel.postprocessing import LabelPostprocessing, LabelsPostprocessing, chosen_for
from radlearn.tasks.classification.postprocessing import postprocessing_at
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing


def test_each_label_has_the_postprocessing_that_it_would_have_alone(
    several: Run, labelled: list[PreparedRadiograph], predicted: np.ndarray
) -> None:
    found, beside = read_postprocessing(several, LabelsPostprocessing)
    assert found.names == ("mass", "effusion", "hernia")
    effusion = [dict(xray.case.labels)["effusion"] for xray in labelled]
    known = np.array([value is not None for value in effusion])
    p, y = predicted[known, 1], np.array([bool(value) for value in effusion])[known]
    assert found.labels[1].chosen == postprocessing_at(decisions.youden_threshold(p, y), p, y)
    assert (found.labels[1].training_with, found.labels[1].training_without) == (int(y.sum()), int((~y).sum()))
    assert set(beside["header_baseline"]) == set(found.names)


def test_a_label_that_nobody_has_gets_no_threshold_and_is_not_learnt(several: Run) -> None:
    hernia = read_postprocessing(several, LabelsPostprocessing)[0].labels[2]
    assert (hernia.chosen, hernia.training_with, hernia.training_without, hernia.is_learnt) == (None, 0, 60, False)


def test_a_wanted_sensitivity_is_reached() -> None:
    p, labels = np.linspace(0, 1, 20), np.array([0.0, 1.0, np.nan, 0.0, 1.0] * 4)
    chosen = chosen_for(p, labels, wanted_sensitivity=0.9)
    assert chosen is not None
    assert (p[labels == 1] >= chosen.threshold).mean() >= 0.9


def test_two_labels_of_one_name_are_refused_also_in_a_file(several: Run) -> None:
    one = LabelPostprocessing("mass", 1, 1, None)
    with pytest.raises(BadSetting, match="labels are mass, mass; expected at least one, each once"):
        LabelsPostprocessing((one, one))
    with pytest.raises(BadSetting, match="labels are none"):
        LabelsPostprocessing(())
    assert LabelsPostprocessing((one, replace(one, name="hernia"))).names == ("mass", "hernia")
    content = read_json(several.folder / "postprocessing.json")
    # Two outputs exchanged: every name would stand for the other label.
    content["postprocessing"]["labels"].reverse()
    write_json(several.folder / "postprocessing.json", content)
    with pytest.raises(BadRunFolder, match="not those that were chosen on validation persons"):
        read_postprocessing(several, LabelsPostprocessing)
