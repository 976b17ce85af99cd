"""Where a CT's voxels lie: grid and affine, the patient's pose on the couch, and the coarse lattice on which smooth fields are computed.

Three coordinate systems: voxel indices (i, j, k), the scanner's millimetres (LPS here; NIfTI's affine is the same in RAS) and the body's
millimetres, which are rotated against the scanner's where the patient does not lie straight. Inside the renderer, arrays are (k, j, i),
so that a slice is contiguous.
"""

from dataclasses import dataclass

import numpy as np

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class CtGeometry:
    """The voxel grid of one CT and how the body lies in it.

    Attributes:
        shape: voxels along i, j, k.
        affine_ras: (4, 4), voxel index to mm, NIfTI's RAS.
        body_from_scanner: (4, 4), the scanner's LPS mm to the body's own LPS mm.
        circle: whether only a circle was reconstructed and the rest padded.
    """

    shape: tuple[int, int, int]
    affine_ras: np.ndarray
    body_from_scanner: np.ndarray
    circle: bool = False

    @property
    def scanner_from_index(self) -> np.ndarray:
        """Return the affine (4, 4) to the scanner's LPS mm."""
        return LPS_FROM_RAS @ self.affine_ras

    @property
    def body_from_index(self) -> np.ndarray:
        """Return the affine (4, 4) to the body's LPS mm."""
        return self.body_from_scanner @ self.scanner_from_index

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Return the distance between neighbouring voxels along i, j, k."""
        i, j, k = np.sqrt((self.affine_ras[:3, :3] ** 2).sum(0))
        return float(i), float(j), float(k)

    @property
    def voxel_ml(self) -> float:
        """Return the volume of a voxel."""
        return abs(float(np.linalg.det(self.affine_ras[:3, :3]))) / 1000.0


def boxed_geometry(low_mm: np.ndarray, high_mm: np.ndarray, spacing_mm: tuple[float, float, float]) -> CtGeometry:
    """Return an axis-aligned LPS grid that covers a box of the body."""
    shape = np.maximum(np.ceil((np.asarray(high_mm) - np.asarray(low_mm)) / spacing_mm).astype(int), 1)
    scanner = np.diag([*spacing_mm, 1.0])
    scanner[:3, 3] = np.asarray(low_mm) + 0.5 * np.asarray(spacing_mm)
    return CtGeometry((int(shape[0]), int(shape[1]), int(shape[2])), LPS_FROM_RAS @ scanner, np.eye(4))


def draw_geometry(
    lungs_mm: tuple[np.ndarray, np.ndarray], back_mm: float, size: str, draw: np.random.Generator, centre_on_mm: np.ndarray | None = None
) -> CtGeometry:
    """Draw a geometry like those of the COVID-19-20 challenge, around the lungs of a body.

    The challenge's 50 validation CTs have 512 × 512 × 37–103 voxels (median 62), 0.30–1.00 mm in plane (median 0.74), slices 5.0 mm (45),
    2.0 mm (4) or 0.8 mm (1) apart, 47 of them LPS and 3 LPI.

    Args:
        lungs_mm: lowest and highest corner of the bounding box of both lungs, in body mm.
        back_mm: y of the skin of the back, which lies on the couch.
        size: `full` as in the challenge, `small` 160–192 voxels across and slices of 3–8 mm, for quick runs.
        draw: source of all random choices.
        centre_on_mm: centre of a narrow field of view.
    """
    low, high = lungs_mm
    wide = float(high[0] - low[0])
    field = wide * float(np.clip(draw.normal(1.36, 0.10), 1.14, 1.7))
    centre = 0.5 * (low + high) + np.array([draw.normal(0, 6), 0.0, 0.0])
    # Radiographers centre the body, not the lungs; the couch lies in the lower part of the image.
    centre[1] = back_mm - 0.5 * float(draw.normal(0.60, 0.03)) * field
    if size == "full":
        pixels = 512
        thick = float(draw.choice([5.0, 2.0, 0.8], p=[0.90, 0.08, 0.02]))
        if centre_on_mm is not None and draw.random() < 0.03:
            field, centre = float(draw.uniform(155, 230)), np.array([centre_on_mm[0], centre_on_mm[1], centre[2]])
    else:
        pixels = int(draw.choice([160, 168, 176, 184, 192]))
        thick = float(draw.choice([3.0, 4.0, 5.0, 6.0, 7.0, 8.0], p=[0.06, 0.12, 0.40, 0.22, 0.1, 0.1]))
    spacing = round(float(np.clip(field / pixels, 0.3, 1.0 if size == "full" else 3.0)), 4)
    margins = draw.uniform(6, 26), draw.uniform(10, 45)
    slices = int(np.clip(round((high[2] - low[2] + sum(margins)) / thick), 37, 103))
    middle_z = 0.5 * (low[2] - margins[1] + high[2] + margins[0])
    down = draw.random() < 0.06
    tilt = np.deg2rad(float(draw.uniform(3, 12)) * draw.choice([-1, 1])) if draw.random() < 0.08 else 0.0
    cosine, sine = np.cos(tilt), np.sin(tilt)
    # A tilted gantry: slices are sheared, the field of view stays square.
    scanner = np.eye(4)
    scanner[:3, :3] = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]]) @ np.diag([spacing, spacing, -thick if down else thick])
    roll, lean = np.deg2rad(draw.normal(0, 1.8)), np.deg2rad(draw.normal(0, 1.2))
    about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    about_y = np.array([[np.cos(lean), 0, np.sin(lean)], [0, 1, 0], [-np.sin(lean), 0, np.cos(lean)]])
    body = np.eye(4)
    body[:3, :3] = about_z @ about_y
    aim = np.array([centre[0], centre[1], middle_z])
    # The scanner's origin has no relation to the body and differs from scan to scan.
    origin = np.round(draw.normal(0, 1, 3) * [4, 40, 120], 1)
    body[:3, 3] = aim - body[:3, :3] @ origin
    scanner[:3, 3] = origin - scanner[:3, :3] @ [(pixels - 1) / 2, (pixels - 1) / 2, (slices - 1) / 2]
    return CtGeometry((pixels, pixels, slices), LPS_FROM_RAS @ scanner, body, circle=bool(draw.random() < 0.35))


@dataclass(frozen=True)
class Patch:
    """A box of the grid: its part of the lattice and the voxels that this part covers."""

    lattice: tuple[slice, slice]
    voxels: tuple[slice, slice, slice]

    @property
    def slices(self) -> slice:
        """Return the slices (k) it covers."""
        return self.voxels[0]


class Lattice:
    """Points in every slice, `step_mm` apart or at every voxel if voxels are larger, and their interpolation to voxels.

    A slowly varying field, such as the level of a solid, is evaluated here and interpolated linearly to the voxels by two products with
    small matrices, instead of being evaluated sixteen million times.
    """

    def __init__(self, geometry: CtGeometry, step_mm: float) -> None:
        self.geometry = geometry
        i, j, k = geometry.shape
        self.slices = k
        self.columns, self.spread_i = _spread(i, step_mm / geometry.spacing_mm[0])
        self.rows, self.spread_j = _spread(j, step_mm / geometry.spacing_mm[1])
        self.matrix = geometry.body_from_index.astype(np.float32)

    def whole(self) -> Patch:
        """Return the whole grid as a patch."""
        i, j, k = self.geometry.shape
        return Patch((slice(0, len(self.rows)), slice(0, len(self.columns))), (slice(0, k), slice(0, j), slice(0, i)))

    def around(self, low_mm: tuple[float, ...], high_mm: tuple[float, ...], margin_mm: float = 2.0) -> Patch | None:
        """Return the patch of a box in body mm, with the voxels that touch its border; None if it is outside the grid."""
        corners = np.array([[(low_mm, high_mm)[bit][axis] for axis, bit in enumerate(bits)] for bits in np.ndindex(2, 2, 2)])
        places = np.linalg.inv(self.geometry.body_from_index) @ np.vstack([corners.T, np.ones(8)])
        spacing = np.array(self.geometry.spacing_mm)
        first = np.floor(places[:3].min(1) - margin_mm / spacing - 1).astype(int)
        last = np.ceil(places[:3].max(1) + margin_mm / spacing + 1).astype(int) + 1
        shape = np.array(self.geometry.shape)
        if (last <= 0).any() or (first >= shape).any():
            return None
        first, last = np.maximum(first, 0), np.minimum(last, shape)
        spans, voxels = [], [slice(int(first[2]), int(last[2]))]
        for axis, knots in ((1, self.rows), (0, self.columns)):
            left = max(int(np.searchsorted(knots, first[axis], side="right")) - 1, 0)
            right = min(int(np.searchsorted(knots, last[axis] - 1, side="left")) + 1, len(knots))
            # Two at least, to interpolate between, also where the box has only the first or the last voxel.
            right = max(right, 2)
            left = min(left, right - 2)
            spans.append(slice(left, right))
            voxels.append(slice(int(np.ceil(knots[left])), int(np.floor(knots[right - 1])) + 1))
        return Patch((spans[0], spans[1]), (voxels[0], voxels[1], voxels[2]))

    def points(self, patch: Patch, lift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return x, y, z in body mm, float32 (k, j, i), of the patch's lattice points, `lift` slices higher."""
        k = np.arange(patch.slices.start, patch.slices.stop, dtype=np.float32)[:, None, None] + np.float32(lift)
        j = self.rows[patch.lattice[0]].astype(np.float32)[None, :, None]
        i = self.columns[patch.lattice[1]].astype(np.float32)[None, None, :]
        x, y, z = (row[0] * i + row[1] * j + row[2] * k + row[3] for row in self.matrix[:3])
        return x, y, z

    def mottle(self, patch: Patch, block: np.ndarray, grain_mm: float, shift: np.ndarray) -> np.ndarray:
        """Return a periodic `block` (n, n, n) of noise at the patch's lattice points, one element every `grain_mm`, float32."""
        spacing, size = self.geometry.spacing_mm, len(block)
        places = (np.arange(patch.slices.start, patch.slices.stop), self.rows[patch.lattice[0]], self.columns[patch.lattice[1]])
        k, j, i = (
            (np.floor(place * step / grain_mm + offset).astype(int)) % size
            for place, step, offset in zip(places, spacing[::-1], shift, strict=True)
        )
        found: np.ndarray = block[np.ix_(k, j, i)]
        return found

    def per_voxel(self, values: np.ndarray) -> np.ndarray:
        """Return the change of `values` (k, j, i) on lattice points across one voxel: |∂i| + |∂j| + |∂k|."""
        change = np.zeros_like(values)
        for axis, knots in ((0, np.arange(len(values))), (1, self.rows), (2, self.columns)):
            if values.shape[axis] > 1:
                step = float(knots[1] - knots[0]) if axis else 1.0
                change += np.abs(np.gradient(values, step, axis=axis))
        return change

    def on_voxels(self, values: np.ndarray, patch: Patch) -> np.ndarray:
        """Return one slice of lattice values (j, i) interpolated to the patch's voxels."""
        down = self.spread_j[patch.voxels[1], patch.lattice[0]]
        across = self.spread_i[patch.voxels[2], patch.lattice[1]]
        spread: np.ndarray = (down @ values) @ across.T
        return spread


def _spread(count: int, stride: float) -> tuple[np.ndarray, np.ndarray]:
    """Return evenly spaced places on 0…count-1, at least `stride` apart, and the matrix (count, places) of linear interpolation."""
    places = max(int((count - 1) / max(stride, 1.0)), 1) + 1
    knots = np.linspace(0, count - 1, places)
    at = np.arange(count) * ((places - 1) / max(count - 1, 1))
    left = np.minimum(at.astype(int), places - 2)
    matrix = np.zeros((count, places), np.float32)
    matrix[np.arange(count), left] = 1 - (at - left)
    matrix[np.arange(count), left + 1] = at - left
    return knots, matrix
