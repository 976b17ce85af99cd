"""A training that starts from another run begins with its weights, as far as they fit."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.training.checkpoint import load_tensors, save_weights
from radlearn.training.earlier_runs import earlier_run, finished_run
from radlearn.training.fit import fit
from radlearn.training.outputs import Outputs
from radlearn.training.run_folder import Run, new_run
from radlearn.training.start_from import take_weights
from tests.training import tiny_task as task


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = new_run(tmp_path_factory.mktemp("runs") / "earlier", "classification", task.Settings())
    fit(task.model(), task.loss, task.validate, task.loader(), task.config(epochs=1), run)
    return run


def started(folder: Path, earlier: Run) -> Run:
    return new_run(folder, "classification", task.Settings(), {"start_from": str(earlier.folder)})


def test_the_first_checkpoint_holds_the_weights_of_the_earlier_run(earlier: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = started(tmp_path / "run", earlier)

    def stopped(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        raise BadSetting("stopped before the first step")

    with pytest.raises(BadSetting, match="stopped before"):
        fit(task.model(seed=1), stopped, task.validate, task.loader(), task.config(), run)
    first, _ = load_tensors(run.last_checkpoint)
    best, _ = load_tensors(earlier.best_weights)
    for name, tensor in best.items():
        assert torch.equal(first[f"model/{name}"], tensor), name
    averaged = [name for name in first if name.startswith("average/")]
    assert averaged
    for name in averaged:
        assert torch.equal(first[name], first[f"model/{name.removeprefix('average/')}"]), name


def test_a_run_that_is_resumed_goes_on_with_its_own_weights_and_needs_the_earlier_run_no_more(earlier: Run, tmp_path: Path) -> None:
    here = new_run(tmp_path / "gone", "classification", task.Settings())
    fit(task.model(), task.loss, task.validate, task.loader(), task.config(epochs=1), here)
    run = started(tmp_path / "run", here)
    whole = fit(task.model(seed=1), task.loss, task.validate, task.loader(), task.config(), run)
    here.folder.rename(tmp_path / "moved")
    again = fit(task.model(seed=2), task.loss, task.validate, task.loader(), task.config(), run)
    assert all(torch.equal(one, other) for one, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))
    with pytest.raises(BadRunFolder, match="no such run folder"):
        earlier_run(run)


def test_what_does_not_fit_starts_anew_and_is_named(earlier: Run, capsys: pytest.CaptureFixture[str]) -> None:
    model = task.model(seed=1)
    model.append(nn.Linear(1, 3))
    before = model[-1].weight.clone()
    assert take_weights(model, earlier) == ["6.weight", "6.bias"]
    assert torch.equal(model[-1].weight, before)
    assert torch.equal(model[0].weight, load_tensors(earlier.best_weights)[0]["0.weight"])
    assert "6.weight (not there)" in capsys.readouterr().err


def test_a_layer_of_another_shape_starts_anew(earlier: Run, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    model = task.model(seed=1)
    # Two outputs: most weights of this tiny network are in its last layer, so the others are made many.
    model[5] = nn.Linear(4 * 64, 2)
    with pytest.raises(BadSetting, match="another network"):
        take_weights(model, earlier)


def test_another_network_is_refused_with_its_name(tmp_path: Path, earlier: Run) -> None:
    with pytest.raises(BadSetting, match=r"only 0 of this network's 30 weights"):
        take_weights(nn.Linear(9, 3), earlier)


@pytest.mark.parametrize("broken", ["missing", "of another task", "without weights", "no run"])
def test_only_a_finished_run_of_the_task_can_be_started_from(broken: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    if broken == "of another task":
        new_run(folder, "detection", task.Settings())
    elif broken == "without weights":
        new_run(folder, "classification", task.Settings())
    elif broken == "no run":
        folder.mkdir()
    with pytest.raises(BadRunFolder, match=str(folder)):
        finished_run(folder, "classification")


@dataclass(frozen=True)
class FourEpochs:
    epochs: int = 4


@pytest.mark.parametrize(("epochs", "left"), [(2, True), (4, False)])
def test_a_run_that_was_stopped_before_its_end_is_not_started_from(tmp_path: Path, epochs: int, left: bool) -> None:
    run = new_run(tmp_path / "run", "classification", FourEpochs())
    run.best_weights.parent.mkdir()
    save_weights(run.best_weights, network(2), {})
    run.history_file.write_text("".join(json.dumps({"epoch": epoch}) + "\n" for epoch in range(1, epochs + 1)))
    if not left:
        assert finished_run(run.folder, "classification").folder == run.folder
        return
    with pytest.raises(BadRunFolder, match="its training has not finished"):
        finished_run(run.folder, "classification")
    run.last_checkpoint.parent.mkdir(exist_ok=True)
    run.last_checkpoint.touch()
    with pytest.raises(BadRunFolder, match=r"its training has not finished\. To continue: radlearn classification resume"):
        finished_run(run.folder, "classification")


def network(outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(6, 9), nn.Linear(9, outputs))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (("nerve", "vessel"), ("vessel", "nerve")),
        (("Nerve", "artery"), ("vessel", "nerve")),
        (("nerve",), ("vessel", "nerve")),
        (("artery", "vessel", "nerve"), ("nerve", "vessel")),
        (("artery", "vein"), ("nerve", "vessel")),
    ],
)
def test_an_output_begins_with_the_weights_of_the_one_of_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], now: tuple[str, ...], before: tuple[str, ...]
) -> None:
    run = new_run(tmp_path / "run", "classification", task.Settings())
    old, new = network(len(before)), network(len(now))
    save_weights(run.best_weights, old, {})
    built = [tensor.clone() for tensor in new[1].parameters()]
    take_weights(new, run, Outputs(now, before))
    said = " ".join(capsys.readouterr().err.split())
    assert torch.equal(new[0].weight, old[0].weight)
    for place, name in enumerate(now):
        named = name.lower() in before
        for tensor, source, first in zip(new[1].parameters(), old[1].parameters(), built, strict=True):
            assert torch.equal(tensor[place], source[before.index(name.lower())] if named else first[place])
        taken, _, anew = said.partition("Outputs go by their names: ")[2].rpartition("taken over")
        assert (name in taken, name in anew) == (named, not named)
    assert "None starts anew" not in said
