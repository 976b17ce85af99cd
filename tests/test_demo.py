"""The demo ends with a table, the place of the report, and what to type next."""

from pathlib import Path

import pytest

from radlearn.demo import demo


@pytest.mark.slow
def test_the_demo_goes_from_nothing_to_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo(share=0.09, seed=1, epochs=1, out=tmp_path / "runs")
    said = capsys.readouterr().err
    for task in ("classification", "detection", "segmentation"):
        assert (tmp_path / "runs" / task / "report.html").stat().st_size > 10_000
    for expected in (
        "auroc_score",
        "AUROC of view only",
        "Dice of threshold baseline",
        "not comparable with a leaderboard",
        "report.html",
        "demo.html",
        "What to type next",
        "predict",
    ):
        assert expected in said
