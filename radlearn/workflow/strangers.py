"""Whether the cases of another folder are strangers to a run, an external set, or are its own under whatever names."""

from collections.abc import Sequence
from pathlib import Path

from radlearn.challenges.challenge import Case
from radlearn.errors import BadLayout
from radlearn.progress import say
from radlearn.training.run_folder import Run
from radlearn.training.splits import contents_in_split, split_of
from radlearn.workflow.case_contents import compared, contents_of


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
                f"{data}: {len(others):,} of {len(test):,} cases with the names of this run's test cases, such as {others[0]}, are other "
                "images. Use the data as they were when the run was trained, or data that share no case with it."
            )
    if not any(content.pixels for content in expected.values()):
        if known:
            raise BadLayout(
                f"{data}: {len(known):,} of its {len(cases):,} cases have names of this run's cases, but not all of the run's cases are "
                "there. The run is older than digests of cases, so that names alone tell. Use all the data that it was trained on, "
                "or data that share no name with it."
            )
        say(f"{run.folder}: is older than digests of cases, so that these are strangers to it goes by their names alone.", style="yellow")
        return True
    own = {content.pixels: image_id for image_id, content in expected.items() if content.pixels}
    shared = [(case, own[content.pixels]) for case, content in zip(cases, contents_of(cases), strict=True) if content.pixels in own]
    if shared:
        case, name = shared[0]
        called = f", such as {case.image_id}" + (f", which is {name} there" if name != case.image_id else "")
        subsets = [split[name][1] for _, name in shared]
        counts = ", ".join(f"{subsets.count(subset)} {subset}" for subset in dict.fromkeys(subsets))
        raise BadLayout(
            f"{data}: {len(shared):,} of its {len(cases):,} cases are images of this run ({counts}){called}. Use all the data that "
            "it was trained on, under the same names, or data that share no image with it."
        )
    if known:
        say(f"{len(known):,} of the {len(cases):,} cases have names of this run's cases and are other images.", style="yellow")
    return True
