"""One person's chest in millimetres, from which all images of that person are rendered.

LPS axes: x to the patient's left, y to the back, z to the head; the origin lies in the middle of the chest at the seventh thoracic
vertebra. Sizes follow a man of 175 cm and are scaled by sex, height and habitus.
"""

import numpy as np

from radlearn.digital_thorax.people import REFERENCE_POSTURE, Person, Posture
from radlearn.digital_thorax.solids import Level, Profile, Solid, capsule, column, ellipsoid

VERTEBRA_HEIGHTS = {
    name: 150.0 - float(sum(20.0 + 0.8 * step for step in range(1, place)))
    for place, name in enumerate(("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1", "L2"), start=1)
} | {"C7": 169.0, "C6": 187.0, "C5": 204.0}
"""Height z in mm of each vertebral body's centre in the reference man."""


def hanging(name: str, centre_mm: tuple[float, float, float], across_mm: tuple[float, float], up_down_mm: tuple[float, float]) -> Solid:
    """Return an egg-shaped bulge of the chest wall that fades upward and ends round below: a breast or a pectoral muscle."""
    up, down = up_down_mm
    cx, cy, cz = (np.float32(value) for value in centre_mm)

    def level(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        dx, dz = (x - cx) / across_mm[0], z - cz
        # Towards the head it follows the chest wall, which slopes back.
        dy = (y - cy - np.float32(0.36) * np.maximum(dz, 0)) / across_mm[1]
        dz = np.where(dz > 0, dz / np.float32(up), dz / np.float32(down))
        return dx * dx + dy * dy + dz * dz - 1

    (x, y, z), (wide, deep) = centre_mm, across_mm
    return Solid(name, level, (x - wide, y - deep, z - down), (x + wide, y + deep + 0.36 * up, z + up))


class Thorax:
    """A person in a posture: the curves that define the anatomy, and the solids made from them."""

    def __init__(self, person: Person, posture: Posture) -> None:
        self.person, self.posture = person, posture
        high, wide, deep = person.height_scale, person.width_scale, person.depth_scale
        self.high, self.wide, self.deep = high, wide, deep

        def profile(knots: dict[float, float], scale: float, plus: float = 0.0) -> Profile:
            return Profile([z * high for z in knots], [value * scale + plus for value in knots.values()])

        kyphosis = person.kyphosis_mm
        self.spine_y = profile({215: 0, 170: 16, 150: 24, 80: 46 + kyphosis, 0: 60 + kyphosis, -80: 54, -150: 38, -220: 28}, deep)
        curve = person.scoliosis_mm
        self.spine_x = profile({215: 0, 120: -0.6 * curve, 20: curve, -90: -0.5 * curve, -220: 0}, wide)
        self.cage_x = profile(
            {178: 8, 166: 34, 152: 60, 136: 84, 104: 111, 60: 128, 20: 136, -20: 141, -60: 144, -100: 145, -140: 142, -220: 136}, wide
        )
        front = profile({165: 0, 150: -18, 115: -47, 60: -76, 0: -95, -60: -106, -120: -106, -220: -96}, deep)
        back = profile({165: 42, 150: 52, 100: 84 + kyphosis, 50: 101 + kyphosis, 0: 110 + kyphosis, -60: 106, -120: 92, -220: 76}, deep)
        heights = np.arange(-230.0, 230.0, 6.0) * high
        self.cage_y = Profile(heights, 0.5 * (front(heights) + back(heights)))
        self.cage_depth = Profile(heights, 0.5 * (back(heights) - front(heights)))
        # Shallow breath and lying raise the domes by as much as two ribs.
        rise = (1.0 - posture.breath) * 44.0
        self.dome_z = {
            "right": (-67.0 + rise + person.dome_mm + posture.right_dome_mm) * high,
            "left": (-80.0 + 0.92 * rise + person.dome_mm + posture.left_dome_mm) * high,
        }
        self.apex_z = 154.0 * high
        self.hilum = {"right": np.array([-27.0 * wide, 8.0 * deep, 20.0 * high]), "left": np.array([31.0 * wide, 12.0 * deep, 31.0 * high])}
        self.skin = self._skin()
        self.muscle = self.torso("muscle", person.fat_mm)
        self.sacs = {side: self._sac(side) for side in ("right", "left")}
        self.domes = {side: self._dome(side) for side in ("right", "left")}
        self.heart = self._heart()
        self.vessels_and_spine = self._middle()
        self.airways = self._airways()
        self.gas = self._gas()

    def torso(self, name: str, under_skin_mm: float) -> Solid:
        """Return the trunk without what lies less than `under_skin_mm` under its skin; negative adds to it."""
        person, high, wide, deep = self.person, self.high, self.wide, self.deep
        fat = person.fat_mm - under_skin_mm
        half_width = {
            260: 60, 215: 62, 200: 68, 186: 88, 172: 120, 158: 150, 142: 165, 125: 168, 100: 167, 60: 165,
            20: 165, -30: 163, -80: 160, -140: 158, -240: 156,
        }  # fmt: skip
        width = Profile([z * high for z in half_width], [value * wide + fat * (0.5 if z > 150 else 1.0) for z, value in half_width.items()])
        front_mm = {260: -42, 200: -46, 160: -54, 120: -70, 60: -97, 0: -113, -60: -120, -240: -116}
        back_mm = {260: 72, 200: 74, 160: 82, 120: 106, 60: 130, 0: 138, -60: 130, -240: 112}
        heights = np.arange(-240.0, 261.0, 6.0) * high
        front = Profile([z * high for z in front_mm], [value * deep - fat for value in front_mm.values()])(heights)
        back = Profile([z * high for z in back_mm], [value * deep + fat for value in back_mm.values()])(heights)
        centre, depth = Profile(heights, 0.5 * (front + back)), Profile(heights, 0.5 * (back - front))

        def level(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
            across, along = x / width(z), (y - centre(z)) / depth(z)
            across = across * across
            return across * (0.55 + 0.45 * across) + along * along - 1

        reach = float(width(heights).max())
        return Solid(name, level, (-reach, float(front.min()), -1000), (reach, float(back.max()), 1000))

    def _skin(self) -> list[Solid]:
        person, high, wide, deep, fat = self.person, self.high, self.wide, self.deep, self.person.fat_mm
        solids = [self.torso("torso", 0.0)]
        for side in (-1.0, 1.0):
            shoulder = (side * (174 * wide + 0.6 * fat), 8 * deep, 118 * high)
            if self.posture.arms_down:
                elbow = (side * (218 * wide + 1.3 * fat), 28 * deep, -260 * high)
            else:
                elbow = (side * (268 * wide + 1.2 * fat), -12 * deep, -130 * high)
            thick = (46.0 * person.muscle + 0.45 * fat) * wide
            solids.append(capsule("arm", shoulder, elbow, (thick * 1.04, thick * 0.86)))
            # The anterior axillary fold: pectoral muscle that runs to the arm.
            solids.append(
                hanging(
                    "pectoral",
                    (side * 90 * wide, -82 * deep, 52 * high),
                    (62 * wide, 15 * person.muscle * deep + 0.3 * fat),
                    (60 * high, 44 * high),
                )
            )
            if person.breast:
                size = person.breast * wide
                # A lying patient's breast slides outward and flattens.
                out, thickness = (98.0, 44.0) if self.posture.arms_down else (88.0, 52.0)
                centre = (side * out * wide, -(98 * deep + 0.8 * fat), (-34 - 18 * person.breast) * high)
                solids.append(hanging("breast", centre, (68 * size, thickness * size), (165 * size, 56 * size)))
        return solids

    def _sac(self, side: str) -> Solid:
        """Return the space that one lung can fill; heart, diaphragm and others are subtracted later."""
        sign = np.float32(-1 if side == "right" else 1)
        high, wide = self.high, self.wide
        heights = np.arange(-230.0, 170.0, 5.0) * high
        medial = Profile([z * high for z in (-220, 0, 80, 120, 150)], [v * wide for v in (3, 3, 6, 10, 13)])(heights)
        lateral = np.maximum(self.cage_x(heights), 84 * wide) - 6.0 * wide
        centre, half = Profile(heights, 0.5 * (lateral + medial)), Profile(heights, 0.5 * (lateral - medial))
        shoulder_z, apex_z = np.float32(62 * high), np.float32(self.apex_z)
        cage_y, cage_depth, wall = self.cage_y, self.cage_depth, np.float32(6.0)

        def level(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
            across = (sign * x - centre(z)) / half(z)
            along = (y - cage_y(z)) / (cage_depth(z) - wall)
            up = np.maximum((z - shoulder_z) / (apex_z - shoulder_z), 0)
            across = across * across
            return across * (0.6 + 0.4 * across) + along * along + up * up * up - 1

        reach = float(lateral.max()) + 2
        low_x, high_x = (-reach, 0.0) if side == "right" else (0.0, reach)
        return Solid(f"{side} pleural sac", level, (low_x, -118 * self.deep, -235 * high), (high_x, 130 * self.deep, self.apex_z + 2))

    def _dome(self, side: str) -> Solid:
        sign = np.float32(-1 if side == "right" else 1)
        high, wide = self.high, self.wide
        top = self.dome_z[side]
        depth_of_recess = (74.0 - 14.0 * (1.0 - self.posture.breath)) * high
        base = np.float32(top - depth_of_recess)
        centre = np.float32((68.0 if side == "right" else 72.0) * wide)
        lateral = np.float32(float(self.cage_x(float(base) + 0.2 * depth_of_recess)) - 5.0 * wide) - centre
        cage_y, cage_depth = self.cage_y, self.cage_depth

        def level(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
            across = sign * x - centre
            across = across / np.where(across > 0, lateral, np.float32(2.4) * lateral)
            along = (y - cage_y(z)) / cage_depth(z)
            # The dome is highest in front of its middle and falls to the back.
            up = np.maximum((z + np.float32(0.22) * (y + 20) - base) / np.float32(depth_of_recess), 0)
            across = across * across
            return across * (0.8 + 0.2 * across) + along * along * np.float32(0.92) + up * up - 1

        low_x, high_x = (-160.0 * wide, 60.0 * wide) if side == "right" else (-60.0 * wide, 160.0 * wide)
        return Solid(f"{side} dome", level, (low_x, -118 * self.deep, -1000), (high_x, 130 * self.deep, top + 30))

    def _heart(self) -> list[Solid]:
        person, high, wide, deep = self.person, self.high, self.wide, self.deep
        grown = person.heart_scale * self.posture.heart_growth
        # A raised diaphragm lifts the apex of the heart and makes it lie more horizontally.
        lift = (1.0 - self.posture.breath) * 22.0 * high
        flat = np.deg2rad(36.0 - 24.0 * (1.0 - self.posture.breath))
        long_axis = np.array([np.cos(flat) * 0.88, -np.cos(flat) * 0.475, -np.sin(flat)])
        across = np.cross(long_axis, [0.0, 1.0, 0.25])
        across /= np.linalg.norm(across)
        axes = np.stack([long_axis, across, np.cross(long_axis, across)])
        size = self.posture.heart_growth

        def blob(name: str, x: float, y: float, z: float, semi: tuple[float, float, float], turn: np.ndarray | None = None) -> Solid:
            place = ((6.0 + (x - 6.0) * size) * wide, y * deep, (z - 8.0 * (size - 1.0)) * high + lift)
            return ellipsoid(name, place, tuple(value * grown for value in semi), turn)

        return [
            blob("ventricles", 26, -32, -48, (69, 47, 50), axes),
            blob("right atrium", -5, -16, -26, (33, 38, 50)),
            blob("left atrium", 8, 16, -8, (38, 28, 32)),
            blob("pulmonary trunk", 19, -30, 20, (23, 27, 34)),
            blob("left appendage", 31, -10, 1, (20, 26, 26)),
            ellipsoid("fat on the diaphragm", (14 * wide, -34 * deep, self.dome_z["left"] - 6 * high), (64 * wide, 44 * deep, 22 * high)),
        ]

    def _middle(self) -> list[Solid]:
        person, high, wide, deep = self.person, self.high, self.wide, self.deep
        aorta = person.aorta_scale

        def line(knots: dict[float, float], scale: float = wide) -> Profile:
            return Profile([z * high for z in knots], [value * scale for value in knots.values()])

        heights = np.arange(-230.0, 216.0, 6.0) * high
        return [
            column(
                "mediastinum",
                line({170: 0, 60: 0, -60: 2, -220: 0}),
                line({200: 6, 100: 6, 50: 10, 0: 20, -220: 24}, deep),
                line({185: 44, 150: 34, 125: 27, 90: 25, 50: 25, 0: 18, -60: 15, -220: 18}),
                line({185: 44, 150: 40, 100: 44, 50: 42, 0: 33, -60: 28, -220: 34}, deep),
                (-230 * high, 200 * high),
            ),
            column(
                "superior vena cava",
                line({170: -24, 90: -22, -10: -23}),
                line({170: -8, 0: -10}, deep),
                line({160: 8, -10: 9.5}),
                line({160: 9, -10: 10}),
                (-12 * high, 128 * high),
            ),
            column(
                "spine",
                self.spine_x,
                self.spine_y,
                line({200: 14, 100: 14, 0: 15, -220: 21}),
                line({200: 24, 0: 30, -220: 36}, deep),
                (-230 * high, 215 * high),
            ),
            ellipsoid("aortic arch", (19 * wide, 6 * deep, 61 * high), (17 * aorta, 34 * aorta, 17 * aorta)),
            ellipsoid("ascending aorta", (-12 * wide, -20 * deep, 28 * high), (19 * aorta, 19 * aorta, 44 * aorta)),
            column(
                "descending aorta",
                Profile(heights, np.interp(heights / high, [-200, -140, -20, 50], [2, 8, 20, 23]) * wide),
                Profile(heights, self.spine_y(heights) - np.interp(heights / high, [-200, 0, 60], [26, 24, 26]) * deep),
                line({60: 12.5, -150: 10.5}, aorta),
                line({60: 12.5, -150: 10.5}, aorta),
                (-220 * high, 60 * high),
            ),
        ]

    def _airways(self) -> list[Solid]:
        """Return trachea and main bronchi as far as they run through soft tissue."""
        high, wide, deep = self.high, self.wide, self.deep
        calibre = (8.6 if self.person.sex == "M" else 7.3) * wide

        def line(knots: dict[float, float], scale: float) -> Profile:
            return Profile([z * high for z in knots], [value * scale for value in knots.values()])

        fork = (-3 * wide, 6 * deep, 46 * high)
        tubes = [
            column(
                "windpipe",
                line({240: 0, 150: 0, 46: -3}, wide),
                line({240: -10, 150: -2, 46: 6}, deep),
                *(line({240: 1, 0: 1}, calibre),) * 2,
                (46 * high, 240 * high),
            )
        ]
        for hilum, drop, radius in ((self.hilum["right"], 10 * high, 0.66 * calibre), (self.hilum["left"], 6 * high, 0.6 * calibre)):
            tubes.append(capsule("main bronchus", fork, (0.86 * hilum[0], 8 * deep, hilum[2] - drop), (radius, radius)))
        return tubes

    def _gas(self) -> list[Solid]:
        draw = np.random.default_rng([self.person.tree_seed, 7])
        high, wide, deep = self.high, self.wide, self.deep
        top = self.dome_z["left"]
        bubbles = []
        if draw.random() < 0.62:
            size = draw.uniform(0.45, 1.15)
            centre = ((62 + draw.normal(0, 10)) * wide, -18 * deep, top - (9 + 14 * size) * high)
            bubbles.append(ellipsoid("stomach", centre, (34 * size * wide, 30 * size * deep, 15 * size * high)))
        for _ in range(int(draw.integers(0, 6))):
            centre = ((88 + draw.normal(0, 22)) * wide, draw.normal(-15, 20) * deep, top - draw.uniform(45, 110) * high)
            semi = draw.uniform(7, 17, 3)
            bubbles.append(ellipsoid("colon", centre, tuple(semi * wide)))
        return bubbles

    def obstacles(self, side: str) -> list[Solid]:
        """Return the solids that displace the lung of a side."""
        return [self.domes[side], *self.heart, *self.vessels_and_spine]

    def lung_holds(self, side: str, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return bool, True where a point lies in the aerated space of a side."""
        inside = self.sacs[side].holds(x, y, z)
        for solid in self.obstacles(side):
            inside &= ~solid.holds(x, y, z)
        return inside

    def lung_level(self, side: str) -> Level:
        """Return one level for the whole lung, not parabolic along rays: for voxels, not for `crossings`."""
        parts = [solid.level for solid in self.obstacles(side)]
        sac = self.sacs[side].level

        def level(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
            deepest = sac(x, y, z)
            for part in parts:
                deepest = np.maximum(deepest, -part(x, y, z))
            return deepest

        return level

    def at_rest(self) -> "Thorax":
        """Return the same person in the reference posture, in which vessels are grown."""
        return Thorax(self.person, REFERENCE_POSTURE)
