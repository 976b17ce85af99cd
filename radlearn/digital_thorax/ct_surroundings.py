"""What lies around the body in the scanner: couch, clothes, blanket and cushions. Their density is that of lung."""

from dataclasses import dataclass

import numpy as np

from radlearn.digital_thorax.anatomy import Thorax
from radlearn.digital_thorax.ct_body import Paint
from radlearn.digital_thorax.ct_grid import CtGeometry
from radlearn.digital_thorax.solids import ellipsoid


@dataclass(frozen=True)
class Couch:
    """A shell around foam, with a mattress on it; lengths in mm.

    Attributes:
        bend_mm: radius that the upper side is hollowed with; large is flat.
        belly_mm: the same of the lower side.
        thick_mm: from the upper to the lower side.
        half_width_mm: half of its width.
        mattress_mm: thickness of the mattress.
        shell_hu: of the shell.
        foam_hu: of what it encloses.
    """

    bend_mm: float = 850.0
    belly_mm: float = 450.0
    thick_mm: float = 53.0
    half_width_mm: float = 215.0
    mattress_mm: float = 9.0
    shell_hu: float = -120.0
    foam_hu: float = -945.0


USUAL_COUCH = Couch()


def draw_couch(draw: np.random.Generator) -> Couch | None:
    """Draw a couch: concave or flat, thick or thin; None for one scan of twelve, on which nothing of it is seen."""
    if draw.random() < 0.08:
        return None
    bend = float(draw.uniform(600, 1300)) if draw.random() < 0.75 else 1e6
    return Couch(
        bend_mm=bend,
        belly_mm=bend * float(draw.uniform(0.45, 1.0)),
        thick_mm=float(draw.uniform(18, 75)),
        half_width_mm=float(draw.uniform(190, 250)),
        mattress_mm=float(draw.uniform(4, 30)),
        shell_hu=float(draw.uniform(-500, 60)),
        foam_hu=float(draw.uniform(-985, -880)),
    )


def surroundings(thorax: Thorax, back_mm: float, draw: np.random.Generator) -> tuple[Paint, ...]:
    """Draw a shirt, a blanket and cushions, to be painted before the couch and the body.

    Args:
        thorax: of the person in the posture of the scan.
        back_mm: y of the skin of the back.
        draw: source of all choices.
    """
    high, wide = thorax.high, thorax.wide
    layers: list[Paint] = []
    if draw.random() < 0.3:
        # Under the head, the shoulders or the lower end of the trunk.
        z = float(draw.choice([215.0, 120.0, -160.0])) * high
        size = (float(draw.uniform(110, 190)), float(draw.uniform(25, 60)), float(draw.uniform(50, 110)))
        layers.append(Paint(ellipsoid("cushion", (0.0, back_mm + 8.0, z), size), float(draw.uniform(-985, -900)), mottle=8.0))
    if draw.random() < 0.2:
        for side in (-1.0, 1.0):
            place = (side * float(draw.uniform(215, 260)) * wide, float(draw.uniform(20, 90)), float(draw.uniform(-150, 120)) * high)
            size = (float(draw.uniform(25, 60)), float(draw.uniform(30, 70)), float(draw.uniform(120, 300)))
            layers.append(Paint(ellipsoid("cushion", place, size), float(draw.uniform(-985, -900)), mottle=8.0))
    covers = (("blanket", 0.25, (8.0, 28.0), (-985.0, -900.0), 45.0), ("shirt", 0.6, (1.5, 5.0), (-930.0, -780.0), 60.0))
    for name, share, thick_mm, hu, mottle in covers:
        if draw.random() < share:
            layers.append(Paint(thorax.torso(name, -float(draw.uniform(*thick_mm))), float(draw.uniform(*hu)), mottle=mottle))
    return tuple(layers)


def couch_hu(couch: Couch, geometry: CtGeometry, back_mm: float, k: int) -> np.ndarray:
    """Return the couch alone in slice k, HU float32 (j, i); −1000 elsewhere.

    Args:
        couch: its shape.
        geometry: the grid.
        back_mm: y of the skin of the back in body mm; the couch is aligned with the scanner, the body not exactly.
        k: number of the slice.
    """
    i, j, _ = geometry.shape
    to_scanner = geometry.scanner_from_index
    body = np.linalg.inv(geometry.body_from_scanner)
    low = body @ np.array([0.0, back_mm, 0.0, 1.0])
    corner = to_scanner @ np.array([0.0, 0.0, k, 1.0])
    x = (corner[0] + to_scanner[0, 0] * np.arange(i) - low[0]).astype(np.float32)[None]
    y = (corner[1] + to_scanner[1, 1] * np.arange(j) - low[1]).astype(np.float32)[:, None]
    # The back touches the mattress in the middle of the hollow.
    top = np.float32(couch.mattress_mm) - x * x / np.float32(2 * couch.bend_mm)
    bottom = np.float32(couch.mattress_mm + couch.thick_mm) - x * x / np.float32(2 * couch.belly_mm)
    soft = np.float32(0.5 * geometry.spacing_mm[0])

    def between(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        inside = np.clip((y - above) / (2 * soft) + 0.5, 0, 1) * np.clip((below - y) / (2 * soft) + 0.5, 0, 1)
        return inside * np.clip((np.float32(couch.half_width_mm) - np.abs(x)) / (2 * soft) + 0.5, 0, 1)

    hu = np.full((j, i), -1000.0, np.float32)
    layers = (
        (top - np.float32(couch.mattress_mm), top, -930.0),
        (top, bottom, couch.shell_hu),
        (top + 2.2, bottom - 2.6, couch.foam_hu),
    )
    for above, below, value in layers:
        covered = between(above, below)
        hu += covered * (np.float32(value) - hu)
    return hu
