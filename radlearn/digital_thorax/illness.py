"""The findings of a planned X-ray, and their effects on posture and vessels."""

from dataclasses import dataclass

import numpy as np

from radlearn.digital_thorax import lesions
from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.lesions import Finding
from radlearn.digital_thorax.people import Posture, draw_person
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
    person = draw_person(plan.seed, plan.person, plan.sex, plan.age_years)
    draw = plan.draw(21)
    portable = plan.view == "AP"
    # The lungs of a lying or sitting patient are 5 to 15 % smaller.
    breath = float(np.clip(draw.normal(0.62 if portable else 0.9, 0.17 if portable else 0.12), 0.05, 1.15))
    lying = portable and draw.random() < 0.6
    growth = float(draw.normal(1.0, 0.025))
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
    posture = Posture(breath, arms_down=portable, heart_growth=growth, left_dome_mm=domes["left"], right_dome_mm=domes["right"])
    thorax = Thorax(person, posture)
    findings = _pneumonias(plan, thorax) + _others(plan, thorax, lying)
    density = float(draw.normal(1.0, 0.13)) * (1.0 + 0.45 * (1 - breath))
    vessels = float(draw.normal(1.0, 0.06)) * (1.22 if "oedema" in others else 1.0)
    if "emphysema" in others:
        density, vessels = 0.62, 0.82
    return Patient(thorax, findings, density, vessels, lying)


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
        half_width = (47.0 if portable else 41.5) * np.exp(0.34 * own[0]) * (1.06 if several else 0.95)
        tall = 0.6 * own[0] + 0.8 * own[1]
        half_height = (62.5 if portable else 40.5) * np.exp((0.57 if portable else 0.53) * tall) * (1.18 if several else 0.86)
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


def _others(plan: PlannedXray, thorax: Thorax, lying: bool) -> list[Finding]:
    found: list[Finding] = []
    for number, name in enumerate(plan.findings):
        draw = plan.draw(41 + number)
        sides = ["right", "left"] if draw.random() < 0.5 else ["left", "right"]
        if name == "effusion":
            amount = float(np.clip(draw.gamma(1.6, 0.22), 0.03, 0.95))
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
