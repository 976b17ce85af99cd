"""The loop ends with the same weights after any interruption, keeps the best weights, and names the cause of an error."""

import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from radlearn.errors import BadRunFolder, BadSetting, Interrupted, NotFiniteError, RadlearnError, UnreadableScan
from radlearn.json_files import write_json
from radlearn.training import fit as fit_module
from radlearn.training.checkpoint import load_best, load_tensors, load_weights, save_tensors
from radlearn.training.config import TrainerConfig
from radlearn.training.fit import fit
from radlearn.training.loading import EpochLoader, SampleKey
from radlearn.training.run_folder import Run, new_run, open_run
from radlearn.training.splits import write_split

STEPS_PER_EPOCH = 6
STEPS = 3 * STEPS_PER_EPOCH


class StoppedHere(Exception):
    """Stands for a kill: nothing in the loop catches it."""


@pytest.fixture(scope="module")
def unbroken(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The outcome of a training without interruptions."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    tiny.train(folder)
    return tiny.outcome(folder)


@pytest.fixture
def run(tmp_path: Path, tiny: ModuleType) -> Run:
    return new_run(tmp_path / "run", "classification", tiny.Settings())


def fitted(tiny: ModuleType, run: Run, loss: Callable | None = None, validate: Callable | None = None, **changes: object) -> nn.Module:
    return fit(tiny.model(), loss or tiny.loss, validate or tiny.validate, tiny.loader(), tiny.config(**changes), run)


def at_call(number: int, function: Callable, then: Callable[[], None]) -> Callable:
    """Return `function`, doing `then` first when it is called for the `number`th time."""
    calls = itertools.count(1)

    def watched(*arguments: Any) -> Any:
        if next(calls) == number:
            then()
        return function(*arguments)

    return watched


def stop() -> None:
    raise StoppedHere


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


# Resuming


@pytest.mark.slow
def test_killed_at_ten_random_moments_it_ends_with_the_same_weights(tmp_path: Path) -> None:
    seed = time.time_ns() % 10**6
    script = Path(__file__).with_name("tiny_task.py")
    done = subprocess.run([sys.executable, script, tmp_path, "10", str(seed)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(kills) == 10
    assert all(kill["equal"] for kill in kills), f"seed {seed}: {kills}"
    # Or it would have shown nothing.
    assert any(0 < kill["reached"] < kill["of"] for kill in kills), f"seed {seed}: {kills}"


@pytest.mark.parametrize("stopped_at", [1, 2, 5, 7, 13, 18])
def test_stopped_in_the_middle_of_an_epoch_it_ends_with_the_same_weights(
    tiny: ModuleType, run: Run, unbroken: dict[str, object], stopped_at: int
) -> None:
    with pytest.raises(StoppedHere):
        fitted(tiny, run, loss=at_call(stopped_at, tiny.loss, stop), save_every_seconds=0.0)
    assert load_tensors(run.last_checkpoint)[1]["step"] == stopped_at - 1
    fitted(tiny, run)
    assert tiny.outcome(run.folder) == unbroken


@pytest.mark.parametrize("stopped_at", [1, 3])
def test_stopped_while_validating_it_ends_with_the_same_weights(
    tiny: ModuleType, run: Run, unbroken: dict[str, object], stopped_at: int
) -> None:
    with pytest.raises(StoppedHere):
        fitted(tiny, run, validate=at_call(stopped_at, tiny.validate, stop), save_every_seconds=0.0)
    fitted(tiny, run)
    assert tiny.outcome(run.folder) == unbroken


# Six steps and two batches for the norms are an epoch: in its first steps, between the two batches, and while it validates.
@pytest.mark.parametrize("stopped_at", [10, 8, 16, None])
def test_stopped_while_norms_are_measured_it_ends_with_the_same_weights(
    tiny: ModuleType, run: Run, tmp_path: Path, stopped_at: int | None
) -> None:
    tiny.train(tmp_path / "whole", norm_batches=2)
    validate = at_call(2, tiny.validate, stop) if stopped_at is None else tiny.validate
    with pytest.raises(StoppedHere):
        fitted(tiny, run, at_call(stopped_at or 10**6, tiny.loss, stop), validate, save_every_seconds=0.0, norm_batches=2)
    fitted(tiny, run, norm_batches=2)
    assert tiny.outcome(run.folder) == tiny.outcome(tmp_path / "whole")


def test_measured_norms_are_those_that_the_kept_weights_see(tiny: ModuleType, run: Run) -> None:
    kept = fitted(tiny, run, norm_batches=10**6, keep="last")
    images = torch.cat([batch["image"] for batch in tiny.loader().epoch(tiny.EPOCHS - 1)])
    seen = torch.stack([kept[0](batch["image"]).mean(dim=(0, 2, 3)) for batch in tiny.loader().epoch(tiny.EPOCHS - 1)]).mean(dim=0)
    assert len(images) == tiny.CASES
    torch.testing.assert_close(kept[1].running_mean, seen.detach())


def test_stopped_between_the_best_weights_and_the_checkpoint_no_epoch_is_written_twice(
    tiny: ModuleType, run: Run, unbroken: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit_module._Training.write_history

    def write_and_stop(training: Any) -> None:
        whole(training)
        if len(training.history) == 2:
            stop()

    with monkeypatch.context() as patched:
        patched.setattr(fit_module._Training, "write_history", write_and_stop)
        with pytest.raises(StoppedHere):
            fitted(tiny, run)
    assert len(run.history) == 2
    fitted(tiny, run)
    assert [line["epoch"] for line in run.history] == [1, 2, 3]
    assert tiny.outcome(run.folder) == unbroken


def test_workers_change_nothing(tiny: ModuleType, run: Run, unbroken: dict[str, object]) -> None:
    with pytest.raises(StoppedHere):
        fit(tiny.model(), at_call(9, tiny.loss, stop), tiny.validate, tiny.loader(workers=2), tiny.config(save_every_seconds=0.0), run)
    fit(tiny.model(), tiny.loss, tiny.validate, tiny.loader(workers=2), tiny.config(), run)
    assert tiny.outcome(run.folder) == unbroken


def test_a_run_that_was_moved_continues(tiny: ModuleType, run: Run, unbroken: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(StoppedHere):
        fitted(tiny, run, loss=at_call(9, tiny.loss, stop), save_every_seconds=0.0)
    moved = open_run(shutil.move(run.folder, tmp_path / "elsewhere"))
    fitted(tiny, moved)
    assert tiny.outcome(moved.folder) == unbroken
    assert not run.folder.exists()


def test_a_finished_run_says_so_and_does_nothing(tiny: ModuleType, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    first = fitted(tiny, run)
    before = tiny.outcome(run.folder)
    again = fitted(tiny, run, loss=lambda model, batch: pytest.fail("a step was taken"))
    assert f"{run.folder}: is trained to its end" in capsys.readouterr().err
    assert tiny.outcome(run.folder) == before
    assert not again.training
    assert all(torch.equal(one, other) for one, other in zip(first.state_dict().values(), again.state_dict().values(), strict=True))


def test_the_learning_rate_of_a_resumed_run_does_not_jump(tiny: ModuleType, run: Run) -> None:
    rates: list[float] = []

    def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
        optimizer.register_step_pre_hook(lambda optimizer, *_: rates.append(optimizer.param_groups[0]["lr"]))
        return optimizer

    for loss in (at_call(9, tiny.loss, stop), tiny.loss):
        model = tiny.model()
        try:
            fit(model, loss, tiny.validate, tiny.loader(), tiny.config(save_every_seconds=0.0), run, optimizer_of(model))
        except StoppedHere:
            assert len(rates) == 8
    assert rates == [0.02 * tiny.config().learning_rate_factor(step, STEPS) for step in range(STEPS)]


def test_at_most_a_minute_of_training_is_lost(tiny: ModuleType, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    saved: list[tuple[float, int]] = []
    whole = fit_module._Training.save

    def save(training: Any) -> None:
        whole(training)
        saved.append((clock, training.step))

    def slow_loss(model: nn.Module, batch: Any) -> Tensor:
        nonlocal clock
        clock += 25.0
        return tiny.loss(model, batch)

    monkeypatch.setattr(fit_module, "monotonic", lambda: clock)
    monkeypatch.setattr(fit_module._Training, "save", save)
    fitted(tiny, run, loss=slow_loss)
    assert max(later - earlier for (earlier, _), (later, _) in itertools.pairwise(saved)) <= 60
    # And not after every step either.
    assert len(saved) < STEPS + 2


# Ctrl-C


@pytest.mark.parametrize("stopped_at", [4, 6, 8])
def test_ctrl_c_finishes_the_step_saves_and_gives_the_command_to_continue(
    tiny: ModuleType, run: Run, unbroken: dict[str, object], stopped_at: int
) -> None:
    with pytest.raises(
        Interrupted, match=f"saved after step {stopped_at} of {STEPS}. To continue: radlearn classification resume .*run$"
    ) as caught:
        fitted(tiny, run, loss=at_call(stopped_at, tiny.loss, ctrl_c))
    assert caught.value.exit_code == 130
    fitted(tiny, run)
    assert tiny.outcome(run.folder) == unbroken


def test_ctrl_c_while_validating_repeats_the_validation_only(tiny: ModuleType, run: Run, unbroken: dict[str, object]) -> None:
    with pytest.raises(Interrupted, match=f"saved after step {2 * STEPS_PER_EPOCH} "):
        fitted(tiny, run, validate=at_call(2, tiny.validate, ctrl_c))
    steps = itertools.count()
    fitted(tiny, run, loss=lambda model, batch: (next(steps), tiny.loss(model, batch))[1])
    assert next(steps) == STEPS_PER_EPOCH
    assert tiny.outcome(run.folder) == unbroken


def test_ctrl_c_twice_stops_in_the_middle_of_a_step_and_what_was_saved_is_whole(
    tiny: ModuleType, run: Run, unbroken: dict[str, object]
) -> None:
    def twice() -> None:
        ctrl_c()
        ctrl_c()

    with pytest.raises(Interrupted, match="saved after step 0 "):
        fitted(tiny, run, loss=at_call(4, tiny.loss, twice))
    fitted(tiny, run)
    assert tiny.outcome(run.folder) == unbroken


def test_ctrl_c_from_a_terminal_reaches_the_workers_too_and_harms_nothing(tiny: ModuleType, run: Run, unbroken: dict[str, object]) -> None:
    loader = tiny.loader(workers=2)

    def to_all() -> None:
        for worker in loader._loader._iterator._workers:
            os.kill(worker.pid, signal.SIGINT)
        ctrl_c()

    with pytest.raises(Interrupted, match="saved after step 3 "):
        fit(tiny.model(), at_call(3, tiny.loss, to_all), tiny.validate, loader, tiny.config(), run)
    assert all(worker.is_alive() for worker in loader._loader._iterator._workers)
    fitted(tiny, run)
    assert tiny.outcome(run.folder) == unbroken


def test_it_runs_in_a_thread_that_receives_no_signals(tiny: ModuleType, run: Run, unbroken: dict[str, object]) -> None:
    thread = threading.Thread(target=fitted, args=(tiny, run))
    thread.start()
    thread.join()
    assert tiny.outcome(run.folder) == unbroken


# The best


def with_scores(*values: float) -> Callable[[nn.Module], dict[str, float]]:
    coming = iter(values)
    return lambda model: {"accuracy_score": next(coming)}


def test_the_best_weights_are_a_copy_that_later_steps_do_not_change(tiny: ModuleType, run: Run) -> None:
    seen: list[dict[str, Tensor]] = []
    scores = iter((0.2, 0.9, 0.5))

    def validate(model: nn.Module) -> dict[str, float]:
        seen.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        return {"accuracy_score": next(scores)}

    model = fitted(tiny, run, validate=validate)
    best, about = load_tensors(run.best_weights)
    scores = {"accuracy_score": 0.9}
    assert about == {"task": "classification", "epoch": 2, "step": 12, "scores": scores, "settings": {"seed": 7}, "sealed": True}
    for weights in (best, model.state_dict()):
        assert all(torch.equal(weights[name], tensor) for name, tensor in seen[1].items())
    assert not all(torch.equal(best[name], tensor) for name, tensor in seen[2].items())
    assert not model.training


def test_what_is_validated_and_kept_is_the_moving_average(tiny: ModuleType, run: Run) -> None:
    fitted(tiny, run, validate=with_scores(0.1, 0.2, 0.3))
    last, best = load_tensors(run.last_checkpoint)[0], load_tensors(run.best_weights)[0]
    assert all(torch.equal(last[f"average/{name}"], tensor) for name, tensor in best.items())
    assert not torch.equal(last["model/0.weight"], best["0.weight"])
    # Batch norm's running means are averaged like the weights they belong to; how many batches they saw is counted.
    assert not torch.equal(last["model/1.running_mean"], best["1.running_mean"])
    assert torch.equal(last["model/1.num_batches_tracked"], best["1.num_batches_tracked"])


def test_without_an_average_the_model_itself_is_kept(tiny: ModuleType, run: Run) -> None:
    fitted(tiny, run, validate=with_scores(0.1, 0.2, 0.3), ema_decay=0.0)
    last, best = load_tensors(run.last_checkpoint)[0], load_tensors(run.best_weights)[0]
    assert not any(name.startswith("average/") for name in last)
    assert all(torch.equal(last[f"model/{name}"], tensor) for name, tensor in best.items())


def test_of_equal_scores_the_first_is_kept(tiny: ModuleType, run: Run) -> None:
    fitted(tiny, run, validate=with_scores(0.5, 0.5, 0.5))
    assert load_weights(run.best_weights, tiny.model())["epoch"] == 1


def test_the_last_weights_are_kept_if_these_are_wanted(tiny: ModuleType, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    fitted(tiny, run, validate=with_scores(0.5, 0.9, 0.7), keep="last")
    last, kept = load_tensors(run.last_checkpoint)[0], load_tensors(run.best_weights)[0]
    assert all(torch.equal(last[f"average/{name}"], tensor) for name, tensor in kept.items())
    assert load_weights(run.best_weights, tiny.model())["epoch"] == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "Best accuracy_score: 0.900, in epoch 2. Kept are the weights of the last epoch: 0.700." in said


def test_it_stops_early_without_improvement_and_stays_stopped(tiny: ModuleType, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    fitted(tiny, run, validate=with_scores(0.2, 0.6, 0.5, 0.4), epochs=9, patience_epochs=2)
    assert [line["accuracy_score"] for line in run.history] == [0.2, 0.6, 0.5, 0.4]
    said = capsys.readouterr().err
    assert "Trained 4 of 9 epochs (stopped early: 2 epochs without improvement). Best accuracy_score: 0.600, in epoch 2." in said
    fitted(tiny, run, validate=with_scores(), epochs=9, patience_epochs=2)


def test_patience_is_kept_after_an_interruption(tiny: ModuleType, run: Run) -> None:
    with pytest.raises(StoppedHere):
        fitted(tiny, run, validate=at_call(4, with_scores(0.2, 0.6, 0.5), stop), epochs=9, patience_epochs=2)
    fitted(tiny, run, validate=with_scores(0.4), epochs=9, patience_epochs=2)
    assert len(run.history) == 4


# Reporting


def test_the_history_has_a_line_per_epoch(tiny: ModuleType, run: Run) -> None:
    losses: list[float] = []

    def loss(model: nn.Module, batch: Any) -> Tensor:
        value = tiny.loss(model, batch)
        losses.append(value.item())
        return value

    fitted(tiny, run, loss=loss)
    assert [(line["epoch"], line["step"]) for line in run.history] == [(1, 6), (2, 12), (3, 18)]
    assert [line["loss"] for line in run.history] == pytest.approx([sum(losses[start : start + 6]) / 6 for start in (0, 6, 12)])
    assert [line["learning_rate"] for line in run.history] == [
        0.01 * tiny.config().learning_rate_factor(step, STEPS) for step in (5, 11, 17)
    ]
    assert all(line["seconds"] > 0 for line in run.history)
    # An undefined score is null in the file and does not stop training.
    assert all(line["undefined_score"] is None for line in run.history)
    assert "NaN" not in run.history_file.read_text()


def test_outside_a_terminal_an_epoch_is_one_line(tiny: ModuleType, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    fitted(tiny, run, validate=with_scores(0.5, 0.25, 0.75))
    lines = [line for line in capsys.readouterr().err.splitlines() if "epoch " in line]
    assert [line.split(", accuracy_score ")[1] for line in lines[:3]] == [
        "0.500 (the best so far)",
        "0.250 (best 0.500 in epoch 1)",
        "0.750 (the best so far)",
    ]
    assert len(lines) == 4


def test_tensorboard_is_written_on_request_only(tiny: ModuleType, run: Run, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="an extra of the tests")
    fitted(tiny, run)
    assert not (run.folder / "tensorboard").exists()
    other = new_run(tmp_path / "other", "classification", tiny.Settings())
    fitted(tiny, other, tensorboard=True)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(other.folder / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("accuracy_score")] == [6, 12, 18]
    assert [event.value for event in events.Scalars("loss")] == pytest.approx([line["loss"] for line in other.history])


def test_tensorboard_that_is_not_installed_is_named(tiny: ModuleType, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(BadSetting, match="tensorboard is True, but the package is not installed"):
        fitted(tiny, run, tensorboard=True)


# Errors


def test_a_loss_that_is_not_finite_is_named_with_its_cases_and_changes_nothing(
    tiny: ModuleType, run: Run, unbroken: dict[str, object]
) -> None:
    calls = itertools.count(1)

    def loss(model: nn.Module, batch: Any) -> Tensor:
        return tiny.loss(model, batch) * (float("nan") if next(calls) == 9 else 1)

    names = ", ".join(tiny.loader().names(tiny.loader().keys(1)[2]))
    with pytest.raises(NotFiniteError, match=rf"^Epoch 2, batch 3 of 6 \(step 9\): the loss is nan\. Cases: {names}\. Check"):
        fitted(tiny, run, loss=loss)
    # Not at the eighth step: batch norm has seen the ninth batch.
    assert load_tensors(run.last_checkpoint)[1]["step"] == STEPS_PER_EPOCH
    fitted(tiny, run)
    assert tiny.outcome(run.folder) == unbroken


def test_the_ids_of_a_batch_name_its_cases(tiny: ModuleType, run: Run) -> None:
    class Named(tiny.Blobs):
        def __getitem__(self, key: SampleKey) -> dict[str, Any]:
            return {**super().__getitem__(key), "ids": f"patient {key.case}"}

    with pytest.raises(NotFiniteError, match=r"\(step 1\): .* Cases: patient \d+, patient"):
        fit(
            tiny.model(),
            lambda model, batch: tiny.loss(model, batch) * float("inf"),
            tiny.validate,
            EpochLoader(Named(), 4, 7),
            tiny.config(),
            run,
        )


def test_a_best_by_score_that_is_not_finite_is_named_with_its_epoch(tiny: ModuleType, run: Run) -> None:
    with pytest.raises(NotFiniteError, match="Epoch 2: the validation score accuracy_score is nan"):
        fitted(tiny, run, validate=with_scores(0.5, float("nan")))
    assert load_tensors(run.last_checkpoint)[1]["step"] == 12


def test_scores_without_best_by_or_with_a_reserved_name_are_refused(tiny: ModuleType, run: Run, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="returned dice_score; it must return 'accuracy_score'"):
        fitted(tiny, run, validate=lambda model: {"dice_score": 0.5})
    other = new_run(tmp_path / "other", "classification", tiny.Settings())
    with pytest.raises(BadSetting, match=r"returned 'loss'.*call it 'validation_loss'"):
        fitted(tiny, other, validate=lambda model: {"accuracy_score": 0.5, "loss": 1.0})


def test_a_case_that_cannot_be_loaded_ends_the_training_but_loses_nothing(tiny: ModuleType, run: Run, unbroken: dict[str, object]) -> None:
    class Torn(tiny.Blobs):
        def __getitem__(self, key: SampleKey) -> dict[str, Tensor]:
            if key.epoch == 1 and key.case == 5:
                raise UnreadableScan("xray-5.dcm: is truncated.")
            return super().__getitem__(key)

    with pytest.raises(UnreadableScan, match=r"xray-5 could not be loaded \(epoch 2\)"):
        fit(tiny.model(), tiny.loss, tiny.validate, EpochLoader(Torn(), 4, 7), tiny.config(), run)
    assert load_tensors(run.last_checkpoint)[1]["step"] >= STEPS_PER_EPOCH
    fitted(tiny, run)
    assert tiny.outcome(run.folder) == unbroken


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epochs": 5}, "other settings .epochs was 3, is now 5"),
        ({"learning_rate": 0.02, "schedule": "cosine"}, "learning_rate was 0.01, is now 0.02; schedule was 'one_cycle', is now 'cosine'"),
        ({"ema_decay": 0.0}, "ema_decay was 0.9, is now 0.0"),
    ],
)
def test_another_config_is_not_resumed(tiny: ModuleType, run: Run, change: dict[str, object], words: str) -> None:
    with pytest.raises(Interrupted):
        fitted(tiny, run, loss=at_call(3, tiny.loss, ctrl_c))
    with pytest.raises(BadRunFolder, match=words):
        fitted(tiny, run, **change)
    # Settings that do not affect the weights may change.
    assert fitted(tiny, run, save_every_seconds=5.0) is not None


def test_other_data_are_not_resumed(tiny: ModuleType, run: Run) -> None:
    with pytest.raises(Interrupted):
        fitted(tiny, run, loss=at_call(3, tiny.loss, ctrl_c))
    fewer = EpochLoader(tiny.Blobs(), 5, seed=7)
    with pytest.raises(BadRunFolder, match=r"other data \(batch_size was 4, is now 5"):
        fit(tiny.model(), tiny.loss, tiny.validate, fewer, tiny.config(), run)


def test_another_architecture_is_not_resumed(tiny: ModuleType, run: Run) -> None:
    with pytest.raises(Interrupted):
        fitted(tiny, run, loss=at_call(3, tiny.loss, ctrl_c))
    with pytest.raises(BadRunFolder, match="holds the weights of another architecture"):
        fit(nn.Linear(3, 3), tiny.loss, tiny.validate, tiny.loader(), tiny.config(), run)


def test_a_damaged_checkpoint_is_named_and_left_as_it_is(tiny: ModuleType, run: Run) -> None:
    fitted(tiny, run)
    half = run.last_checkpoint.read_bytes()[:3000]
    run.last_checkpoint.write_bytes(half)
    with pytest.raises(BadRunFolder, match=r"checkpoint\.safetensors: is damaged"):
        fitted(tiny, run)
    assert run.last_checkpoint.read_bytes() == half
    save_tensors(run.last_checkpoint, {"a": torch.ones(1)}, {"epoch": 1})
    with pytest.raises(BadRunFolder, match="is not a training checkpoint"):
        fitted(tiny, run)


@pytest.mark.parametrize("lost", ["removed", "half", "other file"])
@pytest.mark.parametrize(
    ("changes", "scores"),
    [
        ({}, (0.1, 0.9, 0.2)),
        ({"keep": "last"}, (0.1, 0.9, 0.2)),
        ({"epochs": 9, "patience_epochs": 2}, (0.1, 0.9, 0.2, 0.3)),
        ({"epochs": 9, "patience_epochs": 2, "keep": "last"}, (0.9, 0.1, 0.2)),
    ],
)
def test_trained_to_its_end_a_run_needs_no_last_checkpoint_and_trains_no_epoch_again(
    tiny: ModuleType, run: Run, changes: dict[str, object], scores: tuple[float, ...], lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted(tiny, run, validate=with_scores(*scores), **changes)
    kept = {path: path.read_bytes() for path in (run.best_weights, run.history_file)}
    if lost != "removed":
        run.last_checkpoint.write_bytes(run.last_checkpoint.read_bytes()[:3000] if lost == "half" else b"no tensors")
        with pytest.raises(BadRunFolder, match=r"is damaged.*trained to its end, so nothing needs it.*classification resume"):
            fitted(tiny, run, loss=stop, **changes)
    run.last_checkpoint.unlink()
    model = fitted(tiny, run, loss=stop, **changes)
    assert "is trained to its end" in (said := capsys.readouterr().err)
    assert "last checkpoint is not there any more, and nothing needs it. To train again, begin a new run" in said
    weights = load_tensors(run.best_weights)[0]
    assert all(torch.equal(weights[name], value) for name, value in model.state_dict().items())
    assert {path: path.read_bytes() for path in kept} == kept
    assert not run.last_checkpoint.exists()


@pytest.mark.parametrize("finished", [False, True])
@pytest.mark.parametrize("left", ["weights", "history", "both"])
def test_a_training_without_its_last_checkpoint_never_begins_again_in_silence(
    tiny: ModuleType, run: Run, left: str, finished: bool
) -> None:
    with pytest.raises(StoppedHere):
        fitted(tiny, run, loss=at_call(STEPS_PER_EPOCH + 3, tiny.loss, stop))
    run.last_checkpoint.unlink()
    if left == "history":
        run.best_weights.unlink()
        if finished:
            write_json(run.folder / "postprocessing.json", {})
    elif left == "weights":
        run.history_file.unlink()
    if finished and left != "history":
        write_json(run.folder / "postprocessing.json", {})
        fitted(tiny, run, loss=stop)
        return
    with pytest.raises(BadRunFolder, match=r"checkpoint\.safetensors: is not there any more.*backup, or begin a new run"):
        fitted(tiny, run, loss=stop)


def test_a_run_that_was_begun_and_never_saved_begins(tiny: ModuleType, run: Run, unbroken: dict[str, object]) -> None:
    fitted(tiny, run)
    assert tiny.outcome(run.folder) == unbroken


def test_without_the_last_checkpoint_changed_settings_and_splits_are_refused_all_the_same(tiny: ModuleType, run: Run) -> None:
    names = [f"xray-{number}" for number in range(4)]
    write_split(run.folder / "split.csv", names, names, ["train", "train", "validation", "test"])
    fitted(tiny, run)
    run.last_checkpoint.unlink()
    write_split(run.folder / "split.csv", names, names, ["train", "test", "validation", "train"])
    with pytest.raises(BadRunFolder, match=r"split\.csv: was changed after training began"):
        fitted(tiny, run)
    write_split(run.folder / "split.csv", names, names, ["train", "train", "validation", "test"])
    about = json.loads((run.folder / "settings.json").read_text())
    write_json(run.folder / "settings.json", {**about, "settings": {"seed": 8}})
    with pytest.raises(BadRunFolder, match=r"was changed after training: seed is 8"):
        fitted(tiny, open_run(run.folder))


def test_another_torch_version_is_reported(tiny: ModuleType, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Interrupted):
        fitted(tiny, run, loss=at_call(3, tiny.loss, ctrl_c))
    tensors, state = load_tensors(run.last_checkpoint)
    save_tensors(run.last_checkpoint, tensors, {**state, "torch": "1.0.0"})
    fitted(tiny, run)
    assert "started with torch 1.0.0" in capsys.readouterr().err


def test_too_little_memory_is_named_with_what_to_do(tiny: ModuleType, run: Run) -> None:
    def too_much() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has …")

    with pytest.raises(BadSetting, match=r"Step 3: the device has too little memory \(CUDA out of memory\)\. Use smaller batches"):
        fitted(tiny, run, loss=at_call(3, tiny.loss, too_much))


def test_every_error_is_one_that_the_command_line_prints() -> None:
    assert all(issubclass(kind, RadlearnError) for kind in (BadRunFolder, BadSetting, Interrupted, NotFiniteError))
    assert {field.name for field in dataclasses.fields(TrainerConfig)} >= set(fit_module.FREE_TO_CHANGE)


@pytest.mark.parametrize("after", [0.3, 0.9])
def test_a_run_folder_that_is_moved_while_it_trains_is_not_made_again(tiny: ModuleType, run: Run, tmp_path: Path, after: float) -> None:
    place = tmp_path / "moved"
    scores = iter((0.2, 0.9, after))

    def validate(model: nn.Module) -> dict[str, float]:
        score = next(scores)
        if score == 0.9:
            shutil.move(run.folder, place)
        return {"accuracy_score": score}

    with pytest.raises(BadRunFolder, match=r"was moved, renamed or removed while it was in use.*name its new place: radlearn .* resume"):
        fitted(tiny, run, validate=validate)
    assert not run.folder.exists()
    moved = open_run(place)
    assert len(moved.history) == 1
    fitted(tiny, moved)
    assert len(moved.history) == tiny.EPOCHS


def test_another_folder_in_the_place_of_a_moved_run_is_left_alone(tiny: ModuleType, run: Run, tmp_path: Path) -> None:
    def validate(model: nn.Module) -> dict[str, float]:
        shutil.move(run.folder, tmp_path / "moved")
        run.folder.mkdir()
        (run.folder / "settings.json").write_text("another run")
        return {"accuracy_score": 0.5}

    with pytest.raises(BadRunFolder, match="was moved"):
        fitted(tiny, run, validate=validate)
    assert [path.name for path in run.folder.iterdir()] == ["settings.json"]


def test_a_split_that_was_edited_is_not_trained_on(tiny: ModuleType, run: Run) -> None:
    subsets = ["train", "train", "validation", "test"]
    write_split(run.folder / "split.csv", [f"xray-{number}" for number in range(4)], list("abcd"), subsets)
    fitted(tiny, run)
    assert load_tensors(run.best_weights)[1]["split"]
    text = (run.folder / "split.csv").read_text()
    (run.folder / "split.csv").write_text(text.replace("d,test", "d,train"))
    with pytest.raises(BadRunFolder, match=r"split\.csv: was changed after training began"):
        fitted(tiny, run)


@pytest.mark.parametrize("what", ["resume", "predict"])
def test_weights_know_the_settings_that_they_were_trained_with(tiny: ModuleType, run: Run, what: str) -> None:
    fitted(tiny, run)
    content = json.loads((run.folder / "settings.json").read_text())
    write_json(run.folder / "settings.json", {**content, "settings": {**content["settings"], "seed": 8}})
    changed = Run(run.folder, run.task)
    use = (lambda: fitted(tiny, changed)) if what == "resume" else (lambda: load_best(changed, tiny.model()))
    with pytest.raises(BadRunFolder, match=r"settings\.json: was changed after training: seed is 8; .* was trained with 7"):
        use()


def test_best_weights_that_were_removed_are_written_again_where_the_last_checkpoint_holds_them(
    tiny: ModuleType, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted(tiny, run, keep="last")
    before = run.best_weights.read_bytes()
    run.best_weights.unlink()
    fitted(tiny, run, keep="last")
    assert run.best_weights.read_bytes() == before
    assert "was written again from the last checkpoint" in capsys.readouterr().err


def test_best_weights_of_an_earlier_epoch_are_said_to_be_lost(tiny: ModuleType, run: Run) -> None:
    fitted(tiny, run, validate=with_scores(0.9, 0.1, 0.2, 0.3))
    run.best_weights.unlink()
    with pytest.raises(
        BadRunFolder, match=r"model\.safetensors: is not there any more.*weights of epoch 1; the last.*from a backup, or train"
    ):
        fitted(tiny, run, validate=with_scores(0.9, 0.1, 0.2, 0.3))
