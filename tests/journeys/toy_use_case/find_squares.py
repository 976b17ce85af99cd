"""Is there a bright square on this picture? A use case in one file, added from outside."""

# %% 1. Settings

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import torch
from annotated_types import Interval
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from toyland.square_cases import CASES
from toyland.squares_challenge import CHALLENGE, Case

from radlearn.csv_files import write_rows
from radlearn.metrics.case_scores import score_intervals
from radlearn.metrics.decisions import youden_threshold
from radlearn.metrics.ranking import auroc_score
from radlearn.training.checkpoint import load_best
from radlearn.training.fit import fit
from radlearn.training.loading import EpochLoader, FunctionDataset, SampleKey, reseed
from radlearn.training.run_folder import Run, settings_as
from radlearn.training.settings import TrainingSettings
from radlearn.workflow.cases_file import write_cases
from radlearn.workflow.commands import main
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing
from radlearn.workflow.scores_file import write_scores
from radlearn.workflow.splits import split_cases
from radlearn.workflow.task import Commands, NoOptions, Scores, Task


@dataclass(frozen=True, kw_only=True)
class Settings(TrainingSettings):
    """How squares are found."""

    # Channels of the one hidden layer.
    channels: Annotated[int, Interval(ge=1, le=64)] = 8


PRESETS = {"quick": Settings(epochs=4, batch_size=12, learning_rate=0.02)}


@dataclass(frozen=True)
class Threshold:
    """What is chosen on validation persons."""

    threshold: float


# %% 2. Data


class Picture(NamedTuple):
    """A case and its pixels, float32 (1, 24, 24) in [0, 1]."""

    case: Case
    pixels: np.ndarray

    @property
    def label(self) -> bool:
        """Whether there is a square."""
        return bool(self.case.label)


def pictures(cases: Sequence[Case]) -> list[Picture]:
    """Read the files."""
    return [Picture(case, np.asarray(Image.open(case.path), np.float32)[None] / 255) for case in cases]


def load(shown: Sequence[Picture], key: SampleKey) -> dict[str, Any]:
    """Return one case."""
    one = shown[key.case]
    return {"image": torch.from_numpy(one.pixels.copy()), "label": torch.tensor(float(one.label)), "ids": one.case.image_id}


def make_loader(settings: Settings, shown: Sequence[Picture]) -> EpochLoader:
    """Return shuffled batches."""
    return EpochLoader(FunctionDataset(partial(load, shown), [one.case.image_id for one in shown]), settings.batch_size, settings.seed)


# %% 3. Model


def build_model(settings: Settings) -> nn.Module:
    """Return the network."""
    return nn.Sequential(
        nn.Conv2d(1, settings.channels, 5), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(settings.channels, 1)
    )


def loss(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return the binary cross-entropy."""
    return F.binary_cross_entropy_with_logits(model(batch["image"])[:, 0], batch["label"])


def infer(model: nn.Module, shown: Sequence[Picture]) -> np.ndarray:
    """Return a probability for each picture."""
    with torch.inference_mode():
        return model(torch.from_numpy(np.stack([one.pixels for one in shown])))[:, 0].sigmoid().numpy()


# %% 4. Training


def train(settings: Settings, data_folder: Path, run: Run) -> Run:
    """Train, then choose the threshold."""
    split = split_cases(pictures(CHALLENGE.find_cases(data_folder)), settings.seed_of_split, settings.fold, run)
    labels = [one.label for one in split["validation"]]
    reseed(settings.seed)
    config = settings.trainer_config(best_by="auroc_score")

    def validate(model: nn.Module) -> dict[str, float]:
        return {"auroc_score": float(auroc_score(infer(model, split["validation"]), labels))}

    best = fit(build_model(settings), loss, validate, make_loader(settings, split["train"]), config, run)
    write_postprocessing(run, Threshold(youden_threshold(infer(best, split["validation"]), labels)), {})
    return run


# %% 5. Evaluation


def trained_model(run: Run) -> nn.Module:
    """Return the best model."""
    return load_best(run, build_model(settings_as(run, Settings)))


def evaluate(run: Run, cases: Sequence[Case], split: str = "test", options: NoOptions = NoOptions()) -> Scores:
    """Write `scores.json` and `cases.csv`."""
    columns = {"square": np.array([bool(case.label) for case in cases]), "probability": infer(trained_model(run), pictures(cases))}
    scores = score_intervals(CASES.scores, columns, [case.person for case in cases])
    write_cases(run, split, CASES, cases, columns)
    return write_scores(run, split, cases, {"scores": {name: score.as_dict() for name, score in scores.items()}, "baselines": {}})


def tune(run: Run, cases: Sequence[Case], options: NoOptions = NoOptions()) -> Scores:
    """Choose the threshold again."""
    chosen = Threshold(youden_threshold(infer(trained_model(run), pictures(cases)), [bool(case.label) for case in cases]))
    write_postprocessing(run, chosen, {})
    return {"threshold": chosen.threshold}


def predict(run: Run, paths: Sequence[Path], out: Path, overlays: bool = True, options: NoOptions = NoOptions()) -> Path:
    """Write `predictions.csv`."""
    threshold = read_postprocessing(run, Threshold)[0].threshold
    shown = pictures([case for path in paths for case in CHALLENGE.find_images(path)])
    rows = [(one.case.image_id, f"{p:.6f}", str(p >= threshold)) for one, p in zip(shown, infer(trained_model(run), shown), strict=True)]
    write_rows(out / "predictions.csv", [("image", "probability", "square"), *rows])
    return out / "predictions.csv"


def submit(run: Run, images: Path, out: Path, options: NoOptions = NoOptions()) -> Path:
    """Write the challenge's submission."""
    cases = CHALLENGE.find_images(images)
    found = infer(trained_model(run), pictures(cases))
    assert CHALLENGE.write_submission is not None
    CHALLENGE.write_submission(out, {case.image_id: float(p) for case, p in zip(cases, found, strict=True)}, cases)
    return out


TASK = Task(
    name="squares",
    folder=Path(__file__).parent,
    challenge=CHALLENGE,
    presets=PRESETS,
    headline_scores=("auroc_score",),
    example_file="PICTURE.png",
    commands=Commands(train, evaluate, tune, predict, submit),
    options=NoOptions,
    tune_options=NoOptions,
)

if __name__ == "__main__":
    import sys

    main(TASK, sys.argv[1:])
