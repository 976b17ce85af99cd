"""The people whom the runs that a run started from have seen: its weights know them, whatever subset they are in now."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from radlearn.amounts import part_of
from radlearn.challenges.challenge import Case
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.folder_walks import real_path
from radlearn.hints import command
from radlearn.progress import say
from radlearn.training.earlier_runs import with_earlier
from radlearn.training.run_folder import Run
from radlearn.training.splits import SUBSETS, contents_in_split, split_of
from radlearn.workflow.case_contents import images_of
from radlearn.workflow.namesakes import tell_moved_namesakes


class Seen(NamedTuple):
    """The subset of an image that was nearest to training, and the run that had it there."""

    subset: str
    run: Run


def seen_before(run: Run) -> dict[str, Seen]:
    """Return digest of the pixels → where it was seen, for the images of all runs that a run started from."""
    found: dict[str, Seen] = {}
    for earlier in with_earlier([run])[1:]:
        try:
            split, contents = split_of(earlier), contents_in_split(earlier)
        except BadRunFolder as error:
            say(f"{error} Which people {earlier.folder} was trained on cannot be told.", style="yellow")
            continue
        if not any(content.pixels for content in contents.values()):
            say(f"{earlier.folder}: is older than digests of cases. Which people it was trained on cannot be told.", style="yellow")
        for image_id, (_, subset) in split.items():
            if pixels := contents[image_id].pixels:
                found[pixels] = _nearer(Seen(subset, earlier), found.get(pixels))
    return found


def descent(run: Run, earlier: Run) -> str:
    """Return how a run descends from an earlier one, to follow the earlier one's folder: by which run in between, if any."""
    between = run.about.get("start_from")
    by_way = "" if between is None or real_path(between) == real_path(earlier.folder) else f", by way of {between}"
    return f"from which this run started{by_way}"


def _nearer(one: Seen, other: Seen | None) -> Seen:
    """Return which of two is nearer to training; the second of equals."""
    return one if other is None or SUBSETS.index(one.subset) < SUBSETS.index(other.subset) else other


def refuse_seen_people(
    run: Run,
    cases: Sequence[Case],
    persons: Sequence[str],
    subsets: Sequence[str],
    split_with: Callable[[int, int | None], Sequence[str]] | None = None,
    resembling: Callable[[Sequence[Run]], Sequence[tuple[Seen, str] | None]] | None = None,
) -> None:
    """Refuse a split by which people are tested, or chosen on, whom the weights that the run starts from were trained on.

    Args:
        run: a new run; nothing is asked where it starts from no other.
        persons, subsets: of each case.
        split_with: returns the subsets by another seed and fold; None where a table says who is in which.
        resembling: returns for each case where earlier runs saw one that looks the same, and the name that it had there.

    Raises:
        BadSetting: with the number of such people, and the split to take instead.
    """
    # A run folder that is not begun yet has no settings.
    if not (run.folder / "settings.json").exists() or "start_from" not in run.about:
        return
    before = seen_before(run)
    looks = resembling(with_earlier([run], told=True)[1:]) if resembling else [None] * len(cases)
    # All images of a person count, also those that the earlier run did not have.
    nearest: dict[str, Seen] = {}
    pixels_of = images_of([case.path for case in cases], before) if before else [""] * len(cases)
    by_looks: dict[str, str] = {}
    for case, person, pixels, look in zip(cases, persons, pixels_of, looks, strict=True):
        if (seen := before.get(pixels)) is not None:
            nearest[person] = _nearer(seen, nearest.get(person))
        elif look is not None:
            nearest[person] = _nearer(look[0], nearest.get(person))
            by_looks.setdefault(person, f"{case.path.name} of {case.person} (as {look[1]})")
    moved = _moved(nearest, persons, subsets)
    if not moved:
        decided = {case.person for case, person in zip(cases, persons, strict=True) if person in nearest}
        tell_moved_namesakes(with_earlier([run], told=True)[1:], cases, subsets, decided)
        return
    # The run that has seen most of them: it need not be the one that this run starts from, but one from which that one did.
    by_run = Counter(nearest[person].run.folder for person in moved)
    seen_by = next(nearest[person].run for person in moved if nearest[person].run.folder == by_run.most_common(1)[0][0])
    held = len({person for person, subset in zip(persons, subsets, strict=True) if subset != "train"})
    place = seen_by.folder / "split.csv"
    if split_with is None:
        then = f"Move them in the table's column split to where {place} has them"
    elif flags := _split_that_keeps(with_earlier([run])[1:], lambda seed, fold: not _moved(nearest, persons, split_with(seed, fold))):
        words = command(run.task, "train", "--start-from", run.about["start_from"], *flags)
        then = f"Take the split of that run: {words} …"
    else:
        # Of other people, or by a table's column split, that run's seed leads to another split.
        then = f"Give --data a table with a column split, in which these are where {place} has them"
    others = " and those before it" * (len(by_run) > 1)
    shown = next((by_looks[person] for person in moved if person in by_looks), "")
    known_by = f" (some of their X-rays look the same as ones that it saw, with other pixel values, such as {shown})" if shown else ""
    raise BadSetting(
        f"{seen_by.folder}, {descent(run, seen_by)},{others} was trained or chosen on {part_of(len(moved), held, 'persons')} whom this run "
        f"would validate or test{known_by}: its scores would say nothing of new people. {then}; or train on other people."
    )


def _split_that_keeps(earlier: Sequence[Run], keeps: Callable[[int, int | None], bool]) -> tuple[object, ...]:
    """Return the flags of the first split of some runs in which nobody is farther from training than before, if there is one."""
    for run in earlier:
        seed, fold = run.settings.get("split_seed"), run.settings.get("fold")
        seed = run.settings.get("seed", 0) if seed is None else seed
        try:
            if keeps(seed, fold):
                return "--split-seed", seed, *(("--fold", fold) if fold is not None else ())
        except BadSetting:
            continue
    return ()


def _moved(nearest: Mapping[str, Seen], persons: Sequence[str], subsets: Sequence[str]) -> list[str]:
    """Return the persons who are farther from training than they were, the nearest subset of each being given."""
    now = dict(zip(persons, subsets, strict=True))
    return [person for person, seen in nearest.items() if SUBSETS.index(now[person]) > SUBSETS.index(seen.subset)]
