"""`evaluate` tells its scores on the terminal, with intervals, and whether the patients are synthetic."""

import pytest

from radlearn.workflow.score_table import show_scores

FOUND = {
    "task": "detection", "split": "test", "cases": 1200, "persons": 400, "synthetic": True,
    "scores": {
        "rsna_score": {"value": 0.21, "low": 0.187, "high": 0.239},
        "false_boxes_per_healthy_image": {"value": 0.5, "low": None, "high": None},
        "auroc_score": {"value": None, "low": None, "high": None},
    },
}  # fmt: skip


@pytest.mark.parametrize("synthetic", [True, False])
def test_each_score_stands_with_its_interval(capsys: pytest.CaptureFixture[str], synthetic: bool) -> None:
    show_scores({**FOUND, "synthetic": synthetic}, {"rsna_score": "RSNA score"})
    shown = capsys.readouterr()
    assert shown.out == ""
    told = " ".join(shown.err.split())
    assert "detection, evaluated on test: 1,200 cases of 400 persons" in told
    assert "RSNA score │ 0.210 │ 0.187 to 0.239" in told
    assert "false boxes per X-ray without an opacity │ 0.500 │ –" in told
    assert "AUROC │ – │ –" in told
    assert ("not comparable with a leaderboard" in told) is synthetic
