"""What files tell of how far a run has come, and that every command says the same of it."""

from pathlib import Path

import pytest
import torch

from radlearn.json_files import write_json
from radlearn.training.checkpoint import save_tensors
from radlearn.training.run_folder import Run, new_run
from radlearn.training.run_state import cannot_go_on, is_finished, is_trained, no_epoch_left, stopped_after_training, unfinished
from radlearn.training.settings import TrainingSettings

CHOOSE = "is trained to its end, but its postprocessing is not chosen yet, or was removed"


def made(folder: Path, epochs_done: int, checkpoint: bool = True, weights: bool = True, **settings: object) -> Run:
    """Return a run of five epochs whose second is the best."""
    run = new_run(folder, "segmentation", TrainingSettings(epochs=5, **settings))  # type: ignore[arg-type]
    scores = [0.1, 0.9, 0.2, 0.3, 0.4][:epochs_done]
    lines = [{"epoch": n, "step": n, "loss": 1.0, "learning_rate": 0.1, "seconds": 1.0, "dice": s} for n, s in enumerate(scores, 1)]
    run.history_file.write_text("".join(f"{line}\n".replace("'", '"') for line in lines))
    if weights and epochs_done:
        kept = epochs_done if settings.get("keep") == "last" else min(2, epochs_done)
        save_tensors(run.best_weights, {"w": torch.ones(1)}, {"epoch": kept})
    if checkpoint:
        save_tensors(run.last_checkpoint, {"w": torch.ones(1)}, {"config": {"epochs": 5, "best_by": "dice", **settings}})
    return run


@pytest.mark.parametrize("checkpoint", [True, False])
@pytest.mark.parametrize(
    ("done", "settings", "trained"),
    [(0, {}, False), (4, {}, False), (5, {}, True), (3, {"patience_epochs": 2}, False), (4, {"patience_epochs": 2}, True)],
)
def test_the_history_tells_whether_an_epoch_is_left(tmp_path: Path, done: int, settings: dict, trained: bool, checkpoint: bool) -> None:
    run = made(tmp_path / "run", done, checkpoint, **settings)
    assert is_trained(run) is trained
    assert bool(cannot_go_on(run)) is (done > 0 and not trained and not checkpoint)


def test_where_the_last_weights_are_kept_the_checkpoint_tells_which_epoch_was_the_best(tmp_path: Path) -> None:
    assert is_trained(made(tmp_path / "run", 4, patience_epochs=2, keep="last"))
    assert not is_trained(made(tmp_path / "before", 3, patience_epochs=2, keep="last"))


def test_without_its_weights_no_run_is_trained(tmp_path: Path) -> None:
    assert not is_trained(made(tmp_path / "run", 5, weights=False))


def test_a_run_is_finished_once_its_postprocessing_is_chosen(tmp_path: Path) -> None:
    run = made(tmp_path / "run", 5)
    assert is_trained(run)
    assert not is_finished(run)
    write_json(run.folder / "postprocessing.json", {})
    assert is_finished(run)
    # Without a history it is known by that file alone.
    run.history_file.unlink()
    assert is_trained(run)


def test_between_training_and_postprocessing_every_command_says_the_same(tmp_path: Path) -> None:
    run = made(tmp_path / "run", 5)
    for said in (unfinished(run), no_epoch_left(run), stopped_after_training(run)):
        assert f"{run.folder}: {CHOOSE}" in said
    assert unfinished(run).endswith(f"To choose it: {run.resume_command}")
    assert stopped_after_training(run).endswith(f"To choose it: {run.resume_command}")
    # One of repeats is continued with the others.
    for said in (unfinished(run, "resume all"), stopped_after_training(run, "resume all")):
        assert said.endswith("To choose it: resume all")


def test_in_the_middle_of_training_nothing_is_said_of_a_postprocessing(tmp_path: Path) -> None:
    run = made(tmp_path / "run", 3)
    assert unfinished(run) == f"{run.folder}: its training has not finished. To continue: {run.resume_command}"
    assert stopped_after_training(run) == ""


def test_no_command_is_named_that_could_not_go_on(tmp_path: Path) -> None:
    run = made(tmp_path / "run", 3, checkpoint=False)
    assert "resume" not in unfinished(run)
    assert "begin a new run" in unfinished(run)


def test_stopped_once_the_postprocessing_is_chosen_the_run_itself_writes_what_follows(tmp_path: Path) -> None:
    # A folder of repeats passes over runs that are finished.
    run = made(tmp_path / "run", 5)
    write_json(run.folder / "postprocessing.json", {})
    said = stopped_after_training(run, "resume all")
    assert f"{run.resume_command} To continue with the other runs: resume all" in said
    assert "this run is finished; there is nothing to resume" in no_epoch_left(run)
