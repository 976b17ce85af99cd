"""Which labels a run knows, and whether data have the same."""

from collections.abc import Callable, Sequence
from typing import Any

from radlearn.challenges.xray_case import XrayCase
from radlearn.errors import BadLayout, BadSetting
from radlearn.progress import say
from radlearn.training.outputs import Outputs
from radlearn.training.run_folder import Run, add_to_about
from radlearn.workflow.case_labels import LABELS, label_names
from radlearn.workflow.postprocessing_file import FILE, read_postprocessing


def labels_of_run(run: Run) -> tuple[str, ...]:
    """Return the names of a run's labels, in the order of its network's outputs; none of a run that knows one label without a name.

    Raises:
        BadRunFolder: as `read_postprocessing`, if there is one.
    """
    if not (run.folder / FILE).exists():
        return ()
    chosen, _ = read_postprocessing(run, dict[str, Any])
    labels = chosen.get("labels")
    if not isinstance(labels, list):
        return ()
    return tuple(str(one["name"]) for one in labels if isinstance(one, dict) and "name" in one)


def proved_labels(run: Run, cases: Sequence[XrayCase]) -> tuple[str, ...]:
    """Return the names of a run's labels, after proving that cases have them; what else they have is not used, which is said.

    Raises:
        BadRunFolder: if the training has not finished.
        BadLayout: if cases lack one of them, or have several where the run knows one, or one where it knows several.
    """
    there = label_names(cases)
    if there:
        # A run of several labels whose training has not finished cannot be told from one of one label.
        read_postprocessing(run, dict[str, Any])
    names = labels_of_run(run)
    if missing := [name for name in names if name not in there]:
        have = f"the data have {', '.join(there)}" if there else "the data have one label without a name"
        raise BadLayout(
            f"{run.folder}: predicts the labels {', '.join(names)}, and {have}; {', '.join(missing)} is missing. "
            f"Add {', '.join(f'label_{name}' for name in missing)} to the table, empty where it is not known."
        )
    if there and not names:
        raise BadLayout(
            f"{run.folder}: predicts one label, and the data have {', '.join(there)}. Call the column it is about label, and leave the "
            "others out."
        )
    if further := [name for name in there if name not in names]:
        say(f"{', '.join(further)}: labels that this run does not know; they are not used.", style="yellow")
    return names


def labels_to_train(run: Run, cases: Sequence[XrayCase]) -> tuple[str, ...]:
    """Return the names of the labels of a run that is trained on cases, or continued; the run keeps them, in the order of its outputs.

    Raises:
        BadLayout: if the data name other labels, or in another order, than when the training began.
    """
    names = label_names(cases)
    then = tuple(run.about.get(LABELS, labels_of_run(run)))
    if then and then != names:
        raise BadLayout(
            f"{run.folder}: was begun with the labels {', '.join(then)}, and the data now have {', '.join(names) or 'one without a name'}. "
            "Give the table the same columns label_NAME in the same order, or train a new run."
        )
    if names and not then and not run.last_checkpoint.exists():
        add_to_about(run, LABELS, list(names))
    return names


def outputs_by_name(names: Sequence[str]) -> Callable[[Run], Outputs | None]:
    """Return what tells of a run with labels `names` which outputs of the run that it starts from are about the same; for `fit`.

    It returns None where one of the two has one label without a name.
    """

    def outputs_from(earlier: Run) -> Outputs | None:
        before = labels_of_run(earlier)
        return Outputs(names, before) if names and before else None

    return outputs_from


def refuse_several_labels(runs: Sequence[Run], what: str) -> None:
    """Refuse runs of several labels where only those of one label can be used; `what` says for what.

    Raises:
        BadSetting: if one of them has several.
    """
    for run in runs:
        if names := labels_of_run(run):
            raise BadSetting(f"{run.folder}: predicts the labels {', '.join(names)}. {what}")
