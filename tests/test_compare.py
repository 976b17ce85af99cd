"""The comparison as a person sees it: a table, one JSON object, one picture, and sentences that say what is not known."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radlearn import cli
from radlearn.compare import compare
from radlearn.errors import BadSetting
from radlearn.json_files import read_json
from radlearn.metrics.boxes import mean_over_images
from radlearn.metrics.intervals import bootstrap_interval, paired_bootstrap_interval
from radlearn.metrics.ranking import auroc_score
from radlearn.use_cases import USE_CASES
from tests.made_runs import made_boxes, made_cases, made_masks, made_probabilities, made_repeats, made_run

PERSONS = [case.person for case in made_cases()]


@pytest.fixture
def two(tmp_path: Path) -> list[str]:
    """A run, and a better one."""
    for name, skill, seed in (("one", 1.2, 0), ("two", 1.8, 1)):
        made_run(tmp_path / name, "classification", made_probabilities(seed, skill), seed)
    return [str(tmp_path / name) for name in ("one", "two")]


@pytest.fixture
def repeats(tmp_path: Path) -> list[str]:
    """Two folders of repeats of one and the same recipe."""
    for name, begin in (("five", 0), ("three", 10)):
        count = 5 if name == "five" else 3
        made_repeats(tmp_path / name, "classification", {seed: made_probabilities(seed) for seed in range(begin, begin + count)})
    return [str(tmp_path / name) for name in ("five", "three")]


def auroc_of(seed: int) -> float:
    columns = made_probabilities(seed)
    return float(auroc_score(columns["probability"], columns["label"]))


def words(text: str) -> str:
    return " ".join(text.split())


def test_json_is_alone_on_standard_output_and_says_what_is_known(
    two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", *two, "--json", "--out", str(tmp_path / "out")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["task"], found["split"], found["cases"], found["persons"]) == ("classification", "test", 120, 60)
    assert [(run["name"], run["folder"], run["seeds"]) for run in found["runs"]] == [("A", two[0], [0]), ("B", two[1], [1])]
    first, second = made_probabilities(0), made_probabilities(1, 1.8)
    expected = paired_bootstrap_interval(
        auroc_score, PERSONS, [first["probability"], first["label"]], [second["probability"], second["label"]]
    )
    (difference,) = found["differences"]
    assert (difference["run"], difference["against"]) == ("B", "A")
    auroc = difference["scores"]["auroc_score"]
    assert [auroc["value"], auroc["low"], auroc["high"]] == pytest.approx([expected.value, expected.low, expected.high])
    assert (auroc["holds_zero"], auroc["better"], auroc["in_words"]) == (False, "B", "B is better")
    # Lower is better: the difference is negative, and B is the better one all the same.
    brier = difference["scores"]["brier_error"]
    assert brier["high"] < 0
    assert brier["better"] == "B"
    assert (auroc["seed_spread"], auroc["is_within_seed_spread"]) == (None, False)
    assert json.loads((tmp_path / "out" / "compare.json").read_text()) == found
    assert found["picture"] == str(tmp_path / "out" / "compare.png")
    assert (tmp_path / "out" / "compare.png").read_bytes().startswith(b"\x89PNG")


def test_headline_scores_come_first(two: list[str], tmp_path: Path) -> None:
    names = list(compare(two, tmp_path / "out")["differences"][0]["scores"])
    headline = [name for name, score in USE_CASES["classification"].load_case_format().scores.items() if score.headline]
    assert names[: len(headline)] == headline
    assert set(names) - set(headline) == {"accuracy", "calibration_error"}


def test_another_comparison_is_not_replaced_and_the_same_one_is_made_again(two: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    compare(two, out)
    compare(two, out)
    # Another run of the same name, in another place.
    shutil.copytree(two[1], tmp_path / "elsewhere" / "two")
    for others in (two[::-1], [two[0], str(tmp_path / "elsewhere" / "two")]):
        written = (out / "compare.json").read_bytes()
        with pytest.raises(BadSetting, match=r"compare\.json: holds a comparison of \S*one and \S*two, which would be replaced"):
            compare(others, out)
        assert (out / "compare.json").read_bytes() == written
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "compare.json").write_text("[1]")
    with pytest.raises(BadSetting, match="holds a comparison of something else"):
        compare(two, tmp_path / "mine")
    assert (tmp_path / "mine" / "compare.json").read_text() == "[1]"


def test_the_terminal_says_which_is_better_and_what_the_interval_leaves_out(
    two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["compare", *two, "--out", str(tmp_path / "out")]) == 0
    out, said = capsys.readouterr()
    assert out == ""
    assert f"A = {two[0]}" in said
    assert any(line.split()[:1] == ["AUROC"] and line.rstrip().endswith("B is better") for line in said.splitlines())
    assert "A, B: one seed each. The interval says what other test persons could change, not what another seed could." in words(said)
    assert "radlearn classification train --repeats 3 …" in words(said)
    assert f"Written: {tmp_path / 'out' / 'compare.png'}" in words(said)
    assert "seeds" not in next(line for line in said.splitlines() if "score" in line)


def test_without_a_folder_it_says_where_the_files_are(two: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    picture = Path(compare(two)["picture"])
    assert picture.parent.parent == Path("runs/compare")
    assert picture.exists()
    assert Path(compare(two)["picture"]).parent != picture.parent


def test_repeats_are_compared_by_their_means_and_their_spread_is_said(
    repeats: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = compare(repeats, tmp_path / "out")
    said = words(capsys.readouterr().err)
    by_seed = [[auroc_of(seed) for seed in seeds] for seeds in (range(5), range(10, 13))]
    for run, values in zip(found["runs"], by_seed, strict=True):
        auroc = run["scores"]["auroc_score"]
        assert auroc["by_seed"] == pytest.approx(values)
        assert (auroc["mean"], auroc["lowest"], auroc["highest"]) == pytest.approx((np.mean(values), min(values), max(values)))
    auroc = found["differences"][0]["scores"]["auroc_score"]
    assert auroc["value"] == pytest.approx(np.mean(by_seed[1]) - np.mean(by_seed[0]))
    assert auroc["seed_spread"] == pytest.approx(max(max(values) - min(values) for values in by_seed))
    # The same recipe: no difference, and less of one than between its own seeds.
    assert auroc["holds_zero"] is True
    assert auroc["is_within_seed_spread"] is True
    assert "five, the mean of 5 seeds" in said
    assert len(found["warnings"]) == 1
    assert found["warnings"][0].startswith("B against A: AUROC")
    assert "differ by less than the seeds of one of them do" in said


def test_a_mean_over_seeds_is_known_better_than_one_of_them(repeats: list[str], tmp_path: Path) -> None:
    together = compare(repeats, tmp_path / "out")["differences"][0]["scores"]["auroc_score"]
    single = compare([f"{repeats[0]}/seed-0", f"{repeats[1]}/seed-10"], tmp_path / "single")["differences"][0]["scores"]["auroc_score"]
    assert together["high"] - together["low"] < 0.8 * (single["high"] - single["low"])


def test_a_difference_within_the_spread_of_seeds_is_called_so(tmp_path: Path) -> None:
    quality = {0: 1.0, 1: 1.6, 2: 2.2}
    made_repeats(tmp_path / "shaky", "classification", {seed: made_probabilities(seed, skill) for seed, skill in quality.items()})
    made_repeats(tmp_path / "better", "classification", {seed: made_probabilities(seed, 1.9) for seed in (3, 4, 5)})
    auroc = compare([tmp_path / "shaky", tmp_path / "better"], tmp_path / "out")["differences"][0]["scores"]["auroc_score"]
    assert (auroc["holds_zero"], auroc["is_within_seed_spread"]) == (False, True)
    assert auroc["in_words"] == "B is better, by less than seeds differ"


def test_the_cases_that_changed_most_are_named_the_largest_change_first(two: list[str], tmp_path: Path) -> None:
    changed = compare(two, tmp_path / "out")["differences"][0]["changed_cases"]
    first, second = made_probabilities(0), made_probabilities(1, 1.8)
    truth = [np.where(one["label"], one["calibrated_probability"], 1 - one["calibrated_probability"]) for one in (first, second)]
    order = np.argsort(-np.abs(truth[1] - truth[0]))[:10]
    assert [case["image_id"] for case in changed] == [made_cases()[row].image_id for row in order]
    top = changed[0]
    assert (top["person"], top["label"]) == (made_cases()[order[0]].person, bool(first["label"][order[0]]))
    assert (top["A"], top["B"]) == pytest.approx((truth[0][order[0]], truth[1][order[0]]))


def test_a_run_against_itself_has_no_difference_and_no_changed_case(
    two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (difference,) = compare([two[0], two[0]], tmp_path / "out")["differences"]
    assert difference["changed_cases"] == []
    assert {one["value"] for one in difference["scores"].values()} == {0}
    assert {one["in_words"] for one in difference["scores"].values()} == {"the interval holds 0"}
    assert "No case changed." in capsys.readouterr().err


def test_boxes_are_compared_under_the_name_of_their_challenge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = [made_boxes(0), made_boxes(1, 0.9)]
    for number, each in enumerate(columns):
        made_run(tmp_path / f"{number}", "detection", each, number)
    (difference,) = compare([tmp_path / "0", tmp_path / "1"], tmp_path / "out")["differences"]
    means = [float(mean_over_images(each["official_score"])) for each in columns]
    assert difference["scores"]["rsna_score"]["value"] == pytest.approx(means[1] - means[0])
    assert difference["scores"]["rsna_score"]["better"] == "B"
    assert "RSNA score" in capsys.readouterr().err
    assert {"true_boxes", "A", "B"} <= difference["changed_cases"][0].keys()


def test_masks_are_compared_and_a_median_has_no_interval(tmp_path: Path) -> None:
    columns = [made_masks(0), made_masks(1, 0.75)]
    for number, each in enumerate(columns):
        made_run(tmp_path / f"{number}", "segmentation", each, number)
    compare([tmp_path / "0", tmp_path / "1"], tmp_path / "out")
    scores = read_json(tmp_path / "out" / "compare.json")["differences"][0]["scores"]
    # The same scans have a Dice in both, so their differences are paired by hand.
    dice = columns[1]["dice_score"] - columns[0]["dice_score"]
    expected = bootstrap_interval(mean_over_images, PERSONS[:40], dice)
    assert (scores["dice_score"]["low"], scores["dice_score"]["high"]) == pytest.approx((expected.low, expected.high))
    median = scores["median_volume_error_percent"]
    assert (median["low"], median["holds_zero"], median["better"], median["in_words"]) == (None, None, None, "no interval for a median")
    assert median["value"] is not None


def test_few_persons_have_differences_without_intervals(tmp_path: Path) -> None:
    for seed in (0, 1):
        made_run(tmp_path / f"{seed}", "classification", made_probabilities(seed, persons=8), seed)
    scores = compare([tmp_path / "0", tmp_path / "1"], tmp_path / "out")["differences"][0]["scores"]
    assert scores["accuracy"]["in_words"] == "too few persons for an interval"
    assert scores["accuracy"]["value"] is not None


def test_three_runs_are_each_held_against_the_first(two: list[str], tmp_path: Path) -> None:
    made_run(tmp_path / "three", "classification", made_probabilities(2, 0.8), 2)
    found = compare([*two, tmp_path / "three"], tmp_path / "out")
    assert [(one["run"], one["against"]) for one in found["differences"]] == [("B", "A"), ("C", "A")]
    assert [one["scores"]["auroc_score"]["better"] for one in found["differences"]] == ["B", "A"]
    alone = compare(two, tmp_path / "alone")["differences"][0]["scores"]["auroc_score"]
    together = found["differences"][0]["scores"]["auroc_score"]
    assert [together[key] for key in ("value", "low", "high")] == pytest.approx([alone[key] for key in ("value", "low", "high")])


@pytest.mark.parametrize("arguments", [[], ["one"], ["one", "none"]])
def test_what_cannot_be_compared_leaves_with_two_and_writes_nothing(
    two: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    named = [str(tmp_path / name) for name in arguments]
    assert cli.main(["compare", *named, "--json", "--out", str(tmp_path / "out")]) == 2
    out, said = capsys.readouterr()
    assert out == ""
    assert ("there is no such run folder" if "none" in arguments else "runs were named; name 2 to 26") in words(said)
    assert not (tmp_path / "out").exists()


def test_neither_torch_nor_monai_is_imported(two: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; from radlearn.cli import main\n"
        f"code = main(['compare', *{two!r}, '--out', {str(tmp_path / 'out')!r}])\n"
        "print([name for name in ('torch', 'monai', 'torchvision') if name in sys.modules], code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_the_table_of_a_made_run_is_the_one_that_evaluate_writes(two: list[str]) -> None:
    with open(Path(two[0]) / "cases.csv", newline="") as opened:
        rows: list[dict[str, Any]] = list(csv.DictReader(opened))
    assert list(rows[0]) == ["image_id", "person", *USE_CASES["classification"].load_case_format().columns]
