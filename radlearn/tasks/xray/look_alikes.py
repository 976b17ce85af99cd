"""X-rays that look the same as one that a run was trained on, though their pixels are others: such as a picture made of a DICOM file.

Digests know an image that was saved again with the same values. A negative, a picture of 8 bits or a smaller copy has other values, and
would pass for another person's. Small pictures of the X-rays are kept in the run folder, and new ones are compared with them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from typing_extensions import TypedDict

from radlearn.amounts import begun, part_of, verb_of
from radlearn.errors import BadRunFolder
from radlearn.file_names import called
from radlearn.progress import say
from radlearn.scans.look_alikes import SAME_ABOVE, fingerprints, likeness, thumbnail_of
from radlearn.tasks.xray.radiographs import PreparedRadiograph
from radlearn.training.checkpoint import load_tensors, save_tensors
from radlearn.training.checkpoint_header import digest_in, refuse_other_weights
from radlearn.training.earlier_runs import with_earlier
from radlearn.training.run_files import checked
from radlearn.training.run_folder import Run, must_be_there

FILE = "look_alikes.safetensors"
SHOWN = 5
# Subset -> how a run used it.
USED = {"train": "was trained on", "validation": "chose its weights and threshold on"}


class _Names(TypedDict):
    """What stands beside the thumbnails in the file, a name and a subset for each, and the digest of the weights."""

    names: list[str]
    subsets: list[Literal["train", "validation"]]
    weights: str | None


def write_look_alikes(run: Run, split: Mapping[str, Sequence[PreparedRadiograph]]) -> None:
    """Write small pictures of the training and validation X-rays into the run folder, 1 KB each."""
    must_be_there(run)
    kept = [(xray, subset) for subset in USED for xray in split[subset]]
    thumbnails = np.stack([thumbnail_of(xray.pixels[0]) for xray, _ in kept])
    about: _Names = {
        "names": [xray.case.image_id for xray, _ in kept],
        "subsets": [subset for _, subset in kept],  # type: ignore[misc]
        "weights": digest_in(run.best_weights),
    }
    save_tensors(run.folder / FILE, {"thumbnails": torch.from_numpy(thumbnails)}, about)


class Alike(NamedTuple):
    """An X-ray of a run that another one looks the same as."""

    subset: str
    name: str
    run: Run


class LookAlikes:
    """Finds X-rays that look the same as one that runs were trained or validated on; and those that these started from.

    Of a run without small pictures it is said that it finds none.

    Raises:
        BadRunFolder: if a file is damaged, or of other weights than the run has.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self._known: list[Alike] = []
        self._own = {run.folder for run in runs}
        pictures = []
        for run in with_earlier(runs, told=True):
            path = run.folder / FILE
            if not path.exists():
                say(
                    f"{run.folder}: has no {FILE}, so that X-rays that it was trained on are not known again where their pixel values are "
                    f"others, as in a picture, a negative or a smaller copy. To make it again: {run.resume_command}",
                    style="yellow",
                )
                continue
            advice = f"Remove it. To make it again: {run.resume_command}"
            tensors, said = load_tensors(path, advice)
            about = checked(said, _Names, path, advice)
            try:
                refuse_other_weights(about["weights"], run, path)
            except BadRunFolder as error:
                if run.folder in self._own:
                    raise
                # An earlier run may have been continued since.
                say(f"{error} Copies of its X-rays cannot be told.", style="yellow")
                continue
            thumbnails = tensors.get("thumbnails", torch.empty(0))
            if thumbnails.ndim != 3 or not len(thumbnails) == len(about["names"]) == len(about["subsets"]):
                raise BadRunFolder(f"{path}: does not hold a small picture, a name and a subset of each X-ray. {advice}")
            pictures.append(thumbnails.numpy())
            self._known += [Alike(subset, name, run) for name, subset in zip(about["names"], about["subsets"], strict=True)]
        self._thumbnails = np.concatenate(pictures) if pictures else np.zeros((0, 0, 0), np.uint8)
        self._fingerprints = fingerprints(self._thumbnails) if pictures else np.zeros((0, 0), np.float32)
        # File -> the X-ray that it looks like.
        self.found: dict[Path, Alike] = {}

    def look_at(self, path: Path, xray: PreparedRadiograph) -> None:
        """Note in `found` what `like` finds for an X-ray."""
        if self._known and (alike := self.like(thumbnail_of(xray.pixels[0]))) is not None:
            self.found[path] = alike

    def like(self, thumbnail: np.ndarray) -> Alike | None:
        """Return the runs' X-ray that a thumbnail looks the same as, also as a negative or in a mirror, as training mirrors X-rays."""
        if not self._known:
            return None
        ways = np.stack([thumbnail, thumbnail[:, ::-1]])
        near = np.abs(self._fingerprints @ fingerprints(ways).T).max(axis=1)
        # In a frame that both have they may be different.
        alike = {
            int(number): max(abs(likeness(way, self._thumbnails[number])) for way in ways) for number in np.flatnonzero(near > SAME_ABOVE)
        }
        numbers = [number for number in sorted(alike, key=lambda number: -alike[number]) if alike[number] > SAME_ABOVE]
        # What was trained on counts, and of those what is nearest.
        return next((known for subset in USED for number in numbers if (known := self._known[number]).subset == subset), None)

    def _called(self, run: Run) -> str:
        return "the run" if run.folder in self._own else f"{run.folder}, from which the run started,"

    def report(self, paths: Iterable[Path], count: int, but: Collection[Path] = ()) -> None:
        """Say which of `count` X-rays, those of `paths`, look like the runs' own; `but` are those of which more is said already."""
        asked = [path for path in paths if path in self.found and path not in but]
        whose = {path: self._called(self.found[path].run) for path in asked}
        for (subset, used), run in product(USED.items(), dict.fromkeys(whose.values())):
            if seen := [path for path in asked if self.found[path].subset == subset and whose[path] == run]:
                names = ", ".join(f"{Path(called(path)).name} (as {self.found[path].name})" for path in seen[:SHOWN])
                more = f" and {len(seen) - SHOWN:,} more" if len(seen) > SHOWN else ""
                say(
                    f"{begun(part_of(len(seen), count, 'X-rays'))} {verb_of(len(seen), 'look')} the same as "
                    f"{'one' if len(seen) == 1 else 'some'} that {run} {used}, with other pixel values: {names}{more}. If "
                    f"{'it is a copy' if len(seen) == 1 else 'they are copies'}, how well it does on "
                    f"{'it' if len(seen) == 1 else 'them'} says nothing about new people.",
                    style="yellow",
                )


def report_look_alikes(run: Run, xrays: Sequence[PreparedRadiograph]) -> None:
    """Say which X-rays of other data look the same as one that the run was trained or validated on; errors as `LookAlikes`."""
    known = LookAlikes([run])
    for xray in xrays:
        known.look_at(xray.case.path, xray)
    known.report([xray.case.path for xray in xrays], len(xrays))
