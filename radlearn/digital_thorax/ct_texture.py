"""CT appearance beside the anatomy: tissue texture, kernel noise, the couch, the edge of the field of view."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from radlearn.digital_thorax.ct_grid import CtGeometry

PADDING_HU = -3025
"""Often stored outside the reconstructed field of view."""


@dataclass(frozen=True)
class Kernel:
    """Reconstruction: blur of edges in mm, their enhancement, and the noise's standard deviation in HU and grain in mm."""

    blur_mm: float
    sharpening: float
    noise_hu: float
    grain_mm: float


def draw_kernel(draw: np.random.Generator) -> Kernel:
    """Draw a kernel: smooth for soft tissue, or sharp and noisy for lung."""
    if draw.random() < 0.55:
        return Kernel(float(draw.uniform(0.55, 0.75)), 0.0, float(np.exp(draw.normal(2.5, 0.3))), float(draw.uniform(0.75, 1.05)))
    return Kernel(float(draw.uniform(0.38, 0.5)), float(draw.uniform(0.3, 0.8)), float(np.exp(draw.normal(3.35, 0.3))), 0.65)


@lru_cache(maxsize=1)
def noise_block() -> np.ndarray:
    """Return a periodic block of noise (64, 64, 64) with a falling spectrum, zero mean and unit deviation, float32."""
    draw = np.random.default_rng(20200)
    frequency = np.fft.fftfreq(64) * 64
    square = frequency[:, None, None] ** 2 + frequency[None, :, None] ** 2 + (np.fft.rfftfreq(64) * 64)[None, None] ** 2
    block = np.fft.irfftn(np.fft.rfftn(draw.standard_normal((64, 64, 64))) / np.maximum(square, 9.0) ** 0.6, (64, 64, 64))
    return np.asarray((block - block.mean()) / block.std(), np.float32)


class Grain:
    """Noise of each slice, correlated in plane as after filtered back-projection: little at low and at the highest frequencies."""

    def __init__(self, shape: tuple[int, int], spacing_mm: tuple[float, float], kernel: Kernel) -> None:
        self.shape, self.kernel = shape, kernel
        fj = np.fft.fftfreq(shape[0], spacing_mm[1])[:, None]
        fi = np.fft.rfftfreq(shape[1], spacing_mm[0])[None]
        frequency = np.hypot(fi, fj)
        # The ramp of back-projection under the kernel's roll-off; a ramp from zero would leave no visible mottle.
        power = (frequency + 0.03) * np.exp(-((frequency * kernel.grain_mm * 3.2) ** 2))
        amplitude = np.sqrt(power)
        doubled = np.full(amplitude.shape, 2.0)
        doubled[:, 0] = 1.0
        mean_square = float((amplitude**2 * doubled).sum()) * 2.0 / (shape[0] * shape[1]) ** 2
        self.amplitude = (amplitude / np.sqrt(mean_square)).astype(np.float32)

    def slice(self, draw: np.random.Generator) -> np.ndarray:
        """Return one slice (j, i) of noise with the kernel's deviation, float32."""
        from scipy.fft import irfft2

        shape = self.amplitude.shape
        spectrum = draw.standard_normal((*shape, 2), dtype=np.float32).view(np.complex64)[..., 0] * self.amplitude
        noise: np.ndarray = irfft2(spectrum, self.shape)
        return noise * np.float32(self.kernel.noise_hu)


def noise_strength(hu: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Return the noise at every voxel of a slice (j, i) as a multiple of the usual: more where the beams lost more photons.

    The body's width and depth at a voxel stand for the attenuation of the beams through it.
    """
    dense = np.clip(hu + np.float32(1000.0), 0, 1300) * np.float32(0.001 * spacing_mm * 0.0195)
    along, across = dense.sum(0), dense.sum(1)
    spread = np.exp(np.float32(0.20) * (along[None, :] + across[:, None]) - np.float32(2.0))
    return np.clip(spread * np.where(hu < -950, np.float32(0.7), np.float32(1.0)), 0.3, 3.0)


def couch_hu(geometry: CtGeometry, back_mm: float, k: int) -> np.ndarray:
    """Return the couch alone in slice k, HU float32 (j, i): a concave carbon shell around foam, with a mattress, −1000 elsewhere.

    Args:
        back_mm: y of the skin of the back in body mm; the couch is aligned with the scanner, the body not exactly.
    """
    i, j, _ = geometry.shape
    to_scanner = geometry.scanner_from_index
    body = np.linalg.inv(geometry.body_from_scanner)
    low = body @ np.array([0.0, back_mm, 0.0, 1.0])
    corner = to_scanner @ np.array([0.0, 0.0, k, 1.0])
    x = (corner[0] + to_scanner[0, 0] * np.arange(i) - low[0]).astype(np.float32)[None]
    y = (corner[1] + to_scanner[1, 1] * np.arange(j) - low[1]).astype(np.float32)[:, None]
    top = 9.0 - x * x / np.float32(1700.0)
    bottom = 62.0 - x * x / np.float32(900.0)
    soft = np.float32(0.5 * geometry.spacing_mm[0])

    def between(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        inside = np.clip((y - above) / (2 * soft) + 0.5, 0, 1) * np.clip((below - y) / (2 * soft) + 0.5, 0, 1)
        return inside * np.clip((215.0 - np.abs(x)) / (2 * soft) + 0.5, 0, 1)

    hu = np.full((j, i), -1000.0, np.float32)
    for above, below, value in ((top - 9.0, top, -930.0), (top, bottom, -120.0), (top + 2.2, bottom - 2.6, -945.0)):
        covered = between(above, below)
        hu += covered * (np.float32(value) - hu)
    return hu


def circle(geometry: CtGeometry) -> np.ndarray:
    """Return bool (j, i), True inside the largest circle of the field of view."""
    i, j, _ = geometry.shape
    x, y = np.arange(i) - (i - 1) / 2, np.arange(j) - (j - 1) / 2
    inside: np.ndarray = (x[None] / (i / 2)) ** 2 + (y[:, None] / (j / 2)) ** 2 <= 1.0
    return inside
