"""Copies of X-rays with other pixel values do not get into two subsets under two persons, nor from an earlier run into a test."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

import radlearn
from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.tasks.xray.look_alikes import report_look_alikes, write_look_alikes
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.tasks.xray.twins import XrayLooks
from radlearn.training.checkpoint import save_tensors
from radlearn.training.run_folder import Run, new_run
from radlearn.workflow.splits import cases_by_subset, split_cases

COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "half size": lambda grey: np.asarray(Image.fromarray(grey).resize((64, 64), Image.Resampling.LANCZOS)),
    "a negative": lambda grey: 255 - grey,
    "mirrored": lambda grey: np.ascontiguousarray(grey[:, ::-1]),
    "darker": lambda grey: (grey // 2).astype(np.uint8),
}


def grey_of(seed: int) -> np.ndarray:
    fine = gaussian_filter(np.random.default_rng(seed).normal(size=(128, 128)), 4)
    return np.rint(255 * (fine - fine.min()) / np.ptp(fine)).astype(np.uint8)


def xray(folder: Path, name: str, grey: np.ndarray, person: str, label: bool) -> PreparedRadiograph:
    path = folder / f"{name}.png"
    Image.fromarray(grey).save(path)
    return PreparedRadiograph(XrayCase(name, path, label, (), None, person), grey)


def run_in(folder: Path, **about: str) -> Run:
    return new_run(folder, "classification", radlearn.classification.task.presets["quick"], about)


def people(folder: Path, count: int = 24) -> list[PreparedRadiograph]:
    return [xray(folder, f"x{number}", grey_of(number), f"p{number}", number % 2 == 0) for number in range(count)]


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_under_another_person_shares_the_subset_and_is_told(copy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = people(tmp_path)
    xrays = own + [xray(tmp_path, f"c{n}", COPIES[copy](grey_of(n)), f"q{n}", n % 2 == 0) for n in range(12)]
    run = run_in(tmp_path / "run")
    split = split_cases(xrays, 0, None, run, looks=XrayLooks(xrays))
    place = {one.case.image_id: subset for subset, held in split.items() for one in held}
    assert len(set(place.values())) == 3
    assert all(place[f"x{number}"] == place[f"c{number}"] for number in range(12))
    said = " ".join(capsys.readouterr().err.split())
    assert "12 X-rays are there under the names of several persons" in said
    assert "radlearn check names all" in said


@pytest.mark.parametrize("copy", COPIES)
def test_copies_of_what_an_earlier_run_was_trained_on_are_not_tested_after_a_start_from_it(
    copy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = run_in(tmp_path / "earlier")
    earlier.best_weights.parent.mkdir(exist_ok=True)
    save_tensors(earlier.best_weights, {"weight": torch.zeros(1)}, {})
    held = split_cases(own := people(tmp_path), 0, None, earlier, looks=XrayLooks(own))
    write_look_alikes(earlier, held)
    run = run_in(tmp_path / "run", start_from=str(earlier.folder))
    new = [xray(tmp_path, f"c{n}", COPIES[copy](grey_of(n)), f"q{n}", n % 2 == 0) for n in range(24)]
    with pytest.raises(BadSetting, match=r"was trained or chosen on .* look the same as ones that it saw.* such as c\d+\.png of q"):
        split_cases(new, 5, None, run, looks=XrayLooks(new))
    assert not (run.folder / "split.csv").exists()
    others = [xray(tmp_path, f"o{n}", grey_of(100 + n), f"o{n}", n % 2 == 0) for n in range(24)]
    write_look_alikes_of(run, split_cases(others, 5, None, run, looks=XrayLooks(others)))
    capsys.readouterr()
    learnt = next(one.case.image_id for one in held["train"])
    report_look_alikes(run, [xray(tmp_path, "again", COPIES[copy](grey_of(int(learnt[1:]))), "z", True)])
    said = " ".join(capsys.readouterr().err.split())
    assert f"earlier, from which the run started, was trained on, with other pixel values: again.png (as {learnt})" in said


def write_look_alikes_of(run: Run, split: dict[str, list[PreparedRadiograph]]) -> None:
    run.best_weights.parent.mkdir(exist_ok=True)
    save_tensors(run.best_weights, {"weight": torch.ones(1)}, {})
    write_look_alikes(run, split)


@pytest.mark.parametrize("subset", ["test", "validation"])
def test_cases_that_the_data_now_give_to_a_training_person_are_refused(subset: str, tmp_path: Path) -> None:
    run = run_in(tmp_path / "run")
    split = split_cases(own := people(tmp_path), 0, None, run)
    moved, learnt = split[subset][0].case, split["train"][0].case
    cases = [one.case for one in own]
    renamed = [replace(case, person=f"new {case.person}") for case in cases]
    assert len(cases_by_subset(renamed, run)["train"]) == len(split["train"])
    changed = [replace(case, person=learnt.person) if case is moved else case for case in cases]
    with pytest.raises(BadRunFolder, match=rf"such as {moved.image_id} \({subset}\) of {learnt.person}, who also has {learnt.image_id}"):
        cases_by_subset(changed, run)
