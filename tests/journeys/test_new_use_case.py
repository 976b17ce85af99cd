"""A use case is added from outside: one challenge, one lesson, one line in the registry, and nothing in the library changes."""

import csv
import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import radlearn
from radlearn import cli
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
