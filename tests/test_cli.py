"""The command line: cheap to ask, clear when asked wrongly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from radlearn import __version__, cli
from radlearn.use_cases import USE_CASES
from radlearn.workflow.commands import COMMANDS as TASK_COMMANDS


def test_help_names_every_task_and_command_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from radlearn.cli import main; code = main(['--help']); "
        "print([m for m in ('torch', 'monai', 'tyro', 'numpy') if m in sys.modules], code)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[] 0"
    for word in (*USE_CASES, *cli.COMMANDS):
        assert f"  {word}" in out


def test_no_word_at_all_is_a_call_for_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    usage = capsys.readouterr().out
    assert "usage: radlearn TASK COMMAND" in usage
    assert f"with the commands {', '.join(TASK_COMMANDS)}\n" in usage


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"radlearn {__version__}\n"


def test_an_unknown_word_is_named_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["clasification", "train"]) == 2
    assert "'clasification' is neither a task nor a command. Tasks: classification" in capsys.readouterr().err


def test_an_unknown_verb_is_named_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["classification", "trian"]) == 2
    assert "there is no such command. The commands are: train, resume" in capsys.readouterr().err


def test_a_task_without_a_verb_tells_its_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["classification"]) == 0
    assert "evaluate" in capsys.readouterr().err


def test_an_unknown_flag_or_value_leaves_with_two() -> None:
    for arguments in (["--epoch", "3"], ["--network", "vgg"], ["--epochs", "many"]):
        with pytest.raises(SystemExit) as ending:
            cli.main(["classification", "train", *arguments])
        assert ending.value.code == 2


def test_an_unknown_preset_is_named_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["classification", "train", "--preset", "fast"]) == 2
    assert "--preset is 'fast'; it must be one of quick, challenge" in capsys.readouterr().err


def test_the_help_of_train_holds_every_setting_with_its_comment(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        cli.main(["classification", "train", "--preset", "challenge", "--help"])
    assert ending.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "--wanted-sensitivity" in out
    assert "Cases per training step;" in out
    assert "convnext_tiny" in out


def test_a_run_that_is_not_there_is_one_clear_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["resume"], ["evaluate"], ["predict", str(tmp_path), "--out", str(tmp_path / "out")]):
        assert cli.main(["classification", command[0], str(tmp_path / "none"), *command[1:]]) == 2
        assert "there is no such run folder" in capsys.readouterr().err


def test_info_as_json_is_alone_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["versions"]["radlearn"] == __version__


def test_thorax_writes_xrays_and_cts_and_refuses_to_write_them_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["thorax", "--out", str(tmp_path), "--xrays", "2", "--cts", "1", "--workers", "1"]
    assert cli.main(arguments) == 0
    assert len(list((tmp_path / "rsna" / "stage_2_train_images").glob("*.dcm"))) == 2
    assert len(list((tmp_path / "covid19" / "Train").glob("*_seg.nii.gz"))) == 1
    assert (tmp_path / "patients.png").stat().st_size > 10_000
    assert (tmp_path / "contact_sheet.png").stat().st_size > 10_000
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    assert cli.main(arguments) == 2
    assert "rsna" in capsys.readouterr().err
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_thorax_refuses_a_used_folder_before_it_draws_anything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "covid19").mkdir()
    (tmp_path / "covid19" / "mine.txt").write_text("precious")
    assert cli.main(["thorax", "--out", str(tmp_path), "--xrays", "2", "--cts", "1"]) == 2
    assert "covid19" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["covid19"]
    assert cli.main(["thorax", "--out", str(tmp_path), "--xrays", "0", "--cts", "0"]) == 2
    assert "not both 0" in capsys.readouterr().err


def test_tune_finds_out_from_the_run_folder_whose_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["tune"]) == 0
    assert "usage: radlearn tune RUN" in capsys.readouterr().out
    assert cli.main(["tune", str(tmp_path / "none")]) == 2
    assert "there is no such run folder" in capsys.readouterr().err
    assert cli.main(["tune", str(tmp_path), "--json"]) == 2
    assert "is not a run folder" in capsys.readouterr().err


@pytest.mark.parametrize("task", ["foo", "", "--help", "score"])
def test_tune_refuses_the_run_of_a_task_that_is_not_there(task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "settings.json").write_text(json.dumps({"format": 2, "task": task, "settings": {}}))
    assert cli.main(["tune", str(tmp_path)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"is a run of {task!r}, a task that is not there. The tasks are: classification, detection, segmentation" in said


@pytest.mark.parametrize("seed", [2**63, -(2**63) - 1, 10**30])
def test_a_seed_of_more_than_64_bits_is_refused_before_anything_is_prepared(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["classification", "train", "--seed", str(seed), "--data", str(tmp_path), "--run", str(tmp_path / "run")]) == 2
    assert f"seed is {seed}; it must be" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
