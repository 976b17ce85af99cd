"""Cross-fitting parts: all cases of a person in one part, parts of equal size, reproducible."""

from radlearn.workflow.cross_fitting import PARTS, parts_of


def test_a_persons_cases_are_in_one_part_and_parts_are_equally_large() -> None:
    persons = [f"person {number // 3}" for number in range(150)]
    parts = parts_of(persons, seed=0)
    assert all(len({int(part) for part, of in zip(parts, persons, strict=True) if of == person}) == 1 for person in set(persons))
    assert [int((parts == part).sum()) for part in range(PARTS)] == [30] * PARTS


def test_parts_depend_on_the_seed_and_the_persons_alone() -> None:
    persons = [f"person {number}" for number in range(60)]
    assert parts_of(persons, 1).tolist() == parts_of(persons, 1).tolist()
    assert parts_of(persons, 1).tolist() != parts_of(persons, 2).tolist()
    # The part depends on the person, not on the order of the rows.
    assert parts_of(persons[::-1], 1).tolist() == parts_of(persons, 1).tolist()[::-1]
