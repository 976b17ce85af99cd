"""A body for CT: the thorax of the X-rays, lying with lifted arms, and the tissue that fills each solid.

HU follow from the attenuations of the X-rays, attenuation = WATER × (1 + HU / 1000), so soft tissue, fat and lung are the same tissues in
both.
"""

from dataclasses import dataclass, field

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.lesions import Finding
from radlearn.digital_thorax.projection import LUNG, SOFT_TISSUE
from radlearn.digital_thorax.solids import Profile, Solid, capsule, column, ellipsoid

WATER = 0.01955
"""Attenuation of water per mm at the X-rays' effective energy, about 65 keV; soft tissue of 0.0205 then has 49 HU."""
AIR_HU, FAT_HU, MUSCLE_HU, BLOOD_HU, LIVER_HU, SPLEEN_HU = -1000.0, -98.0, 54.0, 41.0, 57.0, 48.0
MEDIASTINAL_FAT_HU = -82.0
"""Fat that contains nodes and small vessels."""


def hu_from_attenuation(attenuation: np.ndarray | float) -> np.ndarray:
    """Return HU of attenuation per mm."""
    return np.asarray(1000.0 * (np.asarray(attenuation) / WATER - 1.0))


def attenuation_from_hu(hu: np.ndarray) -> np.ndarray:
    """Return attenuation per mm, float32, never negative."""
    return np.maximum(hu.astype(np.float32) * np.float32(WATER / 1000.0) + np.float32(WATER), 0)


@dataclass(frozen=True)
class Blood:
    """HU of blood: veins and right heart, pulmonary arteries, left heart and aorta; `organs_hu` is added to liver and spleen."""

    right_hu: float = BLOOD_HU
    pulmonary_hu: float = BLOOD_HU
    left_hu: float = BLOOD_HU
    organs_hu: float = 0.0


NATIVE = Blood()


def draw_blood(draw: np.random.Generator) -> Blood:
    """Draw blood without contrast medium (six scans of ten), in the venous phase (three) or the pulmonary arterial phase (one)."""
    kind, share = draw.random(), draw.uniform(0, 1, 3)
    if kind < 0.6:
        return NATIVE
    if kind < 0.9:
        even = 120.0 + 70.0 * float(share[0])
        return Blood(even + 25.0 * float(share[1]), even, even + 20.0 * float(share[2]), 30.0 + 30.0 * float(share[1]))
    pulmonary = 220.0 + 230.0 * float(share[1])
    return Blood(250.0 + 350.0 * float(share[0]), pulmonary, pulmonary * (0.5 + 0.45 * float(share[2])), 8.0)


@dataclass(frozen=True)
class CtBody:
    """A person on the day of a CT.

    Attributes:
        thorax: the anatomy in this posture.
        findings: each with the factor that its field is multiplied by.
        lung_density: parenchyma as a multiple of the X-rays' `LUNG`.
        vessel_scale: the vessels' radii as a multiple of the healthy ones.
        arms_up: arms beside the head, as for a CT; otherwise as in the posture.
        gravity: how much denser than in the middle the lung is at the back (and less dense in front), as a share.
        blood: with or without contrast medium.
        around: clothes and cushions, painted before couch and body.
        breathing_mm: how far the diaphragm moves during the scan.
        beating_mm: how far the border of the heart moves.
        seed: of the texture of the tissues.
    """

    thorax: Thorax
    findings: tuple[tuple[Finding, float], ...] = ()
    lung_density: float = 0.62
    vessel_scale: float = 1.0
    arms_up: bool = True
    gravity: float = 0.0
    blood: Blood = NATIVE
    around: tuple["Paint", ...] = ()
    breathing_mm: float = 0.0
    beating_mm: float = 0.0
    seed: tuple[int, ...] = field(default=(0,))

    def lungs_box_mm(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest and the highest corner of the bounding box of both lungs."""
        thorax = self.thorax
        low = np.minimum(*(np.array(thorax.sacs[side].low_mm) for side in ("right", "left")))
        high = np.maximum(*(np.array(thorax.sacs[side].high_mm) for side in ("right", "left")))
        low[2] = min(thorax.dome_z.values()) - 62.0 * thorax.high
        return low, high

    def back_mm(self) -> float:
        """Return y of the skin where the back lies on the couch."""
        return max(solid.high_mm[1] for solid in self.thorax.skin if solid.name == "torso")

    def skin(self) -> list[Solid]:
        """Return the solids that end at the skin, arms included where they are not lifted."""
        if not self.arms_up:
            return self.thorax.skin
        thorax = self.thorax
        high, wide, deep, fat = thorax.high, thorax.wide, thorax.deep, thorax.person.fat_mm
        solids = [solid for solid in thorax.skin if solid.name == "torso"]
        size = thorax.person.breast * wide
        for side in (-1.0, 1.0):
            turn = np.deg2rad(27.0) * side
            # Lifted arms stretch the pectoral muscles around the chest; a supine patient's breast slides outward and flattens.
            around = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
            muscle = (56 * wide, (13 + 5 * thorax.person.muscle) * deep + 0.3 * fat, 50 * high)
            solids.append(ellipsoid("pectoral", (side * 84 * wide, -74 * deep, 56 * high), muscle, around))
            if size:
                place = (side * 98 * wide, -(78 * deep + 0.75 * fat), (-26 - 12 * thorax.person.breast) * high)
                solids.append(ellipsoid("breast", place, (70 * size, 38 * size, 74 * size), around))
            shoulder = (side * (150 * wide + 0.4 * fat), 14 * deep, 112 * high)
            elbow = (side * (205 * wide + 0.8 * fat), -6 * deep, 400 * high)
            thick = (50.0 * thorax.person.muscle + 0.5 * fat) * wide
            solids.append(capsule("arm", shoulder, elbow, (thick * 1.1, thick * 0.9)))
        return solids


@dataclass(frozen=True)
class Paint:
    """One layer of tissue: its place (a solid, and how many mm inside its border it begins), its HU and the scale of its texture.

    `within`: the solid (a dome) that limits it; `mottle`: standard deviation of the texture in HU.
    """

    solid: Solid
    hu: float
    inset_mm: float = 0.0
    mottle: float = 0.0
    within: Solid | None = None


def outer_layers(body: CtBody) -> list[Paint]:
    """Return skin, fat, breasts and muscle, in the order they are painted."""
    skin = body.skin()
    layers = [Paint(solid, 32.0) for solid in skin]
    inner = {"arm": (MUSCLE_HU, 5.0, 6.0), "pectoral": (MUSCLE_HU, 3.0, 6.0), "breast": (-12.0, 2.5, 55.0)}
    layers += [Paint(solid, inner[solid.name][0], inner[solid.name][1], inner[solid.name][2]) for solid in skin if solid.name in inner]
    layers += [Paint(solid, FAT_HU, 2.0, 7.0) for solid in skin if solid.name == "torso"]
    muscle = body.thorax.muscle
    # A discontinuous layer of fat separates the muscles of the wall from those between the ribs.
    return [*layers, Paint(muscle, MUSCLE_HU, 0.0, 12.0), Paint(muscle, 6.0, 10.0, 34.0), Paint(muscle, MUSCLE_HU, 12.2, 12.0)]


def organ_layers(body: CtBody) -> list[Paint]:
    """Return the organs between and below the lungs, in the order they are painted; all that remains is lung."""
    thorax, blood = body.thorax, body.blood
    high, wide, deep = thorax.high, thorax.wide, thorax.deep
    middle = {solid.name: solid for solid in thorax.vessels_and_spine}
    heart = {solid.name: solid for solid in thorax.heart}
    left, right = thorax.domes["left"], thorax.domes["right"]
    top = thorax.dome_z["left"]

    def below(name: str, x: float, y: float, down: float, semi: tuple[float, float, float]) -> Solid:
        size = (semi[0] * wide, semi[1] * deep, semi[2] * high)
        return ellipsoid(name, (x * wide, y * deep, top - down * high), size)

    layers = [
        Paint(middle["mediastinum"], MEDIASTINAL_FAT_HU, mottle=22.0),
        Paint(heart["fat on the diaphragm"], FAT_HU, mottle=10.0),
        Paint(left, -8.0, mottle=40.0),
        Paint(below("spleen", 104, 62, 58, (34, 40, 52)), SPLEEN_HU + blood.organs_hu, mottle=4.0, within=left),
        Paint(below("stomach", 66, -18, 52, (54, 54, 50)), 38.0, mottle=12.0, within=left),
        Paint(below("left lobe of the liver", 14, -46, 44, (62, 46, 42)), LIVER_HU + blood.organs_hu, mottle=5.0, within=left),
        Paint(right, LIVER_HU + blood.organs_hu, mottle=5.0),
    ]
    layers += [Paint(solid, MEDIASTINAL_FAT_HU, mottle=14.0) for name, solid in heart.items() if name != "fat on the diaphragm"]
    chambers = {"right atrium": blood.right_hu, "pulmonary trunk": blood.pulmonary_hu, "ventricles": 0.5 * (blood.right_hu + blood.left_hu)}
    for name, solid in heart.items():
        if name != "fat on the diaphragm":
            layers.append(Paint(solid, chambers.get(name, blood.left_hu), 2.6, 5.0))
    layers += [Paint(middle["spine"], 46.0, mottle=10.0), Paint(_gullet(thorax), 38.0, mottle=6.0)]
    layers += [Paint(_neck(thorax), 50.0, mottle=14.0)]
    layers += [Paint(solid, _blood_in(solid.name, blood), mottle=4.0) for solid in _great_vessels(thorax)]
    names = ("superior vena cava", "aortic arch", "ascending aorta", "descending aorta")
    return layers + [Paint(middle[name], _blood_in(name, blood), mottle=4.0) for name in names]


def _blood_in(vessel: str, blood: Blood) -> float:
    if "vein" in vessel or "vena" in vessel:
        return blood.right_hu
    return blood.pulmonary_hu if "pulmonary" in vessel else blood.left_hu


def _neck(thorax: Thorax) -> Solid:
    """Return the muscles and glands above the thoracic inlet, where there is little fat between the organs."""
    high, wide, deep = thorax.high, thorax.wide, thorax.deep
    return ellipsoid("neck", (0.0, 4 * deep, 230 * high), (60 * wide, 62 * deep, 118 * high))


def _great_vessels(thorax: Thorax) -> list[Solid]:
    """Return the arteries of the arch, the veins that form the superior vena cava, and the main pulmonary arteries."""
    high, wide, deep = thorax.high, thorax.wide, thorax.deep

    def run(name: str, start: tuple[float, float, float], end: tuple[float, float, float], radius: float) -> Solid:
        scale = np.array([wide, deep, high])
        return capsule(name, np.array(start) * scale, np.array(end) * scale, (radius * wide, 0.85 * radius * wide))

    return [
        run("brachiocephalic trunk", (2, -12, 66), (-20, -6, 128), 7.0),
        run("left carotid artery", (14, -2, 72), (21, 0, 185), 4.6),
        run("right carotid artery", (-20, -6, 128), (-22, 2, 185), 4.2),
        run("left subclavian artery", (22, 14, 70), (36, 16, 134), 5.6),
        run("left brachiocephalic vein", (-21, -20, 92), (24, -24, 112), 6.6),
        run("left jugular vein", (24, -24, 112), (32, -4, 185), 5.4),
        run("right jugular vein", (-22, -14, 100), (-32, -4, 185), 6.0),
        run("right pulmonary artery", (18, -10, 29), (-26, 4, 24), 9.0),
        run("left pulmonary artery", (20, -14, 34), (33, 12, 33), 9.5),
    ]


def _gullet(thorax: Thorax) -> Solid:
    heights = np.arange(-200.0, 200.0, 8.0) * thorax.high
    before_spine = thorax.spine_y(heights) - np.interp(heights / thorax.high, [-200, 0, 160], [34, 31, 20]) * thorax.deep
    return column(
        "gullet",
        Profile(heights, np.interp(heights / thorax.high, [-200, -60, 60, 200], [14, 4, 4, 2]) * thorax.wide),
        Profile(heights, before_spine),
        Profile([-200.0, 200.0], [8.0 * thorax.wide] * 2),
        Profile([-200.0, 200.0], [6.0 * thorax.wide] * 2),
        (-190 * thorax.high, 190 * thorax.high),
    )


def parenchyma_hu(density: np.ndarray | float) -> np.ndarray:
    """Return HU of lung tissue `density` times as dense as the X-rays' `LUNG`."""
    return hu_from_attenuation(LUNG * np.asarray(density))


FILLED_HU = float(hu_from_attenuation(SOFT_TISSUE))
"""HU of lung without any air."""
