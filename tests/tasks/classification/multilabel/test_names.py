"""A run knows its labels, and asks data for the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadLayout, BadRunFolder, BadSetting
from radlearn.tasks.classification.multilabel.names import (
    labels_of_run,
    labels_to_train,
    outputs_by_name,
    proved_labels,
    refuse_several_labels,
)
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.run_folder import Run, new_run, open_run
from tests.made_runs import Settings


def with_labels(cases: list[XrayCase], *names: str) -> list[XrayCase]:
    return [replace(case, labels=tuple((name, True) for name in names)) for case in cases]


def test_the_names_are_those_of_the_run_whatever_the_order_of_the_data(
    several: Run, labelled: list[PreparedRadiograph], capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [xray.case for xray in labelled]
    assert labels_of_run(several) == ("mass", "effusion", "hernia")
    assert proved_labels(several, with_labels(cases, "hernia", "nodule", "mass", "effusion")) == ("mass", "effusion", "hernia")
    assert "nodule: labels that this run does not know; they are not used." in " ".join(capsys.readouterr().err.split())


def test_missing_names_are_refused_by_name(several: Run, labelled: list[PreparedRadiograph]) -> None:
    cases = [xray.case for xray in labelled]
    with pytest.raises(BadLayout, match=r"effusion, hernia is missing\. Add label_effusion, label_hernia to the table, empty where"):
        proved_labels(several, with_labels(cases, "mass"))
    with pytest.raises(BadLayout, match="the data have one label without a name; mass, effusion, hernia is missing"):
        proved_labels(several, [replace(case, labels=()) for case in cases])


def test_a_run_of_one_label_is_not_asked_for_several(finished: Run, evaluated_xrays: list[PreparedRadiograph]) -> None:
    cases = [xray.case for xray in evaluated_xrays]
    assert labels_of_run(finished) == proved_labels(finished, cases) == ()
    with pytest.raises(BadLayout, match="predicts one label, and the data have mass, effusion"):
        proved_labels(finished, with_labels(cases, "mass", "effusion"))


def test_a_training_that_has_not_finished_says_so(tmp_path: Path, labelled: list[PreparedRadiograph]) -> None:
    run = new_run(tmp_path / "begun", "classification", Settings())
    assert labels_of_run(run) == ()
    with pytest.raises(BadRunFolder, match="its training has not finished"):
        proved_labels(run, [xray.case for xray in labelled])


def test_what_takes_one_label_refuses_several(several: Run) -> None:
    with pytest.raises(BadSetting, match=r"predicts the labels mass, effusion, hernia\. Name one run\."):
        refuse_several_labels([several], "Name one run.")


def test_a_training_goes_on_with_the_labels_it_was_begun_with(tmp_path: Path, several: Run, labelled: list[PreparedRadiograph]) -> None:
    cases = [xray.case for xray in labelled]
    begun = new_run(tmp_path / "begun", "classification", Settings())
    assert labels_to_train(begun, with_labels(cases, "mass", "effusion")) == ("mass", "effusion")
    for names in (("effusion", "mass"), ("mass",), ("mass", "effusion", "hernia")):
        with pytest.raises(BadLayout, match=r"was begun with the labels mass, effusion, and the data now have"):
            labels_to_train(open_run(begun.folder), with_labels(cases, *names))
    with pytest.raises(BadLayout, match="was begun with the labels mass, effusion, hernia"):
        labels_to_train(several, with_labels(cases, "hernia", "effusion", "mass"))
    assert labels_to_train(open_run(begun.folder), with_labels(cases, "mass", "effusion")) == ("mass", "effusion")


def test_outputs_of_an_earlier_run_go_by_name(several: Run, tmp_path: Path) -> None:
    outputs = outputs_by_name(("effusion", "nodule", "mass"))(several)
    assert outputs is not None
    assert outputs.rows == [1, None, 0]
    one_label = new_run(tmp_path / "one", "classification", Settings())
    assert outputs_by_name(())(several) is outputs_by_name(("mass",))(one_label) is None
