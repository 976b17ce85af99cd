"""The files of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tools.fuzz_targets.target import Target, each_its_own, must_be_finite


def _run(folder: Path) -> Any:
    from radlearn.training.run_folder import new_run

    return new_run(folder / "run", "classification", _Settings(), {"data": str(folder), "synthetic": False})


def _run_files(folder: Path) -> Mapping[Path, Path]:
    from radlearn.json_files import write_json
    from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
    from radlearn.training.splits import write_split
    from radlearn.workflow.cases_file import write_cases
    from radlearn.workflow.postprocessing_file import write_postprocessing
    from radlearn.workflow.scores_file import write_scores

    run = _run(folder)
    ids, persons = [f"i{n}" for n in range(6)], [f"p{n // 2}" for n in range(6)]
    write_split(run.folder / "split.csv", ids, persons, ["train", "train", "validation", "validation", "test", "test"])
    kept = _kept()
    cases = [_Case(image_id, person) for image_id, person in zip(ids, persons, strict=True)]
    columns = {name: np.array(_values_of(kind)) for name, kind in kept.columns.items()}
    write_cases(run, "test", kept, cases, columns)
    write_scores(run, "test", cases, {"scores": {"auroc_score": {"value": 0.9, "low": 0.8, "high": 0.95}}})
    write_postprocessing(run, ProbabilityPostprocessing(threshold=0.4, intercept=0.1, slope=1.1), {"views": {"all": 0.3}})
    run.history_file.write_text('{"epoch": 1, "loss": 0.7}\n{"epoch": 2, "loss": 0.5, "auroc_score": null}\n')
    write_json(run.folder / "repeats.json", {"format": 1, "task": "classification", "seeds": [0, 1]})
    return {path: run.folder for path in sorted(run.folder.rglob("*")) if path.suffix in (".csv", ".json", ".jsonl")}


@dataclass(frozen=True)
class _Settings:
    """As few as a run folder needs."""

    seed: int = 0
    epochs: int = 2


@dataclass(frozen=True)
class _Case:
    """A case without an image."""

    image_id: str
    person: str
    folder: Path = Path("nowhere")
    path: Path = Path("nowhere/images/x.dcm")


def _kept() -> Any:
    from radlearn.use_cases import USE_CASES

    return USE_CASES["classification"].load_case_format()


def _values_of(kind: type) -> list[Any]:
    values: dict[type, list[Any]] = {bool: [True, False], float: [0.1, 0.9], int: [0, 1], str: ["PA", "AP"]}
    return values[kind] * 3


def _read_run_files(folder: Path) -> None:
    from radlearn.errors import RadlearnError
    from radlearn.tasks.classification.postprocessing import ProbabilityPostprocessing
    from radlearn.training.run_folder import open_run
    from radlearn.training.splits import read_split, split_of
    from radlearn.workflow.cases_file import read_cases
    from radlearn.workflow.postprocessing_file import chosen_values, read_postprocessing
    from radlearn.workflow.repeats import open_repeats
    from radlearn.workflow.scores_file import read_scores

    run = open_run(folder)
    for read in (
        lambda: run.about, lambda: run.history, lambda: read_split(run.folder / "split.csv"), lambda: split_of(run),
        lambda: read_cases(run, "test", _kept()), lambda: read_scores(run, "test"), lambda: chosen_values(run),
        lambda: read_postprocessing(run, ProbabilityPostprocessing), lambda: open_repeats(run.folder),
    ):  # fmt: skip
        try:
            read()
        except RadlearnError:
            continue


def _checkpoints(folder: Path) -> Mapping[Path, Path]:
    import torch

    from radlearn.training.checkpoint import save_tensors

    tensors = {"layer.weight": torch.arange(24.0).reshape(4, 6), "layer.bias": torch.zeros(4)}
    save_tensors(folder / "model.safetensors", tensors, {"step": 3, "history": [], "config": {"seed": 0}})
    return each_its_own([folder / "model.safetensors"])


def _read_checkpoint(path: Path) -> None:
    from radlearn.training.checkpoint import load_tensors
    from radlearn.training.checkpoint_header import digest_in, header_of

    header_of(path)
    digest_in(path)
    tensors, _ = load_tensors(path)
    for one in tensors.values():
        must_be_finite(one.numpy())


TARGETS = (
    Target("run", _run_files, _read_run_files),
    Target("checkpoint", _checkpoints, _read_checkpoint),
)
