"""Markers and devices: on the right side, and blind to the diagnosis."""

import inspect

import numpy as np

from radlearn.digital_thorax import ornaments
from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.people import REFERENCE_POSTURE, draw_person
from radlearn.digital_thorax.projection import Geometry, turned

GEOMETRY = Geometry("AP", 1100.0, 170.0, 380.0, 400.0, 0.0, 0.0, turned(0, 0, 0))


def test_nothing_here_is_told_the_diagnosis() -> None:
    for function in (ornaments.hardware, ornaments.finish):
        assert not {"plan", "category", "findings", "patient"} & set(inspect.signature(function).parameters)


def test_hardware_only_adds_and_bedside_xrays_have_more_of_it() -> None:
    thorax = Thorax(draw_person(0, 1, "M", 45), REFERENCE_POSTURE)
    counts = {}
    for view in ("AP", "PA"):
        images = [ornaments.hardware(view, thorax, GEOMETRY, np.random.default_rng(number)) for number in range(12)]
        assert min(image.min() for image in images) >= 0
        counts[view] = sum(image.max() > 0 for image in images)
    assert counts["AP"] > counts["PA"]


def test_every_xray_carries_a_letter_near_an_upper_edge() -> None:
    for number in range(6):
        xray = ornaments.finish(np.zeros((1024, 1024), np.uint8), "PA", np.random.default_rng(number))
        rows, columns = np.nonzero(xray)
        assert len(rows) > 60
        assert rows.max() < 400
        assert columns.max() < 300 or columns.min() > 724
