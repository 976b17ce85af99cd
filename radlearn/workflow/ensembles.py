"""Several runs of a task that predict together, an ensemble: what is the same for all tasks.

**Test persons.** No run may be evaluated on persons that another was trained on. So the runs of an evaluated ensemble share their test
persons, as the folds of one split do (`train --fold K`). Files to predict for belong to nobody's split; there, this is not asked.

**Postprocessing.** Where the runs share their validation persons too, a postprocessing is chosen for the ensemble on them. Where they do
not (folds), each case that one run was validated on was in another's training, so none can be chosen for what they predict together; the
mean of the runs' own is used. `origin` in `postprocessing.json` says which.

**The folder.** What `evaluate` finds lies in `ensemble/` in the first run's folder. It is read as an evaluated run is, by `compare` too.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from radlearn.amounts import counted
from radlearn.errors import BadRunFolder, BadSetting
from radlearn.file_contents import is_of_values
from radlearn.files import write_text
from radlearn.folder_walks import real_path
from radlearn.json_files import write_json
from radlearn.progress import say
from radlearn.training.run_folder import Run
from radlearn.training.run_state import is_finished, unfinished
from radlearn.training.splits import CaseContent, contents_in_split, split_of
from radlearn.workflow import postprocessing_file
from radlearn.workflow.kept_evaluations import keep_ensemble
from radlearn.workflow.postprocessing_file import PostprocessingT, read_postprocessing, write_postprocessing
from radlearn.workflow.shared_truths import refuse_other_findings

FOLDER = "ensemble"
CHOSEN = "chosen on the validation persons that all runs share"
MEAN = postprocessing_file.MEAN
# Of an earlier evaluation. Each is removed before it could be taken for that of other runs.
RESULTS = (postprocessing_file.FILE, "scores.json", "cases.csv", "report.html")


def disagreement(each: ArrayLike) -> np.ndarray:
    """Return how far the runs of an ensemble differ: the population standard deviation over the runs, float64 (*cases).

    Of values in [0, 1] it lies from 0 to 0.5; of two runs it is half their difference.

    Args:
        each: (runs, *cases), what each run says of each case.

    >>> disagreement([[0.25, 0.5], [0.75, 0.5]]).tolist()
    [0.25, 0.0]
    """
    return np.std(np.asarray(each, dtype=np.float64), axis=0)


def mean_postprocessing(each: Sequence[PostprocessingT]) -> PostprocessingT:
    """Return the mean of several postprocessings of one class; of what is no number, the value that most have, the first of equals.

    Of one that holds others, such as one for each class of a label map, each is the mean of those in its place.
    """
    first: Any = each[0]
    return replace(first, **{field.name: _mean([getattr(one, field.name) for one in each]) for field in fields(first)})


def refuse_unfit(runs: Sequence[Run]) -> None:
    """Refuse runs that cannot predict together, whatever they predict for.

    That one holds the weights of another, as a copy does, is said.

    Raises:
        BadSetting: if one is named twice, or is of another task than the first, or was trained on another finding.
        BadRunFolder: if the training of one has not finished.
    """
    seen: dict[Path, Path] = {}
    weights: dict[bytes, Path] = {}
    for run in runs:
        if run.task != runs[0].task:
            raise BadSetting(f"{run.folder} is a run of {run.task}, {runs[0].folder} one of {runs[0].task}. Name runs of one task.")
        if (place := real_path(run.folder)) in seen:
            raise BadSetting(f"{run.folder} and {seen[place]} are the same run. Name each run of an ensemble once.")
        seen[place] = run.folder
        if not is_finished(run):
            raise BadRunFolder(unfinished(run))
        if run.best_weights.is_file():
            with open(run.best_weights, "rb") as opened:
                digest = hashlib.file_digest(opened, "blake2b").digest()
            if (other := weights.setdefault(digest, run.folder)) != run.folder:
                say(f"{run.folder} is a copy of {other}: it holds the same weights, so together they say no more than one.", style="yellow")
    refuse_other_findings(runs)


def must_share_test_persons(runs: Sequence[Run]) -> None:
    """Raise BadSetting where runs cannot be evaluated together, because they do not share their test persons.

    Persons of the same names with other images are other persons; where one of the runs is older than digests, names alone decide.
    """
    splits = [split_of(run) for run in runs]
    tests = [{image: person for image, (person, subset) in split.items() if subset == "test"} for split in splits]
    contents = [contents_in_split(run) for run in runs]
    for run, persons, known in zip(runs[1:], tests[1:], contents[1:], strict=True):
        if others := _other_images(contents[0], known):
            raise BadSetting(
                f"{run.folder} and {runs[0].folder} were trained on different data with the same names: "
                f"{counted(len(others), 'cases')}, such as {others[0]}, are different images in them. Runs that are "
                f"evaluated together need the same data."
            )
        if persons != tests[0]:
            raise BadSetting(
                f"{run.folder} has other test persons than {runs[0].folder}: it was trained on some that the other would be evaluated on. "
                "Runs that are evaluated together need the same split seed, or the same column split of a table; they may differ in fold, "
                "or in other settings."
            )


def share_validation_persons(runs: Sequence[Run]) -> bool:
    """Tell whether runs were trained and validated on the same persons, so that a postprocessing can be chosen for all of them."""
    splits = [split_of(run) for run in runs]
    return all(split == splits[0] for split in splits)


def _other_images(contents: Mapping[str, CaseContent], others: Mapping[str, CaseContent]) -> list[str]:
    """Return the names under which two runs know different images, as far as both keep digests, and of one kind."""
    both = [(name, contents[name].pixels, others[name].pixels) for name in contents if name in others]
    told = [one for one in both if one[1] and one[2] and is_of_values(one[1]) == is_of_values(one[2])]
    return [name for name, pixels, other in told if pixels != other]


def new_ensemble(runs: Sequence[Run]) -> Run:
    """Return a run folder for the evaluation of several runs, `ensemble/` in the first one's.

    Results of the same runs are removed, an evaluation of others is kept: see `kept_evaluations`.

    Raises:
        BadSetting: if the runs do not share their test persons; and errors as `refuse_unfit`.
        BadRunFolder: if a `split.csv` is missing or damaged.
    """
    refuse_unfit(runs)
    must_share_test_persons(runs)
    first = runs[0]
    ensemble = Run(first.folder / FOLDER, first.task)
    keep_ensemble(ensemble.folder, first, _names(runs))
    for name in RESULTS:
        (ensemble.folder / name).unlink(missing_ok=True)
    write_text(ensemble.folder / "split.csv", (first.folder / "split.csv").read_text(encoding="utf-8"))
    write_text(ensemble.history_file, first.history_file.read_text(encoding="utf-8"))
    write_json(ensemble.folder / "settings.json", {**first.about, "runs": _names(runs)})
    return ensemble


def refuse_ensemble(run: Run) -> None:
    """Raise BadRunFolder for a folder made by `new_ensemble`, which holds results and no weights."""
    if runs := run.about.get("runs"):
        raise BadRunFolder(f"{run.folder}: holds the evaluation of {len(runs)} runs together, and no run. Name the runs: {' '.join(runs)}")


def settle_postprocessing(
    ensemble: Run,
    runs: Sequence[Run],
    kind: type[PostprocessingT],
    choose: Callable[[], object],
    kept: Sequence[str],
    **of_mean: Any,
) -> None:
    """Write the postprocessing of an ensemble, chosen for it or the mean of its runs', and say which.

    Args:
        kind: the class of the postprocessing.
        choose: chooses one on the validation persons that all runs share, and writes it into the ensemble's folder.
        kept: names of the JSON values beside the first run's own that stand beside the mean too: baselines; an older run may lack
            one. What tells how the first run's own was chosen, or what it promises, is not true of a mean.
        of_mean: further JSON values beside the mean.
    """
    if share_validation_persons(runs):
        choose()
        chosen, about = read_postprocessing(ensemble, kind)
        write_postprocessing(ensemble, chosen, {**about, "origin": CHOSEN})
        say("The runs share their validation persons: the postprocessing of the ensemble was chosen on them.")
        return
    say("The runs were validated on different persons, so the ensemble gets no postprocessing of its own; the mean of theirs is used.")
    about = read_postprocessing(runs[0], kind)[1]
    mean = mean_postprocessing([read_postprocessing(run, kind)[0] for run in runs])
    write_postprocessing(ensemble, mean, {**{name: about[name] for name in kept if name in about}, **of_mean, "origin": MEAN})


def postprocessing_together(
    runs: Sequence[Run], kind: type[PostprocessingT], fits: Callable[[Mapping[str, Any]], bool] = lambda about: True
) -> tuple[PostprocessingT, dict[str, Any]]:
    """Return the postprocessing with which runs predict for new files, and say which it is where there are several runs.

    It is the run's own; of several runs the one that `evaluate` chose for exactly these, so that what is predicted is what was evaluated;
    where there is none, the mean of their own.

    Args:
        fits: whether the one that was chosen can be used, from the JSON values beside it.

    Returns:
        the postprocessing and, as `read_postprocessing`, the JSON values about how it was chosen; none of a mean.

    Raises:
        errors as `refuse_unfit` and `read_postprocessing`.
    """
    if len(runs) == 1:
        return read_postprocessing(runs[0], kind)
    refuse_unfit(runs)
    ensemble = Run(runs[0].folder / FOLDER, runs[0].task)
    if is_finished(ensemble) and sorted(ensemble.about.get("runs", ())) == sorted(_names(runs)):
        chosen, about = read_postprocessing(ensemble, kind)
        if about.get("origin") == CHOSEN and fits(about):
            say(f"{len(runs)} runs predict together, with the postprocessing that was chosen for them: {ensemble.folder}")
            return chosen, about
    say(f"{len(runs)} runs predict together, with the mean of their own postprocessings.")
    return mean_postprocessing([read_postprocessing(run, kind)[0] for run in runs]), {}


def _names(runs: Sequence[Run]) -> list[str]:
    return [str(real_path(run.folder)) for run in runs]


def _mean(values: Sequence[Any]) -> Any:
    if all(value == values[0] for value in values):
        return values[0]
    if all(type(value) in (int, float) for value in values):
        return float(np.mean(values))
    if all(is_dataclass(value) for value in values):
        return mean_postprocessing(values)
    if all(isinstance(value, tuple) and len(value) == len(values[0]) for value in values):
        return tuple(_mean(each) for each in zip(*values, strict=True))
    return Counter(values).most_common(1)[0][0]
