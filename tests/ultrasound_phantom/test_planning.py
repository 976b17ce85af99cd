"""Who is on which built-in ultrasound image."""

from collections import Counter

from radlearn.ultrasound_phantom.planning import FEWEST_IMAGES, MOST_IMAGES, plan_image, plan_images

PLANS = plan_images(2000, 0)


def test_a_larger_cohort_begins_with_the_smaller_one() -> None:
    assert plan_images(240, 0) == PLANS[:240]
    assert PLANS[17] == plan_image(0, PLANS[17].person, PLANS[17].image)
    assert plan_images(240, 1) != PLANS[:240]
    assert plan_images(3, 0, after=100)[0] == plan_image(0, 101, 1)


def test_people_have_several_images_and_six_of_ten_show_the_nerve() -> None:
    counts = list(Counter(plan.person for plan in PLANS).values())[:-1]
    assert (min(counts), max(counts)) == (FEWEST_IMAGES, MOST_IMAGES)
    assert 0.55 < sum(plan.nerve_seen for plan in PLANS) / len(PLANS) < 0.65


def test_repeated_frames_show_what_the_one_before_shows() -> None:
    repeated = [plan for plan in PLANS if plan.place != plan.image]
    assert 0.06 < len(repeated) / len(PLANS) < 0.13
    by_id = {plan.image_id: plan for plan in PLANS}
    for plan in repeated:
        first = by_id[f"{plan.person}_{plan.place}"]
        assert first.place == first.image < plan.image
        assert first.nerve_seen == plan.nerve_seen


def test_a_small_cohort_has_people_enough_to_be_divided_and_its_images_are_those_of_a_large_one() -> None:
    for count in (24, 40, 100):
        few = plan_images(count, 0)
        assert len({plan.person for plan in few}) >= 12
        assert set(few) <= set(PLANS)
    assert len({plan.person for plan in plan_images(40, 0, after=100)}) >= 12
