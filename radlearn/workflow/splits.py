"""Who learns, who chooses, who evaluates: X-rays or scans split by person, and the split kept in the run folder."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from radlearn.errors import BadRunFolder
from radlearn.progress import say
from radlearn.training.run_folder import Run
from radlearn.training.splits import SUBSETS, prove_persons_apart, read_split, split_by_person, write_split


class Words(NamedTuple):
    """What is divided, what those are called that show what is looked for, and how many of them, and of the others, a subset must have."""

    items: str = "X-rays"
    having: str = "an opacity"
    least: int = 2


XRAYS = Words()


class AnyCase(Protocol):
    """A case of any challenge, as far as dividing people needs to know it."""

    @property
    def image_id(self) -> str: ...
    @property
    def person(self) -> str: ...


class Labelled(Protocol):
    """An X-ray or a scan, ready to learn from: its case, and whether it shows what is looked for."""

    @property
    def case(self) -> AnyCase: ...
    @property
    def label(self) -> bool: ...


One = TypeVar("One", bound=Labelled)
CaseT = TypeVar("CaseT", bound=AnyCase)


def split_cases(
    items: Sequence[One], seed: int, fold: int | None, run: Run, labels: Sequence[bool] | None = None, words: Words = XRAYS
) -> dict[str, list[One]]:
    """Split X-rays or scans by person into training, validation and test, and keep the split in the run's `split.csv`.

    A run that has a split already keeps it, so that going on with it cannot move a person.

    Args:
        labels: of which every subset gets its share; whether each item shows what is looked for, if not given.
        words: how to speak of them.

    Raises:
        BadRunFolder: if the data no longer hold the images of the run's split.
        BadSetting: if there are too few people to divide.
    """
    file = run.folder / "split.csv"
    cases = [item.case for item in items]
    if not file.exists():
        persons = [case.person for case in cases]
        known = [item.label for item in items] if labels is None else [bool(label) for label in labels]
        subsets = split_by_person(persons, known, seed, fold, least=words.least, finding=words.having)
        people = prove_persons_apart(persons, subsets)
        write_split(file, [case.image_id for case in cases], persons, subsets)
        for subset in SUBSETS:
            here = [label for label, of in zip(known, subsets, strict=True) if of == subset]
            say(f"  {subset:<10} {len(here):>6,} {words.items} of {people[subset]:>6,} people, {sum(here):>5,} with {words.having}")
    by_id = {item.case.image_id: item for item in items}
    return {subset: [by_id[case.image_id] for case in here] for subset, here in cases_by_subset(cases, run).items()}


def cases_by_subset(cases: Sequence[CaseT], run: Run) -> dict[str, list[CaseT]]:
    """Return the cases as the run's `split.csv` divides them, in its order.

    Raises:
        BadRunFolder: if images of the split are not among the cases.
    """
    split = read_split(run.folder / "split.csv")
    by_id = {case.image_id: case for case in cases}
    missing = [image_id for image_id in split if image_id not in by_id]
    if missing:
        raise BadRunFolder(
            f"{run.folder}: {len(missing):,} of the {len(split):,} cases it was trained and evaluated on are not in the data, the first is "
            f"{missing[0]}. Give the folder that it was trained on with --data, or start a new run."
        )
    return {subset: [by_id[image_id] for image_id, (_, of) in split.items() if of == subset] for subset in SUBSETS}
