"""What training on a folder will cost, estimated before anything is allocated: cache on the disk, memory, minutes per epoch.

The figures of each preset lie in `costs.json` beside the lesson, so that torch need not be imported; a test compares them with the
lesson. Arithmetic was counted by torch's FlopCounterMode, memory by the tensors that autograd keeps, both without test-time augmentation;
`reached` is the share of the matrix product's rate that training reached beside it on one thread, guessed for the challenge presets.
Speed is measured on this machine by a matrix product of half a second on one core.

Accuracy, compared with training steps of the lessons (synthetic patients, one thread, 130 GFLOP/s): classification quick 4.2 ms an X-ray
predicted, 3.9 measured; detection quick 24 and 22; segmentation quick 0.41 s a step of two patches, 0.37 to 0.41 measured. On two
threads, beside other work that kept both cores busy, X-rays took two to three times as long as predicted: other load is not foreseen.
Beyond two cores, and for the challenge presets, nothing was timed.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from radlearn.json_files import read_json
from radlearn.progress import cores
from radlearn.scans.cache import bytes_needed
from radlearn.use_cases import USE_CASES, UseCase

COSTS_FILE = "costs.json"

MEASURED_SECONDS = 0.5
TRAINED_SHARE, VALIDATED_SHARE = 0.6, 0.15
"Of a folder's people; the others test."
MORE_CORES = 0.8
"Two cores together do the work of 2 ** 0.8, which is 1.7."
PREPARED_SECONDS = 0.002
"To load and vary an X-ray in training, on one core."
PATCH_SECONDS = 0.02
"The same for a patch of a CT."
LUNG_BLOCK_MM3 = 25e6
"What is kept of a CT, the block of both lungs: the median of ten built-in and two real ones."
MASKS = 3
"Kept with each CT: its lesions, its lungs and their hull."
INDEX_BYTES = 8 * 0.35
"Bytes for each voxel of the block, of which the lungs are 0.35: the places that patches are taken around, eight bytes each."
BASE_MEMORY_GB = 1.2
"The process with torch and MONAI, before a batch."


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What a preset of any task needs. `gflop` and `activations_mb` are those of one image or patch."""

    batch_size: int
    epochs: int
    # The arithmetic of the forward pass.
    gflop: float
    # The share of the matrix product's rate that training reaches.
    reached: float
    # What training keeps for the backward pass.
    activations_mb: float
    weights_million: float


@dataclass(frozen=True, kw_only=True)
class ImagePreset(Costs):
    """A preset of a task on single images."""

    # Height and width to which an image is brought.
    size_px: int

    def cache_bytes(self, images: int) -> float:
        """Return the size of the cache of prepared images, at most: the tasks keep them in 8 or in 16 bits."""
        return bytes_needed(images, self.size_px, 16)

    def epoch_seconds(self, images: int, rate_gflops: float) -> float:
        """Return how long an epoch takes: training, whose backward pass takes twice the forward's arithmetic, and validation."""
        forward = self.gflop / (rate_gflops * self.reached)
        return images * (TRAINED_SHARE * (3 * forward + PREPARED_SECONDS) + VALIDATED_SHARE * forward)


@dataclass(frozen=True, kw_only=True)
class VolumePreset(Costs):
    """A preset of a task on CTs, which are trained on in patches."""

    patch_voxels: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    # Of each training CT, in an epoch.
    patches_per_scan: int
    # How many overlapping windows cover each voxel of a validation CT; 8 where they overlap by half along every axis.
    looks: float = 8

    @property
    def block_voxels(self) -> float:
        """Voxels of a prepared CT."""
        return LUNG_BLOCK_MM3 / float(np.prod(self.spacing_mm))

    def cache_bytes(self, scans: int) -> float:
        """Return the size of the cache of prepared CTs: 16 bits a voxel of the scan, 8 of each mask, and where patches can be taken."""
        return scans * (2 + MASKS + INDEX_BYTES) * self.block_voxels

    def epoch_seconds(self, scans: int, rate_gflops: float) -> float:
        """Return how long an epoch takes: training on patches, and validation on whole CTs, window by window."""
        forward = self.gflop / (rate_gflops * self.reached)
        windows = max(1.0, self.looks * self.block_voxels / float(np.prod(self.patch_voxels)))
        return scans * (TRAINED_SHARE * self.patches_per_scan * (3 * forward + PATCH_SECONDS) + VALIDATED_SHARE * windows * forward)


Preset = ImagePreset | VolumePreset
KINDS: dict[str, type[ImagePreset] | type[VolumePreset]] = {"image": ImagePreset, "volume": VolumePreset}


@dataclass(frozen=True)
class Forecast:
    """The cost of one preset of a task; `basis` says what it was estimated from."""

    task: str
    name: str
    preset: Preset
    cache_gb: float
    memory_gb: float
    minutes_an_epoch: float
    basis: str

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` says of it."""
        own = dict(vars(self))
        return {"task": own.pop("task"), "preset": own.pop("name"), "epochs": own.pop("preset").epochs, **own}


def presets_of(use_case: UseCase) -> dict[str, Preset]:
    """Read the `costs.json` beside a lesson: its presets by their names; none where there is no such file."""
    file = use_case.folder / COSTS_FILE
    found: dict[str, Preset] = {}
    for name, fields in (read_json(file) if file.is_file() else {}).items():
        values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
        found[name] = KINDS[values.pop("kind")](**values)
    return found


def forecasts(labelled: Mapping[str, int]) -> list[Forecast]:
    """Return the cost of every preset of every task that can be trained on a folder.

    `labelled` is, for the name of a challenge, how many of its cases can be trained on.
    """
    wanted: list[tuple[str, str, Preset, int]] = []
    amounts: dict[str, None] = {}
    for task, use_case in USE_CASES.items():
        challenge = use_case.load_challenge()
        if count := labelled.get(challenge.name, 0):
            presets = presets_of(use_case)
            wanted += [(task, name, preset, count) for name, preset in presets.items()]
            masks = any(isinstance(preset, VolumePreset) for preset in presets.values())
            amounts |= {f"{count:,} {challenge.units}{' with masks' * masks}": None} if presets else {}
    if not wanted:
        return []
    one = gigaflops()
    rate = one * cores() ** MORE_CORES
    basis = (
        f"{', '.join(amounts)}, and a matrix product on this machine's processor ({one:.0f} GFLOP/s on one of its {cores()} cores). "
        "With other load it takes longer; no GPU is timed"
    )
    return [forecast(task, name, preset, count, rate, basis) for task, name, preset, count in wanted]


def forecast(task: str, name: str, preset: Preset, count: int, rate_gflops: float, basis: str) -> Forecast:
    """Return the cost of one preset for so many X-rays or CTs, at a rate of arithmetic."""
    # Weights, gradients, two moments of AdamW and the averaged weights, in 32 bits.
    memory_gb = BASE_MEMORY_GB + (preset.weights_million * 5 * 4 + preset.batch_size * preset.activations_mb) / 1000
    return Forecast(task, name, preset, preset.cache_bytes(count) / 1e9, memory_gb, preset.epoch_seconds(count, rate_gflops) / 60, basis)


def gigaflops() -> float:
    """Return how many billion operations a second a float32 matrix product reaches here on one core, at best of half a second.

    On one, because a product on all of them stalls when a single one is busy: beside other work it fell from 250 to 32 on two cores, and
    stayed at 135 on one.
    """
    square = np.random.default_rng(0).random((768, 768), dtype=np.float32)
    best, until = 0.0, time.perf_counter() + MEASURED_SECONDS
    with threadpool_limits(1):
        while time.perf_counter() < until:
            started = time.perf_counter()
            square @ square
            best = max(best, 2 * 768**3 / (time.perf_counter() - started) / 1e9)
    return best


def table_rows(costs: Sequence[Forecast]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the columns and rows of a table for people."""
    rows: list[tuple[str, ...]] = []
    for cost in costs:
        cache = f"{cost.cache_gb:.2g} GB" if cost.cache_gb >= 1 else f"{1000 * cost.cache_gb:.3g} MB"
        times = _duration(cost.minutes_an_epoch), f"{cost.preset.epochs}", _duration(cost.minutes_an_epoch * cost.preset.epochs)
        rows.append((f"{cost.task} {cost.name}", cache, f"{cost.memory_gb:.1f} GB", *times))
    return ("preset", "cache on disk", "memory", "an epoch", "epochs", "in all"), rows


def _duration(minutes: float) -> str:
    """Return a duration as roughly as it is known.

    >>> _duration(0.005), _duration(0.2), _duration(31), _duration(600), _duration(9000)
    ('under 1 s', '12 s', '31 min', '10 h', '6 days')
    """
    if minutes < 1:
        return f"{60 * minutes:.0f} s" if minutes >= 1 / 60 else "under 1 s"
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"
