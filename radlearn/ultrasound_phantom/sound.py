"""From tissue to the grey values of a scanner: scatterers, the pulse, attenuation, noise, log compression, the shape of the probe.

Scatterers far smaller than a pulse are a complex Gaussian random field; what the scanner receives is its convolution with the pulse (the
point spread function), whose magnitude is Rayleigh distributed: speckle. Sheets reflect coherently and are added to the field before
the convolution, so they stay smooth where tissue is grainy.

Source: Wagner et al. 1983, IEEE Transactions on Sonics and Ultrasonics 30:156, doi:10.1109/T-SU.1983.31404; Szabo 2014, Diagnostic
Ultrasound Imaging, ch. 8 and 12.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter, map_coordinates

from radlearn.ultrasound_phantom.tissue import Tissue

MID_GREY_DB = 23.0
"Above black, of speckle of 0 dB without gain."
NOISE_DB = -46.0
"Of the receiver at the surface; the time gain raises it with the depth."
AXIAL_MM = 0.105
"Length of the pulse, one standard deviation."
REFLECTED = 9.0
"Amplitude of a sheet that is met squarely, beside speckle of 0 dB."
APART = 0.055
"""In cycles a pixel: half the distance of the two bands whose images are averaged (frequency compounding), as scanners do against
speckle. One of them has the wider beam, and weighs more away from the focus."""
WIDER = 1.9
PADDING_PX = 16
SMOOTHED_PX = (0.9, 0.6)
"Rows and beams, one standard deviation."


class Beam(NamedTuple):
    """What the sound is sent and received with. Widths are standard deviations."""

    focus_mm: float
    lateral_mm: float
    gain_db: float
    slope_db_per_mm: float  # by which the time gain is wrong
    dynamic_range_db: float
    contact: np.ndarray  # dB (beams,), 0 where the probe touches the skin well, negative where it does not


def received(tissue: Tissue, beam: Beam, z_mm: np.ndarray, px_mm: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Return the grey values, float32 (depths, beams) in [0, 1], before scan conversion.

    Args:
        tissue: on the grid of depths and beams.
        beam: see `Beam`.
        z_mm: (depths,), the depth of each row.
        px_mm: length of a row and of a column.
        rng: draws scatterers and noise.
    """
    shape = tissue.echo_db.shape
    # exp is a third faster than a power of ten.
    to_amplitude = np.float32(np.log(10) / 20)
    scatter = rng.standard_normal((*shape, 2), dtype=np.float32).view(np.complex64)[..., 0]
    scatter *= np.exp(to_amplitude * tissue.echo_db)
    axial, lateral = AXIAL_MM / px_mm[0], beam.lateral_mm / px_mm[1]
    # Padded to lengths that a Fourier transform is fast for; what wraps around falls into the padding.
    padded = tuple(fft.next_fast_len(length + PADDING_PX) for length in shape)
    near, far = _pulse(padded, axial, lateral, -APART), _pulse(padded, axial, WIDER * lateral, APART)
    field = np.zeros(padded, np.complex64)
    field[: shape[0], : shape[1]] = scatter + np.float32(REFLECTED / near.max()) * tissue.reflection
    spectrum = fft.fft2(field, overwrite_x=True)
    looks = [fft.ifft2(spectrum * pulse, overwrite_x=True)[: shape[0], : shape[1]] for pulse in (near, far)]
    away = np.clip(0.3 + 0.5 * np.abs(z_mm - beam.focus_mm) / beam.focus_mm, 0, 0.8).astype(np.float32)[:, None]
    power = (1 - away) * _squared(looks[0]) + away * _squared(looks[1])
    weakening = np.cumsum(tissue.weakening_db_per_mm, axis=0, dtype=np.float32) * np.float32(px_mm[0])
    along = beam.contact[None, :].astype(np.float32) - weakening + (beam.slope_db_per_mm * z_mm).astype(np.float32)[:, None]
    power *= np.exp(2 * to_amplitude * along)
    noise = rng.standard_exponential(shape, dtype=np.float32) * _power(NOISE_DB + 0.62 * z_mm)[:, None]
    level_db = np.float32(10 / np.log(10)) * np.log(power + noise + np.float32(1e-9))
    return np.clip((level_db + np.float32(MID_GREY_DB + beam.gain_db)) / np.float32(beam.dynamic_range_db), 0, 1)


def smoothed(values: np.ndarray) -> np.ndarray:
    """Return grey values (depths, beams) as scanners show them, which smooth what is left of the speckle after the logarithm."""
    return gaussian_filter(values, SMOOTHED_PX, truncate=2.0)


def between_beams(values: np.ndarray, columns: int) -> np.ndarray:
    """Return an image of a linear probe: a column for each beam and one between two, their mean, as scanners fill in.

    Args:
        values: (depths, columns / 2).
        columns: even; the last one repeats the last beam.
    """
    image = np.empty((len(values), columns), values.dtype)
    image[:, ::2] = values
    image[:, 1:-1:2] = (values[:, :-1] + values[:, 1:]) / 2
    image[:, -1] = values[:, -1]
    return image


def scan_converted(values: np.ndarray, curve_mm: float, size_mm: tuple[float, float], columns: int, order: int = 1) -> np.ndarray:
    """Return an image of a curved probe: rows are depths below its surface, columns are beams that spread from its centre.

    Args:
        values: (depths, beams).
        curve_mm: radius of the probe.
        size_mm: height and width of the image.
        columns: of the image.
        order: 1 for grey values, 0 for labels. Outside of the sector lies 0.
    """
    depths, beams = values.shape
    x = np.linspace(-size_mm[1] / 2, size_mm[1] / 2, columns)[None, :]
    # The surface of the probe touches the upper border in the middle.
    z = np.linspace(0, size_mm[0], depths)[:, None] + curve_mm
    deep, angle = np.hypot(x, z) - curve_mm, np.arctan2(x, z)
    widest = 0.72 * size_mm[1] / 2 / curve_mm
    at = np.stack([deep / size_mm[0] * (depths - 1), (angle / widest + 1) / 2 * (beams - 1)]).astype(np.float32)
    return map_coordinates(values, at, order=order, cval=0, prefilter=False)


def _power(level_db: np.ndarray) -> np.ndarray:
    return (10 ** (level_db / 10)).astype(np.float32)


def _squared(field: np.ndarray) -> np.ndarray:
    return field.real**2 + field.imag**2


@cache
def _pulse(shape: tuple[int, ...], down_px: float, across_px: float, shift: float) -> np.ndarray:
    """Return the spectrum of a Gaussian pulse that keeps the power of noise; `shift` moves its band, in cycles a pixel of depth."""
    down = np.exp(-2 * (np.pi * down_px * (np.fft.fftfreq(shape[0]) - shift)) ** 2)
    across = np.exp(-2 * (np.pi * across_px * np.fft.fftfreq(shape[1])) ** 2)
    spectrum = np.outer(down, across)
    return (spectrum / np.sqrt(np.mean(spectrum**2))).astype(np.float32)
