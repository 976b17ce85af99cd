"""The reader of run files: what a file says is checked, and what is wrong is named."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge
from hypothesis import given
from hypothesis import strategies as some

import radlearn
from radlearn.errors import BadRunFolder
from radlearn.json_files import json_of, write_json
from radlearn.training.run_files import HistoryLine, SettingsFile, TrainingState, checked, checked_lines, read_run_file
from radlearn.training.run_folder import Run, new_run, open_run, settings_as
from radlearn.workflow.postprocessing_file import read_postprocessing
from radlearn.workflow.repeats import open_repeats


@dataclass(frozen=True)
class Thing:
    count: Annotated[int, Ge(0)] = 3
    share: float = 0.5
    kind: Literal["a", "b"] = "a"
    sides: tuple[float, ...] = (1.0, 2.0)
    place: Path | None = None
    wanted: bool = False


def test_tuples_and_paths_are_restored_and_whole_numbers_are_numbers() -> None:
    content = {"count": 1, "share": 1, "kind": "b", "sides": [1, 2.5], "place": "a/b", "wanted": True}
    assert checked(content, Thing, Path("x.json")) == Thing(1, 1.0, "b", (1.0, 2.5), Path("a/b"), True)


@given(some.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_to_the_last_bit(number: float) -> None:
    assert checked({"share": number}, Thing, Path("x.json")).share == number


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("count", "3", "valid integer"), ("count", True, "valid integer"), ("count", 3.0, "valid integer"), ("count", -1, "greater than"),
        ("count", None, "valid integer"), ("share", "0.5", "valid number"), ("share", False, "valid number"), 
        ("kind", "c", "'a' or 'b'"), ("sides", "12", "valid (tuple|array)"), ("sides", [1, None], "valid number"), ("place", 3, "valid"),
        ("wanted", 1, "valid boolean"), ("wanted", "no", "valid boolean"), ("another", 1, "unexpected"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_named_with_what_was_expected(name: str, value: object, expected: str) -> None:
    with pytest.raises(BadRunFolder, match=rf"x\.json: {name}.*{expected}.*changed or damaged after it was written"):
        checked({name: value}, Thing, Path("x.json"))


@pytest.mark.parametrize("content", [None, 3, "text", [], [{}], True])
def test_what_is_no_object_is_refused(content: object) -> None:
    for kind in (Thing, SettingsFile, TrainingState, dict[str, Any]):
        with pytest.raises(BadRunFolder, match=r"x\.json: its content is"):
            checked(content, kind, Path("x.json"))


MAD = {
    "a number of 5,000 digits": '{"a": ' + "9" * 5000 + "}",
    "deep nesting": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "nesting that can be read": '{"a": ' + "[" * 200 + "]" * 200 + "}",
    "NaN": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "a number that is too large": '{"a": 1e999}',
    "a name that comes twice": '{"a": 1, "a": 2}',
    "half a character": '{"a": "\\ud800"}',
    "half a file": '{"a": [1, 2',
    "nothing": "",
    "two values": "{} {}",
}


@pytest.mark.parametrize("text", MAD.values(), ids=MAD)
def test_mad_json_is_refused_wherever_a_run_has_json(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        json_of(text)
    run = new_run(tmp_path / "run", "classification", Thing())
    (run.folder / "postprocessing.json").write_text(text)
    with pytest.raises(BadRunFolder, match=r"postprocessing\.json: is not JSON"):
        read_postprocessing(run, Thing)
    run.history_file.write_text(text.replace("\n", "") + "\n" or "")
    if text:
        with pytest.raises(BadRunFolder, match=r"history\.jsonl: is not one JSON object per line"):
            _ = run.history
    (tmp_path / "repeats.json").write_text(text)
    with pytest.raises(BadRunFolder, match=r"repeats\.json: is not JSON"):
        open_repeats(tmp_path)
    (run.folder / "environment.json").write_text(text)
    write_json(run.folder / "settings.json", {"format": 2, "task": "classification", "settings": {"older": 1}})
    with pytest.raises(BadRunFolder, match=r"The run was made by radlearn \?"):
        settings_as(open_run(run.folder), Thing)
    (run.folder / "settings.json").write_text(text)
    with pytest.raises(BadRunFolder, match=r"settings\.json: is not JSON"):
        open_run(run.folder)


def test_bytes_that_are_no_text_a_folder_and_a_mark_of_windows(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{}")
    (tmp_path / "b.json").mkdir()
    for name in ("a.json", "b.json", "none.json"):
        with pytest.raises(BadRunFolder, match=f"{name}: .*To mend it"):
            read_run_file(tmp_path / name, dict[str, Any], "To mend it: copy it.")
    (tmp_path / "c.json").write_bytes(b'\xef\xbb\xbf{"count": 4}')
    assert read_run_file(tmp_path / "c.json", Thing) == Thing(4)


@pytest.mark.parametrize(
    "line", ["[]", "3", '{"loss": 1}', '{"epoch": "1"}', '{"epoch": 0}', '{"epoch": 1.5}', '{"epoch": 1, "loss": "low"}']
)
def test_a_line_of_a_history_that_is_none_is_named(line: str) -> None:
    with pytest.raises(BadRunFolder, match=r"history\.jsonl, line 2: "):
        checked_lines(f'{{"epoch": 1, "loss": 0.5, "score": null}}\n{line}\n', HistoryLine, Path("history.jsonl"))


SETTINGS_CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "settings is a list": lambda said: said.update(settings=[]),
    "epochs is a word": lambda said: said["settings"].update(epochs="eight"),
    "network is misspelt": lambda said: said["settings"].update(network="resnet50"),
    "pretrained is a word": lambda said: said["settings"].update(pretrained="false"),
    "size_px is true": lambda said: said["settings"].update(size_px=True),
    "learning_rate is null": lambda said: said["settings"].update(learning_rate=None),
    "seed is a fraction": lambda said: said["settings"].update(seed=0.5),
    "shape is a number": lambda said: said["settings"].update(shape=3),
    "data is a list": lambda said: said.update(data=["/a"]),
    "runs is a word": lambda said: said.update(runs="all"),
    "task is null": lambda said: said.update(task=None),
    "a setting is missing": lambda said: said["settings"].pop("gamma_range"),
}


@pytest.mark.parametrize("change", SETTINGS_CHANGES.values(), ids=SETTINGS_CHANGES)
def test_edited_settings_of_a_lesson_are_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    api = radlearn.classification
    run = new_run(tmp_path / "run", "classification", api.task.presets["quick"], {"data": "/nowhere"})
    assert settings_as(open_run(run.folder), api.task.settings) == api.task.presets["quick"]
    said = json.loads((run.folder / "settings.json").read_text())
    change(said)
    (run.folder / "settings.json").write_text(json.dumps(said))
    with pytest.raises(BadRunFolder, match=r"settings\.json"):
        settings_as(open_run(run.folder), api.task.settings)


@pytest.mark.parametrize("data", [None, "", "a\0b", "x" * 5000, "/nowhere/at/all", "rsna-99999999-seed-0-00000000"])
def test_data_that_are_nowhere_are_asked_for(tmp_path: Path, data: str | None) -> None:
    run = new_run(tmp_path / "run", "classification", radlearn.classification.task.presets["quick"], {} if data is None else {"data": data})
    with pytest.raises(radlearn.errors.RadlearnError, match="Use --data") as raised:
        radlearn.classification.resume(Run(run.folder, "classification"))
    assert len(str(raised.value)) < 500
