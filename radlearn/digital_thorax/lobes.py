"""The lobes of the lungs and the fissures between them, as functions of place.

The oblique fissure of each lung descends from the level of the fourth thoracic vertebra posteriorly to the diaphragm anteriorly; the
horizontal fissure branches off laterally, runs forward at the level of the fourth rib's cartilage, and separates the right upper lobe
from the middle lobe. Lobes of supine people, in % of both lungs: right upper 17.9 ± 2.4, middle 9.3 ± 1.6, right lower 26.5 ± 2.6, left
upper 23.1 ± 2.1, left lower 23.2 ± 2.4 (Yamada et al. 2020, Respiration 99:598, doi:10.1159/000507265).
"""

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax

LOBES = ("right upper", "right middle", "right lower", "left upper", "left lower")


class Lobes:
    """Fissures of one thorax; they move with its breath."""

    def __init__(self, thorax: Thorax) -> None:
        self.thorax = thorax
        draw = np.random.default_rng([thorax.person.tree_seed, 9])
        high = thorax.high
        self.behind_z = {side: 84.0 * high + draw.normal(0, 6) * high for side in ("right", "left")}
        self.front_z = {side: thorax.dome_z[side] - draw.uniform(8, 26) * high for side in ("right", "left")}
        hilum = thorax.hilum["right"][2]
        # The horizontal fissure rises by half as much as the dome.
        self.level_z = float(hilum + 7 * high + draw.normal(0, 5) * high)
        self.bow = draw.uniform(4, 14, 3)
        self.wave = draw.uniform(0, 2 * np.pi, 6)

    def oblique_mm(self, side: str, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the height of a point above the oblique fissure of a side; the lower lobe is below it."""
        thorax = self.thorax
        across = x / np.float32(60 * thorax.wide)
        along = (y - np.float32(2 * thorax.deep)) / np.float32(85 * thorax.deep)
        top, bottom = np.float32(self.behind_z[side]), np.float32(self.front_z[side])
        tilt = 0.5 * (top - bottom)
        number = 0 if side == "right" else 1
        surface = 0.5 * (top + bottom) + tilt * along + np.float32(0.12) * tilt * (along * along * along - along)
        # It is twisted like a propeller: its lateral part faces forward, its medial part backward.
        surface = surface + np.float32(self.bow[number]) * np.sin(np.float32(1.3) * across + np.float32(self.wave[number]))
        surface = surface + np.float32(2.5) * np.sin(np.float32(2.1) * along + np.float32(self.wave[number + 2]))
        return (z - surface) * np.float32(0.76)

    def horizontal_mm(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the height of a point of the right lung above the surface of the horizontal fissure."""
        thorax = self.thorax
        across = (x + np.float32(75 * thorax.wide)) / np.float32(50 * thorax.wide)
        along = (y + np.float32(40 * thorax.deep)) / np.float32(50 * thorax.deep)
        dome = np.float32(12.0) - np.float32(9.0) * (across * across + along * along)
        return (z - np.float32(self.level_z) - np.clip(dome, -24, 12)) * np.float32(0.97)

    def labels(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return uint8, the index in `LOBES` plus 1 of every point, as if everything were lung; see `lung_holds`."""
        right_above, left_above = self.oblique_mm("right", x, y, z) > 0, self.oblique_mm("left", x, y, z) > 0
        right = np.where(right_above, np.where(self.horizontal_mm(x, y, z) > 0, 1, 2), 3)
        return np.where(np.asarray(x) < 0, right, np.where(left_above, 4, 5)).astype(np.uint8)

    def seam_mm(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the signed distance in mm to the nearest fissure, positive above it; the horizontal one ends at the oblique one."""
        right, left = self.oblique_mm("right", x, y, z), self.oblique_mm("left", x, y, z)
        level = np.where(right > 0, self.horizontal_mm(x, y, z), np.float32(1e3))
        nearest = np.where(np.abs(level) < np.abs(right), level, right)
        return np.where(x < 0, nearest, left).astype(np.float32)
