"""Probabilities become a label map: the class that is highest beside its threshold, without parts that are too small."""

import numpy as np
import pytest

from radlearn.errors import BadSetting
from radlearn.tasks.segmentation.label_maps.postprocessing import (
    ClassPostprocessing,
    LabelMapPostprocessing,
    components,
    in_words,
    kept_parts,
    label_map_of,
    plain,
)


def of(*classes: ClassPostprocessing) -> LabelMapPostprocessing:
    return LabelMapPostprocessing(classes)


def test_the_class_that_is_highest_beside_its_threshold_wins() -> None:
    probability = np.array([[[0.1, 0.1, 0.7, 0.3]], [[0.5, 0.5, 0.2, 0.3]], [[0.4, 0.4, 0.1, 0.4]]])
    assert label_map_of(probability, plain(("a", "b"))).tolist() == [[1, 1, 0, 0]]
    # With a threshold of 0.2 the second class is twice as far above it, and the first one is not.
    chosen = of(ClassPostprocessing("a", 0.5), ClassPostprocessing("b", 0.2))
    assert label_map_of(probability, chosen).tolist() == [[2, 2, 0, 2]]
    assert label_map_of(probability, chosen).dtype == np.uint8
    with pytest.raises(BadSetting, match="probabilities of 2 classes; expected 1"):
        label_map_of(probability, plain(("a",)))


def test_small_parts_go_and_parts_that_touch_by_a_corner_are_one() -> None:
    mask = np.zeros((10, 10), bool)
    mask[0, 0] = mask[5, 5] = mask[6, 6] = True
    number, percent = components(mask)
    assert percent.tolist() == [1.0, 2.0]
    assert number[5, 5] == number[6, 6] != number[0, 0]
    assert kept_parts(mask, 2.0, 0.0).sum() == 2
    assert kept_parts(mask, 0.0, 3.0).sum() == 3
    assert kept_parts(mask, 0.0, 3.5).sum() == 0
    # What is left after small parts went is what counts for the whole.
    assert kept_parts(mask, 2.0, 3.0).sum() == 0


def test_a_class_that_is_emptied_leaves_the_others() -> None:
    probability = np.zeros((3, 10, 10))
    probability[1, 0, 0], probability[2, 5:] = 0.9, 0.9
    chosen = of(ClassPostprocessing("a", 0.5, smallest_image_percent=2.0), ClassPostprocessing("b"))
    labels = label_map_of(probability, chosen)
    assert (labels == 1).sum() == 0
    assert (labels == 2).sum() == 50


@pytest.mark.parametrize(("name", "value"), [("threshold", 0.0), ("smallest_percent", -1.0), ("smallest_image_percent", float("nan"))])
def test_values_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(BadSetting, match=f"{name} of nerve is"):
        ClassPostprocessing("nerve", **{name: value})


def test_two_classes_of_one_name_are_refused_and_words_say_what_is_done() -> None:
    with pytest.raises(BadSetting, match="classes are a, a"):
        of(ClassPostprocessing("a"), ClassPostprocessing("a"))
    said = in_words(ClassPostprocessing("nerve", 0.4, 0.1, 0.5))
    assert said.startswith("nerve: from a probability of 0.40 on; components under 0.1 %")
    assert "less than 0.5 %" in said
