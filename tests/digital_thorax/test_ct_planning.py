"""The CT cohort as a table, and the bodies behind it."""

import dataclasses

import numpy as np

from radlearn.digital_thorax.ct_planning import MEDIAN_LESION_ML, draw_body, draw_scan, plan_cts
from radlearn.digital_thorax.lobes import Lobes


def test_a_longer_plan_begins_with_the_shorter_and_persons_return() -> None:
    plans = plan_cts(200, 3)
    assert plan_cts(30, 3) == plans[:30]
    persons = [plan.person for plan in plans]
    assert 0.05 < 1 - len(set(persons)) / len(plans) < 0.2
    assert plan_cts(30, 4) != plans[:30]


def test_the_lesion_load_is_log_normal_around_the_real_median() -> None:
    for heavy in (False, True):
        plans = plan_cts(1500, 0, "full", heavy)
        load = np.array([plan.lesion_ml for plan in plans if plan.lesion_ml])
        assert 0.07 < np.mean([plan.lesion_ml == 0 for plan in plans]) < 0.13
        median = MEDIAN_LESION_ML["heavy" if heavy else "real"]
        assert 0.85 < np.median(load) / median < 1.15
        logarithm = np.log(load)
        # As far up as down, on the scale of the logarithm.
        up, down = np.percentile(logarithm, 84) - np.median(logarithm), np.median(logarithm) - np.percentile(logarithm, 16)
        assert 0.8 < up / down < 1.25


def test_the_median_load_is_that_of_real_cts_in_voxels_too() -> None:
    shares = []
    for plan in plan_cts(60, 1, "full"):
        geometry, *_ = draw_scan(plan, draw_body(dataclasses.replace(plan, lesion_ml=0.0, white_lung=False, findings=())))
        shares.append(100 * plan.lesion_ml / (np.prod(geometry.shape) * geometry.voxel_ml))
    # 0.16 % of voxels in the median, 0.0009 to 0.93 % in 50 mild cases (MosMed); 60 draws leave the median a third of play.
    assert 0.09 < np.median([share for share in shares if share]) < 0.27
    assert 0.4 < max(shares) < 5


def test_adult_organs_have_their_published_sizes_by_sex_and_height() -> None:
    """Compare means with what is published.

    Lungs after a deep breath 4.5 ± 1.3 l (doi:10.2147/COPD.S187596), lying 5–15 % smaller than standing (doi:10.1159/000507265). Heart
    with its blood 840 g in men and 620 g in women, at 1.06 g/ml 790 and 585 ml (ICRP publication 89, 2002). Windpipe 13–25 mm across in
    men and 10–21 mm in women (Breatnach 1984, AJR 142:903). Ascending aorta 33 ± 4 mm (Wolak 2008, JACC Cardiovasc Imaging 1:200).
    """
    lungs: dict[str, list[float]] = {"M": [], "F": []}
    hearts: dict[str, list[float]] = {"M": [], "F": []}
    heights, windpipes, aortas = [], {"M": [], "F": []}, []
    grid = np.stack(np.meshgrid(*[np.arange(-156, 157, 8, dtype=np.float32)] * 3, indexing="ij")).reshape(3, -1)
    grid = np.concatenate([grid, grid + np.float32(4)], 1)
    each_ml = 8**3 / 2 / 1000
    for plan in plan_cts(24, 5):
        thorax = draw_body(dataclasses.replace(plan, lesion_ml=0.0, findings=(), expiration=0.0)).thorax
        inside = thorax.lung_holds("right", *grid) | thorax.lung_holds("left", *grid)
        lungs[plan.sex].append(inside.sum() * each_ml)
        heights.append((thorax.person.height_scale, inside.sum() * each_ml))
        heart = np.any([solid.holds(*grid) for solid in thorax.heart if solid.name != "fat on the diaphragm"], axis=0)
        hearts[plan.sex].append(heart.sum() * each_ml)
        across = np.linspace(-30, 30, 241, dtype=np.float32)
        z = np.full_like(across, 110 * thorax.high)
        depth = np.linspace(-30, 30, 41, dtype=np.float32)[:, None]
        windpipes[plan.sex].append(thorax.airways[0].holds(across[None], depth, z[None]).any(0).sum() * 0.25)
        aorta = next(solid for solid in thorax.vessels_and_spine if solid.name == "ascending aorta")
        aortas.append(aorta.high_mm[0] - aorta.low_mm[0])
        assert set(np.unique(Lobes(thorax).labels(*grid))) == {1, 2, 3, 4, 5}
    everyone = np.array(lungs["M"] + lungs["F"]) / 1000
    assert 3.9 < everyone.mean() < 5.1
    assert 0.6 < everyone.std() < 1.6
    assert np.mean(lungs["M"]) > 1.1 * np.mean(lungs["F"])
    assert np.corrcoef(np.array(heights).T)[0, 1] > 0.4
    assert 0.85 < np.mean(hearts["M"]) / 790 < 1.15
    assert 0.85 < np.mean(hearts["F"]) / 585 < 1.15
    assert 13 < np.mean(windpipes["M"]) < 25
    assert 10 < np.mean(windpipes["F"]) < 21
    assert 29 < np.mean(aortas) < 37


def test_the_same_plan_gives_the_same_body_and_scanner() -> None:
    plan = plan_cts(5, 9)[4]
    one, two = draw_body(plan), draw_body(plan)
    assert [finding.name for finding, _ in one.findings] == [finding.name for finding, _ in two.findings]
    point = tuple(np.float32([value]) for value in (-60.0, 40.0, -30.0))
    assert [float(f.field(*point)[0]) for f, _ in one.findings] == [float(f.field(*point)[0]) for f, _ in two.findings]
    assert np.array_equal(draw_scan(plan, one)[0].affine_ras, draw_scan(plan, two)[0].affine_ras)
    assert draw_scan(plan, one)[1:] == draw_scan(plan, two)[1:]


def test_one_in_four_has_breathed_out_and_the_lung_is_denser_then_at_the_back_most() -> None:
    plans = [dataclasses.replace(plan, lesion_ml=0.0, white_lung=False, findings=()) for plan in plan_cts(120, 2)]
    bodies = [draw_body(plan) for plan in plans]
    out = [body for body, plan in zip(bodies, plans, strict=True) if plan.expiration]
    held = [body for body, plan in zip(bodies, plans, strict=True) if not plan.expiration]
    assert np.mean([body.thorax.posture.breath for body in out]) < np.mean([body.thorax.posture.breath for body in held]) - 0.2
    assert 0.15 < len(out) / len(bodies) < 0.35
    assert np.mean([body.lung_density for body in out]) > 1.3 * np.mean([body.lung_density for body in held])
    assert np.mean([body.gravity for body in out]) > np.mean([body.gravity for body in held]) + 0.1
    assert 0.05 < np.mean([not body.arms_up for body in bodies]) < 0.2
    assert 0.25 < np.mean([body.breathing_mm > 0 for body in bodies]) < 0.45
    assert 0.25 < np.mean([body.blood.pulmonary_hu > 100 for body in bodies]) < 0.55
    assert 0.5 < np.mean([bool(body.around) for body in bodies]) < 0.95
