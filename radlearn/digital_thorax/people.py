"""Bodies, drawn from a distribution of people, and postures, which change from day to day."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Person:
    """What is constant over the X-rays of a person: the scales of all lengths."""

    sex: str
    age_years: int
    height_scale: float
    width_scale: float
    depth_scale: float
    fat_mm: float
    muscle: float
    breast: float
    heart_scale: float
    aorta_scale: float
    kyphosis_mm: float
    scoliosis_mm: float
    dome_mm: float
    bone_density: float
    rib_slope: float
    tree_seed: int


@dataclass(frozen=True)
class Posture:
    """What changes from day to day: `breath` is 1 at full inspiration, 0 at quiet expiration; lying raises the diaphragm further."""

    breath: float
    arms_down: bool
    heart_growth: float = 1.0
    left_dome_mm: float = 0.0
    right_dome_mm: float = 0.0


REFERENCE_POSTURE = Posture(breath=1.0, arms_down=False)


def draw_person(seed: int, person: int, sex: str, age_years: int) -> Person:
    """Draw a body for a person of this sex and age; a pure function of (seed, person).

    Adult heights: 176 ± 7 cm for men, 163 ± 6.5 cm for women (NCD-RisC 2016, eLife 5:e13410, rounded); children grow towards them.
    """
    draw = np.random.default_rng([seed, person, 101])
    man = sex == "M"
    height_cm = draw.normal(176, 7) if man else draw.normal(163, 6.5)
    growth = min(1.0, 0.43 + 0.57 * (max(age_years, 1) / 17.0) ** 0.8)
    height = float(np.clip(height_cm, 140, 200)) / 175.0 * growth
    plump = float(np.clip(draw.gamma(4.0, 0.25), 0.3, 2.6)) * (0.6 if age_years < 14 else 1.0)
    ageing = max(age_years - 45, 0) / 40.0
    return Person(
        sex=sex,
        age_years=age_years,
        height_scale=height,
        width_scale=height * float(draw.normal(0.985 if man else 0.965, 0.03)),
        depth_scale=height * float(draw.normal(0.92 + 0.08 * ageing, 0.045)),
        fat_mm=(9.0 if man else 13.0) * plump,
        muscle=float(draw.normal(1.05 if man else 0.85, 0.08)) - 0.1 * ageing,
        breast=0.0 if man or age_years < 13 else float(np.clip(draw.normal(0.75 + 0.25 * plump, 0.22), 0.3, 1.6)),
        heart_scale=height * float(draw.normal(0.93 + 0.06 * ageing, 0.045)),
        aorta_scale=height * float(draw.normal(0.95 + 0.22 * ageing, 0.07)),
        kyphosis_mm=float(draw.normal(0, 5) + 12 * ageing),
        scoliosis_mm=float(draw.normal(0, 4)),
        dome_mm=float(draw.normal(0, 7)),
        bone_density=float(np.clip(draw.normal(1.0 - 0.22 * ageing, 0.1), 0.55, 1.25)) * (0.75 if age_years < 12 else 1.0),
        rib_slope=float(draw.normal(1.0 + 0.08 * ageing, 0.09)),
        tree_seed=int(draw.integers(2**31)),
    )
