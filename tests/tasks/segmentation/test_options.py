"""Options of a segmenter: refused by the commands that have no use for them."""

import pytest

from radlearn.errors import BadSetting
from radlearn.tasks.segmentation.options import LabelMapOptions, MaskOptions, refuse_probabilities, refuse_series


def test_probabilities_are_for_predict_alone() -> None:
    assert not MaskOptions().probabilities
    refuse_probabilities(MaskOptions(), "segmentation evaluate")
    for command in ("evaluate", "submit"):
        with pytest.raises(BadSetting, match=f"segmentation {command}: writes no probabilities; 'predict' does"):
            refuse_probabilities(MaskOptions(probabilities=True), f"segmentation {command}")
    with pytest.raises(BadSetting, match="ultrasound submit: writes no probabilities"):
        refuse_probabilities(LabelMapOptions(probabilities=True), "ultrasound submit")


def test_a_command_that_reads_a_data_folder_takes_no_series() -> None:
    refuse_series(MaskOptions(), "evaluate")
    with pytest.raises(BadSetting, match=r"segmentation evaluate: takes no --series"):
        refuse_series(MaskOptions(series="1.2.3"), "evaluate")
