"""Cross-fitting: all cases of a person in one part, parts of equal size, reproducible; and the ablation that it evaluates."""

from radlearn.workflow.cross_fitting import PARTS, AblationStep, parts_of, score_of_last_taken


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


def test_an_ablation_is_json_under_the_name_of_its_score_and_ends_with_the_last_step_taken() -> None:
    ablation = [AblationStep("plain", 0.2, 0.2, True), AblationStep("threshold", 0.5, 0.4, True), AblationStep("scale", 0.9, 0.3, False)]
    values = [step.as_dict("dice_score") for step in ablation]
    assert values[1] == {"step": "threshold", "dice_score": 0.5, "cross_fitted_dice_score": 0.4, "taken": True}
    assert score_of_last_taken(values, "dice_score") == 0.4
    with_more = AblationStep("plain", 0.2, 0.1, True, {"cross_fitted_false_boxes": 3.0}).as_dict()
    assert list(with_more) == ["step", "score", "cross_fitted_score", "cross_fitted_false_boxes", "taken"]
