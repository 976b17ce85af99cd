"""Trivial baselines are fitted on training X-rays and know no lung."""

from pathlib import Path

import numpy as np

from radlearn.challenges.xray_case import XrayCase
from radlearn.tasks.xray.baselines import brightness_sign, mean_brightness, view_baseline, view_shares
from radlearn.tasks.xray.radiographs import PreparedRadiograph


def xray(label: bool, view: str | None, value: int) -> PreparedRadiograph:
    return PreparedRadiograph(XrayCase("a", Path("a.dcm"), label, (), None, "p", view), np.full((8, 8), value, np.uint8))


XRAYS = [xray(True, "AP", 200), xray(False, "AP", 100), xray(False, "PA", 90), xray(False, None, 80)]


def test_the_view_is_predicted_by_its_share_of_positives_and_an_unknown_one_by_the_share_of_all() -> None:
    shares = view_shares(XRAYS)
    assert shares == {"AP": 0.5, "PA": 0.0, "all": 0.25}
    known = view_baseline(["PA", "AP", "", "LL"], shares)
    assert known is not None
    assert known.tolist() == [0.0, 0.5, 0.25, 0.25]


def test_where_no_view_is_known_to_both_there_is_no_prediction() -> None:
    assert view_baseline(["", ""], {"AP": 0.5, "all": 0.25}) is None
    assert view_baseline(["AP", "PA"], {"all": 0.25}) is None
    assert view_baseline(["LL", ""], {"AP": 0.5, "all": 0.25}) is None
    assert view_baseline(["AP", "AP"], {"AP": 0.5, "all": 0.25}) is not None


def test_the_sign_says_whether_positives_are_the_brighter_ones() -> None:
    brightness = mean_brightness(XRAYS)
    np.testing.assert_allclose(brightness, np.array([200, 100, 90, 80]) / 255, rtol=1e-6)
    assert brightness_sign(brightness, XRAYS) == 1
    assert brightness_sign(-brightness, XRAYS) == -1
