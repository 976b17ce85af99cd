"""Images that look the same as one that a run was trained on, though their pixels are others: such as a picture made of a DICOM file.

Digests know an image that was saved again with the same values. A negative, a JPEG, a smaller copy or a clipped CT has other values, and
would pass for another person's. Small pictures of the images are kept in the run folder, and new ones are compared with them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from typing_extensions import TypedDict

from radlearn.amounts import begun, part_of, verb_of
from radlearn.errors import BadRunFolder
from radlearn.file_names import called
from radlearn.progress import say
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


class LookWords(NamedTuple):
    """What is compared, in the plural, and which copies of it have other values."""

    units: str
    copies: str


def write_thumbnails(run: Run, named: Sequence[tuple[str, str]], thumbnails: Sequence[Sequence[np.ndarray]]) -> None:
    """Write small pictures of images into the run folder.

    Args:
        named: name and subset of each.
        thumbnails: of each, the first of which all have.
    """
    must_be_there(run)
    about: _Names = {
        "names": [name for name, _ in named],
        "subsets": [subset for _, subset in named],  # type: ignore[misc]
        "weights": digest_in(run.best_weights),
    }
    tensors = {"thumbnails": torch.from_numpy(np.stack([of[0] for of in thumbnails]))}
    if further := [(number, one) for number, of in enumerate(thumbnails) for one in of[1:]]:
        tensors["further"] = torch.from_numpy(np.stack([one for _, one in further]))
        tensors["further_of"] = torch.tensor([number for number, _ in further])
    save_tensors(run.folder / FILE, tensors, about)


class Alike(NamedTuple):
    """An image of a run that another one looks the same as."""

    subset: str
    name: str
    run: Run


class LookAlikes:
    """Finds images that look the same as one that runs were trained or validated on; and those that these started from.

    Of a run without small pictures it is said that it finds none.

    Args:
        known: makes of the runs' thumbnails, (thumbnails, …), what tells of an image which of them it looks the same as: number → likeness.

    Raises:
        BadRunFolder: if a file is damaged, or of other weights than the run has.
    """

    def __init__(
        self, runs: Sequence[Run], words: LookWords, known: Callable[[np.ndarray], Callable[[Any], Mapping[int, float]]], ndim: int = 3
    ) -> None:
        self._words = words
        self._own = {run.folder for run in runs}
        pictures: list[np.ndarray] = []
        # Of each thumbnail.
        self._owners: list[Alike] = []
        for run in with_earlier(runs, told=True):
            path = run.folder / FILE
            if not path.exists():
                say(
                    f"{run.folder}: has no {FILE}, so that {words.units} that it was trained on are not known again where their pixel "
                    f"values are others, as in {words.copies}. To make it again: {run.resume_command}",
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
                say(f"{error} Copies of its {words.units} cannot be told.", style="yellow")
                continue
            thumbnails = tensors.get("thumbnails", torch.empty(0))
            further, further_of = tensors.get("further", thumbnails[:0]), tensors.get("further_of", torch.empty(0)).tolist()
            fits = further.shape[1:] == thumbnails.shape[1:] and len(further) == len(further_of)
            fits = fits and all(number in range(len(thumbnails)) for number in further_of)
            if thumbnails.ndim != ndim or not (fits and len(thumbnails) == len(about["names"]) == len(about["subsets"])):
                raise BadRunFolder(f"{path}: does not hold a small picture, a name and a subset of each of its {words.units}. {advice}")
            own = [Alike(subset, name, run) for name, subset in zip(about["names"], about["subsets"], strict=True)]
            pictures += [thumbnails.numpy(), further.numpy()]
            self._owners += [*own, *(own[int(number)] for number in further_of)]
        self._like = known(np.concatenate(pictures)) if pictures else None
        # File -> the image that it looks like.
        self.found: dict[Path, Alike] = {}

    def look_at(self, path: Path, look: Callable[[], Any]) -> None:
        """Note in `found` what `like` finds for an image."""
        if self._like is not None and (alike := self.like(look())) is not None:
            self.found[path] = alike

    def like(self, look: Any) -> Alike | None:
        """Return the runs' image that one looks the same as."""
        if self._like is None:
            return None
        alike = self._like(look)
        # What was trained on counts, and of those what is nearest.
        nearest = sorted(alike, key=lambda number: -alike[number])
        return next((known for subset in USED for number in nearest if (known := self._owners[number]).subset == subset), None)

    def _called(self, run: Run) -> str:
        return "the run" if run.folder in self._own else f"{run.folder}, from which the run started,"

    def report(self, paths: Iterable[Path], count: int, but: Collection[Path] = ()) -> None:
        """Say which of `count` images, those of `paths`, look like the runs' own; `but` are those of which more is said already."""
        asked = [path for path in paths if path in self.found and path not in but]
        whose = {path: self._called(self.found[path].run) for path in asked}
        for (subset, used), run in product(USED.items(), dict.fromkeys(whose.values())):
            if seen := [path for path in asked if self.found[path].subset == subset and whose[path] == run]:
                names = ", ".join(f"{Path(called(path)).name} (as {self.found[path].name})" for path in seen[:SHOWN])
                more = f" and {len(seen) - SHOWN:,} more" if len(seen) > SHOWN else ""
                say(
                    f"{begun(part_of(len(seen), count, self._words.units))} {verb_of(len(seen), 'look')} the same as "
                    f"{'one' if len(seen) == 1 else 'some'} that {run} {used}, with other pixel values: {names}{more}. If "
                    f"{'it is a copy' if len(seen) == 1 else 'they are copies'}, how well it does on "
                    f"{'it' if len(seen) == 1 else 'them'} says nothing about new people.",
                    style="yellow",
                )
