"""From attenuation to a film: photons, scatter, noise, and the grey values that a digital system makes of them."""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Exposure:
    """How a film was exposed and processed."""

    scatter: float
    photons: float
    contrast: float
    brightness: float
    equalising: float
    sharpening: float
    gamma: float
    blur_px: float


def draw_exposure(view: str, draw: np.random.Generator) -> Exposure:
    """Draw the technique: a fixed PA stand has a grid and doses well, a portable AP often neither."""
    portable = view == "AP"
    return Exposure(
        scatter=float(draw.uniform(0.35, 0.9) if portable else draw.uniform(0.16, 0.42)),
        photons=float(np.exp(draw.normal(8.3 if portable else 8.8, 0.5))),
        contrast=float(draw.normal(0.93 if portable else 1.02, 0.09)),
        brightness=float(draw.normal(0.02 if portable else 0.0, 0.045)),
        equalising=float(draw.uniform(0.05, 0.45)),
        sharpening=float(draw.uniform(0.1, 0.8)),
        gamma=float(np.exp(draw.normal(0.0, 0.14))),
        blur_px=float(draw.uniform(0.65, 1.15)),
    )


def enlarged(image: np.ndarray, size: int) -> np.ndarray:
    """Return a float32 image (rows, columns) smoothly resized to (size, size)."""
    return np.asarray(Image.fromarray(np.ascontiguousarray(image, np.float32)).resize((size, size), Image.Resampling.BICUBIC))


def blurred(image: np.ndarray, deviation_px: float, factor: int) -> np.ndarray:
    """Return a wide Gaussian blur, worked out on an image `factor` times smaller."""
    from scipy.ndimage import gaussian_filter

    size = len(image)
    small = image.reshape(size // factor, factor, size // factor, factor).mean((1, 3))
    return enlarged(gaussian_filter(small, deviation_px / factor, mode="nearest", truncate=3.0), size)


def expose(attenuation: np.ndarray, exposure: Exposure, draw: np.random.Generator) -> np.ndarray:
    """Return what the detector reads (1 = no body in the way) behind `attenuation` × length, with scatter and noise, float32.

    Scatter is a wide blur of the primary beam, made where there is most body to scatter in; quantum noise goes with the root of the
    photons, detector noise is the same everywhere.
    """
    primary = np.exp(-attenuation)
    # Rays outside the body bring photons but make no scatter in it.
    source = blurred(primary * np.minimum(attenuation, 2.0), 90.0, 16)
    reading = primary + np.float32(0.55 * exposure.scatter) * source
    grain = draw.standard_normal(reading.shape, dtype=np.float32)
    reading += grain * np.sqrt(reading * np.float32(1 / exposure.photons) + np.float32(2e-7))
    return np.maximum(reading, 1e-4)


def display(reading: np.ndarray, anchors: tuple[float, float], exposure: Exposure) -> np.ndarray:
    """Return the film's grey values, float32 in [0, 1], bright where little got through.

    Args:
        anchors: the logarithmic readings of dark lung and of the densest part of the body, which the system finds by histogram.
    """
    density = -np.log(reading)
    lung, dense = anchors
    base = blurred(density, 42.0, 8)
    middle = 0.5 * (lung + dense)
    detail = density - blurred(density, 5.0, 2)
    density -= np.float32(exposure.equalising) * (np.clip(base, lung, dense + 1) - np.float32(middle))
    density += np.float32(exposure.sharpening) * detail
    shrunk = 1 - exposure.equalising
    low, high = middle + (lung - middle) * shrunk, middle + (dense - middle) * shrunk
    share = (density - np.float32(low)) / np.float32(high - low)
    # Lung near a quarter, mediastinum near 0.87, both ends rolled off as film and display curves do.
    share = np.float32(exposure.contrast) * (share - np.float32(0.5)) + np.float32(0.5 + exposure.brightness)
    curve = 1.0 / (1.0 + np.exp(-np.float32(3.1) * (share - np.float32(0.42))))
    curve = (curve - np.float32(0.055)) * np.float32(1.10)
    return np.clip(curve, 0, 1) ** np.float32(exposure.gamma)
