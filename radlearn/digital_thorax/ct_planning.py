"""The cohort of CTs as a table: people, lesion burden and other findings, before anything is rendered."""

from dataclasses import dataclass, replace

import numpy as np

from radlearn.digital_thorax import covid, ct_findings, lesions
from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.ct_body import CtBody, draw_blood
from radlearn.digital_thorax.ct_grid import CtGeometry, draw_geometry
from radlearn.digital_thorax.ct_surroundings import Couch, draw_couch, surroundings
from radlearn.digital_thorax.ct_texture import Kernel, draw_kernel
from radlearn.digital_thorax.lesions import Finding
from radlearn.digital_thorax.people import Posture, draw_person

MEDIAN_LESION_ML = {"real": 66.0, "heavy": 260.0}
"""Median volume of all lesions of one CT: as in 50 mild cases (0.16 % of a full CT's voxels), or four times that, for quick runs."""
SPREAD = {"real": 1.25, "heavy": 0.85}
"""Standard deviation of its logarithm."""
CLEAR_SHARE, WHITE_SHARE, SECOND_SCAN_SHARE = 0.10, 0.025, 0.12
OTHER_SHARES = {
    "dependent density": 0.5, "emphysema": 0.14, "effusion": 0.09, "atelectasis": 0.16, "nodule": 0.12, "scar": 0.09,
    "bulla": 0.06, "tumour": 0.06,
}  # fmt: skip
EXPIRATION_SHARE, ARMS_DOWN_SHARE, MOVED_SHARE = 0.25, 0.12, 0.35


@dataclass(frozen=True)
class PlannedCt:
    """One CT of the cohort, not yet rendered. These values are all that rendering needs, on any machine and in any order.

    `expiration`: 0 with the breath held after inspiration, 1 fully breathed out.
    """

    seed: int
    person: int
    scan: int
    sex: str
    age_years: int
    lesion_ml: float
    white_lung: bool
    findings: tuple[str, ...]
    size: str
    expiration: float = 0.0

    @property
    def person_id(self) -> str:
        """Return the person's name in the tables."""
        return f"c{self.person:05d}"

    def draw(self, purpose: int) -> np.random.Generator:
        """Return a random generator for one purpose of this CT."""
        return np.random.default_rng([self.seed, 77, self.person, self.scan, purpose])


def plan_cts(cts: int, seed: int = 0, size: str = "small", heavy: bool = False) -> list[PlannedCt]:
    """Plan `cts` CTs; a longer list begins with the shorter one.

    Args:
        cts: number of CTs; about one person in eight has two.
        seed: of people and illness.
        size: `small` or `full`, see `ct_grid.draw_geometry`.
        heavy: four times the median lesion volume, so that a quick training sees enough lesions.
    """
    load = "heavy" if heavy else "real"
    planned: list[PlannedCt] = []
    person = 0
    while len(planned) < cts:
        draw = np.random.default_rng([seed, 77, person, 11])
        sex, age = ("M" if draw.random() < 0.56 else "F"), int(np.clip(draw.normal(52, 16), 19, 90))
        scans = 2 if draw.random() < SECOND_SCAN_SHARE else 1
        severity = draw.standard_normal()
        for scan in range(scans):
            own = np.random.default_rng([seed, 77, person, scan, 12])
            # A second scan is weeks later: the same person's illness, improved or progressed.
            course = 0.75 * severity + 0.66 * own.standard_normal()
            millilitres = float(np.clip(MEDIAN_LESION_ML[load] * np.exp(SPREAD[load] * course), 0.4, 1500.0))
            clear = own.random() < CLEAR_SHARE
            white = not clear and own.random() < WHITE_SHARE
            others = tuple(name for name, share in OTHER_SHARES.items() if own.random() < share)
            out = float(own.uniform(0.3, 1.0)) if own.random() < EXPIRATION_SHARE else 0.0
            planned.append(PlannedCt(seed, person, scan, sex, age, 0.0 if clear else millilitres, bool(white), others, size, out))
        person += 1
    return planned[:cts]


def draw_body(plan: PlannedCt) -> CtBody:
    """Return the person of `plan`, supine, on the day of the scan.

    One in four has breathed out, more or less. The lung is then denser: its mean goes from −860 towards −700 HU, the back third of its base
    is up to 200 HU denser than the front one (J Comput Assist Tomogr 1979, 3:740–748), and in six of ten lobules that do not empty stay
    dark (doi:10.1148/radiology.186.1.8416550). Its volume falls less than in life. One in eight cannot lift the arms; one in three moves.
    """
    person = draw_person(plan.seed, plan.person + 500_000, plan.sex, plan.age_years)
    draw, day, out = plan.draw(21), plan.draw(22), plan.expiration
    arms_up = bool(day.random() >= ARMS_DOWN_SHARE)
    breath = float(np.clip(draw.normal(0.18, 0.2), -0.2, 0.7)) - 0.7 * out
    if "emphysema" in plan.findings:
        breath += 0.3
    thorax = Thorax(person, Posture(breath, arms_down=not arms_up, heart_growth=float(draw.normal(1.0, 0.03))))
    findings: list[Finding] = list(covid.covid_lesions(thorax, plan.lesion_ml, (plan.seed, 77, plan.person, plan.scan, 31)))
    if plan.white_lung:
        findings.append(covid.white_lung(thorax, "right" if draw.random() < 0.5 else "left", plan.draw(32)))
    findings += _others(plan, thorax)
    if out and day.random() < 0.6:
        findings += [ct_findings.air_trapping(thorax, side, float(day.uniform(0.1, 0.4)) * out, day) for side in ("right", "left")]
    density = float(np.clip(draw.normal(0.57, 0.045), 0.46, 0.68)) * (1 + 1.4 * out)
    moves = day.random() < MOVED_SHARE
    body = CtBody(
        thorax,
        tuple((finding, 1.0) for finding in findings),
        lung_density=density * (0.88 if "emphysema" in plan.findings else 1.0),
        vessel_scale=float(draw.normal(1.0, 0.06)) * (1 + 0.1 * out),
        arms_up=arms_up,
        gravity=float(draw.uniform(0.10, 0.32)) + 0.3 * out,
        blood=draw_blood(plan.draw(23)),
        breathing_mm=float(day.uniform(2, 9)) if moves else 0.0,
        beating_mm=float(day.uniform(1, 6)) if day.random() < 0.7 else 0.0,
        seed=(plan.seed, 77, plan.person, plan.scan),
    )
    return replace(body, around=surroundings(thorax, body.back_mm(), plan.draw(24)))


def draw_scan(plan: PlannedCt, body: CtBody) -> tuple[CtGeometry, Kernel, Couch | None]:
    """Return the grid, the kernel and the couch of `plan`'s scanner."""
    draw = plan.draw(51)
    ill = [finding for finding, _ in body.findings if finding.pneumonia]
    aim = 0.5 * (np.array(ill[0].low_mm) + np.array(ill[0].high_mm)) if ill else None
    geometry = draw_geometry(body.lungs_box_mm(), body.back_mm(), plan.size, draw, aim)
    return geometry, draw_kernel(draw), draw_couch(plan.draw(52))


def _others(plan: PlannedCt, thorax: Thorax) -> list[Finding]:
    found: list[Finding] = []
    for number, name in enumerate(plan.findings):
        draw = plan.draw(41 + number)
        sides = ["right", "left"] if draw.random() < 0.55 else ["left", "right"]
        if name == "dependent density":
            strength = float(draw.uniform(0.08, 0.34))
            found += [ct_findings.dependent_density(thorax, side, strength * float(draw.uniform(0.7, 1.2)), draw) for side in sides]
        elif name == "emphysema":
            strength = float(draw.uniform(0.0, 0.7))
            found += [ct_findings.emphysema(thorax, side, strength, draw) for side in sides]
        elif name == "effusion":
            amount = float(np.clip(draw.gamma(1.5, 0.15), 0.03, 0.6))
            found.append(lesions.effusion(thorax, sides[0], amount, True, draw))
        elif name == "atelectasis":
            found += [lesions.plate_atelectasis(thorax, sides[0], draw) for _ in range(int(draw.integers(1, 3)))]
        elif name == "nodule":
            found.append(lesions.nodule(thorax, sides[0], float(np.clip(np.exp(draw.normal(1.5, 0.5)), 2.0, 16.0)), draw))
        elif name == "scar":
            found += [lesions.apical_scar(thorax, side, draw) for side in sides[: 1 + int(draw.random() < 0.5)]]
        elif name == "bulla":
            radii = np.clip(np.exp(draw.normal(2.5, 0.6, int(draw.integers(1, 6)))), 5.0, 45.0)
            found += [ct_findings.bulla(thorax, sides[number % 2], float(radius), draw) for number, radius in enumerate(radii)]
        elif name == "tumour":
            found.append(ct_findings.tumour(thorax, sides[0], float(np.clip(np.exp(draw.normal(2.8, 0.4)), 8.0, 42.0)), draw))
    return found
