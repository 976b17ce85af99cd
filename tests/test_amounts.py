"""Numbers agree with their nouns and verbs."""

import pytest

from radlearn.amounts import counted, noun_of, verb_of


@pytest.mark.parametrize("number", [0, 2, 21, 1001])
def test_several_things_and_none_are_said_in_the_plural(number: int) -> None:
    assert counted(number, "false boxes") == f"{number:,} false boxes"
    assert (noun_of(number, "people"), verb_of(number, "have")) == ("people", "have")


def test_one_thing_is_said_in_the_singular_whatever_its_plural() -> None:
    plurals = ("X-rays", "CTs", "cases", "images", "masks", "people", "persons", "boxes", "DICOM series", "true boxes", "slices")
    singulars = ("X-ray", "CT", "case", "image", "mask", "person", "person", "box", "DICOM series", "true box", "slice")
    assert tuple(noun_of(1, plural) for plural in plurals) == singulars
    assert tuple(verb_of(1, verb) for verb in ("are", "were", "have", "lie", "cannot")) == ("is", "was", "has", "lies", "cannot")
