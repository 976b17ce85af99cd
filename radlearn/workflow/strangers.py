"""Whether the cases of another folder are strangers to a run, an external set, or are its own under whatever names."""

from collections.abc import Sequence
from pathlib import Path

from radlearn.amounts import begun, counted, part_of, verb_of
from radlearn.challenges.challenge import Case
from radlearn.errors import BadLayout
from radlearn.file_contents import is_of_values
from radlearn.progress import say
from radlearn.training.earlier_runs import with_earlier
from radlearn.training.run_folder import Run
from radlearn.training.splits import contents_in_split, split_of
from radlearn.workflow.case_contents import compared, images_of
from radlearn.workflow.earlier_runs import descent, seen_before
from radlearn.workflow.namesakes import tell_external_namesakes


def tell_new_cases(run: Run, cases: Sequence[Case]) -> None:
    """Say which cases of a run's own data were not there when it was trained: they are no test cases, and are evaluated by themselves."""
    split = split_of(run)
    new = [case for case in cases if case.image_id not in split]
    if not new:
        return
    people = {person for person, _ in split.values()}
    others = {case.person for case in new} - people
    who = f"of {counted(len(others), 'persons')} whom the run does not know" if others else "of persons whom the run knows"
    seen = sum(case.person in people for case in new)
    beside = f", and {seen:,} of persons whom it knows" if others and seen else ""
    say(
        f"{begun(part_of(len(new), len(cases), 'cases'))} {verb_of(len(new), 'are')} new to this run, such as {new[0].image_id}, and "
        f"left out: {who}{beside}. The run is evaluated on its own test persons. To evaluate it on new persons, name a table of their "
        "cases alone with --data.",
        style="bold yellow",
    )


def are_strangers(run: Run, cases: Sequence[Case], data: Path) -> bool:
    """Tell whether none of the cases of a folder is one of a run's; False where all of the run's are there.

    Names suggest who is who, and pixels decide: only the test cases are looked at where the names are those of the run, all else.

    Raises:
        BadLayout: if some are the run's own and some are not, or they have other names.
    """
    split, expected = split_of(run), contents_in_split(run)
    known = [case for case in cases if case.image_id in split]
    if len(known) == len(split):
        test = [case for case in known if split[case.image_id][1] == "test"]
        others = compared(test, expected).other_pixels
        if not others:
            return False
        if len(others) < len(test):
            raise BadLayout(
                f"{data}: {part_of(len(others), len(test), 'cases', 'of')} with the names of this run's test cases, such as {others[0]}, "
                f"{'is another image' if len(others) == 1 else 'are other images'}. Use the data as they were when the run was trained, or "
                f"data that share no case with it."
            )
    if not any(content.pixels for content in expected.values()):
        if known:
            raise BadLayout(
                f"{data}: {part_of(len(known), len(cases), 'cases', 'of its')} {verb_of(len(known), 'have')} names of this run's cases, "
                "but not all of the run's cases are there. The run is older than digests of cases, so that names alone tell. "
                "Use all the data that it was trained on, "
                "or data that share no name with it."
            )
        say(f"{run.folder}: is older than digests of cases, so that these are strangers to it goes by their names alone.", style="yellow")
        tell_external_namesakes(with_earlier([run], told=True), cases)
        return True
    own = {content.pixels: image_id for image_id, content in expected.items() if content.pixels}
    found = images_of([case.path for case in cases], own)
    shared = [(case, own[pixels]) for case, pixels in zip(cases, found, strict=True) if pixels]
    if shared:
        case, name = shared[0]
        called = f", such as {case.image_id}" + (f", which is {name} there" if name != case.image_id else "")
        subsets = [split[name][1] for _, name in shared]
        counts = ", ".join(f"{subsets.count(subset)} {subset}" for subset in dict.fromkeys(subsets))
        raise BadLayout(
            f"{data}: {'' if len(shared) == len(cases) else 'at least '}{part_of(len(shared), len(cases), 'cases', 'of its')} "
            f"{'is an image' if len(shared) == 1 else 'are images'} of this run "
            f"({counts}){called}. Use all the data that it was trained on, under the same names, or data that share no image with it."
            + ("" if len(shared) == len(cases) else " Copies with other pixel values are looked for once these are gone.")
        )
    before = seen_before(run)
    nearest = [before.get(pixels) for pixels in images_of([case.path for case in cases], before)] if before else []
    learnt = [(case, seen) for case, seen in zip(cases, nearest, strict=False) if seen is not None and seen.subset != "test"]
    if learnt:
        case, seen = learnt[0]
        raise BadLayout(
            f"{data}: {part_of(len(learnt), len(cases), 'cases', 'of its')}, such as {case.image_id}, "
            f"{'is an image' if len(learnt) == 1 else 'are images'} on which {seen.run.folder}, {descent(run, seen.run)}, "
            f"was trained or chosen. Evaluate on people whom neither has seen."
        )
    if known:
        say(
            f"{begun(part_of(len(known), len(cases), 'cases'))} {verb_of(len(known), 'have')} names of this run's cases, but other pixels.",
            style="yellow",
        )
    if not all(map(is_of_values, own)):
        say(
            f"{run.folder}: knows its images by the bytes of its files, as runs of before do, so that a copy of them that was saved again "
            "passes for another image. Whether that is so here cannot be told: train again to be sure.",
            style="yellow",
        )
    tell_external_namesakes(with_earlier([run], told=True), cases)
    return True
