"""The people whom the runs that a run started from have seen: its weights know them, whatever subset they are in now."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from radlearn.amounts import part_of
from radlearn.challenges.challenge import Case
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.hints import command
from radlearn.progress import say
from radlearn.training.earlier_runs import with_earlier
from radlearn.training.run_folder import Run
from radlearn.training.splits import SUBSETS, contents_in_split, split_of
from radlearn.workflow.case_contents import images_of


def seen_before(run: Run) -> dict[str, str]:
    """Return digest of the pixels → subset, for the images of all runs that a run started from; the subset that was nearest to training."""
    found: dict[str, str] = {}
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
                found[pixels] = min(subset, found.get(pixels, subset), key=SUBSETS.index)
    return found


def refuse_seen_people(
    run: Run,
    cases: Sequence[Case],
    persons: Sequence[str],
    subsets: Sequence[str],
    split_with: Callable[[int, int | None], Sequence[str]] | None = None,
) -> None:
    """Refuse a split by which people are tested, or chosen on, whom the weights that the run starts from were trained on.

    Args:
        run: a new run; nothing is asked where it starts from no other.
        persons, subsets: of each case.
        split_with: returns the subsets by another seed and fold; None where a table says who is in which.

    Raises:
        BadSetting: with the number of such people, and the split to take instead.
    """
    # A run folder that is not begun yet has no settings.
    if not (run.folder / "settings.json").exists() or "start_from" not in run.about or not (before := seen_before(run)):
        return
    # All images of a person count, also those that the earlier run did not have.
    nearest: dict[str, str] = {}
    for person, pixels in zip(persons, images_of([case.path for case in cases], before), strict=True):
        if (subset := before.get(pixels)) is not None:
            nearest[person] = min(subset, nearest.get(person, subset), key=SUBSETS.index)
    moved = _moved(nearest, persons, subsets)
    if not moved:
        return
    earlier = run.about["start_from"]
    held = len({person for person, subset in zip(persons, subsets, strict=True) if subset != "train"})
    settings = with_earlier([run])[1].settings
    seed, fold = settings.get("split_seed"), settings.get("fold")
    seed = settings.get("seed", 0) if seed is None else seed
    if split_with is None:
        then = f"Move them in the table's column split to where {Path(earlier) / 'split.csv'} has them"
    elif _keeps(lambda: _moved(nearest, persons, split_with(seed, fold))):
        flags = ("--split-seed", seed, *(("--fold", fold) if fold is not None else ()))
        then = f"Take the split of that run: {command(run.task, 'train', '--start-from', earlier, *flags)} …"
    else:
        # Of other people, or by a table's column split, that run's seed leads to another split.
        then = f"Give --data a table with a column split, in which these are where {Path(earlier) / 'split.csv'} has them"
    raise BadSetting(
        f"{earlier}: was trained or chosen on {part_of(len(moved), held, 'persons')} whom this run would validate or test: its scores "
        f"would say nothing of new people. {then}; or train on other people."
    )


def _moved(nearest: Mapping[str, str], persons: Sequence[str], subsets: Sequence[str]) -> list[str]:
    """Return the persons who are farther from training than they were, the nearest subset of each being given."""
    now = dict(zip(persons, subsets, strict=True))
    return [person for person, subset in nearest.items() if SUBSETS.index(now[person]) > SUBSETS.index(subset)]


def _keeps(moved: Callable[[], Sequence[str]]) -> bool:
    try:
        return not moved()
    except BadSetting:
        return False
