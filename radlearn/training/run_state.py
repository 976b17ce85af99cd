"""How far a run has come, as its files tell it; every command says the same of it, and what goes on from there.

A training ends with three things, one after another: the weights to keep, the postprocessing, and what follows from both. A kill may come
between any two of them, and each file may be lost later.
"""

from collections.abc import Mapping
from typing import Any

from radlearn.errors import BadRunFolder
from radlearn.training.checkpoint_header import header_of
from radlearn.training.run_folder import Run

POSTPROCESSING = "postprocessing.json"
NEW_RUN = "To train again, begin a new run in another folder."


def is_finished(run: Run) -> bool:
    """Tell whether a run was trained to its end and its postprocessing is chosen."""
    return (run.folder / POSTPROCESSING).exists()


def is_trained(run: Run, config: Mapping[str, Any] | None = None) -> bool:
    """Tell whether no epoch of a run is left and the weights to keep are there; its postprocessing may be lacking.

    Args:
        config: the fields of the trainer's configuration; None takes them from the last checkpoint, or else from the settings, which lack
            the score that the best epoch is chosen by.
    """
    if not run.best_weights.is_file():
        return False
    if is_finished(run):
        return True
    said = config or (header_of(run.last_checkpoint) or {}).get("config") or run.settings
    try:
        history = run.history
    except BadRunFolder:
        return False
    if not history:
        return False
    patience, chosen = said.get("patience_epochs", 0), said.get("best_by")
    if chosen is not None and all(isinstance(line.get(chosen), int | float) for line in history):
        best = max(history, key=lambda line: line[chosen])["epoch"]
    else:
        best = len(history) if said.get("keep") == "last" else (header_of(run.best_weights) or {}).get("epoch", len(history))
    return len(history) == said.get("epochs") or 0 < patience <= len(history) - best


def cannot_go_on(run: Run, config: Mapping[str, Any] | None = None) -> str:
    """Return why a training that was begun cannot be continued, and what to do; "" where it can, or where no epoch is left."""
    begun = run.best_weights.exists() or is_finished(run) or (run.history_file.is_file() and run.history_file.stat().st_size > 0)
    if run.last_checkpoint.exists() or not begun or is_trained(run, config):
        return ""
    return (
        f"{run.last_checkpoint}: is not there any more, and without it the training cannot be continued where it was. Copy it back from a "
        "backup, or begin a new run in another folder."
    )


def unfinished(run: Run, resume_command: str = "") -> str:
    """Return what to say of a run that has no postprocessing, and how it comes to one.

    Args:
        resume_command: of the repeats that the run is one of.
    """
    if why := cannot_go_on(run):
        return f"{run.folder}: its training has not finished. {why}"
    command = resume_command or run.resume_command
    if is_trained(run):
        return f"{run.folder}: is trained to its end, but its postprocessing is not chosen yet, or was removed. To choose it: {command}"
    return f"{run.folder}: its training has not finished. To continue: {command}"


def no_epoch_left(run: Run) -> str:
    """Return what to say where a run is resumed that is trained to its end."""
    if is_finished(run):
        said = f"{run.folder}: this run is finished; there is nothing to resume. What follows from its weights alone is made again."
    else:
        said = f"{run.folder}: is trained to its end, but its postprocessing is not chosen yet, or was removed. It is chosen now."
    if run.last_checkpoint.exists():
        return said
    return f"{said} Its last checkpoint is not there any more, and nothing needs it. {NEW_RUN}"


def stopped_after_training(run: Run, resume_command: str = "") -> str:
    """Return what to say where a command is stopped once no epoch of a run is left; "" where there is one.

    Args:
        resume_command: of the repeats that the run is one of.
    """
    if not is_trained(run):
        return ""
    own, all_of_them = run.resume_command, resume_command
    if not is_finished(run):
        return f"Stopped. {unfinished(run, resume_command)}"
    then = f" To continue with the other runs: {all_of_them}" if all_of_them else ""
    return f"Stopped after the postprocessing of {run.folder} was chosen. To write what follows from its weights again: {own}{then}"
