"""Three readers: what they see, what they miss, how they draw."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from radlearn.digital_thorax.readers import NEIGHBOURS_PX, Opacity, chance_of_seeing, read_xray

BRIGHT = Opacity("right", 1.2, (200, 300, 400, 600))
FAINT = Opacity("left", 0.02, (600, 300, 800, 600))


def _draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(st.floats(0.02, 2.0), st.floats(1.05, 3.0), st.integers(20, 250))
def test_the_denser_and_the_larger_is_seen_more_easily(contrast: float, more: float, size: int) -> None:
    chance = chance_of_seeing(contrast, (0, 0, size, size))
    assert 0 <= chance <= 1
    assert chance_of_seeing(contrast * more, (0, 0, size, size)) >= chance
    assert chance_of_seeing(contrast, (0, 0, int(size * more) + 1, size)) >= chance


def test_the_bright_gets_a_box_and_the_faint_none() -> None:
    reading = read_xray([BRIGHT, FAINT], 1024, _draw())
    assert reading.seen_by == (3, 0)
    assert len(reading.boxes_xyxy_px) == 1


def test_one_reader_alone_is_not_enough() -> None:
    half = Opacity("right", 0.25, (200, 300, 400, 500))
    readings = [read_xray([half], 1024, _draw(seed)) for seed in range(200)]
    seen = np.array([reading.seen_by[0] for reading in readings])
    assert set(seen.tolist()) == {0, 1, 2, 3}
    assert all(bool(reading.boxes_xyxy_px) == (count >= 2) for reading, count in zip(readings, seen, strict=True))


def test_boxes_are_drawn_a_little_large_and_a_little_apart() -> None:
    boxes = np.array([read_xray([BRIGHT], 1024, _draw(seed)).boxes_xyxy_px[0] for seed in range(300)])
    widths, heights = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    assert 1.04 < widths.mean() / 200 < 1.14
    assert 1.04 < heights.mean() / 300 < 1.14
    assert 2 < boxes[:, 0].std() < 12


def test_neighbours_on_one_side_are_sometimes_taken_for_one_and_never_across_the_heart() -> None:
    near = Opacity("right", 1.2, (200, 610, 400, 800))
    far = Opacity("right", 1.2, (200, 600 + NEIGHBOURS_PX, 400, 900))
    other = Opacity("left", 1.2, (410, 300, 600, 600))
    counts = {len(read_xray([BRIGHT, near], 1024, _draw(seed)).boxes_xyxy_px) for seed in range(40)}
    assert counts == {1, 2}
    joined = next(r for seed in range(40) if len((r := read_xray([BRIGHT, near], 1024, _draw(seed))).boxes_xyxy_px) == 1)
    x0, y0, x1, y1 = joined.boxes_xyxy_px[0]
    assert y0 < 330 < 770 < y1
    assert x0 < 220 < 380 < x1
    assert all(len(read_xray([BRIGHT, also], 1024, _draw(seed)).boxes_xyxy_px) == 2 for also in (far, other) for seed in range(40))


def test_boxes_end_at_the_xrays_edge() -> None:
    for seed in range(30):
        (box,) = read_xray([Opacity("right", 1.5, (0, 0, 1024, 1024))], 1024, _draw(seed)).boxes_xyxy_px
        assert box[0] >= 0
        assert box[1] >= 0
        assert max(box) <= 1024


def test_what_casts_no_visible_shadow_is_seen_by_nobody_and_an_empty_xray_is_read_as_empty() -> None:
    assert read_xray([Opacity("right", 0.04, None)], 1024, _draw()).seen_by == (0,)
    assert read_xray([], 1024, _draw()).boxes_xyxy_px == ()


def test_the_same_draw_is_the_same_reading() -> None:
    assert read_xray([BRIGHT, FAINT], 1024, _draw(5)) == read_xray([BRIGHT, FAINT], 1024, _draw(5))
    assert read_xray([BRIGHT], 1024, _draw(5)).boxes_xyxy_px != read_xray([BRIGHT], 1024, _draw(6)).boxes_xyxy_px
