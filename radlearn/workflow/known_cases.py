"""Cases that a run was trained on, met again in `predict`: what it says of them says nothing about people it has not seen."""

from collections.abc import Iterable, Sequence

from radlearn.challenges.near_ids import NearIds
from radlearn.errors import BadRunFolder
from radlearn.progress import say
from radlearn.training.run_folder import Run
from radlearn.training.splits import read_split

SHOWN = 5


class KnownCases:
    """Finds cases of the training and validation subsets of runs, by their names.

    A name is all that is known here, so it is said that only names were compared: other people's X-rays may bear the same.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.subset_of: dict[str, str] = {}
        self._without_split: list[str] = []
        for run in runs:
            try:
                split = read_split(run.folder / "split.csv")
            except BadRunFolder as error:
                # A run folder without a split still predicts.
                self._without_split.append(f"{error} Whether it was trained on any of these cannot be told.")
                continue
            # Of several runs, one that was trained on a case is what counts.
            for image_id, (_, subset) in split.items():
                if self.subset_of.get(image_id) != "train":
                    self.subset_of[image_id] = subset
        self._near = NearIds(self.subset_of)

    def subset(self, image_id: str) -> str:
        """Return the subset of a case by its name, with or without a suffix or folder; "" where no run knows it."""
        return self.subset_of.get(image_id) or self.subset_of.get(self._near.known_as(image_id) or "", "")

    def report(self, image_ids: Iterable[str], what: str) -> None:
        """Say which cases were trained on, or chosen on; `what` they are, in the plural."""
        for trouble in self._without_split:
            say(trouble, style="yellow")
        ids = list(image_ids)
        for subset, words in (("train", "was trained on"), ("validation", "chose its weights and threshold on")):
            seen = [image_id for image_id in ids if self.subset(image_id) == subset]
            if seen:
                shown = ", ".join(seen[:SHOWN]) + (", …" if len(seen) > SHOWN else "")
                found = f"{len(seen):,} of the {len(ids):,} {what} have the names of some that the run {words}: {shown}."
                say(f"{found} How well it does on those says nothing about new people.", style="yellow")
