"""Submissions."""

import gzip
import zipfile
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np

from tools.fuzz_targets.tables import rsna_layout
from tools.fuzz_targets.target import AFFINE, Target, each_its_own, made_hu, written_table


def _box_submissions(folder: Path) -> Mapping[Path, Path]:
    rsna_layout(folder)
    rows = [[f"i{n}", "0.9 3 4 18 22 0.5 1 1 9 9" if n % 2 else ""] for n in range(4)]
    return each_its_own([written_table(folder / "submission.csv", [["patientId", "PredictionString"], *rows])])


def _score_boxes(path: Path) -> None:
    from radlearn.challenges.rsna.scoring import score_submission

    score_submission(path.parent / "stage_2_train_labels.csv", path, draws=2)


def _probabilities(folder: Path) -> Mapping[Path, Path]:
    rsna_layout(folder)
    rows = [[f"i{n}", 0.2 + 0.2 * n] for n in range(4)]
    return each_its_own([written_table(folder / "probabilities.csv", [["patientId", "probability"], *rows])])


def _score_probabilities(path: Path) -> None:
    from radlearn.challenges.rsna.probability_scoring import score_probabilities

    score_probabilities(path.parent / "stage_2_train_labels.csv", path, draws=2)


def _run_lengths(folder: Path) -> Mapping[Path, Path]:
    truth = [[f"{n}", "5 10 50 3" if n else "", f"{n}"] for n in range(3)]
    written_table(folder / "truth.csv", [["img", "pixels", "person"], *truth])
    rows = [[f"{n}", "6 9 48 6" if n else ""] for n in range(3)]
    return each_its_own([written_table(folder / "submission.csv", [["img", "pixels"], *rows])])


def _score_run_lengths(path: Path) -> None:
    from radlearn.challenges.ultrasound.scoring import score_submission

    score_submission(path.parent / "truth.csv", path, (40, 48), draws=2, workers=1)


def _mask_archives(folder: Path) -> Mapping[Path, Path]:
    truth = folder / "truth" / "Train"
    truth.mkdir(parents=True)
    mask = gzip.compress(nib.Nifti1Image((made_hu() > 300).astype(np.uint8), AFFINE).to_bytes())
    for number in (3, 4):
        (truth / f"volume-covid19-A-000{number}_seg.nii.gz").write_bytes(mask)
    for name, packing in (("stored.zip", zipfile.ZIP_STORED), ("deflated.zip", zipfile.ZIP_DEFLATED)):
        with zipfile.ZipFile(folder / name, "w", packing) as archive:
            for number in (3, 4):
                archive.writestr(f"00{number}.nii.gz", mask)
    return each_its_own([folder / "stored.zip", folder / "deflated.zip"])


def _score_masks(path: Path) -> None:
    from radlearn.challenges.covid19.scoring import score_submission

    score_submission(path.parent / "truth", path, draws=2, workers=1)


TARGETS = (
    Target("box-submission", _box_submissions, _score_boxes),
    Target("probabilities", _probabilities, _score_probabilities),
    Target("run-lengths", _run_lengths, _score_run_lengths),
    Target("mask-archive", _mask_archives, _score_masks),
)
