"""A postprocessing is read as it was written; a damaged one is refused with the command to choose it again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.json_files import read_json
from radlearn.training.checkpoint import save_tensors, save_weights
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import postprocessing_kept, prove_postprocessing, read_postprocessing, write_postprocessing


@dataclass(frozen=True)
class Cut:
    """A number that must be above 0."""

    at: float

    def __post_init__(self) -> None:
        if not self.at > 0:
            raise BadSetting("at must be above 0.")


def test_a_postprocessing_is_read_with_the_values_about_its_choice(tmp_path: Path) -> None:
    run = Run(tmp_path, "segmentation")
    with pytest.raises(BadRunFolder, match=r"has not finished\. To continue: radlearn segmentation resume"):
        read_postprocessing(run, Cut)
    write_postprocessing(run, Cut(0.25), {"ablation": [1, 2]})
    assert read_postprocessing(run, Cut) == (Cut(0.25), {"ablation": [1, 2]})


def test_a_choice_that_is_kept_is_not_replaced_and_another_run_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, other = (Run(tmp_path / name, "segmentation") for name in ("run", "other"))
    for one in (run, other):
        one.folder.mkdir()
        write_postprocessing(one, Cut(0.25), {"chosen_by": "tune"})
    written = (run.folder / "postprocessing.json").read_bytes()
    with postprocessing_kept(run):
        write_postprocessing(run, Cut(0.25), {"chosen_by": "train"})
        assert "stays" not in capsys.readouterr().err
        write_postprocessing(run, Cut(0.5), {"chosen_by": "train"})
        write_postprocessing(other, Cut(0.5), {})
    assert (run.folder / "postprocessing.json").read_bytes() == written
    assert "holds another choice, as 'tune' makes it. It stays." in " ".join(capsys.readouterr().err.split())
    assert read_postprocessing(other, Cut)[0] == Cut(0.5)
    write_postprocessing(run, Cut(0.5), {})
    assert read_postprocessing(run, Cut)[0] == Cut(0.5)


@pytest.mark.parametrize("damage", ["nothing there", "changed by hand", "no JSON"])
def test_what_cannot_be_believed_is_not_kept(tmp_path: Path, damage: str) -> None:
    run, path = Run(tmp_path, "segmentation"), tmp_path / "postprocessing.json"
    if damage != "nothing there":
        write_postprocessing(run, Cut(0.25), {})
        path.write_text(path.read_text().replace("0.25", "0.75") if damage == "changed by hand" else "{")
    with postprocessing_kept(run):
        write_postprocessing(run, Cut(0.5), {})
    assert read_postprocessing(run, Cut)[0] == Cut(0.5)


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        '{"postprocessing": {"cut": 0.5}}',
        '{"postprocessing": {"at": "half"}}',
        '{"postprocessing": {"at": -1}}',
        '{"postprocessing": 3}',
    ],
)
def test_a_damaged_postprocessing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "postprocessing.json").write_text(content)
    with pytest.raises(BadRunFolder, match="radlearn segmentation resume"):
        read_postprocessing(Run(tmp_path, "segmentation"), Cut)


def test_the_postprocessing_of_another_task_is_refused_though_its_numbers_would_fit(tmp_path: Path) -> None:
    write_postprocessing(Run(tmp_path, "detection"), Cut(0.25), {})
    with pytest.raises(BadRunFolder, match=r"task is 'detection'; expected 'segmentation'.*radlearn segmentation resume"):
        read_postprocessing(Run(tmp_path, "segmentation"), Cut)


ABOUT = {"validation_scans": 2, "curve": {"threshold": [0.2, 1.0], "score": [0.5, None]}, "place": "run é"}
CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "a value of the choice": lambda content: content["postprocessing"].update(at=0.9),
    "the last digit of a value": lambda content: content["postprocessing"].update(at=0.25000000000000006),
    "a value beside it": lambda content: content["curve"]["threshold"].append(0.3),
    "a value that is null": lambda content: content["curve"]["score"].__setitem__(1, 0.0),
    "the digest of the weights is gone": lambda content: content.pop("weights"),
    "a value more": lambda content: content.update(more=1),
    "another digest": lambda content: content.update(digest="0" * 32),
    "a digest that is none": lambda content: content.update(digest=5),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_value_that_was_changed_by_hand_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    run = Run(tmp_path, "segmentation")
    write_postprocessing(run, Cut(0.25), ABOUT)
    content = json.loads((tmp_path / "postprocessing.json").read_text(encoding="utf-8"))
    change(content)
    (tmp_path / "postprocessing.json").write_text(json.dumps(content))
    words = r"not those that were chosen.*Remove it\. To choose it again: radlearn segmentation resume.*with: radlearn segmentation tune"
    for read in (lambda: read_postprocessing(run, Cut), lambda: prove_postprocessing(run)):
        with pytest.raises(BadRunFolder, match=words):
            read()


@pytest.mark.parametrize("indent", [None, 4], ids=["in one line", "wider"])
def test_a_file_that_is_only_laid_out_in_another_way_is_read(tmp_path: Path, indent: int | None) -> None:
    run = Run(tmp_path, "segmentation")
    write_postprocessing(run, Cut(1.0), ABOUT)
    before = read_postprocessing(run, Cut)
    content = json.loads((tmp_path / "postprocessing.json").read_text(encoding="utf-8"))
    text = json.dumps(dict(reversed(content.items())), indent=indent)
    # As a program does that knows one kind of number.
    (tmp_path / "postprocessing.json").write_text(text.replace("1.0", "1"))
    assert read_postprocessing(run, Cut) == before
    prove_postprocessing(run)


def test_a_file_of_before_digests_is_read_which_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path, "segmentation")
    prove_postprocessing(run)
    (tmp_path / "postprocessing.json").write_text('{"task": "segmentation", "postprocessing": {"at": 0.5}}')
    assert [read_postprocessing(run, Cut)[0] for _ in range(3)] == [Cut(0.5)] * 3
    assert capsys.readouterr().err.count("is older than digests of postprocessings") == 1
    # The bounds hold all the same.
    (tmp_path / "postprocessing.json").write_text('{"task": "segmentation", "postprocessing": {"at": -0.5}}')
    with pytest.raises(BadRunFolder, match=r"at must be above 0\."):
        read_postprocessing(run, Cut)


def test_what_an_ensemble_was_given_is_made_again_by_evaluating_its_runs(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"format": 2, "task": "segmentation", "settings": {}, "runs": ["one", "t w o"]}')
    run = Run(tmp_path, "segmentation")
    write_postprocessing(run, Cut(0.25), {})
    content = read_json(tmp_path / "postprocessing.json")
    (tmp_path / "postprocessing.json").write_text(json.dumps({**content, "postprocessing": {"at": 0.5}}))
    with pytest.raises(BadRunFolder, match="To choose it again: radlearn segmentation evaluate one 't w o'"):
        read_postprocessing(run, Cut)


def with_weights(folder: Path, task: str = "segmentation") -> Run:
    run = Run(folder, task)
    save_weights(run.best_weights, nn.Linear(1, 1), {"epoch": 1})
    return run


def without_digest(run: Run, **changed: Any) -> None:
    content = read_json(run.folder / "postprocessing.json")
    content["postprocessing"] |= changed
    (run.folder / "postprocessing.json").write_text(json.dumps({name: value for name, value in content.items() if name != "digest"}))


def test_a_digest_that_was_removed_is_missed_beside_weights_that_know_of_it(tmp_path: Path) -> None:
    run = with_weights(tmp_path)
    write_postprocessing(run, Cut(0.25), ABOUT)
    without_digest(run, at=0.9)
    words = r"its digest was removed.*To choose it again: radlearn segmentation resume.*with: radlearn segmentation tune"
    for read in (lambda: read_postprocessing(run, Cut), lambda: prove_postprocessing(run)):
        with pytest.raises(BadRunFolder, match=words):
            read()


def test_a_digest_of_an_ensemble_is_missed_as_its_runs_know_of_it(tmp_path: Path) -> None:
    with_weights(tmp_path / "one")
    named = {"format": 2, "task": "segmentation", "settings": {}, "runs": [str(tmp_path / "one")]}
    (tmp_path / "settings.json").write_text(json.dumps(named))
    run = Run(tmp_path, "segmentation")
    write_postprocessing(run, Cut(0.25), {})
    without_digest(run)
    with pytest.raises(BadRunFolder, match=r"its digest was removed.*To choose it again: radlearn segmentation evaluate"):
        read_postprocessing(run, Cut)


def test_beside_weights_of_before_a_file_without_a_digest_is_read_which_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path, "segmentation")
    # As weights were written when a postprocessing had no digest.
    save_tensors(run.best_weights, {"weight": torch.ones(1)}, {"epoch": 1, "split": "0" * 32, "settings": {}})
    write_postprocessing(run, Cut(0.25), {})
    without_digest(run)
    assert read_postprocessing(run, Cut)[0] == Cut(0.25)
    assert "is older than digests of postprocessings" in capsys.readouterr().err


@pytest.mark.parametrize("digest", [None, "", 0])
def test_a_digest_of_nothing_is_none(tmp_path: Path, digest: object) -> None:
    run = Run(tmp_path, "segmentation")
    write_postprocessing(run, Cut(0.25), {})
    (tmp_path / "postprocessing.json").write_text(json.dumps({**read_json(tmp_path / "postprocessing.json"), "digest": digest}))
    with pytest.raises(BadRunFolder, match="not those that were chosen"):
        read_postprocessing(run, Cut)
