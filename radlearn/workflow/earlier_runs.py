"""The people whom the runs that a run started from have seen: its weights know them, whatever subset they are in now."""

from collections.abc import Sequence

from radlearn.challenges.challenge import Case
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.hints import command
from radlearn.progress import say
from radlearn.training.earlier_runs import with_earlier
from radlearn.training.run_folder import Run
from radlearn.training.splits import SUBSETS, contents_in_split, read_split
from radlearn.workflow.case_contents import images_of


def seen_before(run: Run) -> dict[str, str]:
    """Return digest of the pixels → subset, for the images of all runs that a run started from; the subset that was nearest to training."""
    found: dict[str, str] = {}
    for earlier in with_earlier([run])[1:]:
        try:
            split, contents = read_split(earlier.folder / "split.csv"), contents_in_split(earlier)
        except BadRunFolder as error:
            say(f"{error} Which people {earlier.folder} was trained on cannot be told.", style="yellow")
            continue
        if not any(content.pixels for content in contents.values()):
            say(f"{earlier.folder}: is older than digests of cases. Which people it was trained on cannot be told.", style="yellow")
        for image_id, (_, subset) in split.items():
            if pixels := contents[image_id].pixels:
                found[pixels] = min(subset, found.get(pixels, subset), key=SUBSETS.index)
    return found


def refuse_seen_people(run: Run, cases: Sequence[Case], persons: Sequence[str], subsets: Sequence[str]) -> None:
    """Refuse a split by which people are tested, or chosen on, whom the weights that the run starts from were trained on.

    Args:
        run: a new run; nothing is asked where it starts from no other.
        persons, subsets: of each case.

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
    now = dict(zip(persons, subsets, strict=True))
    moved = [person for person, subset in nearest.items() if SUBSETS.index(now[person]) > SUBSETS.index(subset)]
    if not moved:
        return
    earlier = run.about["start_from"]
    held = len({person for person, subset in now.items() if subset != "train"})
    settings = with_earlier([run])[1].settings
    seed, fold = settings.get("split_seed"), settings.get("fold")
    flags = ["--split-seed", settings.get("seed", 0) if seed is None else seed, *(("--fold", fold) if fold is not None else ())]
    raise BadSetting(
        f"{earlier}: was trained or chosen on {len(moved):,} of the {held:,} persons whom this run would validate or test: its scores "
        f"would say nothing of new people. Take the split of that run: {command(run.task, 'train', '--start-from', earlier, *flags)} …; "
        "or train on other people."
    )
