"""Masks for CTs that nobody has labelled: on each scan's own grid, measured in millilitres, with a picture each; and a submission."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from radlearn.challenges.covid19 import Case, find_images
from radlearn.challenges.covid19_submission import write_submission
from radlearn.errors import BadLayout, BadSetting, UnreadableScan
from radlearn.files import write_rows, write_text
from radlearn.metrics.masks import volume_ml
from radlearn.pictures.scan_overlays import write_mask_overlay
from radlearn.progress import progress_bar, say
from radlearn.scans.geometry import Volume, spacing_mm, to_orientation
from radlearn.scans.lungs import lung_mask
from radlearn.scans.mask_files import write_mask_like
from radlearn.scans.volume_cache import Preparation, prepared_apart
from radlearn.tasks.segmentation.evaluation import InferVolume
from radlearn.tasks.segmentation.postprocessing import mask_of, mask_postprocessing_of
from radlearn.training.run_folder import Run

COLUMNS = ("path", "case", "mask", "lesion_ml", "lung_ml", "lesion_percent_of_lung", "notes")
SHOWN = 10


@dataclass(frozen=True)
class Measured:
    """What a predicted mask comes to."""

    lesion_ml: float
    # Air, vessels, what air surrounds, and the lesions themselves: a white lung is lung too.
    lung_ml: float

    @property
    def percent(self) -> float:
        """Lesion volume as a share of the lungs', in percent; NaN without lungs."""
        return 100 * self.lesion_ml / self.lung_ml if self.lung_ml else float("nan")

    def __str__(self) -> str:
        share = "" if np.isnan(self.percent) else f", {self.percent:.1f} % of the lungs"
        return f"lesions {self.lesion_ml:.1f} ml{share}"


class MaskPredictions:
    """A pass over scans: one after another, because a full-size CT fills half a gigabyte.

    Args:
        run: whose postprocessing cuts the probabilities.
        paths: NIfTI files, folders of them, folders with DICOM series.
        out: gets `predictions.csv`, `masks/ID.nii.gz`, `overlays/ID.png`.

    Raises:
        BadLayout: if there is no CT, or two would have one name.
        BadSetting: if `out` holds a table already.
    """

    def __init__(self, run: Run, paths: Sequence[Path], out: Path) -> None:
        self.postprocessing, _ = mask_postprocessing_of(run)
        self.out, self.table = Path(out), Path(out) / "predictions.csv"
        self.cases = cases_in(paths)
        if self.table.exists():
            raise BadSetting(f"{self.table} is there already. Choose another folder with --out, or remove it.")
        self.rows: list[tuple[str, ...]] = []
        self.unreadable: list[str] = []

    def predict_all(self, asked: InferVolume, preparation: Preparation, overlays: bool = True) -> None:
        """Ask about every scan and write what is answered; a scan that cannot be read is noted and passed over.

        Raises:
            UnreadableScan: if no scan could be read.
        """
        with progress_bar("asking", len(self.cases), "scans") as bar:
            for case in self.cases:
                try:
                    self._predict_case(case, asked, preparation, overlays)
                except UnreadableScan as error:
                    self.unreadable.append(f"{case.path}: {error}" if str(case.path) not in str(error) else str(error))
                else:
                    # After each: whoever stops in the middle keeps what was answered.
                    write_rows(self.table, [COLUMNS, *self.rows])
                bar.advance()
        self._finish()

    def _predict_case(self, case: Case, asked: InferVolume, preparation: Preparation, overlays: bool) -> None:
        # A scan that is asked about once is not kept: the cache is for what is trained on.
        with TemporaryDirectory() as folder:
            source, prepared = prepared_apart(case.path, preparation, Path(folder))
            mask = mask_of(prepared.back_to_source(asked(prepared)), self.postprocessing, spacing_mm(source.affine))
        path = self.out / "masks" / f"{case.case_id}.nii.gz"
        write_mask_like(path, mask, source)
        found = measured(source, mask)
        numbers = (f"{found.lesion_ml:.3f}", f"{found.lung_ml:.1f}", "" if np.isnan(found.percent) else f"{found.percent:.3f}")
        self.rows.append((str(case.path), case.case_id, f"masks/{path.name}", *numbers, "; ".join(prepared.notes)))
        if overlays:
            self._draw(case, source, mask, str(found))

    def _draw(self, case: Case, source: Volume, mask: np.ndarray, said: str) -> None:
        hu, affine = to_orientation(source.voxels, source.affine, "LPS")
        turned, _ = to_orientation(mask, source.affine, "LPS")
        write_mask_overlay(self.out / "overlays" / f"{case.case_id}.png", hu, turned, spacing_mm(affine), case.case_id, said)

    def _finish(self) -> None:
        write_rows(self.table, [COLUMNS, *self.rows])
        say(f"{len(self.rows):,} scans predicted: {self.table}")
        if self.unreadable:
            write_text(self.out / "unreadable.txt", "\n".join(self.unreadable) + "\n")
            say(f"{len(self.unreadable):,} scans could not be read (all of them in {self.out / 'unreadable.txt'}):", style="yellow")
            for line in self.unreadable[:SHOWN]:
                say(f"  {line}")
        if not self.rows:
            raise UnreadableScan(f"None of the {len(self.cases):,} scans could be read as a CT.")


def cases_in(paths: Sequence[Path]) -> list[Case]:
    """Return the CTs in files and folders, each once.

    Raises:
        BadLayout: if a path holds none, or two CTs would be called the same.
    """
    found: dict[Path, Case] = {}
    for path in paths:
        if not Path(path).exists():
            raise BadLayout(f"{path}: there is no such file or folder. Name NIfTI files, folders of them, or folders of DICOM slices.")
        found |= {case.path.resolve(): case for case in find_images(Path(path))}
    cases: dict[str, Case] = {}
    for case in found.values():
        if (other := cases.setdefault(case.case_id, case)) is not case:
            raise BadLayout(
                f"{other.path} and {case.path} would both be called {case.case_id!r}, so their masks could not be told apart. "
                "Ask about them one after another, with an --out each, or rename one."
            )
    return list(cases.values())


def measured(source: Volume, mask: np.ndarray) -> Measured:
    """Return the volume of a mask and of the lungs that it lies in; 0 ml of lungs where none are found."""
    spacing = spacing_mm(source.affine)
    air = lung_mask(source.voxels, source.affine)
    # Without any lung that holds air, what is found may lie anywhere, and has no share of lungs.
    return Measured(volume_ml(mask, spacing), volume_ml(air | mask, spacing) if air.any() else 0.0)


def submit_masks(predicted: Callable[[Path], Path], images: Path, out: Path) -> Path:
    """Pack the masks that `predicted` writes into a folder as the challenge's zip, proved against the CTs in `images`.

    Raises:
        BadLayout: if a CT got no mask, because it could not be read, or anything else for which the challenge would refuse the file.
    """
    cases = find_images(Path(images))
    with TemporaryDirectory() as folder:
        masks = predicted(Path(folder)).parent / "masks"
        there = {case.case_id: masks / f"{case.case_id}.nii.gz" for case in cases}
        write_submission(Path(out), {name: path for name, path in there.items() if path.exists()}, cases)
    say(f"{out}: {len(cases):,} masks, each on the grid of its CT.")
    return Path(out)
