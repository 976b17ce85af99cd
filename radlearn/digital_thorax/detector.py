"""From attenuation to an X-ray: photons, scatter, noise, and the grey values of a digital system."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Exposure:
    """Exposure and processing of an X-ray.

    `equalising` compresses what is wider than 40 pixels, `enhancing` strengthens what is 5 to 20 pixels wide, and `sharpening` what is
    finer: the bands that the multiscale processing of different makers treats differently. `cutoff` is what a grid that does not face the
    tube takes from the one side and not from the other, as a logarithm, positive on the right of the X-ray. `electronic` is the variance
    of the noise of the electronics, where the beam without a body is 1.
    """

    scatter: float
    photons: float
    contrast: float
    brightness: float
    equalising: float
    sharpening: float
    gamma: float
    blur_px: float
    lung_error: float = 0.0
    enhancing: float = 0.0
    cutoff: float = 0.0
    electronic: float = 2e-7


def draw_exposure(view: str, draw: np.random.Generator) -> Exposure:
    """Draw the technique: a fixed PA stand has a grid and a sufficient dose, a portable AP unit often neither."""
    portable = view == "AP"
    # A grid keeps scatter away, and cuts one side off where it does not face the tube.
    has_grid = draw.random() < (0.4 if portable else 1.0)
    cutoff = float(draw.normal(0, 0.22)) if draw.random() < (0.3 if portable else 0.05) else 0.0
    return Exposure(
        scatter=float(draw.uniform(0.3, 0.55) if portable else draw.uniform(0.16, 0.42)) if has_grid else float(draw.uniform(0.5, 0.9)),
        photons=float(np.exp(draw.normal(9.3 if portable else 9.9, 0.5))),
        contrast=float(np.clip(draw.normal(0.7 if portable else 0.9, 0.16 if portable else 0.12), 0.38, 1.4)),
        brightness=float(draw.normal(-0.04 if portable else -0.03, 0.08)),
        equalising=float(draw.uniform(0.0, 0.6)),
        sharpening=float(draw.choice([draw.uniform(0.0, 0.3), draw.uniform(0.2, 0.9), draw.uniform(0.9, 1.4)], p=[0.35, 0.5, 0.15])),
        gamma=float(np.exp(draw.normal(0.0, 0.2))),
        blur_px=float(draw.uniform(1.05, 1.7)),
        # A histogram finds the lung only roughly, so lung is lighter on one X-ray and darker on the next.
        lung_error=float(np.clip(draw.normal(0.0, 0.13), -0.35, 0.35)),
        enhancing=float(draw.choice([0.0, draw.uniform(0.1, 0.6)], p=[0.7, 0.3])),
        cutoff=cutoff if has_grid else 0.0,
    )


TYPICAL_LUNG = 1.75
"""-ln of the reading behind the lungs of a typical patient."""


def automatic(exposure: Exposure, lung: float, view: str) -> Exposure:
    """Return the exposure with the photons that a patient gets: cells behind the lungs end it on a stand, a chart of sizes at a bedside.

    What the illness adds is not asked: the same patient without it would else have other noise.

    Args:
        lung: logarithm of the reading behind the lungs, the first of the anchors of `display`.
    """
    more = float(np.exp((0.6 if view == "AP" else 1.0) * (lung - TYPICAL_LUNG)))
    # Readings are relative to the beam, which is stronger now; what the electronics add is not.
    return replace(exposure, photons=exposure.photons * more, electronic=exposure.electronic / more**2)


def enlarged(image: np.ndarray, size: int) -> np.ndarray:
    """Return a float32 image (rows, columns) smoothly resized to (size, size)."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(image, np.float32)).resize((size, size), Image.Resampling.BICUBIC))


def blurred(image: np.ndarray, deviation_px: float, factor: int) -> np.ndarray:
    """Return a wide Gaussian blur, computed on an image `factor` times smaller."""
    from scipy.ndimage import gaussian_filter

    small = np.asarray(Image.fromarray(image).reduce(factor))
    smooth = Image.fromarray(gaussian_filter(small, deviation_px / factor, mode="nearest", truncate=3.0))
    return np.asarray(smooth.resize(image.shape[::-1], Image.Resampling.BILINEAR))


def detected(attenuation: np.ndarray, exposure: Exposure, factor: int = 16) -> np.ndarray:
    """Return the intensity at the detector behind `attenuation` × length (1 = no body), without noise, float32.

    Scatter is a wide blur of the primary beam, proportional to the amount of body; `factor`: see `blurred`.
    """
    primary = np.exp(-attenuation)
    # Rays outside the body produce no scatter.
    source = blurred(primary * np.minimum(attenuation, 2.0), 0.088 * len(attenuation), factor)
    return primary + np.float32(0.55 * exposure.scatter) * source


def expose(attenuation: np.ndarray, exposure: Exposure, draw: np.random.Generator) -> np.ndarray:
    """Return the noisy reading, float32: quantum noise grows with the square root of the photons, electronic noise is constant."""
    reading = detected(attenuation, exposure)
    if exposure.cutoff:
        lost = np.linspace(0, exposure.cutoff, reading.shape[1], dtype=np.float32) - np.float32(min(exposure.cutoff, 0))
        reading *= np.exp(-lost)
    grain = draw.standard_normal(reading.shape, dtype=np.float32)
    reading += grain * np.sqrt(reading * np.float32(1 / exposure.photons) + np.float32(exposure.electronic))
    return np.maximum(reading, 1e-4)


def display(reading: np.ndarray, anchors: tuple[float, float], exposure: Exposure) -> np.ndarray:
    """Return the X-ray's grey values, uint8, bright where little got through.

    Args:
        anchors: the logarithmic readings of dark lung and of the densest part of the body, as found by histogram.
    """
    density = -np.log(reading)
    lung, dense = anchors[0] + exposure.lung_error * (anchors[1] - anchors[0]), anchors[1]
    base = blurred(density, 42.0, 8)
    middle = 0.5 * (lung + dense)
    fine = blurred(density, 5.0, 2)
    detail = density - fine
    detail *= np.float32(exposure.sharpening)
    if exposure.enhancing:
        detail += np.float32(exposure.enhancing) * (fine - blurred(density, 20.0, 4))
    density -= np.float32(exposure.equalising) * (np.clip(base, lung, dense + 1) - np.float32(middle))
    density += detail
    shrunk = 1 - exposure.equalising
    low, high = middle + (lung - middle) * shrunk, middle + (dense - middle) * shrunk
    table = np.linspace(low - 3.0 * (high - low), high + 3.0 * (high - low), 8192)
    share = exposure.contrast * ((table - low) / (high - low) - 0.5) + 0.66 + exposure.brightness
    # Toe and shoulder of the characteristic curve: air approaches black, lung lies near a quarter, dense tissue is compressed below white.

    toe = np.logaddexp(0, 9 * share) / 9
    grey = np.clip(0.95 * (1 - np.exp(-1.75 * toe)), 0, 1) ** exposure.gamma
    density -= np.float32(table[0])
    density *= np.float32(8191 / (table[-1] - table[0]))
    return (grey * 255 + 0.5).astype(np.uint8).take(density.astype(np.int32), mode="clip")
