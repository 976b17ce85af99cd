"""From tissue to grey values."""

import numpy as np
import pytest

from radlearn.ultrasound_phantom.sound import Beam, between_beams, received, scan_converted
from radlearn.ultrasound_phantom.tissue import TISSUE_DB_PER_MM, Tissue

ROWS, BEAMS = 420, 290
Z = np.linspace(0, 36, ROWS)
PX = (36 / (ROWS - 1), 50 / (BEAMS - 1))
# All of 60 dB is white, so a grey step of 1 / 60 is 1 dB.
BEAM = Beam(15, 0.2, 8, 0, 60, np.zeros(BEAMS))


def even(echo_db: float = 0) -> Tissue:
    shape = (ROWS, BEAMS)
    return Tissue(np.full(shape, echo_db, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32))


def image_of(tissue: Tissue, beam: Beam = BEAM) -> np.ndarray:
    return received(tissue, beam, Z, PX, np.random.default_rng(0))


def test_speckle_of_the_focus_has_the_contrast_of_two_averaged_looks() -> None:
    decibels = 60 * image_of(even())[150:200]
    power = 10 ** (decibels / 10)
    contrast = power.std() / power.mean()
    # One look has an exponential power, whose contrast is 1; two uncorrelated equal ones would have 0.71.
    assert 0.68 < contrast < 0.95


def test_scattering_gain_and_attenuation_are_in_decibels() -> None:
    base = 60 * np.median(image_of(even())[100:200])
    assert 60 * np.median(image_of(even(-10))[100:200]) - base == pytest.approx(-10, abs=0.3)
    assert 60 * np.median(image_of(even(), BEAM._replace(gain_db=3))[100:200]) - base == pytest.approx(-5, abs=0.1)
    weaker = even()
    weaker.weakening_db_per_mm[:] = TISSUE_DB_PER_MM
    lost = 60 * np.median((image_of(even()) - image_of(weaker))[300:310])
    assert lost == pytest.approx(TISSUE_DB_PER_MM * Z[305], abs=0.3)


def test_behind_what_weakens_lies_a_shadow_and_only_there() -> None:
    tissue = even()
    tissue.weakening_db_per_mm[100:120, 100:150] = 10
    image, plain = image_of(tissue), image_of(even())
    assert np.array_equal(image[:, :100], plain[:, :100])
    assert np.array_equal(image[:100], plain[:100])
    assert plain[150:, 105:145].mean() - image[150:, 105:145].mean() > 0.2


def test_a_sheet_is_smooth_where_tissue_is_grainy() -> None:
    tissue = even(-20)
    tissue.reflection[199:203] = 1
    image = image_of(tissue)
    assert image[200].mean() > image[100].mean() + 0.2
    assert image[200].std() < 0.5 * image[100].std()


def test_a_wider_beam_makes_wider_speckle() -> None:
    def neighbours(lateral_mm: float) -> float:
        row = image_of(even(), BEAM._replace(lateral_mm=lateral_mm))[150:200]
        return float(np.corrcoef(row[:, :-2].ravel(), row[:, 2:].ravel())[0, 1])

    assert neighbours(0.4) > neighbours(0.15) + 0.2


def test_between_two_beams_lies_their_mean() -> None:
    image = between_beams(np.array([[0.0, 1.0, 3.0]]), 6)
    assert image.tolist() == [[0, 0.5, 1, 2, 3, 3]]


def test_a_curved_probe_shows_a_sector_that_begins_in_the_middle() -> None:
    image = scan_converted(np.ones((ROWS, BEAMS), np.float32), 60, (36, 50), 580)
    assert image.shape == (420, 580)
    assert image[0, 290] == 1
    assert image[0, 0] == image[0, -1] == image[-1, 0] == 0
    assert np.allclose(image, image[:, ::-1], atol=1e-4)
    # A line of one depth is an arc about the centre of the probe: lower in the middle.
    rows = np.zeros((ROWS, BEAMS), np.float32)
    rows[200] = 1
    arc = scan_converted(rows, 60, (36, 50), 580).argmax(axis=0)
    assert arc[290] == 200
    # √(77.2² − 16.4²) mm from the centre of the probe is 1.76 mm higher, 20 rows.
    assert abs(arc[100] - 180) <= 1
