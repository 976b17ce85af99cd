"""People who are called like people that a run was trained or chosen on, though no image of theirs is one that it has seen.

Names alone decide nothing: others count their patients from 1 too, and the same person may be called otherwise. So nobody is refused or
moved by a name. But a second image of a person whom a run has learnt looks like a new person to every digest, and only the name tells.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from radlearn.amounts import begun, part_of, verb_of
from radlearn.challenges.challenge import Case
from radlearn.challenges.folders import holds_exact_truth, stem, volume_stem
from radlearn.challenges.words.person_spellings import outline
from radlearn.errors import BadRunFolder
from radlearn.progress import say
from radlearn.training.run_folder import Run
from radlearn.training.splits import SUBSETS, split_of


class Namesake(NamedTuple):
    """A person by the name in the data now, and where a run had one of that name."""

    person: str
    name_there: str
    subset: str
    run: Run


def namesakes(runs: Sequence[Run], cases: Sequence[Case]) -> dict[str, Namesake]:
    """Return person → where some runs had a person of that name, nearest to training; without those who are called as their image is.

    Built-in patients have the same names in every cohort, and digests tell who of them is who.
    """
    if all(holds_exact_truth(folder) for folder in {case.folder for case in cases}):
        return {}
    named = {outline(case.person): case.person for case in cases if not is_the_images_own(case.person, case.image_id)}
    found: dict[str, Namesake] = {}
    for run in runs:
        if run.about.get("synthetic"):
            continue
        for name, subset in _people_of(run).items():
            person = named.get(outline(name))
            if person is not None and (person not in found or SUBSETS.index(subset) < SUBSETS.index(found[person].subset)):
                found[person] = Namesake(person, name, subset, run)
    return found


def is_the_images_own(person: str, image_id: str) -> bool:
    """Whether a person is called as an image is, so that a second image of theirs would have another name.

    >>> is_the_images_own("case-0001", "case-0001"), is_the_images_own("d/a.png", "a")
    (True, True)
    >>> is_the_images_own("P7", "P7_lateral")
    False
    """
    name = PurePath(person).name
    return image_id in (person, name, stem(name), volume_stem(name))


def tell_external_namesakes(runs: Sequence[Run], cases: Sequence[Case]) -> None:
    """Say which people of an external set are called like people that runs were trained or chosen on."""
    known = {person: one for person, one in namesakes(runs, cases).items() if one.subset != "test"}
    people = len({case.person for case in cases})
    _tell(known, f"{begun(part_of(len(known), people, 'persons'))} of this external set", "evaluate without them")


def tell_moved_namesakes(earlier: Sequence[Run], cases: Sequence[Case], subsets: Sequence[str], decided: Collection[str]) -> None:
    """Say which people that a new run validates or tests are called like people whom an earlier run had nearer to training.

    Args:
        earlier: the runs that the new run's weights come from.
        cases, subsets: of the new run.
        decided: persons of whom images tell already.
    """
    now = dict(zip((case.person for case in cases), subsets, strict=True))
    moved = {
        person: one
        for person, one in namesakes(earlier, cases).items()
        if person not in decided and SUBSETS.index(now[person]) > SUBSETS.index(one.subset)
    }
    held = sum(subset != "train" for subset in now.values())
    who = f"{begun(part_of(len(moved), held, 'persons'))} whom this run validates or tests"
    _tell(moved, who, "give --data a table with a column split, in which these are where {split} has them")


def _tell(known: Mapping[str, Namesake], who: str, advice: str) -> None:
    if not known:
        return
    one = next(iter(known.values()))
    runs = dict.fromkeys(str(other.run.folder) for other in known.values())
    there = f" ({one.name_there} there)" * (one.person != one.name_there)
    called = f"{who} {verb_of(len(known), 'are')} called like people that {' and '.join(runs)} was trained or chosen on"
    say(
        f"{called}, such as {one.person}{there}, though no image is the same. If they are the same people, the scores say nothing of new "
        f"people: {advice.format(split=one.run.folder / 'split.csv')}. If they are others, as where both count from 1, all is well.",
        style="yellow",
    )


def _people_of(run: Run) -> dict[str, str]:
    """Return person → subset of a run, without those who are called as their image; {} where it has no split that can be read."""
    try:
        split = split_of(run)
    except BadRunFolder:
        return {}
    return {person: subset for image_id, (person, subset) in split.items() if not is_the_images_own(person, image_id)}
