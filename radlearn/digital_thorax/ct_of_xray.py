"""A CT of the patient of an X-ray: the same person, breath and findings."""

from dataclasses import replace

import numpy as np

from radlearn.digital_thorax import xray
from radlearn.digital_thorax.ct_body import CtBody, attenuation_from_hu
from radlearn.digital_thorax.ct_grid import CtGeometry
from radlearn.digital_thorax.illness import draw_patient
from radlearn.digital_thorax.planning import PlannedXray
from radlearn.digital_thorax.pose import pose
from radlearn.digital_thorax.projection import LUNG, SOFT_TISSUE, Geometry, Lungs, splat, tissue_attenuation
from radlearn.digital_thorax.skeleton import skeleton


def body_of_xray(plan: PlannedXray, lying: bool = True) -> CtBody:
    """Return the body that `render_xray(plan)` renders.

    Args:
        plan: from `planning.plan_xrays`.
        lying: arms lifted and the lung denser at the back, as in a CT; False keeps the pose of the X-ray.
    """
    patient = draw_patient(plan)
    shadows = xray._shadows(patient, Lungs(patient.thorax, pose(plan, patient.thorax).rays(192)))
    return CtBody(
        patient.thorax,
        tuple((shadow.finding, shadow.scale) for shadow in shadows),
        lung_density=patient.lung_density * (0.62 if lying else 1.0),
        vessel_scale=patient.vessel_scale,
        arms_up=lying,
        gravity=0.2 if lying else 0.0,
        seed=(plan.seed, plan.person, plan.image),
    )


def xray_attenuation(plan: PlannedXray, size: int) -> tuple[np.ndarray, Geometry]:
    """Return attenuation × length of `render_xray(plan)` without texture, hardware and noise, float32 (size, size), and its geometry."""
    patient = draw_patient(plan)
    geometry = replace(pose(plan, patient.thorax), size_px=size)
    rays = geometry.rays(size)
    lungs = Lungs(patient.thorax, rays)
    shadows = xray._shadows(patient, lungs)
    filled = np.zeros((size, size), np.float32)
    for shadow in shadows:
        filled += shadow.filled_mm
    filled = np.minimum(filled, lungs.length_mm["right"] + lungs.length_mm["left"])
    total = tissue_attenuation(patient.thorax, rays, lungs, patient.lung_density)
    total += filled * np.float32(SOFT_TISSUE - LUNG * patient.lung_density)
    return total + splat([skeleton(patient.thorax), *xray._vessels(patient, shadows)], geometry), geometry


def projected(hu: np.ndarray, grid: CtGeometry, geometry: Geometry, step_mm: float = 1.5) -> np.ndarray:
    """Return attenuation × length of a CT along the rays of an X-ray, float32 (size, size).

    Args:
        hu: (i, j, k), a CT without noise that contains all of the body that the rays cross.
        grid: the geometry of its voxels.
        geometry: the X-ray's tube and detector, in the body's mm; `size_px` rays a side.
    """
    from scipy.ndimage import map_coordinates

    attenuation = attenuation_from_hu(hu)
    to_index = np.linalg.inv(grid.body_from_index).astype(np.float32)
    rays = geometry.rays(geometry.size_px)
    shape = np.array(grid.shape)
    corners = np.array(list(np.ndindex(2, 2, 2))) * shape
    far = float(np.abs(corners @ grid.body_from_index[:3, :3].T + grid.body_from_index[:3, 3])[:, 1].max()) * 1.1
    total = np.zeros(rays.start.shape[1:], np.float32)
    for depth in np.arange(-far, far, step_mm) + 0.5 * step_mm:
        points = np.stack(rays.at(float(depth)))
        places = np.tensordot(to_index[:3, :3], points, 1) + to_index[:3, 3][:, None, None]
        total += map_coordinates(attenuation, places, order=1, mode="constant", cval=0.0)
    return total * np.float32(step_mm)
