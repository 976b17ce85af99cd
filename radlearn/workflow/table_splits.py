"""The split that a table of one's own asks for: its column `split`, or one of folds that is not read."""

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from radlearn.amounts import counted, verb_of
from radlearn.challenges.challenge import Case
from radlearn.challenges.words.near_columns import is_fold_column
from radlearn.errors import BadSetting
from radlearn.progress import say
from radlearn.training.run_folder import Run, holds_repeats
from radlearn.training.splits import SUBSETS


class SplitWords(NamedTuple):
    """How messages name the items and the finding, and how many items with and without the finding a subset must hold."""

    items: str = "X-rays"
    finding: str = "an opacity"
    least: int = 2


XRAYS = SplitWords()


def asked_for(
    cases: Sequence[Case], fold: int | None, labels: Sequence[bool], copies: Sequence[Sequence[int]], words: SplitWords, run: Run
) -> list[str]:
    """Return the subset of each case that a table of one's own asks for; nothing where it asks for none.

    Raises:
        BadSetting: with a fold, which would be another split than that of a column split or of folds; if a subset lacks images with or
            without the finding, or a person is in two, or an image is.
    """
    asked = [subset for case in cases if (subset := getattr(case, "split", None)) is not None]
    if not asked:
        if fold is not None:
            _refuse_other_folds(cases, fold)
        return []
    if fold is not None:
        raise BadSetting("The table's column split says who is in which subset, so there are no folds. Remove the column, or --fold.")
    # Repeats are given the seed of their split without being asked.
    if (seed := run.settings.get("split_seed")) is not None and not holds_repeats(run.folder.parent):
        say(f"The table's column split says who is in which subset: --split-seed {seed} changes nothing.", style="yellow")
    torn = [numbers for numbers in copies if len({asked[number] for number in numbers}) > 1]
    if torn:
        first = torn[0][0]
        second = next(number for number in torn[0] if asked[number] != asked[first])
        one, other = (f"{cases[number].path.name} of {cases[number].person} ({asked[number]})" for number in (first, second))
        raise BadSetting(
            f"By the table's column split, {counted(len(torn), words.items)} {verb_of(len(torn), 'are')} in two subsets under two names: "
            f"{one} and {other} are one and the same image, so that what was learnt by heart would be tested. Remove one of the two rows, "
            "or put both into one subset."
        )
    persons = [spelled(case.person) for case in cases]
    place_of: dict[str, int] = {}
    for number, person in enumerate(persons):
        if asked[(first := place_of.setdefault(person, number))] != asked[number]:
            one, other = (f"{cases[place].person!r} ({cases[place].path.name}, {asked[place]})" for place in (first, number))
            raise BadSetting(
                f"By the table's column split, a person is in two subsets: {one} and {other}. A person must be in one subset only: move "
                "these images into one, or give two people two names that do not look alike."
            )
    for subset in SUBSETS:
        held = [label for label, other in zip(labels, asked, strict=True) if other == subset]
        if min(sum(held), len(held) - sum(held)) < words.least:
            found = f"{subset} holds {counted(sum(held), words.items)} with {words.finding} and {len(held) - sum(held):,} without"
            raise BadSetting(f"By the table's column split, {found}; every subset needs {words.least} of each. Move some people.")
    return asked


def _refuse_other_folds(cases: Sequence[Case], fold: int) -> None:
    """Refuse a fold of radlearn's own where the table has a column of folds, which is not read."""
    values: dict[str, list[str]] = {}
    for case in cases:
        for column, value in getattr(case, "groups", ()):
            if value not in values.setdefault(column, []):
                values[column].append(value)
    for column, found in values.items():
        if is_fold_column(column, found):
            raise BadSetting(
                f"The table has a column {column} ({', '.join(sorted(found))}), and --fold {fold} draws folds of its own. To train on the "
                f"table's, add a column split: validation in the rows of one fold, test in those of another, train in the others. Else "
                f"leave out --fold, or the column {column}."
            )


def spelled(person: str) -> str:
    """Return the name of a person as it looks."""
    return " ".join(unicodedata.normalize("NFC", person).split())
