"""What training on a folder will cost, estimated before anything is allocated: cache on the disk, memory, minutes per epoch.

The presets' figures stand here as plain numbers, because importing the lessons takes longer than the rest of an audit; a test holds them
against the lessons. Speed is measured on this machine by a matrix product of a second, whose rate is turned into films by the arithmetic
that each network needs and by how much of that rate training reached where both were measured.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from radlearn.progress import cores
from radlearn.scans.cache_store import bytes_needed

MEASURED_SECONDS = 0.6
TRAINED_SHARE = 0.6
"Of a folder's people; the others validate and test."
PREPARED_SECONDS = 0.005
"To load and vary a film in training, on one core."
BASE_MEMORY_GB = 1.2
"The process with torch and MONAI, before a batch."


@dataclass(frozen=True)
class Preset:
    """What a preset of a lesson asks for. `gflop` is a film's forward pass, `activations_mb` what training keeps of one film."""

    task: str
    name: str
    size_px: int
    batch_size: int
    epochs: int
    gflop: float
    reached: float
    activations_mb: float
    weights_million: float


# Arithmetic counted by torch's FlopCounterMode, memory by the tensors that autograd keeps, both without mirror images; `reached` is the
# share of the matrix product's rate that the network reached beside it.
PRESETS = (
    Preset("classification", "quick", 128, 16, 52, gflop=0.076, reached=0.5, activations_mb=2, weights_million=0.31),
    Preset("classification", "challenge", 512, 32, 12, gflop=46.4, reached=0.8, activations_mb=600, weights_million=27.8),
    Preset("detection", "quick", 256, 16, 16, gflop=0.42, reached=0.4, activations_mb=15, weights_million=0.8),
    Preset("detection", "challenge", 512, 16, 12, gflop=103.6, reached=0.9, activations_mb=700, weights_million=36.3),
)


@dataclass(frozen=True)
class Forecast:
    """The cost of one preset; `basis` says what it was estimated from."""

    preset: Preset
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


def forecasts(films: int, bits: int) -> list[Forecast]:
    """Return the cost of training on `films` labelled films of at most `bits` bits, for every preset; nothing for no films."""
    if not films:
        return []
    rate = gigaflops()
    basis = (
        f"{films:,} films, and a matrix product on this machine's processor ({cores()} cores, {rate:.0f} GFLOP/s just now); no GPU is timed"
    )
    return [forecast(preset, films, bits, rate, basis) for preset in PRESETS]


def forecast(preset: Preset, films: int, bits: int, rate_gflops: float, basis: str) -> Forecast:
    """Return the cost of one preset at a rate of arithmetic."""
    cache_gb = bytes_needed(films, preset.size_px, 8 if bits <= 8 else 16) / 1e9
    # The backward pass takes twice the forward's arithmetic.
    seconds = films * TRAINED_SHARE * (3 * preset.gflop / (rate_gflops * preset.reached) + PREPARED_SECONDS)
    # Weights, gradients, two moments of AdamW and the averaged weights, in 32 bits.
    memory_gb = BASE_MEMORY_GB + (preset.weights_million * 5 * 4 + preset.batch_size * preset.activations_mb) / 1000
    return Forecast(preset, cache_gb, memory_gb, seconds / 60, basis)


def gigaflops() -> float:
    """Return how many billion operations a second a float32 matrix product reaches here, at best of half a second."""
    square = np.random.default_rng(0).random((768, 768), dtype=np.float32)
    best, until = 0.0, time.perf_counter() + MEASURED_SECONDS
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
                f"{cost.cache_gb:.2g} GB",
                f"{cost.memory_gb:.1f} GB",
                _duration(cost.minutes_an_epoch),
                f"{cost.preset.epochs}",
                _duration(whole),
            )
        )
    return ("preset", "cache on disk", "memory", "an epoch", "epochs", "in all"), rows


def _duration(minutes: float) -> str:
    """Return a duration as roughly as it is known.

    >>> _duration(0.2), _duration(31), _duration(600), _duration(9000)
    ('12 s', '31 min', '10 h', '6 days')
    """
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 48 * 60 else f"{minutes / 1440:.0f} days"
