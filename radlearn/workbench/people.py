"""Who learns, who chooses, who judges: films divided by person, and the division kept in the run folder."""

from collections.abc import Sequence

from radlearn.challenges.rsna import Case
from radlearn.errors import BadRunFolder
from radlearn.progress import say
from radlearn.training.run_folder import Run
from radlearn.training.splits import SIDES, prove_persons_apart, read_split, split_by_person, write_split
from radlearn.workbench.films import Film


def divided(films: Sequence[Film], seed: int, fold: int | None, run: Run) -> dict[str, list[Film]]:
    """Divide films by person into training, validation and test, and keep the division in the run's `split.csv`.

    A run that has a division already keeps it, so that going on with it cannot move a person.

    Raises:
        BadRunFolder: if the data no longer hold the images of the run's division.
        BadSetting: if there are too few people to divide.
    """
    file = run.folder / "split.csv"
    cases = [film.case for film in films]
    if not file.exists():
        persons = [case.person for case in cases]
        sides = split_by_person(persons, [bool(case.label) for case in cases], seed, fold)
        people = prove_persons_apart(persons, sides)
        write_split(file, [case.image_id for case in cases], persons, sides)
        for side in SIDES:
            labels = [bool(case.label) for case, of in zip(cases, sides, strict=True) if of == side]
            say(f"  {side:<10} {len(labels):>6,} films of {people[side]:>6,} people, {sum(labels):>5,} with an opacity")
    by_id = {film.case.image_id: film for film in films}
    return {side: [by_id[case.image_id] for case in here] for side, here in cases_by_side(cases, run).items()}


def cases_by_side(cases: Sequence[Case], run: Run) -> dict[str, list[Case]]:
    """Return the cases as the run's `split.csv` divides them, in its order.

    Raises:
        BadRunFolder: if images of the division are not among the cases.
    """
    split = read_split(run.folder / "split.csv")
    by_id = {case.image_id: case for case in cases}
    missing = [image_id for image_id in split if image_id not in by_id]
    if missing:
        raise BadRunFolder(
            f"{run.folder}: {len(missing):,} of the {len(split):,} films it was trained and judged on are not in the data, the first is "
            f"{missing[0]}. Give the folder that it was trained on with --data, or start a new run."
        )
    return {side: [by_id[image_id] for image_id, (_, of) in split.items() if of == side] for side in SIDES}
