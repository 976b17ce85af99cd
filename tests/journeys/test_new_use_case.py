"""A use case is added from outside: one challenge, one lesson, one line in the registry, and nothing in the library changes."""

import csv
import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import radlearn
from radlearn import cli
from radlearn.training import fit
from radlearn.use_cases import USE_CASES, UseCase, register

TOY = Path(__file__).parent / "toy_use_case"


@pytest.fixture
def toy_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The toy challenge and its lesson in a package of their own, registered as `squares`."""
    package = tmp_path / "site" / "toyland"
    shutil.copytree(TOY, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setitem(USE_CASES, "squares", UseCase("", "", ""))
    modules = ("toyland.find_squares", "toyland.squares_challenge")
    register("squares", UseCase(*modules, "is there a bright square?", "toyland.square_cases"))
    yield package
    vars(radlearn).pop("squares", None)
    for name in [name for name in sys.modules if name.partition(".")[0] == "toyland"]:
        del sys.modules[name]


def test_all_commands_work_on_it(toy_package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    challenge = importlib.import_module("toyland.squares_challenge")
    data, run = tmp_path / "squares", tmp_path / "run"
    challenge.write_squares(data, 80, 3)

    assert cli.main(["squares", "train", "--data", str(data), "--run", str(run), "--channels", "6", "--epochs", "3"]) == 0
    settings = json.loads((run / "settings.json").read_text())
    assert (settings["task"], settings["synthetic"], settings["settings"]["channels"]) == ("squares", True, 6)
    weights = (run / "best" / "model.safetensors").read_bytes()

    # Stopped after the first of three epochs and resumed, it ends with the same weights.
    stopped = tmp_path / "stopped"
    stop = (
        "import sys, torch; from radlearn import cli, use_cases; from radlearn.training import fit\n"
        "use_cases.register('squares', use_cases.UseCase('toyland.find_squares', 'toyland.squares_challenge', '?'))\n"
        "finish = fit._Training.finish_epoch\n"
        "def interrupted(self, *rest):\n    finish(self, *rest)\n    raise KeyboardInterrupt\n"
        "fit._Training.finish_epoch = interrupted\n"
        f"sys.exit(cli.main(['squares', 'train', '--data', {str(data)!r}, '--run', {str(stopped)!r}, '--channels', '6', '--epochs', '3']))"
    )
    done = subprocess.run([sys.executable, "-c", stop], cwd=toy_package.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert len((stopped / "history.jsonl").read_text().splitlines()) == 1
    assert cli.main(["squares", "resume", str(stopped)]) == 0
    assert (stopped / "best" / "model.safetensors").read_bytes() == weights

    capsys.readouterr()
    assert cli.main(["squares", "evaluate", str(run), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert (scores["task"], scores["split"], scores["synthetic"]) == ("squares", "test", True)
    assert scores["scores"]["auroc_score"]["value"] > 0.9
    assert cli.main(["squares", "tune", str(run)]) == 0
    assert json.loads((run / "postprocessing.json").read_text())["task"] == "squares"

    pictures = data / "images"
    assert cli.main(["squares", "predict", str(run), str(pictures), "--out", str(tmp_path / "out")]) == 0
    rows = list(csv.DictReader((tmp_path / "out" / "predictions.csv").open()))
    truth = {row["image"]: row["square"] == "1" for row in csv.DictReader((data / "squares.csv").open())}
    assert len(rows) == 80
    assert sum((row["square"] == "True") == truth[row["image"]] for row in rows) > 70
    assert cli.main(["squares", "submit", str(run), "--images", str(pictures), "--out", str(tmp_path / "sent.csv")]) == 0
    assert len((tmp_path / "sent.csv").read_text().splitlines()) == 81


def test_it_is_repeated_stopped_continued_evaluated_and_compared(
    toy_package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = importlib.import_module("toyland.squares_challenge")
    data, folder = tmp_path / "squares", tmp_path / "repeats"
    challenge.write_squares(data, 80, 3)
    train = ["squares", "train", "--data", str(data), "--seed", "7", "--epochs", "2", "--channels", "6"]

    def said() -> str:
        return " ".join(capsys.readouterr().err.split())

    assert cli.main([*train, "--run", str(folder), "--repeats", "0"]) == 2
    assert "repeats is 0; it must be a whole number from 1 to 100" in said()
    assert not folder.exists()

    # Stopped in the second of three runs, after its first epoch.
    finish, epochs = fit._Training.finish_epoch, []

    def interrupted(self: Any, *rest: Any) -> None:
        finish(self, *rest)
        epochs.append(self)
        if len(epochs) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fit._Training, "finish_epoch", interrupted)
        assert cli.main([*train, "--run", str(folder), "--repeats", "3"]) == 130
    assert said().endswith(f"To continue: radlearn squares resume {folder}")
    assert [(folder / f"seed-{seed}" / "postprocessing.json").exists() for seed in (7, 8, 9)] == [True, False, False]
    assert len((folder / "seed-8" / "history.jsonl").read_text().splitlines()) == 1
    assert cli.main(["squares", "evaluate", str(folder)]) == 2
    assert said().endswith(f"seed-8: its training has not finished. To continue: radlearn squares resume {folder}")

    # Finished runs are kept, the interrupted one is continued, the rest is trained.
    kept = {path: path.stat().st_mtime_ns for path in (folder / "seed-7").rglob("*") if path.is_file()}
    assert cli.main(["squares", "resume", str(folder)]) == 0
    told = said()
    assert f"Run 1 of 3, seed 7: {folder / 'seed-7'} is finished." in told
    assert "Resuming in epoch 2 of 2" in told
    assert {path: path.stat().st_mtime_ns for path in (folder / "seed-7").rglob("*") if path.is_file()} == kept
    # Each is what a run of its own with this seed on the split of the first is; there is one split.
    alone = radlearn.squares.train(data=data, run=tmp_path / "alone", seed=8, split_seed=7, epochs=2, channels=6)
    weights = [(run / "best" / "model.safetensors").read_bytes() for run in (alone.folder, folder / "seed-8", folder / "seed-9")]
    assert weights[0] == weights[1] != weights[2]
    splits = {(folder / f"seed-{seed}" / "split.csv").read_text() for seed in (7, 8, 9)}
    assert splits == {(alone.folder / "split.csv").read_text()}
    said()
    for more in ([], ["--repeats", "2"]):
        assert cli.main([*train, "--run", str(folder), *more]) == 2
        assert "already holds 3 repeats of squares. Choose another folder. To continue: radlearn squares resume" in said()

    assert cli.main(["squares", "evaluate", str(folder), "--json"]) == 0
    out, err = capsys.readouterr()
    spread = json.loads(out)
    values = [json.loads((folder / f"seed-{seed}" / "scores.json").read_text())["scores"]["auroc_score"]["value"] for seed in (7, 8, 9)]
    found = spread["scores"]["auroc_score"]
    assert (spread["seeds"], spread["repeats"]) == ([7, 8, 9], 3)
    assert (found["mean"], found["worst"]) == (pytest.approx(sum(values) / 3), min(values))
    assert (found["lowest"], found["highest"]) == (min(values), max(values))
    assert "3 seeds on one split of persons" in err

    assert cli.main(["compare", str(alone.folder), str(folder)]) == 2
    assert f"radlearn squares evaluate {alone.folder}" in said()
    radlearn.squares.evaluate(alone)
    capsys.readouterr()
    assert cli.main(["compare", str(alone.folder), str(folder), "--json", "--out", str(tmp_path / "compared")]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert [run["seeds"] for run in compared["runs"]] == [[8], [7, 8, 9]]
    assert compared["differences"][0]["scores"]["auroc_score"]["value"] == pytest.approx(sum(values) / 3 - values[1])
    # In Python a folder of repeats is what `train` returns.
    again = radlearn.squares.train(data=data, run=tmp_path / "two", repeats=2, epochs=1)
    assert radlearn.squares.evaluate(again)["seeds"] == (0, 1)
    assert radlearn.squares.resume(again) == again


def test_it_is_checked_listed_and_refused_like_the_others(toy_package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    challenge = importlib.import_module("toyland.squares_challenge")
    data = tmp_path / "squares"
    challenge.write_squares(data, 40, 3)
    assert cli.main(["check", str(data)]) == 0
    assert "Squares Challenge" in capsys.readouterr().out
    (data / "images" / "image-003.png").unlink()
    assert cli.main(["check", str(data), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert any("image-003.png" in one["found"] for one in found["findings"] if one["severity"] == "error")

    assert cli.main(["--help"]) == 0
    assert "is there a bright square?" in capsys.readouterr().out
    assert cli.main(["squares", "train", "--channels", "65", "--data", str(data)]) == 2
    assert "channels is 65; it must be from 1 to 64" in " ".join(capsys.readouterr().err.split())
    # One run predicts at a time where a task has no ensemble.
    with pytest.raises(SystemExit):
        cli.main(["squares", "evaluate", "one", "two"])
    capsys.readouterr()
    # None at all: the command line asks for one.
    with pytest.raises(SystemExit) as ended:
        cli.main(["squares", "evaluate"])
    assert ended.value.code == 2
    assert "The run folder" in " ".join(capsys.readouterr().err.split())


def test_built_in_cases_stand_in_where_there_are_no_data(toy_package: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = radlearn.squares.train(run=tmp_path / "run", epochs=1)
    assert "Making 120 pictures of built-in patients" in capsys.readouterr().err
    assert Path(run.about["data"]).name.startswith("squares-120-seed-0-")
    (toy_package / "data").mkdir()
    challenge = importlib.import_module("toyland.squares_challenge")
    challenge.write_squares(toy_package / "data" / "mine", 40, 1)
    for one in (toy_package / "data" / "mine").iterdir():
        one.rename(toy_package / "data" / one.name)
    (toy_package / "data" / "mine").rmdir()
    beside = radlearn.squares.train(run=tmp_path / "beside", epochs=1)
    assert Path(beside.about["data"]) == (toy_package / "data").resolve()
