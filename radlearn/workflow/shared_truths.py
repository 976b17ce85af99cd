"""Whether runs were trained on the same truth: those that predict together, or are compared, may be about different findings.

A run keeps a digest of the truth of each of its cases and no word of what it is about: the label of a table has no name. So what runs
are about shows in the cases that they share, by their pixels, whatever these are called.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from radlearn.amounts import part_of, verb_of
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.progress import say
from radlearn.training.run_folder import Run
from radlearn.training.splits import contents_in_split
from radlearn.workflow.case_labels import names_of_labels

FEWEST, AGREEMENT = 10, 0.4
"""Of fewer shared cases nothing is refused. Two readers of one finding agree by a Cohen's kappa of 0.4 and more; two findings, or one that
is shuffled, by about 0."""
WITHOUT = blake2b(b"word 'False'", digest_size=16).hexdigest()
"The digest of the truth of a case that is without the finding, as `case_contents` makes it."


class TruthsApart(NamedTuple):
    """How the truths of two runs differ: in how many of the cases that they share, and whether they are about different findings."""

    differing: int
    shared: int
    example: str
    of_another_finding: bool

    def words(self, run: Run, other: Run) -> str:
        cases = part_of(self.differing, self.shared, "shared cases")
        return (
            f"{run.folder} and {other.folder} were trained on different truths: {cases} {verb_of(self.differing, 'have')} another in "
            f"each, such as {self.example}."
        )


def truths_apart(run: Run, other: Run) -> TruthsApart | None:
    """Return how the truths of two runs differ; None where they do not, or where it cannot be told."""
    # Of several labels a digest depends on the order of their columns; runs of them go by the labels' names.
    if names_of_labels(run) or names_of_labels(other):
        return None
    try:
        first, second = _truths(run), _truths(other)
    except BadRunFolder:
        return None
    shared = [pixels for pixels in first if pixels in second]
    differing = [pixels for pixels in shared if first[pixels][0] != second[pixels][0]]
    if not differing:
        return None
    pairs = [(first[pixels][0] != WITHOUT, second[pixels][0] != WITHOUT) for pixels in shared]
    # The digest of a mask does not tell whether there is a finding.
    told = all(any(not one[number] for one in pairs) for number in (0, 1))
    return TruthsApart(len(differing), len(shared), first[differing[0]][1], told and len(shared) >= FEWEST and kappa(pairs) < AGREEMENT)


def refuse_other_findings(runs: Sequence[Run]) -> None:
    """Refuse runs that were trained on different findings; where the truth of some cases alone is another, that is said.

    Raises:
        BadSetting: if the labels of two agree hardly more than by chance.
    """
    for run in runs[1:]:
        if found := truths_apart(run, runs[0]):
            said = found.words(run, runs[0])
            if found.of_another_finding:
                raise BadSetting(
                    f"{said} They agree hardly more than by chance, so these are different findings, and a mean of their answers says "
                    "nothing. Name runs that were trained on the same finding."
                )
            say(f"{said} Was it corrected in between? What they predict together mixes both.", style="bold yellow")


def kappa(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Return Cohen's kappa of two judgements of cases: 1 where they agree, about 0 where they do by chance.

    >>> kappa([(True, True), (False, False)]), kappa([(True, True), (True, False), (False, True), (False, False)])
    (1.0, 0.0)
    """
    count = len(pairs)
    agreed = sum(one == other for one, other in pairs) / count
    share, of_other = (sum(pair[number] for pair in pairs) / count for number in (0, 1))
    by_chance = share * of_other + (1 - share) * (1 - of_other)
    return 1.0 if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)


def _truths(run: Run) -> Mapping[str, tuple[str, str]]:
    """Return pixels -> truth and name of the images of a run; without those of which it has several truths."""
    found: dict[str, tuple[str, str]] = {}
    several = set()
    for image_id, content in contents_in_split(run).items():
        if content.pixels and content.truth and found.setdefault(content.pixels, (content.truth, image_id))[0] != content.truth:
            several.add(content.pixels)
    return {pixels: one for pixels, one in found.items() if pixels not in several}
