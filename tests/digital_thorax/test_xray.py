"""Whole X-rays: determinism, orientation, boxes over lesions, brightness where it belongs."""

from dataclasses import replace

import numpy as np
import pytest

from radlearn.digital_thorax.planning import PlannedXray, expected_labels, plan_xrays
from radlearn.digital_thorax.xray import planned_reading, render_xray

PLANS = plan_xrays(200, 0)
NORMAL = next(plan for plan in PLANS if plan.category == "Normal" and plan.view == "PA" and plan.age_years > 25)
ILL = next(plan for plan in PLANS if plan.opacities == 2 and plan.view == "AP" and not plan.findings)


@pytest.fixture(scope="module")
def xrays() -> dict[str, np.ndarray]:
    return {"normal": render_xray(NORMAL).pixels}


def test_an_xray_is_a_pure_function_of_its_plan(xrays: dict[str, np.ndarray]) -> None:
    again = render_xray(NORMAL)
    assert again.pixels.dtype == np.uint8
    assert again.pixels.shape == (1024, 1024)
    assert np.array_equal(again.pixels, xrays["normal"])
    assert again.boxes_xyxy_px == ()


def test_lungs_are_darker_than_what_lies_between_and_below_them(xrays: dict[str, np.ndarray]) -> None:
    rows = xrays["normal"][400:520].astype(float).mean(0)
    middle = rows[480:545].mean()
    assert rows[200:360].min() < middle - 40
    assert rows[660:800].min() < middle - 40
    assert xrays["normal"][900:1000, 400:600].mean() > xrays["normal"][400:520, 250:330].mean() + 40


def test_the_heart_reaches_farther_to_the_xrays_right() -> None:
    straight = render_xray(replace(NORMAL, findings=("cardiomegaly",))).pixels.astype(float)
    lower = straight[480:620].mean(0)
    # Beside the spine, in the lower half, the patient's left (the X-ray's right) is filled by the heart.
    assert lower[580:680].mean() > lower[344:444].mean() + 8


def test_boxes_lie_over_the_lesions_and_in_the_xray() -> None:
    ill, well = render_xray(ILL), render_xray(ILL, opacities=False)
    assert len(ill.boxes_xyxy_px) == 2
    assert well.boxes_xyxy_px == ()
    changed = np.abs(ill.attenuation - well.attenuation)
    inside = np.zeros(changed.shape, bool)
    for x0, y0, x1, y1 in ill.boxes_xyxy_px:
        assert 0 <= x0 < x1 <= 1024
        assert 0 <= y0 < y1 <= 1024
        inside[y0:y1, x0:x1] = True
        assert changed[y0:y1, x0:x1].max() > 0.08
    assert changed[inside].sum() > 0.85 * changed.sum()
    far = np.ones_like(inside)
    for x0, y0, x1, y1 in ill.boxes_xyxy_px:
        far[max(y0 - 150, 0) : y1 + 150, max(x0 - 150, 0) : x1 + 150] = False
    assert changed[far].max(initial=0) < 0.03
    assert np.abs(ill.pixels[far].astype(int) - well.pixels[far]).mean() < 4


def test_another_day_is_another_xray_of_the_same_person() -> None:
    one, two = NORMAL, replace(NORMAL, image=NORMAL.image + 50)
    assert isinstance(two, PlannedXray)
    assert not np.array_equal(render_xray(one).pixels, render_xray(two).pixels)


def test_a_missing_spacing_stays_missing() -> None:
    assert render_xray(replace(NORMAL, spacing_known=False)).spacing_mm is None
    rows, columns = render_xray(NORMAL).spacing_mm or (0, 0)
    assert 0.75 < rows / columns < 1.3


def test_the_readers_boxes_are_the_labels_and_the_truth_stays_beside_them() -> None:
    xray = render_xray(ILL)
    opacities = [finding for finding in xray.findings if finding.readers is not None]
    assert len(opacities) == ILL.opacities
    seen = [finding for finding in opacities if finding.readers is not None and finding.readers >= 2]
    assert len(xray.boxes_xyxy_px) == len(seen)
    for finding, box in zip(seen, xray.boxes_xyxy_px, strict=True):
        assert finding.exact_box_xyxy_px is not None
        exact = np.array(finding.exact_box_xyxy_px)
        assert np.abs(np.array(box) - exact).max() < 0.2 * max(exact[2:] - exact[:2])
    assert all(finding.readers is None for finding in render_xray(ILL, opacities=False).findings)


@pytest.mark.parametrize("plan", [NORMAL, ILL], ids=["normal", "ill"])
def test_the_labels_of_a_plan_are_those_of_its_rendered_xray(plan: PlannedXray) -> None:
    xray = render_xray(plan)
    assert planned_reading(plan) == (xray.boxes_xyxy_px, xray.findings)


@pytest.mark.slow
def test_fifty_xrays_are_labelled_as_often_as_was_planned_and_their_boxes_are_as_large_as_the_real_ones() -> None:
    plans = plan_xrays(400, 0)
    # Boxes from as many X-rays as are ill among the first 400, in the real mixture of views.
    read = {plan.image_id: planned_reading(plan)[0] for number, plan in enumerate(plans) if number < 50 or plan.opacities}
    first = [bool(read[plan.image_id]) for plan in plans[:50]]
    assert sum(first) == pytest.approx(expected_labels(plans[:50])["all"][1:].sum(), abs=2)
    boxes = np.array([box for boxes in read.values() for box in boxes])
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert np.percentile(widths, [25, 50, 75]) == pytest.approx([177, 217, 259], rel=0.12)
    assert np.percentile(heights, [25, 50, 75]) == pytest.approx([203, 298, 438], rel=0.12)
