"""A tiny task with everything that can go wrong on resuming, and a process that is killed while it trains.

Dropout, batch norm, momentum, a moving average, augmentation from per-case and from the global random numbers, a last batch that is
not full. Run as a script it forks, trains, kills and resumes: the imports, which take seconds, are then paid once.
"""

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch import Tensor, nn

from radlearn.training.checkpoint import load_tensors
from radlearn.training.config import TrainerConfig
from radlearn.training.fit import fit
from radlearn.training.loading import EpochLoader, SampleKey, case_seed, reseed
from radlearn.training.run_folder import Run, new_run, open_run

EPOCHS, CASES, BATCH = 3, 22, 4
KILLED_EPOCHS = 12


@dataclass(frozen=True)
class Settings:
    seed: int = 7


class Blobs:
    """Noise, brighter where the label is 1; every draw of a case adds its own noise."""

    def __init__(self, seed: int = 7) -> None:
        self.seed = seed
        self.ids = [f"xray-{number}" for number in range(CASES)]

    def __len__(self) -> int:
        return CASES

    def __getitem__(self, key: SampleKey) -> dict[str, Tensor]:
        label = key.case % 2
        own = np.random.default_rng(case_seed(self.seed, *key)).normal(size=(1, 8, 8))
        careless = np.random.normal() + random.random() + torch.rand(1).item()
        image = torch.tensor(own + 0.1 * careless + 0.5 * label, dtype=torch.float32)
        return {"image": image, "label": torch.tensor([float(label)])}


def model(seed: int = 7) -> nn.Module:
    reseed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(4 * 64, 1))


def loss(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(model(batch["image"]), batch["label"])


def validate(model: nn.Module) -> dict[str, float]:
    data = Blobs(seed=99)
    items = [data[SampleKey(0, case)] for case in range(8)]
    logits = model(torch.stack([item["image"] for item in items])).squeeze(1)
    right = (logits > 0).float() == torch.cat([item["label"] for item in items])
    # Random on purpose: the random numbers of validation must not depend on history either. They affect which epoch is best.
    return {"accuracy_score": right.float().mean().item() + 0.01 * torch.rand(1).item(), "undefined_score": float("nan")}


def config(**changes: object) -> TrainerConfig:
    usual = {"epochs": EPOCHS, "learning_rate": 0.01, "best_by": "accuracy_score", "ema_decay": 0.9, "gradient_clip": 1.0, "device": "cpu"}
    return TrainerConfig(**{**usual, **changes})  # type: ignore[arg-type]


def loader(workers: int = 0) -> EpochLoader:
    return EpochLoader(Blobs(), BATCH, seed=7, workers=workers)


def train(folder: Path, workers: int = 0, **changes: object) -> Run:
    """Start a run in `folder`, or continue the existing one."""
    run = open_run(folder) if (folder / "settings.json").exists() else new_run(folder, "classification", Settings())
    fit(model(), loss, validate, loader(workers), config(**changes), run)
    return run


def outcome(folder: Path) -> dict[str, object]:
    """Return everything that must be equal, bit for bit, after any interruption: last and best weights, optimizer, history."""
    run = open_run(folder)
    last, state = load_tensors(run.last_checkpoint)
    best, about = load_tensors(run.best_weights)
    history = [{name: value for name, value in line.items() if name != "seconds"} for line in run.history]
    tensors = {**{f"last/{name}": tensor for name, tensor in last.items()}, **{f"best/{name}": tensor for name, tensor in best.items()}}
    plain = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    return {**plain, "step": state["step"], "about": about, "history": history}


def forked(folder: Path, killed_after_seconds: float | None) -> bool:
    """Train in a child process; kill it after that time. Return whether it was killed before its end."""
    child = os.fork()
    if child == 0:
        try:
            # Saves after every step, so that many kills occur while saving.
            train(folder, save_every_seconds=0.0, epochs=KILLED_EPOCHS, norm_batches=2)
            os._exit(0)
        finally:
            os._exit(1)
    if killed_after_seconds is not None:
        time.sleep(killed_after_seconds)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
        raise RuntimeError(f"the training in {folder} failed by itself")
    return os.WIFSIGNALED(status)


def kill_and_resume(folder: Path, kills: int, seed: int) -> None:
    """Print, as one line of JSON per kill, how far the training had come and whether it then ended like the uninterrupted one."""
    # Forking after torch has computed with several threads can hang.
    torch.set_num_threads(1)
    forked(folder / "unbroken", None)
    expected = outcome(folder / "unbroken")
    began = time.monotonic()
    forked(folder / "timed", None)
    whole_seconds = time.monotonic() - began
    moments, attempts = random.Random(seed), 0
    while kills:
        attempts += 1
        one = folder / f"killed-{attempts}"
        if not forked(one, moments.uniform(0.0, whole_seconds)):
            continue
        kills -= 1
        last = one / "last" / "checkpoint.safetensors"
        reached = load_tensors(last)[1]["step"] if last.exists() else 0
        if not (one / "settings.json").exists():
            # So early that there is no run yet: a user would start one in another folder.
            one = folder / f"killed-{attempts}-anew"
        forked(one, None)
        print(json.dumps({"reached": reached, "of": expected["step"], "equal": outcome(one) == expected}), flush=True)


if __name__ == "__main__":
    # In the parent, so that no child spends its time on it.
    import lightning_fabric  # noqa: F401

    kill_and_resume(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
