"""Photons, scatter and grey values."""

import numpy as np
import pytest

from radlearn.digital_thorax import detector
from radlearn.digital_thorax.detector import Exposure

EXPOSURE = Exposure(scatter=0.4, photons=1e4, contrast=1.0, brightness=0.0, equalising=0.2, sharpening=0.3, gamma=1.0, blur_px=1.2)


def _steps() -> np.ndarray:
    return np.repeat(np.linspace(0, 5, 256, dtype=np.float32)[None], 256, 0)


def test_more_body_lets_less_through_and_looks_brighter() -> None:
    quiet = Exposure(**{**EXPOSURE.__dict__, "photons": 1e12})
    reading = detector.expose(_steps(), quiet, np.random.default_rng(0))
    assert (np.diff(reading.mean(0)) < 1e-4).all()
    grey = detector.display(reading.copy(), (1.5, 4.0), quiet).mean(0)
    assert grey[5] < 20
    assert grey[80] < grey[140] < grey[220]


def test_without_scatter_and_noise_the_reading_is_beers_law() -> None:
    bare = Exposure(**{**EXPOSURE.__dict__, "scatter": 0.0, "photons": 1e12})
    reading = detector.expose(_steps(), bare, np.random.default_rng(0))
    dense = _steps() < 4
    assert reading[dense] == pytest.approx(np.exp(-_steps())[dense], abs=2.5e-3)


def test_fewer_photons_are_noisier() -> None:
    flat = np.full((256, 256), 2.0, np.float32)
    spread = [
        detector.expose(flat, Exposure(**{**EXPOSURE.__dict__, "photons": count}), np.random.default_rng(1)).std() for count in (1e3, 1e5)
    ]
    assert spread[0] == pytest.approx(10 * spread[1], rel=0.2)


def test_bedside_technique_scatters_more() -> None:
    draw = np.random.default_rng(0)
    scatter = {view: np.mean([detector.draw_exposure(view, draw).scatter for _ in range(50)]) for view in ("AP", "PA")}
    assert scatter["AP"] > scatter["PA"] + 0.15


def test_a_blur_keeps_the_mean() -> None:
    image = np.random.default_rng(0).random((256, 256)).astype(np.float32)
    assert detector.blurred(image, 20.0, 8).mean() == pytest.approx(image.mean(), abs=0.01)


def test_a_grid_that_does_not_face_the_tube_takes_from_one_side() -> None:
    flat = np.full((256, 256), 2.0, np.float32)
    quiet = Exposure(**{**EXPOSURE.__dict__, "photons": 1e12, "cutoff": 0.4})
    across = detector.expose(flat, quiet, np.random.default_rng(0)).mean(0)
    assert np.log(across[0] / across[-1]) == pytest.approx(0.4, rel=0.05)


def test_enhancing_strengthens_what_is_a_few_pixels_wide_and_leaves_the_rest() -> None:
    density = np.full((256, 256), 2.0, np.float32)
    wave = 0.1 * np.sin(2 * np.pi * np.arange(256) / 48, dtype=np.float32)
    plain, strong = (
        detector.display(np.exp(-(density + wave)), (1.5, 4.0), Exposure(**{**EXPOSURE.__dict__, "enhancing": share})).astype(float)
        for share in (0.0, 0.8)
    )
    assert strong[:, 64:192].std() > 1.3 * plain[:, 64:192].std()
    assert strong.mean() == pytest.approx(plain.mean(), abs=3)


def test_a_thick_patient_gets_more_photons_all_of_them_on_a_stand() -> None:
    thick, typical = detector.TYPICAL_LUNG + 1, detector.TYPICAL_LUNG
    assert detector.automatic(EXPOSURE, typical, "PA").photons == pytest.approx(EXPOSURE.photons)
    assert detector.automatic(EXPOSURE, thick, "PA").photons == pytest.approx(np.e * EXPOSURE.photons)
    assert EXPOSURE.photons < detector.automatic(EXPOSURE, thick, "AP").photons < np.e * EXPOSURE.photons
