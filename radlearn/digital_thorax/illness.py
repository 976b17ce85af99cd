"""The findings of a planned X-ray, and their effects on posture and vessels."""

from dataclasses import dataclass, replace

import numpy as np

from radlearn.digital_thorax import lesions
from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.lesions import Finding
from radlearn.digital_thorax.people import Person, Posture, draw_person
from radlearn.digital_thorax.planning import PlannedXray


@dataclass(frozen=True)
class Patient:
    """A person on the day of an X-ray."""

    thorax: Thorax
    findings: list[Finding]
    lung_density: float
    vessel_scale: float
    lying: bool


def draw_patient(plan: PlannedXray) -> Patient:
    """Return the person of `plan` with the posture and findings of the day."""
    draw, habitual = plan.draw(21), plan.draw(22, of_person=True)
    person = _unusual(draw_person(plan.seed, plan.person, plan.sex, plan.age_years), habitual)
    portable = plan.view == "AP"
    # The lungs of a lying or sitting patient are smaller, and many cannot hold their breath.
    breath = float(np.clip(draw.normal(0.55 if portable else 0.9, 0.24 if portable else 0.14), 0.0, 1.2))
    lying = portable and draw.random() < 0.6
    growth = float(draw.normal(1.0, 0.025)) * float(np.clip(habitual.normal(1.0, 0.06), 0.86, 1.16))
    others = set(plan.findings)
    if "low volume" in others:
        breath = min(breath, float(draw.uniform(0.0, 0.3)))
    if "cardiomegaly" in others:
        growth *= float(draw.uniform(1.14, 1.38))
    if "oedema" in others:
        growth *= float(draw.uniform(1.04, 1.2))
    if "emphysema" in others:
        breath = float(draw.uniform(1.15, 1.4))
    domes = {side: float(draw.uniform(8, 26)) if "atelectasis" in others and draw.random() < 0.35 else 0.0 for side in ("left", "right")}
    if habitual.random() < 0.06:
        # A paralysed or thin half of the diaphragm stands high for years.
        domes[str(habitual.choice(["left", "right"]))] += float(habitual.uniform(12, 40))
    posture = Posture(breath, arms_down=portable, heart_growth=growth, left_dome_mm=domes["left"], right_dome_mm=domes["right"])
    thorax = Thorax(person, posture)
    pneumonias = _pneumonias(plan, thorax)
    findings = pneumonias + _others(plan, thorax, lying, {finding.side for finding in pneumonias})
    density = float(np.clip(draw.normal(1.04, 0.18), 0.6, 1.6)) * (1.0 + 0.45 * (1 - breath))
    vessels = float(draw.normal(1.0, 0.06)) * (1.22 if "oedema" in others else 1.0)
    if "emphysema" in others:
        density, vessels = 0.62, 0.82
    return Patient(thorax, findings, density, vessels, lying)


def _unusual(person: Person, draw: np.random.Generator) -> Person:
    """Return the person, some with a body that is rare: obese, broad or narrow, with a curved spine or a deep chest.

    Shares are rounded from the field: one adult in five is obese (WHO 2022: 16 % of the world, over 40 % in the United States, where the
    real X-rays are from), one in twenty has a curve of the spine that an X-ray shows.
    """
    # All is drawn at every age: a birthday changes what applies, not who it is.
    is_obese, is_curved, is_stooped = draw.random(3) < (0.2, 0.05, 0.15)
    fat = float(draw.uniform(1.5, 2.8))
    curve, stoop = float(draw.uniform(10, 28) * draw.choice([-1, 1])), float(draw.uniform(8, 24))
    wide, deep = (float(np.clip(draw.normal(1.0, 0.045), 0.9, 1.11)) for _ in range(2))
    slope = float(np.clip(draw.normal(1.0, 0.06), 0.85, 1.15))
    fat = fat if is_obese and person.age_years > 15 else 1.0
    stoop = stoop if is_stooped and person.age_years > 60 else 0.0
    return replace(
        person,
        fat_mm=person.fat_mm * fat,
        breast=min(person.breast * (1.0 + 0.25 * (fat - 1.0)), 1.9),
        scoliosis_mm=person.scoliosis_mm + (curve if is_curved else 0.0),
        # As far as the back of the trunk covers.
        kyphosis_mm=min(person.kyphosis_mm + stoop, max(person.kyphosis_mm, 22.0)),
        width_scale=person.width_scale * wide,
        depth_scale=person.depth_scale * deep,
        rib_slope=person.rib_slope * slope,
    )


def _pneumonias(plan: PlannedXray, thorax: Thorax) -> list[Finding]:
    """Return the planned number of opacities: the second on the other side, about as large as the first, the third where there is room."""
    if not plan.opacities:
        return []
    draw = plan.draw(31)
    portable = plan.view == "AP"
    sides = ["right", "left"] if plan.draw(32, of_person=True).random() < 0.53 else ["left", "right"]
    several = plan.opacities > 1
    severity, found = draw.standard_normal(2), []
    for number in range(plan.opacities):
        own = 0.45 * draw.standard_normal(2) + 0.89 * severity
        half_width = (49.0 if portable else 38.5) * np.exp(0.34 * own[0]) * (1.06 if several else 0.95)
        tall = 0.6 * own[0] + 0.8 * own[1]
        half_height = (65.0 if portable else 37.5) * np.exp((0.62 if portable else 0.55) * tall) * (1.18 if several else 0.86)
        contrast = float(np.clip(0.58 * np.exp(0.55 * draw.standard_normal() + 0.1 * tall), 0.1, 1.8))
        half_width = min(float(half_width), 0.56 * float(thorax.cage_x(0.0)))
        side = sides[number % 2]
        zone = None
        if plan.opacities > 2 + number % 2:
            # Two on one side share it.
            zone, half_height = (-0.75 if number < 2 else 0.75), 0.4 * half_height
        size = (half_width * thorax.wide, float(min(half_height, 150.0)) * thorax.high)
        found.append(lesions.pneumonia(thorax, side, size, contrast, draw, zone))
    return found


def _others(plan: PlannedXray, thorax: Thorax, lying: bool, ill_sides: set[str]) -> list[Finding]:
    found: list[Finding] = []
    for number, name in enumerate(plan.findings):
        draw = plan.draw(41 + number)
        sides = ["right", "left"] if draw.random() < 0.5 else ["left", "right"]
        if name == "effusion":
            amount = float(np.clip(draw.gamma(1.6, 0.22), 0.03, 0.95))
            # Drawn apart, so that nothing else changes with it.
            large = plan.draw(46)
            if large.random() < (0.09 if plan.view == "AP" else 0.03) and sides[0] not in ill_sides:
                # It fills most of a side. On the side of an opacity it would hide it, and the box with it would be of nothing.
                found.append(lesions.effusion(thorax, sides[0], float(large.uniform(1.0, 1.8)), False, draw))
            else:
                found.append(lesions.effusion(thorax, sides[0], amount, lying, draw))
            if draw.random() < 0.4:
                found.append(lesions.effusion(thorax, sides[1], amount * float(draw.uniform(0.3, 1.0)), lying, draw))
        elif name == "atelectasis":
            found += [lesions.plate_atelectasis(thorax, sides[int(draw.random() < 0.4)], draw) for _ in range(int(draw.integers(1, 4)))]
        elif name == "nodule":
            radius = float(np.clip(np.exp(draw.normal(2.05, 0.45)), 4.0, 32.0))
            found += [
                lesions.nodule(thorax, sides[spot % 2], radius * float(draw.uniform(0.7, 1.0)), draw)
                for spot in range(1 + int(draw.geometric(0.7)) // 2)
            ]
        elif name == "scar":
            found += [lesions.apical_scar(thorax, side, draw) for side in sides[: 1 + int(draw.random() < 0.5)]]
        elif name == "oedema":
            strength = float(draw.uniform(0.15, 1.15))
            found += [lesions.oedema(thorax, side, strength, draw) for side in sides]
    return found
