"""Asking a run of several labels about files: columns for each, none for what it has not learnt."""

import csv
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from radlearn.tasks.classification.multilabel.postprocessing import LabelsPostprocessing
from radlearn.tasks.classification.multilabel.prediction import LabelPredictions
from radlearn.tasks.xray.radiographs import read_unlabelled
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing

at_32_px = partial(read_unlabelled, size_px=32, shape="stretch")


def test_each_label_has_its_columns_and_its_own_threshold(
    several: Run, small_rsna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asking = LabelPredictions(several, [small_rsna], tmp_path / "out")
    drawn: list[int] = []
    for xrays in asking.batches(at_32_px, 20):
        p = np.linspace([0.1, 0.9, 0.5], [0.9, 0.1, 0.5], len(xrays))

        def draw(label: int, count: int = len(xrays)) -> np.ndarray:
            drawn.append(label)
            return np.full((count, 32, 32), float(label), np.float32)

        maps = asking.heat_maps(p, draw)
        # The first X-ray stands out by its effusion, the last by its mass.
        assert (maps[0, 0, 0], maps[-1, 0, 0]) == (1.0, 0.0)
        asking.keep_mean([xrays], [p], [maps] if len(asking.rows) == 0 else [])
    asking.finish()
    with open(asking.table, newline="") as opened:
        rows = list(csv.DictReader(opened))
    columns = ["path", "patientId"]
    columns += [f"{kind}_{name}" for name in ("mass", "effusion") for kind in ("probability", "calibrated_probability", "decision")]
    assert list(rows[0])[: len(columns) + 1] == [*columns, "notes"]
    chosen, _ = read_postprocessing(several, LabelsPostprocessing)
    for one in chosen.labels[:2]:
        assert one.chosen is not None
        for row in rows:
            assert (row[f"decision_{one.name}"] == "yes") == (float(row[f"probability_{one.name}"]) >= one.chosen.threshold)
    assert set(drawn) == {0, 1}
    assert "hernia: not predicted, because training has not seen X-rays with it and without it." in " ".join(
        capsys.readouterr().err.split()
    )
    assert len(list((tmp_path / "out" / "overlays").glob("*.png"))) == 20


def test_a_pass_that_was_stopped_goes_on(several: Run, small_rsna: Path, tmp_path: Path) -> None:
    first = LabelPredictions(several, [small_rsna], tmp_path / "out")
    batch = next(first.batches(at_32_px, 20))
    first.keep_mean([batch], [np.full((20, 3), 0.5)], [])
    first._write_waiting()
    second = LabelPredictions(several, [small_rsna], tmp_path / "out")
    assert len(second.rows) == 20
    assert sum(len(xrays) for xrays in second.batches(at_32_px, 20)) == 28
