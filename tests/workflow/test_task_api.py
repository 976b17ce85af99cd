"""The commands in Python: errors that the journeys on the command line do not cover."""

import errno
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

import radlearn
from radlearn.cli import main
from radlearn.errors import BadLayout, BadRunFolder, BadSetting, CannotWrite, Interrupted, RadlearnError
from radlearn.files import write_text
from radlearn.json_files import read_json, write_json
from radlearn.training.checkpoint import save_tensors
from radlearn.training.run_folder import Run, begin_run, open_run
from radlearn.training.splits import write_split
from radlearn.use_cases import USE_CASES
from radlearn.workflow.task import Ensemble
from radlearn.workflow.task_api import TaskApi

# By its name, or by the file of a copy of the lesson.
TO_CONTINUE = r"To continue: (?:radlearn classification|\S*python\S* \S+\.py) resume "


@dataclass(frozen=True)
class Settings:
    epochs: int = 3


def test_a_task_is_found_by_its_name_and_another_is_not() -> None:
    assert isinstance(radlearn.classification, TaskApi)
    assert radlearn.classification is radlearn.classification
    with pytest.raises(AttributeError, match="its tasks are classification"):
        _ = radlearn.classificaton


def test_an_unknown_preset_or_setting_is_named_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="preset is 'fast'; it must be one of quick, challenge"):
        radlearn.classification.train(preset="fast", run=tmp_path / "run")
    with pytest.raises(BadSetting, match="no setting 'epoch'"):
        radlearn.classification.train(epoch=3, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def failing(task: Any, error: BaseException, saved: bool) -> TaskApi:
    """Return a task whose training fails, before or after its first checkpoint."""

    def train(settings: Any, data: Path, run: Run) -> Run:
        write_json(run.folder / "tuning" / "x.json", {})
        if saved:
            run.last_checkpoint.parent.mkdir()
            run.last_checkpoint.touch()
        raise error

    return TaskApi(replace(task, commands=replace(task.commands, train=train)))


FAILURES = (BadLayout("a table is wrong"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device", "x"), ZeroDivisionError())


@pytest.mark.parametrize("error", FAILURES)
@pytest.mark.parametrize("repeats", [1, 2])
def test_a_start_that_fails_leaves_no_run_and_the_same_command_can_be_given_again(
    error: BaseException, repeats: int, tmp_path: Path, small_rsna: Path
) -> None:
    for name in ("new/run", "run"):
        with pytest.raises((type(error), RadlearnError)):
            failing(radlearn.classification.task, error, False).train(data=small_rsna, run=tmp_path / name, repeats=repeats)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_has_a_checkpoint_is_kept_and_the_message_says_how_to_go_on(tmp_path: Path, small_rsna: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "model.safetensors")
    for name, repeats, resumed in (("run", 1, "run"), ("all", 2, "all")):
        words = rf"model\.safetensors: No space left on device\. Free some space.* {TO_CONTINUE}.*{resumed}$"
        with pytest.raises(CannotWrite, match=words):
            failing(radlearn.classification.task, full, True).train(data=small_rsna, run=tmp_path / name, repeats=repeats)
        assert (tmp_path / name).is_dir()
    with pytest.raises(CannotWrite, match=TO_CONTINUE):
        failing(radlearn.classification.task, full, True).resume(tmp_path / "run")


def stopped_late(task: Any, postprocessing: bool) -> TaskApi:
    """Return a task whose training of one epoch ends, and is stopped before or after its postprocessing is chosen."""

    def train(settings: Any, data: Path, run: Run) -> Run:
        write_text(run.history_file, '{"epoch": 1, "step": 1, "loss": 1.0, "learning_rate": 0.1, "seconds": 1.0, "auroc_score": 0.5}\n')
        for path in (run.best_weights, run.last_checkpoint):
            save_tensors(path, {"w": torch.ones(1)}, {"epoch": 1})
        if postprocessing:
            write_json(run.folder / "postprocessing.json", {"task": "classification", "postprocessing": {}})
        raise KeyboardInterrupt

    return TaskApi(replace(task, commands=replace(task.commands, train=train)))


NOT_CHOSEN = "is trained to its end, but its postprocessing is not chosen yet"


@pytest.mark.parametrize("repeats", [1, 2])
def test_stopped_between_training_and_postprocessing_all_commands_agree_and_name_the_command_that_goes_on(
    repeats: int, tmp_path: Path, small_rsna: Path
) -> None:
    api = stopped_late(radlearn.classification.task, False)
    ask: list[Callable[[], object]] = [
        lambda: api.train(data=small_rsna, run=tmp_path / "run", repeats=repeats, epochs=1),
        lambda: api.resume(tmp_path / "run"),
        lambda: radlearn.classification.predict(tmp_path / "run", [small_rsna], tmp_path / "out"),
        lambda: radlearn.classification.submit(tmp_path / "run", small_rsna, tmp_path / "file.csv"),
        lambda: radlearn.classification.evaluate(tmp_path / "run"),
    ]
    for command in ask:
        with pytest.raises(RadlearnError, match=rf"{NOT_CHOSEN}.*To choose it: .* resume \S*run$"):
            command()


def test_stopped_after_the_postprocessing_the_run_itself_is_named_beside_the_repeats(tmp_path: Path, small_rsna: Path) -> None:
    api = stopped_late(radlearn.classification.task, True)
    with pytest.raises(Interrupted, match=r"postprocessing of \S*seed-0 was chosen.* resume \S*seed-0 To continue.* resume \S*all$"):
        api.train(data=small_rsna, run=tmp_path / "all", repeats=2, epochs=1)


def test_half_trained_repeats_are_continued_together_whatever_was_asked_of_them(tmp_path: Path, small_rsna: Path) -> None:
    for seed in (0, 1):
        finished_run(tmp_path / "all" / f"seed-{seed}", small_rsna, seed)
    (tmp_path / "all" / "seed-1" / "postprocessing.json").unlink()
    write_json(tmp_path / "all" / "repeats.json", {"format": 1, "task": "classification", "seeds": [0, 1]})
    api = radlearn.classification
    for ask in (
        lambda: api.evaluate(tmp_path / "all"),
        lambda: api.predict(tmp_path / "all", [small_rsna], tmp_path / "out"),
        lambda: api.submit(tmp_path / "all", small_rsna, tmp_path / "file.csv"),
    ):
        with pytest.raises(BadRunFolder, match=r"seed-1: its training has not finished\. To continue: .* resume \S*all$"):
            ask()


@pytest.mark.parametrize(("has_bfloat16", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
def test_a_run_keeps_the_precision_that_auto_was_when_it_began(
    has_bfloat16: bool, precision: str, tmp_path: Path, small_rsna: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []

    def train(settings: Any, data: Path, run: Run) -> Run:
        given.append(settings.precision)
        return run

    task = TaskApi(replace(radlearn.classification.task, commands=replace(radlearn.classification.task.commands, train=train)))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("radlearn.training.device._processor_has_bfloat16", lambda: has_bfloat16)
    run = task.train(data=small_rsna, run=tmp_path / "run", precision="auto")
    assert read_json(tmp_path / "run" / "settings.json")["settings"]["precision"] == precision
    # On another machine it is continued as it began.
    monkeypatch.setattr("radlearn.training.device._processor_has_bfloat16", lambda: not has_bfloat16)
    assert isinstance(run, Run)
    task.resume(run)
    assert given == [precision] * 2


def test_before_the_first_checkpoint_nothing_is_said_to_be_kept(tmp_path: Path, small_rsna: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "checkpoint.safetensors")
    with pytest.raises(CannotWrite, match=r"checkpoint\.safetensors: No space left.*then try again\.$"):
        failing(radlearn.classification.task, full, False).train(data=small_rsna, run=tmp_path / "run")


@pytest.mark.parametrize("command", ["evaluate", "tune", "resume"])
def test_a_run_folder_that_cannot_be_written_is_found_before_the_work(
    command: str, tmp_path: Path, small_rsna: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(folder: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(folder))

    run = finished_run(tmp_path / "run", small_rsna)
    monkeypatch.setattr("radlearn.workflow.task_api.try_to_write", closed)
    with pytest.raises(CannotWrite, match=r"Nothing was \w+d, because .* in the run folder\. .*run: Read-only file system"):
        getattr(radlearn.classification, command)(run)


def test_a_run_is_created_once_and_opened_only_with_its_own_settings(tmp_path: Path, small_rsna: Path) -> None:
    run = begin_run(tmp_path / "run", "classification", Settings(), {"data": str(small_rsna)})
    assert begin_run(run.folder, "classification", Settings(), {"data": str(small_rsna)}) == run
    with pytest.raises(BadRunFolder, match="epochs is 3, not 4"):
        begin_run(run.folder, "classification", replace(Settings(), epochs=4), {"data": str(small_rsna)})
    assert open_run(run.folder).settings == {"epochs": 3}


def test_missing_data_are_named(tmp_path: Path) -> None:
    begin_run(tmp_path / "run", "classification", radlearn.classification.task.presets["quick"], {"data": str(tmp_path / "gone")})
    with pytest.raises(BadLayout, match=r"no longer there\. Use --data"):
        radlearn.classification.resume(tmp_path / "run")


def test_an_unfinished_run_is_refused_on_any_data(tmp_path: Path, small_rsna: Path) -> None:
    api = radlearn.classification
    run = begin_run(tmp_path / "run", "classification", api.task.presets["quick"], {"data": str(small_rsna)})
    cases = api.task.challenge.find_cases(small_rsna)
    write_split(run.folder / "split.csv", [case.image_id for case in cases], [case.person for case in cases], ["test"] * len(cases))
    with pytest.raises(BadRunFolder, match=r"no trained weights yet\. To continue: radlearn classification resume"):
        api.evaluate(run.folder, data=small_rsna)


def test_data_that_hold_only_some_of_the_runs_cases_are_neither_test_nor_external(tmp_path: Path, small_rsna: Path) -> None:
    api = radlearn.classification
    run = begin_run(tmp_path / "run", "classification", api.task.presets["quick"], {"data": str(small_rsna)})
    ids = [case.image_id for case in api.task.challenge.find_cases(small_rsna)] + ["an X-ray that is gone"]
    write_split(run.folder / "split.csv", ids, ids, ["test"] * len(ids))
    with pytest.raises(BadLayout, match=r"all 48 of its cases have names of this run's cases, but not all.*names alone tell"):
        api.evaluate(run.folder, data=small_rsna)


def test_to_predict_for_nothing_is_refused_before_a_run_is_opened(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"segmentation predict: name at least one file or folder, such as SCAN\.nii\.gz"):
        radlearn.segmentation.predict(tmp_path / "none", [], tmp_path / "out")


@pytest.mark.parametrize("task", USE_CASES)
@pytest.mark.parametrize("command", ["evaluate", "predict", "submit"])
def test_no_run_at_all_is_refused(tmp_path: Path, task: str, command: str) -> None:
    api = TaskApi(USE_CASES[task].load_task())
    out = tmp_path / "out.csv"
    further: tuple[Any, ...] = {"evaluate": (), "predict": ([tmp_path], out), "submit": (tmp_path, out)}[command]
    with pytest.raises(BadSetting, match=f"{task}: no run was named"):
        getattr(api, command)([], *further)


@pytest.mark.parametrize("task", USE_CASES)
@pytest.mark.parametrize("arguments", [["evaluate"], ["submit", "--images", "here", "--out", "out.csv"]])
def test_no_run_on_the_command_line_is_refused(capsys: pytest.CaptureFixture[str], task: str, arguments: list[str]) -> None:
    assert main([task, *arguments]) == 2
    assert f"{task}: no run was named." in " ".join(capsys.readouterr().err.split())


def test_an_unknown_option_is_named_with_the_known_ones(tmp_path: Path) -> None:
    run = begin_run(tmp_path / "run", "detection", radlearn.detection.task.presets["quick"], {"data": str(tmp_path)})
    with pytest.raises(BadSetting, match=r"no option 'gates'. The options are: gate\."):
        radlearn.detection.predict(run, [tmp_path], tmp_path / "out", gates="table.csv")


@pytest.fixture
def asked() -> list[tuple[str, list[str]]]:
    """What the ensemble of `counting` was asked for: the command, and the names of the runs."""
    return []


@pytest.fixture
def counting(asked: list[tuple[str, list[str]]]) -> TaskApi:
    """Classification, whose ensemble only notes what it is asked for."""

    def note(command: str, answer: object) -> Callable[..., object]:
        return lambda runs, *_: (asked.append((command, [run.folder.name for run in runs])), answer)[1]

    ensemble: Any = Ensemble(note("evaluate", {}), note("predict", Path("table")), note("submit", Path("file")))  # type: ignore[arg-type]
    return TaskApi(replace(radlearn.classification.task, ensemble=ensemble))


def finished_run(folder: Path, data: Path, seed: int = 0) -> Path:
    settings = replace(radlearn.classification.task.presets["quick"], seed=seed)
    run = begin_run(folder, "classification", settings, {"data": str(data)})
    ids = [case.image_id for case in radlearn.classification.task.challenge.find_cases(data)]
    write_split(run.folder / "split.csv", ids, ids, ["test"] * len(ids))
    write_json(run.folder / "postprocessing.json", {"task": "classification", "postprocessing": {}})
    return run.folder


def test_a_folder_of_repeats_predicts_as_the_ensemble_of_its_runs(
    tmp_path: Path, small_rsna: Path, counting: TaskApi, asked: list[tuple[str, list[str]]]
) -> None:
    for seed in (0, 1, 2):
        finished_run(tmp_path / "repeats" / f"seed-{seed}", small_rsna, seed)
    write_json(tmp_path / "repeats" / "repeats.json", {"format": 1, "task": "classification", "seeds": [0, 1, 2]})
    seeds = ["seed-0", "seed-1", "seed-2"]
    assert counting.predict(tmp_path / "repeats", [small_rsna], tmp_path / "out") == Path("table")
    assert counting.submit([tmp_path / "repeats"], small_rsna, tmp_path / "file") == Path("file")
    assert asked == [("predict", seeds), ("submit", seeds)]


def test_a_table_stands_for_the_images_it_names(tmp_path: Path, small_rsna: Path) -> None:
    given: list[list[Path]] = []
    task = radlearn.classification.task
    commands = replace(task.commands, predict=lambda run, paths, *_: (given.append(list(paths)), Path("table"))[1])
    run = finished_run(tmp_path / "run", small_rsna)
    xrays = sorted((small_rsna / "stage_2_train_images").iterdir())[:3]
    table = tmp_path / "wanted.tsv"
    table.write_text("site\tpath\n" + "".join(f"North\t{xray.resolve()}\n" for xray in reversed(xrays[:2])), encoding="utf-8")
    TaskApi(replace(task, commands=commands)).predict(run, [table, xrays[2]], tmp_path / "out")
    assert given == [[xrays[1].resolve(), xrays[0].resolve(), xrays[2]]]


def test_several_runs_are_evaluated_on_their_own_data_alone(
    tmp_path: Path, small_rsna: Path, counting: TaskApi, asked: list[tuple[str, list[str]]]
) -> None:
    runs = [finished_run(tmp_path / name, small_rsna) for name in ("one", "two")]
    counting.evaluate(runs)
    assert asked == [("evaluate", ["one", "two"])]
    strangers = tmp_path / "strangers"
    shutil.copytree(small_rsna, strangers)
    for table in strangers.glob("*.csv"):
        table.write_text(table.read_text().replace("xray-", "new-xray-"))
    for xray in (strangers / "stage_2_train_images").iterdir():
        xray.rename(xray.with_name(f"new-{xray.name}"))
    with pytest.raises(BadSetting, match="holds none of the runs' cases"):
        counting.evaluate(runs, data=strangers)


def test_the_evaluation_of_an_ensemble_is_no_run(tmp_path: Path, small_rsna: Path, counting: TaskApi) -> None:
    run = finished_run(tmp_path / "one", small_rsna)
    shutil.copytree(run, run / "ensemble")
    about = read_json(run / "settings.json")
    write_json(run / "ensemble" / "settings.json", {**about, "runs": [str(run), "another"]})
    for ask in (counting.evaluate, counting.tune, counting.resume, lambda one: counting.predict(one, [small_rsna], tmp_path / "out")):
        with pytest.raises(BadRunFolder, match="holds the evaluation of 2 runs together, and no run"):
            ask(run / "ensemble")


def test_a_task_without_ensembles_takes_one_run_at_a_time(tmp_path: Path, small_rsna: Path) -> None:
    api = TaskApi(replace(radlearn.classification.task, ensemble=None))
    runs = [finished_run(tmp_path / name, small_rsna) for name in ("one", "two")]
    with pytest.raises(BadSetting, match="has no ensembles and takes one run"):
        api.evaluate(runs)


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_a_run_that_is_named_among_images_is_refused(tmp_path: Path, task: str) -> None:
    runs = [begin_run(tmp_path / name, task, Settings()).folder for name in ("one", "two")]
    write_json(tmp_path / "repeats" / "repeats.json", {})
    (tmp_path / "images").mkdir()
    # Other programs have a settings.json too.
    write_json(tmp_path / "images" / "settings.json", {"window": 3})
    for late in (runs[1], tmp_path / "repeats"):
        with pytest.raises(BadSetting, match=rf"{late}: is a run folder, and stands where images are named. Name all runs before"):
            getattr(radlearn, task).predict(runs[0], [tmp_path / "images", late], tmp_path / "out")
    with pytest.raises(RadlearnError, match=r"has not finished|holds no X-ray|is empty"):
        getattr(radlearn, task).predict(runs[0], [tmp_path / "images"], tmp_path / "out")


def test_a_submission_takes_the_place_of_no_table(tmp_path: Path) -> None:
    run = begin_run(tmp_path / "run", "detection", Settings()).folder
    (tmp_path / "labels.csv").write_text("patientId,x,y,width,height,Target\n")
    with pytest.raises(BadSetting, match=r"labels\.csv already exists"):
        radlearn.detection.submit(run, tmp_path, tmp_path / "labels.csv")
    (tmp_path / "submission.csv").write_text("patientId,PredictionString\na,\n")
    with pytest.raises(BadSetting, match=r"submission\.csv: is read by this command"):
        radlearn.detection.submit(run, tmp_path, tmp_path / "submission.csv", gate=tmp_path / "submission.csv")


@pytest.mark.parametrize("name", ["list.txt", "films.LST"])
def test_a_list_of_files_is_sent_to_a_table(tmp_path: Path, small_rsna: Path, name: str) -> None:
    (tmp_path / name).write_text("a.png\nb.png\n")
    with pytest.raises(BadSetting, match=rf"{name}: is a text file\. .* the heading path in the first line.*ends with \.csv"):
        radlearn.classification.predict(tmp_path, [tmp_path / name], tmp_path / "out")
    # A DICOM file under such a name is one.
    shutil.copy(next(small_rsna.rglob("*.dcm")), tmp_path / name)
    with pytest.raises(BadRunFolder):
        radlearn.classification.predict(tmp_path, [tmp_path / name], tmp_path / "out")


WRONG: dict[str, tuple[Callable[[TaskApi, Path], object], str]] = {
    "no run": (lambda task, place: task.evaluate(None), r"run is None; it must be a run, a path, a text"),  # type: ignore[arg-type]
    "a number for a run": (lambda task, place: task.tune(5), r"run is 5; it must be a run, a path or a text"),  # type: ignore[arg-type]
    "a number among runs": (lambda task, place: task.submit([place, 5], place, place / "s.csv"), r"run is \[.* it must be a run"),  # type: ignore[list-item]
    "no path": (lambda task, place: task.predict(place, None, place / "o"), r"paths is None; it must be a path, a text or a list"),  # type: ignore[arg-type]
    "no place": (lambda task, place: task.predict(place, [place], None), r"out is None; it must be a path or a text"),  # type: ignore[arg-type]
    "a word for yes": (lambda task, place: task.predict(place, [place], place / "o", "no"), r"overlays is 'no'; it must be True or"),  # type: ignore[arg-type]
    "a number for data": (lambda task, place: task.train(data=3), r"data is 3; it must be a path, a text or None"),  # type: ignore[arg-type]
    "a text for a count": (lambda task, place: task.train(repeats="2"), r"repeats is '2'; it must be a whole number"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("wrong", WRONG)
def test_an_argument_of_another_type_is_refused_in_words(tmp_path: Path, wrong: str) -> None:
    call, words = WRONG[wrong]
    with pytest.raises(BadSetting, match=words):
        call(radlearn.classification, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_option_of_another_type_is_refused_in_words_and_a_path_may_be_text(tmp_path: Path) -> None:
    run = begin_run(tmp_path / "run", "classification", Settings())
    with pytest.raises(BadSetting, match=r"wanted_sensitivity is '0\.9'; it must be a valid number"):
        radlearn.classification.tune(run, wanted_sensitivity="0.9")
    run = begin_run(tmp_path / "boxes", "detection", Settings())
    with pytest.raises(BadSetting, match=r"gate is 0\.5; it must be"):
        radlearn.detection.evaluate(run, gate=0.5)
    made = radlearn.detection._options(radlearn.detection.task.options, {"gate": "table.csv"})
    assert made == radlearn.detection._options(radlearn.detection.task.options, {"gate": Path("table.csv")})


@pytest.mark.parametrize("task", list(USE_CASES))
@pytest.mark.parametrize(
    "as_kind", [str, Path, lambda path: [path], lambda path: iter([str(path)])], ids=["text", "path", "list", "iterator"]
)
def test_one_path_is_one_image_however_it_is_given(tmp_path: Path, task: str, as_kind: Callable[[Path], Any]) -> None:
    taken: list[Any] = []
    of_task: Any = getattr(radlearn, task).task
    seeing = replace(of_task, commands=replace(of_task.commands, predict=lambda run, paths, out, overlays, options: taken.append(paths)))
    run = begin_run(tmp_path / "run", task, Settings())
    TaskApi(seeing).predict(run, as_kind(tmp_path / "a.png"), tmp_path / "out")
    assert taken == [[tmp_path / "a.png"]]
