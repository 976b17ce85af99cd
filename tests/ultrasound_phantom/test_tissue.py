"""Anatomy on a grid."""

import numpy as np
import pytest

from radlearn.ultrasound_phantom.anatomy import DEPTH_MM, WIDTH_MM, Ellipse, draw_anatomy
from radlearn.ultrasound_phantom.tissue import NERVE, VESSEL, Places, View, inside_mm, labels_at, places_of, tissue_at

STILL = View(0, 1, 0, 0, 0, True)
X, Z = np.linspace(-WIDTH_MM / 2, WIDTH_MM / 2, 290), np.linspace(0, DEPTH_MM, 420)


def flat_places() -> Places:
    x, z = np.meshgrid(X.astype(np.float32), Z.astype(np.float32))
    return Places(x, z, (0.086, 0.17))


def test_the_area_of_an_outline_is_that_of_an_ellipse() -> None:
    inside = inside_mm(flat_places(), Ellipse(3, 15, 6, 4, 0.4)) > 0
    pixel = (Z[1] - Z[0]) * (X[1] - X[0])
    assert inside.sum() * pixel == pytest.approx(np.pi * 6 * 4, rel=0.01)
    rows, columns = np.nonzero(inside)
    assert (X[columns].mean(), Z[rows].mean()) == pytest.approx((3, 15), abs=0.05)


def test_a_squared_outline_is_larger_and_reaches_as_far() -> None:
    round_one, squared = (inside_mm(flat_places(), Ellipse(0, 18, 8, 5, 0, square)) > 0 for square in (False, True))
    assert (squared | round_one).sum() == squared.sum() > 1.1 * round_one.sum()
    assert squared.any(0).sum() == pytest.approx(round_one.any(0).sum(), abs=2)


def person_with(vessel: bool) -> int:
    return next(number for number in range(50) if bool(draw_anatomy(0, number).vessels) == vessel)


def test_blood_scatters_least_and_labels_are_where_it_is() -> None:
    anatomy = draw_anatomy(0, person_with(vessel=True))
    places = places_of(anatomy, STILL, X, Z)
    tissue, labels = tissue_at(anatomy, STILL, places), labels_at(anatomy, STILL, places)
    assert tissue.echo_db[labels == VESSEL].mean() < tissue.echo_db[labels == 0].mean() - 15
    assert (tissue.weakening_db_per_mm[labels == VESSEL] < 0).mean() > 0.7
    assert labels.dtype == np.uint8
    assert tissue.echo_db.shape == tissue.reflection.shape == labels.shape == (420, 290)


def test_without_the_nerve_nothing_else_changes() -> None:
    anatomy = draw_anatomy(0, person_with(vessel=False))
    places = places_of(anatomy, STILL, X, Z)
    seen, unseen = (STILL._replace(nerve_seen=there) for there in (True, False))
    with_nerve = labels_at(anatomy, seen, places) == NERVE
    assert with_nerve.any()
    assert not (labels_at(anatomy, unseen, places) == NERVE).any()
    differs = tissue_at(anatomy, seen, places).echo_db != tissue_at(anatomy, unseen, places).echo_db
    rows, columns = np.nonzero(with_nerve)
    around = slice(rows.min() - 30, rows.max() + 30), slice(columns.min() - 30, columns.max() + 30)
    assert differs.any()
    differs[around] = False
    assert not differs.any()


def test_a_shift_of_the_probe_shifts_what_is_seen() -> None:
    anatomy = draw_anatomy(0, person_with(vessel=False))
    step = float(X[1] - X[0])
    views = [STILL._replace(shift_mm=mm) for mm in (0, 10 * step)]
    still, moved = (labels_at(anatomy, view, places_of(anatomy, view, X, Z)) for view in views)
    assert np.array_equal(still[:, 10:], moved[:, :-10])
