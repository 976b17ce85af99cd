"""What does the training loop cost? The same model, batches and optimizer in a bare PyTorch loop and in `fit`, in turns.

    python -m benchmarks.training [--rounds 7] [--steps 25]

Both read the same cases from memory through the same `EpochLoader`; the bare loop has no checkpoint, schedule, check, bar or Fabric.
`fit` saves at the start and at the end of its epoch; its validation returns at once. The whole call of `fit` is timed, from writing the
run's files to returning the best weights. Rounds are interleaved because the machine's load changes; processor time is shown beside wall
time, because other work on the machine affects it less.
"""

import argparse
import importlib
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor, nn

from benchmarks.figures import Figure, keep
from radlearn.progress import say
from radlearn.training.config import TrainerConfig
from radlearn.training.fit import fit
from radlearn.training.loading import EpochLoader, SampleKey, reseed
from radlearn.training.run_folder import new_run

SIZE_PX, BATCH = 128, 16


@dataclass(frozen=True)
class Settings:
    seed: int = 0


class InMemory:
    def __init__(self, cases: int) -> None:
        self.images = torch.randn(cases, 1, SIZE_PX, SIZE_PX)
        self.labels = torch.randint(0, 2, (cases, 1)).float()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, key: SampleKey) -> tuple[Tensor, Tensor]:
        return self.images[key.case], self.labels[key.case]


class Block(nn.Module):
    """Two convolutions with a shortcut (He et al. 2016, arXiv:1512.03385)."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))
        self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, image: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(image)) + self.shortcut(image))


def small_resnet() -> nn.Module:
    """0.7 M parameters; 16, 32, 64 and 128 channels."""
    reseed(0)
    stem = nn.Sequential(nn.Conv2d(1, 16, 7, 2, 3, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    stages = [
        nn.Sequential(Block(before, after, stride), Block(after, after, 1))
        for before, after, stride in ((16, 16, 1), (16, 32, 2), (32, 64, 2), (64, 128, 2))
    ]
    return nn.Sequential(stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 1))


def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    images, labels = batch
    return nn.functional.binary_cross_entropy_with_logits(model(images), labels)


@contextmanager
def timed(into: list[tuple[float, float]]) -> Iterator[None]:
    """Append (wall seconds, processor seconds of all threads) of the block."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    into.append((time.perf_counter() - wall, time.process_time() - processor))


def run_bare(data: InMemory, taken: list[tuple[float, float]]) -> None:
    model, loader = small_resnet().train(), EpochLoader(data, BATCH, seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    with timed(taken):
        for batch in loader.epoch(0):
            optimizer.zero_grad()
            loss(model, batch).backward()
            optimizer.step()


def run_fit(data: InMemory, folder: Path, ema_decay: float, taken: list[tuple[float, float]]) -> None:
    model, loader = small_resnet(), EpochLoader(data, BATCH, seed=0)
    config = TrainerConfig(epochs=1, learning_rate=1e-3, best_by="nothing_score", ema_decay=ema_decay, device="cpu")
    with timed(taken):
        fit(model, loss, lambda model: {"nothing_score": 0.0}, loader, config, new_run(folder, "classification", Settings()))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--steps", type=int, default=25)
    chosen = options.parse_args()
    # Importing it is not counted.
    importlib.import_module("lightning_fabric")
    data = InMemory(BATCH * chosen.steps)
    parameters = sum(weight.numel() for weight in small_resnet().parameters())
    taken: dict[str, list[tuple[float, float]]] = {"bare loop": [], "fit": [], "fit with EMA": []}
    with tempfile.TemporaryDirectory() as folder:
        run_bare(data, [])
        for number in range(chosen.rounds):
            run_bare(data, taken["bare loop"])
            run_fit(data, Path(folder) / f"plain-{number}", 0.0, taken["fit"])
            run_fit(data, Path(folder) / f"average-{number}", 0.99, taken["fit with EMA"])
    threads = torch.get_num_threads()
    say(f"\n{parameters:,} parameters, {SIZE_PX}² px, batch {BATCH}, {chosen.steps} steps, {threads} threads, {chosen.rounds} rounds")
    say("  medians        wall s  to bare   processor s  to bare")
    walls = {name: statistics.median(wall for wall, _ in seconds) for name, seconds in taken.items()}
    processors = {name: statistics.median(processor for _, processor in seconds) for name, seconds in taken.items()}
    for name in taken:
        wall, processor = walls[name], processors[name]
        if name != "bare loop":
            what, ratio = f"{name}, beside a bare PyTorch loop", processor / processors["bare loop"]
            keep(Figure(what, ratio, "times its processor time", 1.05, 1.0, "the bare loop itself", higher_is_better=False))
        say(f"  {name:13} {wall:7.3f} {wall / walls['bare loop']:8.3f} {processor:13.3f} {processor / processors['bare loop']:8.3f}")


if __name__ == "__main__":
    main()
