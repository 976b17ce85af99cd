"""The built-in X-rays as files: a folder in the layout of the RSNA challenge, read by the same code as the real one.

The folder is written under a temporary name and moved into place at the end, so it is never incomplete; a folder that is not empty is
never touched.
"""

import csv
import io
import shutil
import tempfile
from functools import partial
from pathlib import Path

from radlearn import files
from radlearn.challenges.rsna import layout as rsna
from radlearn.digital_thorax.planning import CATEGORIES, PlannedXray, plan_xrays
from radlearn.digital_thorax.xray import SimulatedXray, render_xray
from radlearn.errors import BadLayout, BadSetting, RadlearnError
from radlearn.progress import in_parallel

__all__ = ["PlannedXray", "plan_xrays", "write_rsna"]

TWINS_FOLDER, TWINS_TABLE = "twins", "twins.csv"
TWIN_COLUMNS = ("patientId", "xray", "twin", "opacities", "boxes")
TRUTH_COLUMNS = ("patientId", "person", "seed", "image", "view", "finding", "side", "contrast", "x0", "y0", "x1", "y1", "readers")
README = """# Synthetic chest X-rays

None of these people exist. radlearn computed the {xrays} X-rays in this folder from a mathematical model of the chest (seed {seed}). The
folder has the layout of the RSNA Pneumonia Detection Challenge, so that programs for the real data read it.

- `stage_2_train_images/ID.dcm`, `stage_2_train_labels.csv`, `stage_2_detailed_class_info.csv`: as the challenge publishes them.
- `persons.csv`: image → person. People have one to many X-rays; split by person.
- `truth.csv`: the exact truth: every finding with its side and contrast (maximum attenuation × length) and, for pneumonia, the exact box
  of its visible shadow and how many of three simulated readers saw it. The labels are these readers' consensus: a box for what at least
  two of them saw, slightly too large and with inexact edges; what fewer saw has no box.

Scores on these X-rays are not comparable with scores on real ones. Not for clinical use.
"""
ABOUT_TWINS = """
`twins/ID.dcm` is X-ray ID without its opacities, with everything else equal, noise included; `twins.csv` pairs the two. Only X-rays with
an opacity have a twin. Twins are not part of the challenge's layout and are not used in training.
"""


def write_rsna(
    folder: Path, xrays: int = 800, seed: int = 0, workers: int | None = None, view_shortcut: bool = True, twins: bool = False
) -> None:
    """Write a cohort in the RSNA layout, on all cores, with a progress bar.

    Args:
        folder: to be created; it may exist if it is empty.
        xrays: number of X-rays; the default is of about 500 people.
        seed: of people and illness. The same seed, person and image give the same bytes, whatever the other arguments.
        workers: processes; all cores by default.
        view_shortcut: see `plan_xrays`.
        twins: also write each X-ray with opacities without them, into `twins/`, and the pairs into `twins.csv`.

    Raises:
        BadSetting: fewer than one X-ray.
        BadLayout: if `folder` is not empty.
        RadlearnError: if the X-rays cannot be written, for instance to a full disk; nothing is left behind.
    """
    folder = Path(folder)
    if xrays < 1:
        raise BadSetting(f"{xrays} X-rays: expected at least 1.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadLayout(f"{folder}: is not empty; built-in patients are written into a new or empty folder. Choose another one.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-unfinished-", dir=folder.parent))
    try:
        plans = plan_xrays(xrays, seed, view_shortcut)
        made = dict(in_parallel(partial(_write_xray, unfinished, twins), list(enumerate(plans)), "built-in X-rays", "X-rays", workers))
        rows = [row for number in range(len(plans)) for row in made[number][1]]
        files.write_text(unfinished / "truth.csv", _table(TRUTH_COLUMNS, rows))
        if twins:
            pairs = [_pair(plan, made[number][0]) for number, plan in enumerate(plans) if plan.opacities]
            files.write_text(unfinished / TWINS_TABLE, _table(TWIN_COLUMNS, pairs))
        files.write_text(unfinished / "README.md", README.format(xrays=xrays, seed=seed) + (ABOUT_TWINS if twins else ""))
        rsna.write_tables(unfinished, [_case(unfinished, plan, made[number][0]) for number, plan in enumerate(plans)])
        # mkdtemp gives permissions to the owner only.
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    except OSError as error:
        raise RadlearnError(
            f"{folder}: the built-in patients could not be written ({error}). Make room (0.2 MB an X-ray) and try again."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_xray(
    folder: Path, twins: bool, job: tuple[int, PlannedXray]
) -> tuple[int, tuple[tuple[tuple[int, int, int, int], ...], list[tuple[object, ...]]]]:
    number, plan = job
    xray = render_xray(plan)
    _write(folder / rsna.IMAGE_FOLDER, plan, xray, "")
    if twins and plan.opacities:
        _write(folder / TWINS_FOLDER, plan, render_xray(plan, opacities=False), "without opacities")
    return number, (xray.boxes_xyxy_px, _truth(plan, xray))


def _write(images: Path, plan: PlannedXray, xray: SimulatedXray, instance: str) -> None:
    from radlearn.scans.dicom import write_radiograph

    write_radiograph(
        images / f"{plan.image_id}.dcm",
        xray.pixels,
        patient_id=plan.image_id,
        view=plan.view,
        sex=plan.sex,
        # As in the real data: a bare number, where the standard requires 062Y.
        age=str(plan.age_years),
        spacing_mm=xray.spacing_mm,
        photometric=plan.photometric,
        instance=instance,
    )


def _pair(plan: PlannedXray, boxes: tuple[tuple[int, int, int, int], ...]) -> tuple[object, ...]:
    name = f"{plan.image_id}.dcm"
    return plan.image_id, f"{rsna.IMAGE_FOLDER}/{name}", f"{TWINS_FOLDER}/{name}", plan.opacities, len(boxes)


def _truth(plan: PlannedXray, xray: SimulatedXray) -> list[tuple[object, ...]]:
    about = (plan.image_id, plan.person_id, plan.seed, plan.image, plan.view)
    rows: list[tuple[object, ...]] = []
    for finding in xray.findings:
        readers = "" if finding.readers is None else finding.readers
        rows.append((*about, finding.name, finding.side, f"{finding.contrast:.3f}", *(finding.exact_box_xyxy_px or ("",) * 4), readers))
    inside_posture = [name for name in plan.findings if name not in {finding.name for finding in xray.findings}]
    return rows + [(*about, name, *("",) * 7) for name in inside_posture]


def _case(folder: Path, plan: PlannedXray, boxes: tuple[tuple[int, int, int, int], ...]) -> rsna.Case:
    return rsna.Case(
        image_id=plan.image_id,
        path=folder / rsna.IMAGE_FOLDER / f"{plan.image_id}.dcm",
        label=bool(boxes),
        boxes_xyxy_px=tuple((float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in boxes),
        # An X-ray whose opacities the readers do not see counts among the other abnormal ones.
        category=CATEGORIES[1] if plan.opacities and not boxes else plan.category,
        person=plan.person_id,
    )


def _table(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
