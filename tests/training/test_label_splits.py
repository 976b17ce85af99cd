import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.training.label_splits import refuse_untold, split_by_labels, words_on_rare_labels
from radlearn.training.splits import SUBSETS


def cohort(seed: int, persons: int = 60, labels: int = 6, rarest: int = 3) -> tuple[list[str], np.ndarray]:
    """Return the person of each image, and labels of which the first are rare: `rarest` persons, one more, and so on; some unknown."""
    random = np.random.default_rng(seed)
    person_of = np.sort(np.r_[np.arange(persons), random.integers(0, persons, persons // 2)])
    values = np.zeros((len(person_of), labels))
    for label in range(labels):
        chosen = random.choice(persons, rarest + label * label, replace=False)
        values[np.isin(person_of, chosen), label] = 1
    values[(random.random(values.shape) < 0.1) & (values == 0)] = np.nan
    return [f"p{number}" for number in person_of], values


@pytest.mark.parametrize("seed", range(20))
def test_labels_of_three_people_and_more_are_on_all_sides(seed: int) -> None:
    persons, values = cohort(seed)
    subsets = np.array(split_by_labels(persons, values, seed))
    for subset in SUBSETS:
        here = values[subsets == subset]
        assert (here == 1).any(axis=0).all()
        assert (here == 0).any(axis=0).all()


@pytest.mark.parametrize("seed", range(5))
def test_no_person_is_in_two_subsets_and_the_shares_are_kept(seed: int) -> None:
    persons, values = cohort(seed, persons=200)
    subsets = split_by_labels(persons, values, seed)
    subset_of: dict[str, set[str]] = {}
    for person, subset in zip(persons, subsets, strict=True):
        subset_of.setdefault(person, set()).add(subset)
    assert all(len(found) == 1 for found in subset_of.values())
    shares = [sum(found == {subset} for found in subset_of.values()) / len(subset_of) for subset in SUBSETS]
    assert np.allclose(shares, (0.6, 0.15, 0.25), atol=0.03)


def test_a_frequent_label_has_its_share_in_each_subset() -> None:
    random = np.random.default_rng(0)
    values = (random.random((400, 3)) < (0.5, 0.3, 0.1)).astype(float)
    subsets = np.array(split_by_labels([str(number) for number in range(400)], values, seed=1))
    for subset in SUBSETS:
        assert np.allclose(values[subsets == subset].mean(axis=0), values.mean(axis=0), atol=0.03)


def test_the_split_does_not_depend_on_the_order_of_images() -> None:
    persons, values = cohort(3)
    order = np.random.default_rng(1).permutation(len(persons))
    there = split_by_labels(persons, values, 5)
    again = split_by_labels([persons[number] for number in order], values[order], 5)
    assert [there[number] for number in order] == again
    assert split_by_labels(persons, values, 6) != there


def test_every_fold_tests_the_same_people_and_each_other_person_is_validated_once() -> None:
    persons, values = cohort(2)
    plain = split_by_labels(persons, values, 0)
    folds = [split_by_labels(persons, values, 0, fold) for fold in range(5)]
    for fold in folds:
        assert [subset == "test" for subset in fold] == [subset == "test" for subset in plain]
    validated = np.array([[subset == "validation" for subset in fold] for fold in folds]).sum(axis=0)
    assert (validated == np.array([subset != "test" for subset in plain])).all()


def test_too_few_people_and_labels_that_tell_nothing_apart_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"2 persons cannot be divided into train, validation, test\. Add persons\."):
        split_by_labels(["a", "b"], np.array([[1.0], [0.0]]), 0)
    with pytest.raises(BadSetting, match=r"train would hold .* no label of which some have it and some do not"):
        split_by_labels([str(number) for number in range(9)], np.ones((9, 2)), 0)
    with pytest.raises(BadSetting, match="Fold 5 of 5 does not exist"):
        split_by_labels(["a", "b", "c"], np.zeros((3, 1)), 0, fold=5)
    with pytest.raises(BadSetting, match="test would hold 1 image"):
        refuse_untold(np.array([[1.0], [0.0], [1.0], [0.0], [1.0]]), ["train", "train", "validation", "validation", "test"])


def test_what_is_said_of_rare_labels_is_counted_by_person() -> None:
    values = np.array([[1, 1], [1, 0], [0, 0], [0, np.nan]], float)
    said = words_on_rare_labels(["mass", "hernia"], ["a", "a", "b", "c"], values, ["train", "train", "validation", "test"])
    assert said == [
        "mass: only 1 person has it, so validation and test have none.",
        "mass: only 2 persons lack it, so train has none.",
        "hernia: only 1 person has it, so validation and test have none.",
        "hernia: only 2 persons lack it, so test has none.",
    ]
