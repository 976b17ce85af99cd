"""Cases that a run was trained on, met again in `predict`: what it says of them says nothing about people it has not seen."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from radlearn.amounts import begun, part_of, verb_of
from radlearn.challenges.words.near_ids import NearIds
from radlearn.errors import BadRunFolder
from radlearn.progress import say
from radlearn.training.earlier_runs import with_earlier
from radlearn.training.run_folder import Run
from radlearn.training.splits import contents_in_split, split_of
from radlearn.workflow.case_contents import images_of

SHOWN = 5


class KnownCases:
    """Finds images of the training and validation subsets of runs, by their pixels, whatever they are called.

    Runs that are older than digests of images know theirs by name alone, and other people's may bear the same: that is said.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        # Digest of the pixels -> subset and name.
        self._by_pixels: dict[str, tuple[str, str]] = {}
        self._by_name: dict[str, str] = {}
        self._without_split: list[str] = []
        for run in with_earlier(runs):
            try:
                split, contents = split_of(run), contents_in_split(run)
            except BadRunFolder as error:
                # A run folder without a split, or with one that was changed, still predicts.
                self._without_split.append(f"{error} Whether it was trained on any of these cannot be told.")
                continue
            has_digests = any(content.pixels for content in contents.values())
            for image_id, (_, subset) in split.items():
                if pixels := contents[image_id].pixels:
                    # Of several runs, one that was trained on a case is what counts.
                    if self._by_pixels.get(pixels, ("",))[0] != "train":
                        self._by_pixels[pixels] = (subset, image_id)
                elif not has_digests and self._by_name.get(image_id) != "train":
                    self._by_name[image_id] = subset
        self._near = NearIds(self._by_name)

    def named(self, image_id: str) -> str:
        """Return the subset of a case of a run without digests by its name, with or without a suffix or folder; "" where none knows it."""
        return self._by_name.get(image_id) or self._by_name.get(self._near.known_as(image_id) or "", "")

    def report(self, predicted: Iterable[tuple[str, Path]], what: str) -> set[Path]:
        """Say which images were trained on, or chosen on; return those that are known by their pixels.

        Args:
            predicted: name and file, or folder, of each.
            what: they are, in the plural.
        """
        for trouble in self._without_split:
            say(trouble, style="yellow")
        images = list(predicted)
        own: list[tuple[str, str]] = []
        known: set[Path] = set()
        if self._by_pixels:
            for (image_id, path), pixels in zip(images, images_of([path for _, path in images], self._by_pixels), strict=True):
                if pixels:
                    subset, name = self._by_pixels[pixels]
                    known.add(path)
                    own.append((subset, image_id if name == image_id else f"{image_id} ({name} there)"))
        self._say(own, "are", "an image", "images", len(images), what)
        self._say(
            [(self.named(image_id), image_id) for image_id, _ in images], "have", "the name of one", "the names of some", len(images), what
        )
        return known

    def _say(self, found: Sequence[tuple[str, str]], are: str, one: str, several: str, count: int, what: str) -> None:
        for subset, words in (("train", "was trained on"), ("validation", "chose its weights and threshold on")):
            if seen := [name for own, name in found if own == subset]:
                more = f" and {len(seen) - SHOWN:,} more" if len(seen) > SHOWN else ""
                told = (
                    f"{begun(part_of(len(seen), count, what))} {verb_of(len(seen), are)} "
                    f"{one if len(seen) == 1 else several} that the run {words}: {', '.join(seen[:SHOWN])}{more}."
                )
                say(f"{told} How well it does on those says nothing about new people.", style="yellow")
