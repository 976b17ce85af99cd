"""The built-in ultrasound images as files: a folder in the layout of Ultrasound Nerve Segmentation, read by the same code as the real one.

The folder is written under a temporary name and moved into place at the end, so it is never incomplete; a folder that is not empty is
never touched.
"""

import csv
import io
import shutil
import tempfile
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from radlearn import files
from radlearn.challenges.folders import TRUTH_TABLE
from radlearn.challenges.run_lengths import encoded
from radlearn.challenges.ultrasound import layout
from radlearn.errors import BadLayout, BadSetting, RadlearnError
from radlearn.progress import in_parallel
from radlearn.scans.label_map_files import write_label_map
from radlearn.ultrasound_phantom.image import SimulatedUltrasound, render_image
from radlearn.ultrasound_phantom.planning import PlannedImage, plan_images
from radlearn.ultrasound_phantom.tissue import NERVE, VESSEL

EXACT_FOLDER, CLASSES_TABLE, TEST_TRUTH = "exact", "nerve_and_vessel.csv", "test_masks.csv"
TRUTH_COLUMNS = ("image", "person", "seed", "place", "nerve_px", "vessel_px", "outlined_px", "nerve_dice", "mm_down", "mm_across")
TEST_SHARE = 0.1
"Of the labelled images: as many more, of people of their own, are written without masks."
TEST_PERSONS = 100_000
"Their numbers begin behind it."
README = """# Synthetic ultrasound images

None of these people exist. radlearn computed the {images} images with masks in this folder, and {tests} without, from a mathematical model
of tissue and sound (seed {seed}). The folder has the layout of the challenge Ultrasound Nerve Segmentation, so that programs for the real
data read it.

- `train/N_M.tif` and `train/N_M_mask.tif`: image M of person N and the nerve as a reader outlined it, 0 and 255; `train_masks.csv`: the
  same as run lengths. A reader's outline is a little too large or too small, and a faint nerve is sometimes overlooked, so that two images
  that look alike may contradict each other, as in the challenge.
- `test/M.tif`: images for a submission, of further people; `test_masks.csv`: their exact nerves, to score it against.
- `exact/N_M.png`: the exact truth of each image of `train`: 1 nerve, 2 vessel. `nerve_and_vessel.csv` is a table of these two classes.
- `truth.csv`: what is exactly on each image, and the Dice of the reader's outline with it.

Scores on these images are not comparable with scores on real ones. Not for clinical use.
"""


class Written(NamedTuple):
    """What the tables say of an image that was written: its run lengths, and its row of the truth."""

    runs: str
    truth: tuple[object, ...]


def write_ultrasound(folder: Path, images: int = 400, seed: int = 0, workers: int | None = None) -> None:
    """Write images in the challenge's layout, on all cores, with a progress bar.

    Args:
        folder: to be created; it may exist if it is empty.
        images: number of images with masks.
        seed: of people and views. The same seed, person and image give the same bytes, whatever the other arguments.
        workers: processes; all cores by default.

    Raises:
        BadSetting: fewer than one image.
        BadLayout: if `folder` is not empty.
        RadlearnError: if the images cannot be written, for instance to a full disk; nothing is left behind.
    """
    folder = Path(folder)
    if images < 1:
        raise BadSetting(f"{images} ultrasound images: expected at least 1.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadLayout(f"{folder}: is not empty; built-in images are written into a new or empty folder. Choose another one.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-unfinished-", dir=folder.parent))
    try:
        for name in (layout.TRAIN_FOLDER, layout.TEST_FOLDER, EXACT_FOLDER):
            (unfinished / name).mkdir()
        plans, tests = plan_images(images, seed), plan_images(max(1, round(TEST_SHARE * images)), seed, TEST_PERSONS)
        jobs = [(plan, "") for plan in plans] + [(plan, str(number)) for number, plan in enumerate(tests, start=1)]
        made = dict(in_parallel(partial(_write, unfinished), jobs, "built-in ultrasound", "images", workers))
        masks = [(plan.person, plan.image, made[plan.image_id].runs) for plan in plans]
        _write_table(unfinished / "train_masks.csv", ("subject", "img", "pixels"), masks)
        of_tests = [(number, made[plan.image_id].runs, plan.person) for number, plan in enumerate(tests, start=1)]
        _write_table(unfinished / TEST_TRUTH, ("img", "pixels", "person"), of_tests)
        _write_table(unfinished / TRUTH_TABLE, TRUTH_COLUMNS, [made[plan.image_id].truth for plan in plans])
        paths = [(f"{layout.TRAIN_FOLDER}/{plan.image_id}.tif", f"{EXACT_FOLDER}/{plan.image_id}.png", plan) for plan in plans]
        rows = [(image, exact, plan.image_id, plan.person, "nerve|vessel") for image, exact, plan in paths]
        _write_table(unfinished / CLASSES_TABLE, ("path", "mask", "id", "person", "classes"), rows)
        files.write_text(unfinished / "README.md", README.format(images=images, tests=len(tests), seed=seed))
        # mkdtemp gives permissions to the owner only.
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    except OSError as error:
        raise RadlearnError(
            f"{folder}: the built-in images could not be written ({error}). Make room (0.3 MB an image) and try again."
        ) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write(folder: Path, job: tuple[PlannedImage, str]) -> tuple[str, Written]:
    """Write an image, and its masks where it is no test image; `job` is its plan and its name in `test`, empty for the others."""
    plan, test_name = job
    made = render_image(plan)
    nerve = made.labels == NERVE
    if test_name:
        _save(folder / layout.TEST_FOLDER / f"{test_name}.tif", made.pixels)
        return plan.image_id, Written(encoded(nerve), ())
    image, mask = layout.case_paths(folder, plan.image_id)
    _save(image, made.pixels)
    _save(mask, made.reader_mask.astype(np.uint8) * 255)
    write_label_map(folder / EXACT_FOLDER / f"{plan.image_id}.png", made.labels)
    return plan.image_id, Written(encoded(made.reader_mask), _truth(plan, made, nerve))


def _truth(plan: PlannedImage, made: SimulatedUltrasound, nerve: np.ndarray) -> tuple[object, ...]:
    outlined, exact = np.count_nonzero(made.reader_mask), np.count_nonzero(nerve)
    dice = f"{2 * np.count_nonzero(nerve & made.reader_mask) / (outlined + exact):.4f}" if outlined + exact else ""
    vessels = np.count_nonzero(made.labels == VESSEL)
    spacing = tuple(f"{length:.5f}" for length in made.spacing_mm)
    return plan.image_id, plan.person, plan.seed, f"{plan.person}_{plan.place}", exact, vessels, outlined, dice, *spacing


def _save(path: Path, pixels: np.ndarray) -> None:
    with files.written_whole(path) as temporary:
        Image.fromarray(pixels).save(temporary, "tiff", compression="packbits")


def _write_table(path: Path, columns: tuple[str, ...], rows: Iterable[Iterable[object]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    files.write_text(path, text.getvalue())
