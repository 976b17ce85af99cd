"""Weights know the people whom an earlier run was trained on: these are not tested again as if they were new."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from torch import nn

import radlearn
from radlearn.challenges.rsna import find_cases
from radlearn.errors import BadLayout, BadRunFolder, BadSetting
from radlearn.json_files import read_json, write_json
from radlearn.tasks.xray.radiographs import PreparedRadiograph, prepared_radiographs
from radlearn.training.checkpoint import save_weights
from radlearn.training.checkpoint_header import STARTED
from radlearn.training.earlier_runs import IDENTITY, about_earlier, started, weights_to_start_from, with_earlier
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import read_split, split_digest, split_of
from radlearn.workflow.earlier_runs import seen_before
from radlearn.workflow.known_cases import KnownCases
from radlearn.workflow.splits import split_cases
from radlearn.workflow.strangers import are_strangers


@dataclass(frozen=True)
class Settings:
    seed: int = 0
    split_seed: int | None = None
    fold: int | None = None


@pytest.fixture
def xrays(small_rsna: Path) -> list[PreparedRadiograph]:
    return prepared_radiographs(find_cases(small_rsna), 16)


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Run]:
    def run(name: str, earlier: Run | None = None, **settings: int) -> Run:
        about = {} if earlier is None else {"start_from": str(earlier.folder)}
        return new_run(tmp_path / name, "classification", Settings(**settings), about)

    return run


def halves(xrays: list[PreparedRadiograph]) -> list[list[PreparedRadiograph]]:
    """Return the X-rays of half of the people, and of the other half."""
    persons = sorted({xray.case.person for xray in xrays})
    half = set(persons[: len(persons) // 2])
    return [[xray for xray in xrays if (xray.case.person in half) == wanted] for wanted in (True, False)]


def in_turn(xrays: list[PreparedRadiograph]) -> list[bool]:
    """Return made labels, with enough people of both kinds for a split."""
    persons = sorted({xray.case.person for xray in xrays})
    return [persons.index(xray.case.person) % 2 == 0 for xray in xrays]


def test_another_split_of_the_same_people_is_refused_and_the_command_names_theirs(
    xrays: list[PreparedRadiograph], made: Callable[..., Run]
) -> None:
    earlier = made("earlier", seed=5)
    split_cases(xrays, 5, None, earlier)
    with pytest.raises(BadSetting, match=r"persons whom this run would validate or test.*--split-seed 5"):
        split_cases(xrays, 6, None, made("run", earlier, seed=6))


def test_the_same_split_is_taken(xrays: list[PreparedRadiograph], made: Callable[..., Run]) -> None:
    earlier, run = made("earlier"), None
    split_cases(xrays, 0, 2, earlier)
    run = made("run", earlier, seed=1)
    split_cases(xrays, 0, 2, run)
    assert read_split(run.folder / "split.csv") == read_split(earlier.folder / "split.csv")


def test_a_person_counts_with_images_that_the_earlier_run_did_not_have(xrays: list[PreparedRadiograph], made: Callable[..., Run]) -> None:
    earlier = made("earlier")
    # One image of each person, and no more.
    first = list({xray.case.person: xray for xray in xrays}.values())
    split_cases(first, 0, None, earlier)
    trained = {person for person, subset in read_split(earlier.folder / "split.csv").values() if subset == "train"}
    with pytest.raises(BadSetting) as refused:
        split_cases(xrays, 1, None, made("run", earlier))
    # By hand: how many of those trained on the split of seed 1 would move.
    apart = made("apart")
    split_cases(xrays, 1, None, apart)
    before = dict(read_split(earlier.folder / "split.csv").values())
    order = ("train", "validation", "test")
    now = dict(read_split(apart.folder / "split.csv").values())
    moved = {person for person, subset in now.items() if order.index(subset) > order.index(before[person])}
    assert trained & moved
    assert f"trained or chosen on {len(moved)} of the" in str(refused.value)


def test_other_people_are_split_as_ever(xrays: list[PreparedRadiograph], made: Callable[..., Run]) -> None:
    ours, others = halves(xrays)
    earlier = made("earlier")
    split_cases(ours, 0, None, earlier, in_turn(ours))
    assert split_cases(others, 9, None, made("run", earlier, seed=9), in_turn(others))["test"]


def test_the_whole_chain_counts_and_a_lost_link_is_said(
    xrays: list[PreparedRadiograph], made: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    first = made("first")
    split_cases(xrays, 0, None, first)
    second, third = made("second", first), None
    split_cases(xrays, 0, None, second)
    third = made("third", second)
    assert [run.folder.name for run in with_earlier([third])] == ["third", "second", "first"]
    subsets = [subset for _, subset in read_split(first.folder / "split.csv").values()]
    assert sorted(seen.subset for seen in seen_before(third).values()) == sorted(subsets)
    first.folder.rename(first.folder.with_name("elsewhere"))
    assert [run.folder.name for run in with_earlier([third])] == ["third", "second"]
    assert "cannot be told" in capsys.readouterr().err


def test_predict_names_images_that_the_earlier_run_was_trained_on(
    xrays: list[PreparedRadiograph], made: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = made("earlier")
    split_cases(xrays, 0, None, earlier)
    split = read_split(earlier.folder / "split.csv")
    known = next(xray.case for xray in xrays if split[xray.case.image_id][1] == "train")
    KnownCases([made("run", earlier)]).report([("film", known.path)], "X-rays")
    assert "was trained on" in " ".join(capsys.readouterr().err.split())


def test_an_external_set_that_the_earlier_run_was_trained_on_is_none(
    xrays: list[PreparedRadiograph], made: Callable[..., Run], small_rsna: Path
) -> None:
    ours, others = halves(xrays)
    earlier = made("earlier")
    split_cases(ours, 0, None, earlier, in_turn(ours))
    run = made("run", earlier)
    split_cases(others, 0, None, run, in_turn(others))
    with pytest.raises(BadLayout, match=r"are images on which .+earlier, from which this run started, was trained or chosen"):
        are_strangers(run, [xray.case for xray in ours], small_rsna)


def with_weights(run: Run, value: float) -> Run:
    layer = nn.Linear(1, 1)
    nn.init.constant_(layer.weight, value)
    save_weights(run.best_weights, layer, {STARTED: before} if (before := started(run)) else {})
    return run


@pytest.mark.parametrize("known_by", ["settings", "weights"])
@pytest.mark.parametrize("depth", [1, 2])
def test_another_run_in_the_place_of_an_earlier_one_is_not_asked(
    xrays: list[PreparedRadiograph], tmp_path: Path, capsys: pytest.CaptureFixture[str], known_by: str, depth: int
) -> None:
    ours, others = halves(xrays)
    first = with_weights(new_run(tmp_path / "first", "classification", Settings()), 1.0)
    split_cases(ours, 0, None, first, in_turn(ours))
    chain = [first]
    for number in range(depth):
        chain.append(new_run(tmp_path / f"later-{number}", "classification", Settings(), about_earlier(chain[-1])))
        with_weights(chain[-1], 2.0 + number)
    if known_by == "weights":
        # Taken out of the settings, as by hand.
        about = {name: value for name, value in read_json(chain[1].folder / "settings.json").items() if name != IDENTITY}
        write_json(chain[1].folder / "settings.json", about)
    assert with_earlier([Run(chain[-1].folder, "classification")])[-1].folder == first.folder
    assert "cannot be told" not in capsys.readouterr().err
    first.folder.rename(tmp_path / "moved")
    stranger = with_weights(new_run(first.folder, "classification", Settings(seed=7)), 9.0)
    split_cases(others, 0, None, stranger, in_turn(others))
    asked = Run(chain[-1].folder, "classification")
    capsys.readouterr()
    assert not seen_before(asked)
    said = " ".join(capsys.readouterr().err.split())
    assert f"{first.folder}: holds other weights (of classification, seed 7)" in said
    assert "which people it was trained on cannot be told" in said
    known = next(xray.case for xray in others if split_of(stranger)[xray.case.image_id][1] == "train")
    KnownCases([asked]).report([("film", known.path)], "X-rays")
    assert "the run was trained on" not in " ".join(capsys.readouterr().err.split())
    # Named at its new place, it is believed again.
    about = read_json(chain[1].folder / "settings.json")
    write_json(chain[1].folder / "settings.json", {**about, "start_from": str(tmp_path / "moved")})
    assert len(seen_before(Run(chain[-1].folder, "classification"))) == len(ours)


def test_an_earlier_run_whose_training_went_on_is_asked_as_before(xrays: list[PreparedRadiograph], tmp_path: Path) -> None:
    first = with_weights(new_run(tmp_path / "first", "classification", Settings()), 1.0)
    split_cases(xrays, 0, None, first)
    about = about_earlier(first)
    later = with_weights(new_run(tmp_path / "later", "classification", Settings(), about), 2.0)
    with_weights(first, 1.5)
    assert len(seen_before(later)) == len(xrays)
    # Weights to start from are those that were named, and no others.
    with pytest.raises(BadRunFolder, match=r"To start from what is there now, train in a new folder"):
        weights_to_start_from(new_run(tmp_path / "begun", "classification", Settings(), about))


def test_the_run_that_has_seen_a_case_is_named_and_not_the_one_in_between(
    xrays: list[PreparedRadiograph], made: Callable[..., Run], small_rsna: Path
) -> None:
    ours, others = halves(xrays)
    first = made("first", seed=5)
    split_cases(ours, 5, None, first, in_turn(ours))
    between = made("between", first)
    split_cases(others, 0, None, between, in_turn(others))
    last = made("last", between)
    split_cases(others, 0, None, last, in_turn(others))
    with pytest.raises(BadLayout) as refused:
        are_strangers(last, [xray.case for xray in ours], small_rsna)
    words = f"on which {first.folder}, from which this run started, by way of {between.folder}, was trained or chosen"
    assert words in str(refused.value)
    with pytest.raises(BadSetting) as moved:
        split_cases(ours, 6, None, made("moved", between, seed=6), in_turn(ours))
    assert str(moved.value).startswith(f"{first.folder}, from which this run started, by way of {between.folder}, was trained or chosen on")
    # The seed is that of the run that has them.
    assert "--split-seed 5" in str(moved.value)


def test_the_api_refuses_what_is_no_run_before_it_makes_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_rsna: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(radlearn.errors.BadRunFolder, match="no such run folder"):
        radlearn.classification.train(data=small_rsna, start_from="nothing", run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def asked(xrays: list[PreparedRadiograph], subsets: dict[str, str]) -> list[PreparedRadiograph]:
    """X-rays as of a table with a column split."""
    return [xray._replace(case=replace(xray.case, split=subsets[xray.case.image_id])) for xray in xrays]


def test_what_to_do_about_people_seen_before_leads_to_a_split_that_is_taken(
    xrays: list[PreparedRadiograph], made: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = made("earlier", seed=3)
    split_cases(xrays, 3, None, earlier)
    before = {image_id: subset for image_id, (_, subset) in read_split(earlier.folder / "split.csv").items()}
    # Where a table has a column split, a seed changes nothing.
    turned = {image_id: {"train": "test", "test": "train"}.get(subset, subset) for image_id, subset in before.items()}
    with pytest.raises(BadSetting, match=r"Move them in the table's column split to where .+split\.csv has them; or") as refused:
        split_cases(asked(xrays, turned), 0, None, made("asked", earlier))
    assert "--split-seed" not in str(refused.value)
    split_cases(asked(xrays, before), 0, None, made("as before", earlier))
    # A run that was split by such a column is not reached by any seed.
    by_column = made("by column", seed=3)
    split_cases(asked(xrays, turned), 3, None, by_column)
    with pytest.raises(BadSetting, match=r"Give --data a table with a column split, in which these are where .+split\.csv has them"):
        split_cases(xrays, 3, None, made("by seed", by_column))
    split_cases(asked(xrays, turned), 3, None, made("as that column", by_column))


def test_a_run_that_is_told_to_have_started_from_nothing_is_not_believed(
    xrays: list[PreparedRadiograph], made: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    run = made("run")
    save_weights(run.best_weights, nn.Linear(1, 1), {STARTED: True})
    assert with_earlier([run]) == [run]
    assert "start_from was removed, which names an earlier run. Write it in again." in " ".join(capsys.readouterr().err.split())


def test_the_changed_split_of_an_earlier_run_is_not_believed(
    xrays: list[PreparedRadiograph], made: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = made("earlier")
    split_cases(xrays, 0, None, earlier)
    save_weights(earlier.best_weights, nn.Linear(1, 1), {"split": split_digest(earlier)})
    run = made("run", earlier)
    assert seen_before(run)
    lines = (earlier.folder / "split.csv").read_text().splitlines(keepends=True)
    (earlier.folder / "split.csv").write_text("".join(lines[:-4]))
    assert not seen_before(run)
    assert "was changed after training began" in " ".join(capsys.readouterr().err.split())
    KnownCases([earlier]).report([], "X-rays")
    assert "Whether it was trained on any of these cannot be told" in " ".join(capsys.readouterr().err.split())
