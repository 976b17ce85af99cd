"""What training on a folder will cost, estimated before anything is allocated: cache on the disk, memory, minutes per epoch.

The presets' figures stand here as plain numbers, because importing the lessons takes longer than the rest of an audit; a test holds them
against the lessons. Speed is measured on this machine by a matrix product of half a second on one core, whose rate is turned into X-rays
or patches by the arithmetic that each network needs and by how much of that rate its training reaches.

How true it is, held against steps of the lessons themselves (built-in patients, one thread, 130 GFLOP/s): classification quick 4.2 ms a
X-ray foretold, 3.9 measured; detection quick 24 and 22; segmentation quick 0.41 s a step of two patches, 0.37 to 0.41 measured. On two
threads, beside other work that kept both cores busy, X-rays took two to three times as long as foretold: what else the machine does is not
foreseen. Beyond two cores, and for the challenge presets, nothing was timed.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from radlearn import LESSONS
from radlearn.progress import cores
from radlearn.scans.cache_store import bytes_needed

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
INDEX_BYTES = 2 * 20_000 * 6
"The places in a CT that patches are drawn around."
BASE_MEMORY_GB = 1.2
"The process with torch and MONAI, before a batch."


@dataclass(frozen=True)
class Preset:
    """What a preset of a lesson asks for. `gflop` is the forward pass of one X-ray, `activations_mb` what training keeps of one X-ray."""

    task: str
    name: str
    size_px: int
    batch_size: int
    epochs: int
    gflop: float
    reached: float
    activations_mb: float
    weights_million: float

    def cache_bytes(self, xrays: int, bits: int) -> float:
        """Return what the cache of prepared X-rays takes."""
        return bytes_needed(xrays, self.size_px, 8 if bits <= 8 else 16)

    def epoch_seconds(self, xrays: int, rate_gflops: float) -> float:
        """Return how long an epoch takes: training, whose backward pass takes twice the forward's arithmetic, and validation."""
        forward = self.gflop / (rate_gflops * self.reached)
        return xrays * (TRAINED_SHARE * (3 * forward + PREPARED_SECONDS) + VALIDATED_SHARE * forward)


@dataclass(frozen=True)
class VolumePreset:
    """The same for CTs, which are seen in patches: `gflop` and `activations_mb` are those of one patch."""

    task: str
    name: str
    patch_voxels: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    patches_a_scan: int
    "So many of each training CT in an epoch."
    batch_size: int
    epochs: int
    gflop: float
    reached: float
    activations_mb: float
    weights_million: float
    looks: float = 8
    """How often windows that overlap look at each voxel of a validation CT; 8 where they overlap by half along every axis."""

    @property
    def block_voxels(self) -> float:
        """Voxels of a prepared CT."""
        return LUNG_BLOCK_MM3 / float(np.prod(self.spacing_mm))

    def cache_bytes(self, scans: int, bits: int = 16) -> float:
        """Return what the cache of prepared CTs takes: 16 bits a voxel of the scan, 8 of its mask."""
        return scans * (3 * self.block_voxels + INDEX_BYTES)

    def epoch_seconds(self, scans: int, rate_gflops: float) -> float:
        """Return how long an epoch takes: training on patches, and validation on whole CTs, window by window."""
        forward = self.gflop / (rate_gflops * self.reached)
        windows = max(1.0, self.looks * self.block_voxels / float(np.prod(self.patch_voxels)))
        return scans * (TRAINED_SHARE * self.patches_a_scan * (3 * forward + PATCH_SECONDS) + VALIDATED_SHARE * windows * forward)


# Arithmetic counted by torch's FlopCounterMode, memory by the tensors that autograd keeps, both without mirror images; `reached` is the
# share of the matrix product's rate that the network's training reached beside it on one thread, guessed for the challenge presets.
PRESETS = (
    Preset("classification", "quick", 128, 16, 52, gflop=0.076, reached=0.8, activations_mb=2, weights_million=0.31),
    Preset("classification", "challenge", 512, 32, 12, gflop=46.4, reached=0.8, activations_mb=600, weights_million=27.8),
    Preset("detection", "quick", 256, 16, 16, gflop=0.42, reached=0.45, activations_mb=15, weights_million=0.8),
    Preset("detection", "challenge", 512, 16, 12, gflop=103.6, reached=0.9, activations_mb=700, weights_million=36.3),
)

VOLUME_PRESETS = (
    VolumePreset(
        "segmentation", "quick", (96, 96, 32), (2.0, 2.0, 5.0), patches_a_scan=4, batch_size=2, epochs=8,
        gflop=7.2, reached=0.9, activations_mb=73, weights_million=1.14, looks=1.3,
    ),
    VolumePreset(
        "segmentation", "challenge", (192, 192, 16), (1.25, 1.25, 5.0), patches_a_scan=10, batch_size=2, epochs=100,
        gflop=579, reached=0.9, activations_mb=1680, weights_million=86.3, looks=4,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Forecast:
    """The cost of one preset; `basis` says what it was estimated from."""

    preset: Preset | VolumePreset
    cache_gb: float
    memory_gb: float
    minutes_an_epoch: float
    basis: str

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` says of it."""
        preset = self.preset
        return {
            "task": preset.task, "preset": preset.name, "epochs": preset.epochs, "cache_gb": self.cache_gb, "memory_gb": self.memory_gb,
            "minutes_an_epoch": self.minutes_an_epoch, "basis": self.basis,
        }  # fmt: skip


def forecasts(xrays: int, bits: int, scans: int = 0) -> list[Forecast]:
    """Return the cost of training on `xrays` labelled X-rays of at most `bits` bits, and on `scans` CTs with masks, for every preset.

    A task is left out where there is nothing for it to train on, or no lesson of it yet.
    """
    wanted: list[tuple[Preset | VolumePreset, int]] = [(preset, xrays) for preset in PRESETS if xrays]
    wanted += [(preset, scans) for preset in VOLUME_PRESETS if scans and preset.task in LESSONS]
    if not wanted:
        return []
    one = gigaflops()
    rate = one * cores() ** MORE_CORES
    amounts = ", ".join(f"{count:,} {what}" for count, what in ((xrays, "X-rays"), (scans, "CTs with masks")) if count)
    basis = (
        f"{amounts}, and a matrix product on this machine's processor ({one:.0f} GFLOP/s on one of its {cores()} cores just now). Beside "
        "other work it takes longer; no GPU is timed"
    )
    return [forecast(preset, count, bits, rate, basis) for preset, count in wanted]


def forecast(preset: Preset | VolumePreset, count: int, bits: int, rate_gflops: float, basis: str) -> Forecast:
    """Return the cost of one preset for so many X-rays or CTs, at a rate of arithmetic."""
    # Weights, gradients, two moments of AdamW and the averaged weights, in 32 bits.
    memory_gb = BASE_MEMORY_GB + (preset.weights_million * 5 * 4 + preset.batch_size * preset.activations_mb) / 1000
    return Forecast(preset, preset.cache_bytes(count, bits) / 1e9, memory_gb, preset.epoch_seconds(count, rate_gflops) / 60, basis)


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
        whole = cost.minutes_an_epoch * cost.preset.epochs
        rows.append(
            (
                f"{cost.preset.task} {cost.preset.name}",
                f"{cost.cache_gb:.2g} GB" if cost.cache_gb >= 1 else f"{1000 * cost.cache_gb:.3g} MB",
                f"{cost.memory_gb:.1f} GB",
                _duration(cost.minutes_an_epoch),
                f"{cost.preset.epochs}",
                _duration(whole),
            )
        )
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
