"""What would a library cost or change in place of our own? Each of our functions beside one that does something like it, in turns.

    python -m benchmarks.libraries [--rounds 5] [--xrays DIR]

ARCHITECTURE.md lists which parts are a library's, which are ours, and why. This measures the figures there: processor time on one thread
(the median of several rounds, in which both take turns), and the greatest difference of the results where they can be compared.
Libraries that radlearn does not depend on (surface-distance, opencv-python-headless, scikit-image) are measured where they are installed.
Without `--xrays`, 20 random X-rays in the 2018 pneumonia challenge's encoding are read.
"""

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import numpy as np
import pydicom
import torch
from PIL import Image
from pydicom.pixels import apply_rescale
from rich.console import Console
from rich.table import Table
from scipy import ndimage, optimize, special, stats
from sklearn import metrics as sk
from sklearn.model_selection import StratifiedGroupKFold
from torchvision.ops import box_iou, nms

from radlearn.metrics import boxes, calibration, intervals, masks, ranking, surfaces
from radlearn.pictures.borders import border_lines
from radlearn.progress import say
from radlearn.scans import geometry, stored_pixels
from radlearn.scans.dicom import find_xrays, read_header, read_radiograph
from radlearn.scans.radiograph_writer import write_radiograph
from radlearn.scans.resampling import resampled
from radlearn.scans.rescaling import rescaled
from radlearn.scans.resize import resized
from radlearn.tasks.detection.postprocessing import scaled_and_suppressed
from radlearn.training.splits import split_by_person

RNG = np.random.default_rng(0)
SPACING_MM = (0.74, 0.74, 5.0)
COLUMNS = {"what": "left", "ours, ms": "right", "library": "left", "ms": "right", "times": "right", "difference": "right"}


class Beside(NamedTuple):
    """One of our functions and a library's; both return what is compared, or None where it cannot be."""

    what: str
    library: str
    ours: Callable[[], Any]
    theirs: Callable[[], Any]


def smooth(shape: tuple[int, ...], sigma: float | tuple[float, ...], seed: int = 0) -> np.ndarray:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), sigma).astype(np.float32)
    return (field - field.min()) / np.ptp(field)


def scores() -> Iterator[Beside]:
    for cases, draws in ((250, 1000), (6000, 100)):
        y = RNG.random(cases) < 0.22
        p, persons = special.expit(RNG.normal(size=cases) + 1.2 * y - 1.5), np.arange(cases) // 2
        w = RNG.multinomial(cases, np.full(cases, 1 / cases), size=draws).astype(float)
        for name in ("auroc_score", "average_precision_score"):
            ours, theirs = getattr(ranking, name), getattr(sk, name.replace("auroc", "roc_auc"))
            yield Beside(
                f"{name}, {cases:,} cases, {draws:,} draws", "scikit-learn",
                lambda p=p, y=y, w=w, f=ours: f(p, y, w), lambda p=p, y=y, w=w, f=theirs: [f(y, p, sample_weight=one) for one in w],
            )  # fmt: skip
        yield Beside(
            f"interval of the AUROC, {cases:,} cases, {draws:,} draws", "scipy.stats.bootstrap",
            lambda p=p, y=y, k=persons, d=draws: intervals.bootstrap_interval(ranking.auroc_score, k, p, y, draws=d) and None,
            lambda p=p, y=y, k=persons, d=draws: by_scipy(p, y, k, d),
        )  # fmt: skip
        yield Beside(
            f"fit_recalibration, {cases:,} cases", "scipy.optimize.root",
            lambda p=p, y=y: line_of(calibration.fit_recalibration(p, y)), lambda p=p, y=y: root_of(p, y),
        )  # fmt: skip


def by_scipy(p: np.ndarray, y: np.ndarray, persons: np.ndarray, draws: int) -> None:
    def score(drawn: np.ndarray, axis: int) -> np.ndarray:
        times = np.apply_along_axis(lambda row: np.bincount(row, minlength=persons[-1] + 1), -1, np.atleast_2d(drawn))
        return ranking.auroc_score(p, y, times[:, persons].astype(float)).reshape(np.shape(drawn)[:-1])

    stats.bootstrap((np.unique(persons),), score, n_resamples=draws, method="percentile", vectorized=True, rng=0, batch=500)


def line_of(fit: calibration.Recalibration) -> list[float]:
    return [fit.intercept, fit.slope]


def root_of(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, centre, precision = np.stack([np.ones(len(p)), special.logit(p)], axis=1), np.array([0.0, 1.0]), np.array([1 / 25, 1 / 4])

    def curvature(line: np.ndarray) -> np.ndarray:
        fitted = special.expit(x @ line)
        return (x.T * (fitted * (1 - fitted))) @ x + np.diag(precision)

    found = optimize.root(
        lambda line: x.T @ (special.expit(x @ line) - y) + precision * (line - centre), centre, jac=curvature, method="lm", tol=1e-12
    )
    return found.x


def of_masks() -> Iterator[Beside]:
    for share in (0.015, 0.002):
        fields = [smooth((380, 300, 60), (9, 9, 2), seed) for seed in (1, 2)]
        truth = fields[0] > np.quantile(fields[0], 1 - share)
        found = np.roll(truth, 3, axis=0) | (fields[1] > np.quantile(fields[1], 1 - share / 2))
        if find_spec("surface_distance"):
            yield Beside(
                f"surface Dice and Hausdorff 95 %, {int(truth.sum()):,} voxels", "surface-distance",
                lambda t=truth, f=found: (s := surfaces.surface_distances(f, t, SPACING_MM)) and [s.dice_score(1), s.hausdorff_mm(95)],
                lambda t=truth, f=found: by_surface_distance(f, t),
            )  # fmt: skip
    large = np.zeros((512, 512, 70), bool)
    large[150:300, 200:350, 20:50] = truth[:150, :150, :30]
    large[151, 201, 21] = large[299, 349, 49] = True
    yield Beside(
        "bounding box of 512 × 512 × 70", "scipy.ndimage.find_objects",
        lambda: ends(masks.bounding_box(large)), lambda: ends(ndimage.find_objects(large.view(np.uint8))[0]),
    )  # fmt: skip
    if find_spec("skimage"):
        contours, slice_ = import_module("skimage.measure").find_contours, smooth((512, 512), 8) > 0.5
        yield Beside(
            "border of a 512 × 512 slice", "scikit-image", lambda: border_lines(slice_) and None,
            lambda: contours(np.pad(slice_, 1).astype(float), 0.5) and None,
        )  # fmt: skip


def by_surface_distance(found: np.ndarray, truth: np.ndarray) -> list[float]:
    peer = import_module("surface_distance")
    distances = peer.compute_surface_distances(truth, found, SPACING_MM)
    return [peer.compute_surface_dice_at_tolerance(distances, 1), peer.compute_robust_hausdorff(distances, 95)]


def ends(box: Any) -> list[int]:
    return [end for part in box for end in (part.start, part.stop)]


def of_pixels() -> Iterator[Beside]:
    image = smooth((1024, 1000), 2)
    peers: dict[str, Callable[[], np.ndarray]] = {
        "Pillow BOX": lambda: np.asarray(Image.fromarray(image).resize((224, 224), Image.Resampling.BOX)),
        "torch area (MONAI Resize)": lambda: torch.nn.functional.interpolate(torch.from_numpy(image)[None, None], (224, 224), mode="area")[
            0, 0
        ].numpy(),
    }
    if find_spec("cv2"):
        cv2 = import_module("cv2")
        cv2.setNumThreads(1)
        peers["OpenCV INTER_AREA"] = lambda: cv2.resize(image, (224, 224), interpolation=cv2.INTER_AREA)
    for name, resize in peers.items():
        what = "resize 1024 × 1000 to 224², grey levels of 255"
        yield Beside(what, name, lambda: 255 * resized(image, 224, 224), lambda f=resize: 255 * f())
    voxels = RNG.normal(-400, 300, (400, 400, 70)).astype(np.float32)
    grid = geometry.Grid(voxels.shape, np.diag([-0.74, -0.74, 5.0, 1.0]))
    for words, lengths in (("coarser", (1.25, 1.25, 5.0)), ("finer", (0.5, 0.5, 5.0))):
        onto = geometry.with_spacing(grid, lengths)
        change = np.linalg.inv(grid.affine) @ onto.affine
        yield Beside(
            f"resample to {words} voxels, HU", "scipy.ndimage.affine_transform", lambda onto=onto: resampled(voxels, grid, onto),
            lambda c=change, o=onto: ndimage.affine_transform(voxels, np.diag(c)[:3], c[:3, 3], o.shape, order=1, mode="nearest"),
        )  # fmt: skip
    stored, header = RNG.integers(0, 4095, (512, 512, 30)).astype(np.uint16), pydicom.Dataset()
    header.RescaleSlope, header.RescaleIntercept = 1, -1024
    yield Beside("rescale to HU", "pydicom apply_rescale", lambda: rescaled(stored, 1, -1024), lambda: apply_rescale(stored, header))


def of_files(xrays: list[Path]) -> Iterator[Beside]:
    contents, fast = [path.read_bytes() for path in xrays], stored_pixels.plain_jpeg

    def by_pydicom(read: Callable[[Path], Any]) -> list[Any]:
        stored_pixels.plain_jpeg = lambda *_: None  # type: ignore[assignment]
        try:
            return [read(path) for path in xrays]
        finally:
            stored_pixels.plain_jpeg = fast

    def pixels(path: Path) -> np.ndarray:
        return read_radiograph(path, 256).pixels

    yield Beside(f"read {len(xrays)} X-rays at 256²", "pydicom", lambda: [pixels(path) for path in xrays], lambda: by_pydicom(pixels))
    yield Beside(
        f"read {len(xrays)} headers", "pydicom", lambda: [read_header(path) for path in xrays] and None,
        lambda: by_pydicom(read_header) and None,
    )  # fmt: skip
    yield Beside(
        f"parse {len(xrays)} X-rays", "pydicom dcmread", lambda: [fast(one) for one in contents] and None,
        lambda: [pydicom.dcmread(io.BytesIO(one)) for one in contents] and None,
    )  # fmt: skip


def of_boxes_and_persons() -> Iterator[Beside]:
    for count in (20, 150):
        corners = RNG.uniform(0, 900, (count, 2))
        one = boxes.FoundBoxes(np.concatenate([corners, corners + RNG.uniform(20, 300, (count, 2))], axis=1), RNG.random(count))
        tensors = [torch.from_numpy(array) for array in one]
        iou_of = (lambda b=one[0]: boxes.iou(b, b), lambda b=tensors[0]: box_iou(b, b).numpy())
        yield Beside(f"IoU of {count} boxes", "torchvision box_iou", *iou_of)
        yield Beside(
            f"suppression of {count} boxes", "torchvision nms", lambda b=one: scaled_and_suppressed(b, 1.0, 0.3, (2000, 2000))[0],
            lambda b=one, t=tensors: b[0][nms(*t, 0.3).numpy()],
        )  # fmt: skip
    persons = RNG.permutation(np.repeat(np.arange(11_000), np.minimum(RNG.geometric(0.42, 11_000), 60)))
    labels, names = (RNG.random(len(persons)) < 0.22).astype(int), [str(person) for person in persons]
    yield Beside(
        f"split of {len(persons):,} X-rays by person", "StratifiedGroupKFold", lambda: split_by_person(names, labels.tolist(), 0) and None,
        lambda: next(StratifiedGroupKFold(4, shuffle=True, random_state=0).split(labels, labels, persons)) and None,
    )  # fmt: skip


def milliseconds(functions: tuple[Callable[[], Any], ...], rounds: int) -> list[float]:
    """Return the median processor time of each function; they take turns at being first."""
    spent: list[list[float]] = [[] for _ in functions]
    for number in range(rounds):
        for place in range(len(functions)):
            which = (number + place) % len(functions)
            started = time.process_time()
            functions[which]()
            spent[which].append(time.process_time() - started)
    return [1000 * statistics.median(some) for some in spent]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often both are called")
    parser.add_argument("--xrays", type=Path, help="folder of 8-bit JPEG Baseline X-rays; random ones by default")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    table = Table(title=f"Processor time on one thread, median of {wanted.rounds} rounds")
    for column, side in COLUMNS.items():
        table.add_column(column, justify=side)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(0 if wanted.xrays else 20):
            pixels = (255 * smooth((1024, 1024), 3, number)).astype(np.uint8)
            path = Path(folder, f"{number}.dcm")
            write_radiograph(path, pixels, patient_id=path.stem, view="PA", sex="F", age="62", spacing_mm=(0.14, 0.14))
        files = find_xrays(wanted.xrays or folder)
        for one in (*scores(), *of_masks(), *of_pixels(), *of_files(files), *of_boxes_and_persons()):
            say(f"  {one.what}: {one.library}")
            ours, theirs = one.ours(), one.theirs()
            apart = "" if ours is None else f"{np.abs(np.asarray(ours, float) - np.asarray(theirs, float)).max():.2g}"
            own_ms, their_ms = milliseconds((one.ours, one.theirs), wanted.rounds)
            table.add_row(one.what, f"{own_ms:.3g}", one.library, f"{their_ms:.3g}", f"{their_ms / own_ms:.2g}", apart)
    Console(file=sys.stdout, width=140).print(table)


if __name__ == "__main__":
    main()
