"""How fast do the `challenge` presets train on a GPU, how much memory do they take, and do they wait for data?

    python -m benchmarks.challenge [--tasks segmentation] [--precisions bf16-mixed 16-mixed 32-true] [--steps 60]

Built-in patients stand in for the challenge's: as many pixels and voxels a step, so the same work. Weights that would have to be downloaded
are left out, which changes no figure here. A training is stopped after `--steps` steps, counted after the first ten, in which workers start
and cuDNN chooses its algorithms. *Waiting* is the share of time between asking the loader for a batch and having it; the batch that begins
an epoch is left out of the second such figure, because an epoch has a thousand steps on the challenge's data and a few dozen here.
"""

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

import radlearn
from radlearn import use_cases
from radlearn.progress import say
from radlearn.training.loading import EpochLoader
from radlearn.workflow.data_source import built_in_folder

PATIENTS = {"classification": 800, "detection": 800, "segmentation": 40, "ultrasound": 400}
WARM_UP_STEPS = 10


class Step(NamedTuple):
    """Seconds from asking for a batch to having it, and from there to the end of the step; whether it is an epoch's first.

    `processor` are the seconds of all threads of this process for both; `of_epoch` is the number of steps of an epoch.
    """

    waited: float
    worked: float
    first: bool
    processor: float
    of_epoch: int


class Enough(Exception):
    """Ends a training from inside its loader."""


@contextmanager
def timed_steps(most: int) -> Iterator[list[Step]]:
    """Time the steps of the trainings in this context; raise `Enough` after `most` of them."""
    steps: list[Step] = []
    untimed = EpochLoader.epoch

    def timed(loader: EpochLoader, epoch: int, first_step: int = 0) -> Iterator[Any]:
        batches, first = untimed(loader, epoch, first_step), True
        while True:
            asked, busy = time.perf_counter(), time.process_time()
            try:
                batch = next(batches)
            except StopIteration:
                return
            got = time.perf_counter()
            yield batch
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            steps.append(Step(got - asked, time.perf_counter() - got, first, time.process_time() - busy, loader.steps_per_epoch))
            first = False
            if len(steps) >= most:
                raise Enough

    EpochLoader.epoch = timed  # type: ignore[assignment,method-assign]
    try:
        yield steps
    finally:
        EpochLoader.epoch = untimed  # type: ignore[method-assign]


def measured(task: str, precision: str, preset: str, steps: int, patients: int) -> dict[str, Any]:
    """Train with a preset for some steps; return what they took."""
    loaded = use_cases.USE_CASES[task].load_task()
    settings = dataclasses.replace(loaded.presets[preset], precision=precision)
    if hasattr(settings, "pretrained"):
        settings = dataclasses.replace(settings, pretrained=False)
    data = built_in_folder(loaded.challenge, patients, 0)
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory() as folder, timed_steps(steps + WARM_UP_STEPS) as taken, suppress(Enough):
        getattr(radlearn, task).train_with(settings, data, Path(folder) / "run")
    counted = taken[WARM_UP_STEPS:]
    if not counted:
        raise SystemExit(f"{task}: {len(taken)} steps are too few; use more patients.")
    inside = [step for step in counted if not step.first] or counted
    seconds = sum(step.waited + step.worked for step in counted)
    return {
        "task": task,
        "precision": precision,
        "batch": settings.batch_size,
        "steps": len(counted),
        "steps/s": len(counted) / seconds,
        "images/s": len(counted) * settings.batch_size / seconds,
        "median step, ms": 1000 * statistics.median(step.worked for step in counted),
        "waiting, %": 100 * sum(step.waited for step in counted) / seconds,
        "waiting within an epoch, %": 100 * sum(step.waited for step in inside) / sum(step.waited + step.worked for step in inside),
        "peak memory, GiB": torch.cuda.max_memory_allocated() / 2**30 if on_gpu else float("nan"),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tasks", nargs="+", default=list(PATIENTS), choices=list(PATIENTS))
    options.add_argument("--precisions", nargs="+", default=["bf16-mixed", "16-mixed", "32-true"])
    options.add_argument("--preset", default="challenge")
    options.add_argument("--steps", type=int, default=60)
    options.add_argument("--patients", type=int, help="number of built-in images, in place of the usual ones")
    chosen = options.parse_args()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    say(f"{chosen.preset}, {device}, torch {torch.__version__}")
    for task in chosen.tasks:
        for precision in chosen.precisions:
            found = measured(task, precision, chosen.preset, chosen.steps, chosen.patients or PATIENTS[task])
            say(" · ".join(f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
