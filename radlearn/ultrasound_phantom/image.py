"""One built-in ultrasound image with its exact truth, a function of (seed, person, image).

The scatterers of repeated frames are drawn anew: between two frames blood and breath move them by more than they measure."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.ndimage import gaussian_filter1d

from radlearn.ultrasound_phantom.anatomy import DEPTH_MM, WIDTH_MM, Anatomy, draw_anatomy
from radlearn.ultrasound_phantom.planning import PlannedImage
from radlearn.ultrasound_phantom.sound import Beam, between_beams, received, scan_converted, smoothed
from radlearn.ultrasound_phantom.tissue import NERVE, Places, View, inside_mm, labels_at, outline_at, places_of, tissue_at

SHAPE = (420, 580)
"Rows and columns of an image of the challenge."
MISSED_BELOW = 0.75
"Contrast of a nerve below which a reader may overlook it."
MISSED_SHARE = 0.25


@dataclass(frozen=True)
class SimulatedUltrasound:
    """An image and what is on it.

    Attributes:
        pixels: uint8 SHAPE.
        labels: uint8 SHAPE, the exact truth: 0, 1 nerve, 2 vessel.
        reader_mask: bool SHAPE, the nerve as a reader outlined it: smooth, a little too large or small, sometimes overlooked.
        spacing_mm: length of a pixel, down and across.
    """

    pixels: np.ndarray
    labels: np.ndarray
    reader_mask: np.ndarray
    spacing_mm: tuple[float, float]


def render_image(plan: PlannedImage) -> SimulatedUltrasound:
    """Return an image of a person; the same plan gives the same bytes."""
    anatomy = draw_anatomy(plan.seed, plan.person)
    # What frames of one place share, and what each has of its own.
    place = np.random.default_rng((plan.seed, plan.person, plan.place, 2))
    own = np.random.default_rng((plan.seed, plan.person, plan.image, 6))
    view = draw_view(place, plan.nerve_seen)
    if plan.image != plan.place:
        view = view._replace(shift_mm=view.shift_mm + float(own.normal(0, 0.15)), pressure=view.pressure + float(own.normal(0, 0.002)))
    rows, columns = SHAPE
    x_mm, z_mm = np.linspace(-WIDTH_MM / 2, WIDTH_MM / 2, columns), np.linspace(0, DEPTH_MM, rows)
    px_mm = DEPTH_MM / (rows - 1), WIDTH_MM / (columns - 1)
    # A beam for every second column: it is wider than both, and what lies between is filled in, as by a scanner.
    tissue = tissue_at(anatomy, view, places_of(anatomy, view, x_mm[::2], z_mm))
    slope = anatomy.slope_db_per_mm + float(place.normal(0, 0.05))
    contact = _contact(place, columns)[::2]
    beam = Beam(anatomy.focus_mm, anatomy.lateral_mm, anatomy.gain_db + float(place.normal(0, 1)), slope, anatomy.dynamic_range_db, contact)
    grey = smoothed(received(tissue, beam, z_mm, (px_mm[0], 2 * px_mm[1]), own))
    places = places_of(anatomy, view, x_mm, z_mm)
    labels = labels_at(anatomy, view, places)
    reader = _read(anatomy, view, places, own) if (labels == NERVE).any() else np.zeros(SHAPE, bool)
    if np.isinf(anatomy.curve_mm):
        grey = between_beams(grey, columns)
    else:
        curved = partial(scan_converted, curve_mm=anatomy.curve_mm, size_mm=(DEPTH_MM, WIDTH_MM), columns=columns)
        grey, labels, reader = curved(grey), curved(labels, order=0), curved(reader.astype(np.uint8), order=0) > 0
    return SimulatedUltrasound((255 * grey + 0.5).astype(np.uint8), labels, reader, px_mm)


def draw_view(rng: np.random.Generator, nerve_seen: bool) -> View:
    """Return how an image looks at its person; without a nerve the probe lies farther along the body."""
    along = float(rng.normal(0, 3)) if nerve_seen else float(rng.choice([-1, 1]) * rng.uniform(8, 16))
    return View(float(rng.normal(0, 2.5)), float(np.clip(rng.normal(0.97, 0.06), 0.8, 1.1)), float(rng.normal(0, 0.5)),
                float(rng.normal(0, 0.02)), along, nerve_seen)  # fmt: skip


def _contact(rng: np.random.Generator, beams: int) -> np.ndarray:
    """Return the loss of each beam in dB: a little everywhere, at one side a lot where the probe has lifted off."""
    loss = gaussian_filter1d(rng.normal(0, 1, beams), 9, mode="nearest") * 4
    if rng.random() < 0.3:
        reach = float(rng.uniform(0.05, 0.22)) * beams
        from_side = np.arange(beams) if rng.random() < 0.5 else np.arange(beams)[::-1]
        loss = loss - float(rng.uniform(10, 30)) * np.clip(1 - from_side / reach, 0, 1) ** 0.7
    if rng.random() < 0.2:
        middle, width = float(rng.uniform(0.15, 0.85)) * beams, float(rng.uniform(6, 22))
        loss = loss - float(rng.uniform(6, 18)) * np.exp(-(((np.arange(beams) - middle) / width) ** 2))
    return loss


def _read(anatomy: Anatomy, view: View, places: Places, rng: np.random.Generator) -> np.ndarray:
    """Return the outline that a reader draws: smooth, moved and scaled by a little; nothing where the nerve was overlooked."""
    missed = rng.random() < MISSED_SHARE
    one = outline_at(anatomy, view)
    drawn = one._replace(
        x_mm=one.x_mm + float(rng.normal(0, 0.18)), z_mm=one.z_mm + float(rng.normal(0, 0.18)),
        half_x_mm=one.half_x_mm * float(rng.normal(1.06, 0.06)), half_z_mm=one.half_z_mm * float(rng.normal(1.06, 0.06)),
        turn=one.turn + float(rng.normal(0, 0.06)),
    )  # fmt: skip
    if missed and anatomy.nerve.contrast < MISSED_BELOW:
        return np.zeros(SHAPE, bool)
    return inside_mm(places, drawn) > 0
