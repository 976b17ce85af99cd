"""Splits: no person in two subsets, every subset with its share, and a split that depends on seed and persons alone."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.training.run_folder import Run
from radlearn.training.splits import (
    SUBSETS,
    CaseContent,
    contents_in_split,
    prove_persons_apart,
    read_split,
    split_by_person,
    split_digest,
    split_of,
    write_split,
)

SHARES = dict(zip(SUBSETS, (0.60, 0.15, 0.25), strict=True))


@st.composite
def cohorts(draw: st.DrawFn) -> list[list[bool]]:
    """Images of 80 to 160 persons, each with or without the finding; up to four persons have 20 to 65 of them."""
    random = Random(draw(st.integers(0, 2**32)))
    share = draw(st.sampled_from([0.1, 0.25, 0.5, 0.9]))
    sizes = [random.randint(1, 4) for _ in range(draw(st.integers(80, 160)))] + draw(st.lists(st.integers(20, 65), max_size=4))
    return [[random.random() < share for _ in range(size)] for size in sizes]


def listed(people: list[list[bool]]) -> tuple[list[str], list[bool]]:
    images = [(f"person {number}", label) for number, labels in enumerate(people) for label in labels]
    return [person for person, _ in images], [label for _, label in images]


def common_cohort() -> tuple[list[str], list[bool]]:
    """300 persons with 1 to 7 images, a quarter with the finding."""
    return listed([[(number + image) % 4 == 0 for image in range(1 + (number % 11 == 0) * 6)] for number in range(300)])


@settings(max_examples=60)
@given(people=cohorts(), seed=st.integers(0, 2**63))
def test_no_person_is_in_two_subsets_and_every_subset_has_its_share(people: list[list[bool]], seed: int) -> None:
    persons, labels = listed(people)
    subsets = split_by_person(persons, labels, seed)
    assert sum(prove_persons_apart(persons, subsets).values()) == len(people)
    heaviest = max(map(len, people))
    for subset, share in SHARES.items():
        # Cannot be avoided: all images of a person are in one subset.
        assert abs(subsets.count(subset) - share * len(subsets)) <= heaviest + 3
        positives = sum(label for label, found in zip(labels, subsets, strict=True) if found == subset)
        assert abs(positives - share * sum(labels)) <= heaviest + 3


@settings(max_examples=20)
@given(st.randoms(use_true_random=False), st.integers(0, 1000))
def test_the_order_of_the_images_changes_nothing(random, seed: int) -> None:
    persons, labels = common_cohort()
    subsets = dict(zip(persons, split_by_person(persons, labels, seed), strict=True))
    order = list(range(len(persons)))
    random.shuffle(order)
    shuffled = split_by_person([persons[i] for i in order], [labels[i] for i in order], seed)
    assert shuffled == [subsets[persons[i]] for i in order]


def test_one_image_each_gives_60_15_25_to_the_image() -> None:
    labels = [number % 4 == 0 for number in range(400)]
    subsets = split_by_person([str(number) for number in range(400)], labels, seed=5)
    assert Counter(subsets) == {"train": 240, "validation": 60, "test": 100}
    assert Counter(subset for subset, label in zip(subsets, labels, strict=True) if label) == {"train": 60, "validation": 15, "test": 25}


def test_another_seed_gives_another_split() -> None:
    persons, labels = common_cohort()
    assert split_by_person(persons, labels, seed=1) == split_by_person(persons, labels, seed=1)
    assert split_by_person(persons, labels, seed=1) != split_by_person(persons, labels, seed=2)


def test_the_person_with_most_images_can_get_into_every_subset() -> None:
    persons, labels = common_cohort()
    persons, labels = persons + ["many"] * 40, labels + [False, True] * 20
    found = {split_by_person(persons, labels, seed)[-1] for seed in range(40)}
    assert found == set(SUBSETS)


@pytest.mark.parametrize("folds", [2, 5])
def test_folds_share_the_test_persons_and_their_validation_sets_cover_the_rest_once(folds: int) -> None:
    persons, labels = common_cohort()
    plain = split_by_person(persons, labels, seed=3)
    validated: Counter[int] = Counter()
    for fold in range(folds):
        subsets = split_by_person(persons, labels, seed=3, fold=fold, folds=folds)
        prove_persons_apart(persons, subsets)
        assert [subset == "test" for subset in subsets] == [subset == "test" for subset in plain]
        validated.update(index for index, subset in enumerate(subsets) if subset == "validation")
        assert abs(subsets.count("validation") - 0.75 * len(subsets) / folds) <= 8
    assert validated == Counter(index for index, subset in enumerate(plain) if subset != "test")


def test_twelve_persons_are_just_enough_and_fewer_are_not() -> None:
    persons, labels = [str(number) for number in range(12)], [number % 2 for number in range(12)]
    subsets = split_by_person(persons, labels, seed=0)
    for subset in SUBSETS:
        assert {label for label, found in zip(labels, subsets, strict=True) if found == subset} == {0, 1}
    with pytest.raises(BadSetting, match="11 persons with 5 images with the finding and 6 without are too few"):
        split_by_person(persons[:11], labels[:11], seed=0)


@pytest.mark.parametrize(
    ("persons", "labels", "options", "words"),
    [
        (["a"], [0, 1], {}, "1 persons for 2 labels"),
        (["a"], [None], {}, "neither 0 nor 1"),
        (["a"], [2], {}, "neither 0 nor 1"),
        (["a"], [1], {"fold": 5}, "numbered from 0 to 4"),
        (["a"], [1], {"fold": 0, "folds": 1}, "at least 2 folds"),
        ([], [], {}, "too few"),
    ],
)
def test_what_cannot_be_split_is_refused(persons, labels, options, words) -> None:
    with pytest.raises(BadSetting, match=words):
        split_by_person(persons, labels, seed=0, **options)


def test_a_person_in_two_subsets_is_named() -> None:
    assert prove_persons_apart(["a", "b", "b"], ["test", "train", "train"]) == {"train": 1, "validation": 0, "test": 1}
    with pytest.raises(BadSetting, match="Person 'b' is in train and in test"):
        prove_persons_apart(["a", "b", "b"], ["test", "train", "test"])


def test_a_split_is_read_as_it_was_written(tmp_path: Path) -> None:
    persons, labels = common_cohort()
    persons[0] = 'a "quoted", person'
    ids = [f"image {number}" for number in range(len(persons))]
    subsets = split_by_person(persons, labels, seed=0)
    write_split(tmp_path / "split.csv", ids, persons, subsets)
    assert read_split(tmp_path / "split.csv") == {i: (person, subset) for i, person, subset in zip(ids, persons, subsets, strict=True)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the columns are none"),
        ("image,part\n", "the columns are image, part; expected image_id, person, subset"),
        ("image_id,person,subset\na,1,training\n", "line 2: found 'a,1,training'"),
        ("image_id,person,subset\na,1,test\na,1,test\n", "line 3"),
        ("image_id,person,subset\na,1,test\nb,1\n", "line 3"),
        ("image_id,person,subset\na,1,test\nb,1,train\n", "Person '1' is in test and in train"),
    ],
)
def test_a_damaged_split_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(BadRunFolder, match=words):
        read_split(tmp_path / "split.csv")
    with pytest.raises(BadRunFolder, match="no such file"):
        read_split(tmp_path / "none.csv")


def table(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return list(csv.DictReader(file))


def shares_are_near(persons: dict[str, str], targets: dict[str, int], tolerance: float, **options) -> None:
    people, labels = [persons.get(image, image) for image in targets], list(targets.values())
    subsets = split_by_person(people, labels, **options)
    assert sum(prove_persons_apart(people, subsets).values()) == len(set(people))
    for subset, share in SHARES.items():
        assert subsets.count(subset) / len(subsets) == pytest.approx(share, abs=tolerance)
        positives = sum(label for label, found in zip(labels, subsets, strict=True) if found == subset)
        assert positives / sum(labels) == pytest.approx(share, abs=tolerance)


def test_the_real_26684_images_are_split_within_a_hundredth(shared_data: Path) -> None:
    persons = {row["patientId"]: row["person"] for row in table(shared_data / "rsna_tables/persons.csv.gz")}
    targets = {row["patientId"]: int(row["Target"]) for row in table(shared_data / "rsna_tables/stage_2_train_labels.csv")}
    assert len(targets) == 26_684
    for options in ({"seed": 0}, {"seed": 1, "fold": 3}):
        shares_are_near(persons, targets, 0.01, **options)


def test_the_84_real_persons_can_be_split_with_every_seed_and_fold(shared_data: Path) -> None:
    persons = {row["patientId"]: row["person"] for row in table(shared_data / "rsna_real_sample/persons.csv")}
    targets = {row["patientId"]: int(row["Target"]) for row in table(shared_data / "rsna_real_sample/stage_2_train_labels.csv")}
    for seed in range(20):
        shares_are_near(persons, targets, 0.04, seed=seed)
    for fold in range(5):
        shares_are_near(persons, targets, 0.04, seed=0, fold=fold)


CONTENTS = [CaseContent("0" * 32, "a"), CaseContent("1" * 32, "b"), CaseContent("2" * 32, "")]


def trained_run(folder: Path) -> Run:
    """A run with a split and weights that know it."""
    from safetensors.numpy import save_file

    run = Run(folder, "classification")
    write_split(folder / "split.csv", ["a", "b", "c"], ["p", "q", "r"], list(SUBSETS), CONTENTS)
    run.best_weights.parent.mkdir()
    save_file({"w": np.zeros(1)}, run.best_weights, metadata={"radlearn": json.dumps({"split": split_digest(run)})})
    return run


def test_a_split_keeps_what_its_images_are(tmp_path: Path) -> None:
    run = trained_run(tmp_path)
    assert split_of(run) == {"a": ("p", "train"), "b": ("q", "validation"), "c": ("r", "test")}
    assert list(contents_in_split(run).values()) == CONTENTS


@pytest.mark.parametrize(
    ("old", "new"),
    [("p,train", "p,test"), ("q,validation", "x,validation"), ("0" * 32, "9" * 32), ("2" * 32 + ",", "2" * 32 + ",z"), ("\na,p", "\nd,p")],
)
def test_a_split_that_was_edited_after_training_is_not_believed(tmp_path: Path, old: str, new: str) -> None:
    run = trained_run(tmp_path)
    file = tmp_path / "split.csv"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(BadRunFolder, match=r"split\.csv: was changed after training began"):
        split_of(run)
    # Line ends of another system change nothing.
    file.write_text(file.read_text().replace(new, old).replace("\n", "\r\n"))
    assert split_of(run)["a"] == ("p", "train")


def test_a_row_that_was_removed_or_moved_is_noticed_too(tmp_path: Path) -> None:
    run = trained_run(tmp_path)
    header, *rows = (tmp_path / "split.csv").read_text().splitlines()
    for changed in (rows[:2], rows[::-1], [*rows, f"e,s,train,{'5' * 32},"]):
        (tmp_path / "split.csv").write_text("\n".join([header, *changed]) + "\n")
        with pytest.raises(BadRunFolder, match="was changed after training began"):
            split_of(run)


def test_a_split_of_before_digests_is_read(tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("image_id,person,subset\na,p,train\nb,q,test\n")
    run = Run(tmp_path, "classification")
    assert split_of(run) == {"a": ("p", "train"), "b": ("q", "test")}
    assert set(contents_in_split(run).values()) == {CaseContent()}
