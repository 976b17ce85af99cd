"""The size of a pixel of an ultrasound image in DICOM: by its regions, and by PixelSpacing where there are none."""

from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

from radlearn.scans.ultrasound_regions import calibrated_boxes, outside_share, too_deep, ultrasound_spacing_of


def region(across_cm: float = 0.01, down_cm: float = 0.02, right: int = 63, bottom: int = 47, **more: Any) -> Dataset:
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType = 1, 1
    item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = 0, 0, right, bottom
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
    item.PhysicalDeltaX, item.PhysicalDeltaY = across_cm, down_cm
    for name, value in more.items():
        setattr(item, name, value)
    return item


def header(*regions: Dataset, **more: Any) -> Dataset:
    said = Dataset()
    said.Rows, said.Columns = 48, 64
    if regions:
        said.SequenceOfUltrasoundRegions = list(regions)
    for name, value in more.items():
        setattr(said, name, value)
    return said


def test_a_region_says_it_in_centimetres_down_and_across() -> None:
    found = ultrasound_spacing_of(header(region()))
    assert found == (pytest.approx((0.2, 0.1)), "SequenceOfUltrasoundRegions", "")
    # An axis may point the other way.
    assert ultrasound_spacing_of(header(region(down_cm=-0.02))).mm == pytest.approx((0.2, 0.1))


@pytest.mark.parametrize(
    "other",
    [
        region(RegionSpatialFormat=2, PhysicalUnitsXDirection=4),
        region(PhysicalUnitsXDirection=0, PhysicalUnitsYDirection=0, across_cm=0.5),
        region(across_cm=0.0),
        region(across_cm=0.010001),
    ],
    ids=["M-mode", "no unit", "no size", "alike"],
)
def test_regions_without_a_size_of_their_own_do_not_matter(other: Dataset) -> None:
    assert ultrasound_spacing_of(header(region(), other)).mm == pytest.approx((0.2, 0.1))


def test_where_no_region_has_a_size_pixel_spacing_does() -> None:
    assert ultrasound_spacing_of(header(PixelSpacing=[0.3, 0.3])) == ((0.3, 0.3), "PixelSpacing", "")
    in_seconds = region(PhysicalUnitsXDirection=4)
    assert ultrasound_spacing_of(header(in_seconds, PixelSpacing=[0.3, 0.3])).mm == (0.3, 0.3)
    assert ultrasound_spacing_of(header()).mm is None


def test_regions_with_two_sizes_are_said_and_none_is_taken() -> None:
    found = ultrasound_spacing_of(header(region(), region(across_cm=0.02), PixelSpacing=[0.2, 0.1]))
    assert found.mm is None
    assert found.note == "its ultrasound regions have pixels of 0.2 × 0.1 mm and 0.2 × 0.2 mm: no millimetres are taken from it"


def test_pixel_spacing_that_contradicts_the_region_is_said() -> None:
    found = ultrasound_spacing_of(header(region(), PixelSpacing=[0.4, 0.2]))
    assert found.mm == pytest.approx((0.2, 0.1))
    assert found.note == "its ultrasound region says 0.2 × 0.1 mm a pixel, and PixelSpacing 0.4 × 0.2 mm; the region's are taken"
    assert ultrasound_spacing_of(header(region(), PixelSpacing=["0.2", "0.1"])).note == ""


@pytest.mark.parametrize("name", ["examples_palette.dcm", "examples_ybr_color.dcm"])
def test_a_file_that_was_made_smaller_has_no_size(name: str) -> None:
    # pydicom's examples were cut down for its tests, and kept their regions.
    said = pydicom.dcmread(get_testdata_file(name), stop_before_pixels=True)
    assert said.SequenceOfUltrasoundRegions[0].RegionLocationMaxY1 > said.Rows
    found = ultrasound_spacing_of(said)
    assert found.mm is None
    assert "so that it was cut or made smaller since: no millimetres are taken from it" in found.note


def test_the_boxes_are_those_of_the_regions_that_have_a_size() -> None:
    side = region(RegionLocationMinX0=8, RegionLocationMinY0=4, right=39, bottom=31)
    assert calibrated_boxes(header(side, region(RegionSpatialFormat=2, PhysicalUnitsXDirection=4))) == ((4, 8, 32, 40),)


def test_how_much_of_a_mask_lies_outside_of_boxes() -> None:
    mask = np.zeros((48, 64), bool)
    mask[10:20, 10:20] = True
    assert outside_share(mask, [(0, 0, 48, 64)]) == 0
    assert outside_share(mask, [(0, 0, 15, 64)]) == 0.5
    assert outside_share(mask, [(0, 0, 15, 64), (15, 0, 48, 15)]) == 0.25
    assert outside_share(mask, [(30, 30, 48, 64)]) == 1
    assert outside_share(np.zeros((48, 64), bool), [(30, 30, 48, 64)]) == 0


def test_depth_is_that_of_the_region_and_not_of_the_screen_around_it() -> None:
    assert too_deep((0.4, 0.4), 1000) != ""
    assert too_deep((0.4, 0.4), 1000, [(100, 0, 700, 800)]) == ""
    assert too_deep((0.8, 0.8), 512, [(0, 0, 512, 512)]).startswith("it is 410 mm deep by its header, with pixels of 0.8 × 0.8 mm")
