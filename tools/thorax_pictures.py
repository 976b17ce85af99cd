"""Pictures of built-in patients to look at.

    python -m tools.thorax_pictures FOLDER [PATIENTS] [SEED]

Writes FOLDER/patients.png (an X-ray with its boxes and the same patient's CT in three planes, one patient a row) and FOLDER/cts.png
(COVID-19 patients: the axial plane plain, in the soft-tissue window and with lesion outlines, then the other planes).
"""

import sys
from pathlib import Path

from PIL import Image


def main(folder: Path, patients: int, seed: int) -> None:
    from radlearn.digital_thorax.ct import render_ct
    from radlearn.digital_thorax.ct_planning import draw_body, draw_scan, plan_cts
    from radlearn.digital_thorax.ct_views import ct_planes
    from radlearn.digital_thorax.patient_sheet import (
        LUNG_WINDOW_HU,
        SOFT_TISSUE_WINDOW_HU,
        ct_row,
        plane_picture,
        sheet,
        write_patient_sheet,
    )

    folder.mkdir(parents=True, exist_ok=True)
    write_patient_sheet(folder / "patients.png", seed, patients, voxel_mm=0.9)
    rows = []
    for plan in plan_cts(patients, seed, "full", heavy=True):
        body = draw_body(plan)
        ct = render_ct(body, *draw_scan(plan, body))
        axial = ct_planes(ct)[0]
        plain, soft = (plane_picture(axial, 420, window, outlined=False) for window in (LUNG_WINDOW_HU, SOFT_TISSUE_WINDOW_HU))
        rows.append([plain, soft, *ct_row(ct)])
    Image.fromarray(sheet(rows)).save(folder / "cts.png")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4, int(sys.argv[3]) if len(sys.argv) > 3 else 0)
