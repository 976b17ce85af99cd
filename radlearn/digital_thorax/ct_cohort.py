"""The built-in CTs as files: a folder in the layout of the COVID-19-20 challenge, read by the same code as the real one.

The folder is written under a temporary name and moved into place at the end, so it is never incomplete; a folder that is not empty is
never touched.
"""

import csv
import io
import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from radlearn import files
from radlearn.challenges.covid19 import layout as covid19
from radlearn.digital_thorax.ct import Ct, render_ct
from radlearn.digital_thorax.ct_body import NATIVE
from radlearn.digital_thorax.ct_planning import PlannedCt, draw_body, draw_scan, plan_cts
from radlearn.errors import BadLayout, BadSetting, RadlearnError
from radlearn.progress import in_parallel
from radlearn.scans.geometry import orientation
from radlearn.scans.nifti import write_volume

__all__ = ["PlannedCt", "plan_cts", "write_covid19"]

SIZES = ("small", "full")
TRUTH_COLUMNS = (
    "case", "person", "sex", "age", "lung_ml", "lesion_ml", "lesion_percent_of_voxels", "slices_with_lesion_percent", "components",
    "patterns", "other_findings", "expiration", "contrast_medium", "breathing_mm", "shape", "spacing_mm", "axes", "tilted",
)  # fmt: skip
README = """# Synthetic chest CTs

None of these people exist. radlearn computed the {cts} CTs in this folder from a mathematical model of the chest (seed {seed}, size {size},
{load}). The folder has the layout of the COVID-19-20 Lung CT Lesion Segmentation challenge, so that programs for the real data read it.

- `Train/CASE_ct.nii.gz` (Hounsfield units, int16) and `Train/CASE_seg.nii.gz` (lesions, uint8 0 and 1) on the same grid.
- `persons.csv`: case → person. A few people have two CTs; split by person.
- `truth.csv`: what each CT shows: volumes, the patterns of the lesions, and findings that are not lesions and not in the mask.

Scores on these CTs are not comparable with scores on real ones. Not for clinical use.
"""


def write_covid19(
    folder: Path, cts: int = 120, seed: int = 0, workers: int | None = None, size: str = "small", heavy: bool | None = None
) -> None:
    """Write CTs in the COVID-19-20 layout, on all cores, with a progress bar.

    Args:
        folder: to be created; it may exist if it is empty.
        cts: number of CTs.
        seed: of people and illness. The same seed, person and scan give the same bytes, whatever the other arguments.
        workers: processes; all cores by default.
        size: `small`, 160–192 voxels across and slices of 3–8 mm, or `full`, the challenge's 512 × 512.
        heavy: median lesion volume of 260 ml instead of the 66 ml of real, mostly mild cases; the default for small CTs, so that a quick
            training sees enough lesions.

    Raises:
        BadSetting: fewer than one CT, or an unknown size.
        BadLayout: if `folder` is not empty.
        RadlearnError: if the CTs cannot be written, for instance to a full disk; nothing is left behind.
    """
    folder = Path(folder)
    if cts < 1:
        raise BadSetting(f"{cts} CTs: expected at least 1.")
    if size not in SIZES:
        raise BadSetting(f"size {size!r}: expected one of {', '.join(SIZES)}.")
    refuse_used(folder)
    heavy = size == "small" if heavy is None else heavy
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-unfinished-", dir=folder.parent))
    try:
        jobs = [(case_id(number), plan) for number, plan in enumerate(plan_cts(cts, seed, size, heavy), start=1)]
        rows = dict(in_parallel(partial(_write_ct, unfinished), jobs, "built-in CTs", "CTs", workers))
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(TRUTH_COLUMNS)
        writer.writerows(rows[case] for case, _ in jobs)
        files.write_text(unfinished / "truth.csv", text.getvalue())
        covid19.write_persons(unfinished, {case: plan.person_id for case, plan in jobs})
        load = "lesion burden higher than in real cases" if heavy else "lesion burden as in real cases"
        files.write_text(unfinished / "README.md", README.format(cts=cts, seed=seed, size=size, load=load))
        # mkdtemp gives permissions to the owner only.
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    except OSError as error:
        room = "1.5" if size == "small" else "15"
        raise RadlearnError(
            f"{folder}: the built-in CTs could not be written ({error}). Make room ({room} MB a CT) and try again."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def refuse_used(folder: Path) -> None:
    """Raise `BadLayout` if `folder` is not empty: built-in patients never overwrite or join other files."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadLayout(f"{folder}: is not empty; built-in patients are written into a new or empty folder. Choose another one.")


def case_id(number: int) -> str:
    """Return the name of the cohort's `number`-th case (from 1), in the challenge's form.

    >>> case_id(3)
    'volume-covid19-A-0003'
    """
    return f"volume-covid19-A-{number:04d}"


def _write_ct(folder: Path, job: tuple[str, PlannedCt]) -> tuple[str, tuple[object, ...]]:
    case, plan = job
    body = draw_body(plan)
    ct = render_ct(body, *draw_scan(plan, body))
    geometry = ct.geometry
    image, mask = covid19.case_paths(folder, case)
    write_volume(image, ct.hu, geometry.affine_ras)
    write_volume(mask, ct.lesion.astype(np.uint8), geometry.affine_ras)
    patterns = sorted({finding.name for finding, _ in body.findings if finding.pneumonia} | ({"white lung"} if plan.white_lung else set()))
    others = tuple(dict.fromkeys(finding.name for finding, _ in body.findings if not finding.pneumonia))
    day = (f"{plan.expiration:.2f}", int(body.blood != NATIVE), f"{body.breathing_mm:.1f}")
    return case, (case, plan.person_id, plan.sex, plan.age_years, *_measured(ct, patterns, others, day))


def _measured(ct: Ct, patterns: list[str], others: tuple[str, ...], day: tuple[object, ...]) -> tuple[object, ...]:
    from scipy.ndimage import label

    geometry = ct.geometry
    tilted = not np.allclose(np.count_nonzero(np.abs(geometry.affine_ras[:3, :3]) > 1e-6, axis=0), 1)
    return (
        f"{ct.lung_ml:.0f}",
        f"{ct.lesion_ml:.2f}",
        f"{100 * ct.lesion.mean():.4f}",
        f"{100 * ct.lesion.any((0, 1)).mean():.1f}",
        int(label(ct.lesion, np.ones((3, 3, 3)))[1]),
        "; ".join(patterns),
        "; ".join(others),
        *day,
        " × ".join(str(count) for count in geometry.shape),
        " × ".join(f"{length:.4g}" for length in geometry.spacing_mm),
        orientation(geometry.affine_ras),
        int(tilted),
    )
