"""Runs that were trained on different findings, or on a truth that was corrected, are told by the cases that they share."""

from pathlib import Path

import numpy as np
import pytest

from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadSetting
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import CaseContent, write_split
from radlearn.workflow.case_contents import _truth_digest
from radlearn.workflow.shared_truths import WITHOUT, kappa, refuse_other_findings, truths_apart
from tests.made_runs import Settings

COUNT = 40


def digest_of(label: bool, boxes: tuple[tuple[float, float, float, float], ...] = ()) -> str:
    return _truth_digest(str, XrayCase("a", Path("a.dcm"), label, boxes, None, "p"))


def trained(folder: Path, truths: list[str], first: int = 0) -> Run:
    run = new_run(folder, "classification", Settings(), {})
    names = [f"{folder.name}-{number}" for number in range(len(truths))]
    subsets = [("train", "validation", "test")[number % 3] for number in range(len(truths))]
    contents = [CaseContent(f"v2:{number + first}", truth) for number, truth in enumerate(truths)]
    write_split(run.folder / "split.csv", names, names, subsets, contents)
    return run


def test_the_digest_of_a_case_without_is_that_of_cases() -> None:
    assert digest_of(False) == WITHOUT
    assert digest_of(True) != WITHOUT


@pytest.mark.parametrize("share", [0.5, 0.05, 0.2])
def test_two_findings_are_refused_however_rare_they_are(tmp_path: Path, share: float) -> None:
    drawn = np.random.default_rng(0)
    first, other = (drawn.permutation(np.arange(100) < 100 * share) for _ in range(2))
    runs = [trained(tmp_path / name, [digest_of(bool(one)) for one in labels]) for name, labels in (("mass", first), ("edema", other))]
    said = f"were trained on different truths: {int((first != other).sum())} of the 100 shared cases"
    with pytest.raises(BadSetting, match=rf"edema and .*mass {said} .* hardly more than by chance"):
        refuse_other_findings(runs)


def test_a_truth_that_was_corrected_is_said_and_not_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = [number % 2 == 0 for number in range(COUNT)]
    runs = [trained(tmp_path / "a", [digest_of(one) for one in labels])]
    runs.append(trained(tmp_path / "b", [digest_of(one != (number in (3, 8, 11))) for number, one in enumerate(labels)]))
    refuse_other_findings(runs)
    assert "3 of the 40 shared cases have another in each, such as b-3." in " ".join(capsys.readouterr().err.split())


def test_other_boxes_of_the_same_finding_are_said_and_not_refused(tmp_path: Path) -> None:
    one, other = (
        trained(tmp_path / str(edge), [digest_of(number % 2 == 0, ((1, 2, edge, 9),) * (number % 2 == 0)) for number in range(COUNT)])
        for edge in (30.0, 31.0)
    )
    found = truths_apart(one, other)
    assert found is not None
    assert (found.differing, found.shared, found.of_another_finding) == (20, 40, False)


def test_runs_of_the_same_truth_or_of_other_cases_are_left_alone(tmp_path: Path) -> None:
    labels = [digest_of(number % 2 == 0) for number in range(COUNT)]
    run = trained(tmp_path / "a", labels)
    assert truths_apart(run, trained(tmp_path / "same", labels)) is None
    assert truths_apart(run, trained(tmp_path / "others", labels[::-1], first=1000)) is None
    assert truths_apart(run, trained(tmp_path / "old", [""] * COUNT)) is None


def test_kappa_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score

    drawn = np.random.default_rng(1)
    pairs = [(bool(one), bool(other)) for one, other in drawn.random((50, 2)) < (0.3, 0.6)]
    assert kappa(pairs) == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))
    assert kappa([(True, True)] * 3) == 1.0
