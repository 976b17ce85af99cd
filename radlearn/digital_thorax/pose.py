"""Where tube, detector and patient stand: as a radiographer wants it upright, and as it turns out at a bedside.

An upright PA X-ray is framed by the lungs. For a portable AP X-ray the detector is pushed under somebody who leans, lies turned and cannot
be moved: the lungs fill less of it, shoulders, arms and abdomen more, and the middle is somewhere else.
"""

from dataclasses import dataclass

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.planning import PlannedXray
from radlearn.digital_thorax.projection import Geometry, turned

DETECTORS = ((0.83, 0.9, 1.0, 1.12, 1.2), (0.3, 0.25, 0.25, 0.12, 0.08))
"""Height over width of what is seen, and shares: detectors of 35 × 43 cm, portrait or landscape, and square ones. The challenge has made
a square of every X-ray."""


@dataclass(frozen=True)
class Habits:
    """How X-rays of a view are taken.

    Attributes:
        width: mean and standard deviation of the logarithm of what is seen over the width of the chest.
        width_limits: the least and the largest of that ratio.
        turn: mean and standard deviation, in degrees, of the rotation about the axis of the body.
        lean: the same about the axis from left to right; positive leans back.
        tilt: the same about the beam.
        aside: mean and standard deviation of where the middle is, over the width.
        above: the least and the largest part of the height that lies above the lungs.
        careless: share of X-rays with two and a half times the deviation in turn, tilt and middle.
        lordotic: share of X-rays taken from below, or of somebody who slid down in bed.
    """

    width: tuple[float, float]
    width_limits: tuple[float, float]
    turn: tuple[float, float]
    lean: tuple[float, float]
    tilt: tuple[float, float]
    aside: tuple[float, float]
    above: tuple[float, float]
    careless: float
    lordotic: float


HABITS = {
    "PA": Habits((0.19, 0.065), (1.08, 1.5), (0.0, 2.2), (0.0, 2.0), (0.0, 1.3), (0.0, 0.018), (0.03, 0.11), 0.08, 0.02),
    "AP": Habits((0.275, 0.115), (1.1, 1.8), (0.0, 3.5), (2.0, 3.4), (0.0, 2.4), (0.0, 0.033), (0.05, 0.22), 0.18, 0.12),
}


def pose(plan: PlannedXray, thorax: Thorax) -> Geometry:
    """Return tube, detector and what of the body is seen for a planned X-ray; a pure function of `plan`."""
    draw, habits = plan.draw(61), HABITS[plan.view]
    portable = plan.view == "AP"
    far = 2.5 if draw.random() < habits.careless else 1.0

    def about(pair: tuple[float, float]) -> float:
        return float(pair[0] + far * pair[1] * np.clip(draw.standard_normal(), -2.2, 2.2))

    rotation = turned(about(habits.turn), _leaning(habits, draw), about(habits.tilt))
    distance = float(draw.uniform(1000, 1300) if portable else draw.normal(1830, 30))
    detector = (138.0 * thorax.deep + thorax.person.fat_mm + 25.0) if portable else -(132.0 * thorax.deep + thorax.person.fat_mm + 12.0)
    magnified = distance / (distance - abs(detector))
    chest = 2 * float(thorax.cage_x(-60.0 * thorax.high)) * magnified
    width = chest * float(np.clip(np.exp(draw.normal(*habits.width)), *habits.width_limits))
    # What is beside the chest is all that it can be shifted by: half a rib may be cut off, no more.
    aside = float(np.clip(about(habits.aside) * width, -0.5 * (width - 0.97 * chest), 0.5 * (width - 0.97 * chest)))
    height = width * float(draw.choice(DETECTORS[0], p=DETECTORS[1]) * draw.normal(1.0, 0.025))
    apex = thorax.apex_z * magnified
    bottom = (min(thorax.dome_z.values()) - 62 * thorax.high) * magnified
    height = float(np.clip(max(height, (apex - bottom) * draw.uniform(1.04, 1.2)), 0.8 * width, 1.25 * width))
    top = apex + float(draw.uniform(*habits.above)) * height
    return Geometry(
        view=plan.view,
        tube_distance_mm=distance,
        detector_y_mm=detector,
        width_mm=width,
        height_mm=height,
        centre_x_mm=aside,
        centre_z_mm=top - 0.5 * height,
        rotation=rotation,
    )


def _leaning(habits: Habits, draw: np.random.Generator) -> float:
    """Return degrees about the axis from left to right."""
    return float(draw.uniform(6, 14) if draw.random() < habits.lordotic else draw.normal(*habits.lean))
