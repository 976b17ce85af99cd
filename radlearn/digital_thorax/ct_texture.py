"""CT appearance beside the anatomy: tissue texture, kernel, noise and streaks, the edge of the field of view."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from radlearn.digital_thorax.ct_grid import CtGeometry

PADDING_HU = -3025
"""Often stored outside the reconstructed field of view."""


@dataclass(frozen=True)
class Kernel:
    """Reconstruction: blur of edges in mm, their enhancement, the noise's standard deviation in HU and its grain in mm.

    `slice_mm`: thickness of a slice; used only where it exceeds the distance between slices. `streaks_hu`: noise and darkening along
    beams through both shoulders, per factor e of attenuation beyond 36 cm of water.
    """

    blur_mm: float
    sharpening: float
    noise_hu: float
    grain_mm: float
    slice_mm: float = 0.0
    streaks_hu: float = 0.0


def draw_kernel(draw: np.random.Generator) -> Kernel:
    """Draw a kernel: smooth for soft tissue, or sharp and noisy for lung; in one scan of eleven slices overlap."""
    slice_mm = float(draw.choice([3.0, 5.0, 8.0, 10.0])) if draw.random() < 0.17 else 0.0
    streaks = float(np.exp(draw.normal(2.0, 0.7)))
    if draw.random() < 0.55:
        blur, noise = float(draw.uniform(0.5, 1.05)), float(np.exp(draw.normal(2.5, 0.4)))
        return Kernel(blur, 0.0, noise, float(draw.uniform(0.75, 1.05)), slice_mm, streaks)
    blur, noise = float(draw.uniform(0.36, 0.5)), float(np.exp(draw.normal(3.35, 0.4)))
    return Kernel(blur, float(draw.uniform(0.3, 1.3)), noise, 0.65, slice_mm, streaks)


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


def streaks(hu: np.ndarray, spacing_mm: float, strength_hu: float, draw: np.random.Generator) -> np.ndarray:
    """Return what beams through much tissue add to a slice (j, i), HU float32: horizontal streaks, and a dark band between the shoulders.

    Photons are starved and beams hardened along the rows that cross most tissue; 36 cm of water are the limit.
    """
    from scipy.ndimage import gaussian_filter1d

    in_body = np.where(hu > -300, np.clip(hu + np.float32(1000.0), 0, 1300), np.float32(0.0))
    across = in_body.sum(1) * np.float32(0.001 * spacing_mm * 0.0195)
    excess = np.clip(across - np.float32(360 * 0.0195), 0, 4)
    if not strength_hu or not excess.any():
        return np.zeros_like(hu)
    lines = gaussian_filter1d(draw.standard_normal(hu.shape, dtype=np.float32), 30.0 / spacing_mm, axis=1)
    lines /= max(float(lines.std()), 1e-6)
    inside = np.clip((hu + np.float32(900.0)) / np.float32(600.0), 0, 1)
    return (lines - np.float32(1.5) * inside) * np.float32(strength_hu) * excess[:, None]


def circle(geometry: CtGeometry) -> np.ndarray:
    """Return bool (j, i), True inside the largest circle of the field of view."""
    i, j, _ = geometry.shape
    x, y = np.arange(i) - (i - 1) / 2, np.arange(j) - (j - 1) / 2
    inside: np.ndarray = (x[None] / (i / 2)) ** 2 + (y[:, None] / (j / 2)) ** 2 <= 1.0
    return inside
