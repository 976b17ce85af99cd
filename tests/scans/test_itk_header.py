"""A header that does not say how far apart its voxels are is refused, where ITK takes 1 mm."""

import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from radlearn.errors import UnreadableScan
from radlearn.scans.itk_header import start_of
from radlearn.scans.itk_volume import read_itk_grid, read_itk_volume

SPACING = (0.7, 0.8, 5.0)


def rewritten(path: Path, change: dict[str, str]) -> Path:
    """Write a volume and replace whole lines of its header, by their names."""
    image = SimpleITK.GetImageFromArray(np.arange(210, dtype=np.int16).reshape(5, 6, 7))
    image.SetSpacing(SPACING)
    SimpleITK.WriteImage(image, str(path))
    content = path.read_bytes()
    for name, line in change.items():
        content, count = re.subn(rf"(?m)^{name}\b.*\n".encode(), line.encode(), content, count=1)
        assert count == 1
    path.write_bytes(content)
    return path


def by_itk(path: Path) -> tuple[float, ...]:
    spacing: tuple[float, ...] = SimpleITK.ReadImage(str(path)).GetSpacing()
    return spacing


ALONE = {"space: left-posterior-superior": "", "space origin": ""}


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("a.mha", {"ElementSpacing": ""}, "no line ElementSpacing"),
        ("a.mha", {"ElementSpacing": "elementspacing = 0.7 0.8 5\n"}, "no line ElementSpacing"),
        ("a.nrrd", {"space directions": ""}, "no axis has a length"),
        ("a.nrrd", {"space directions": "space directions: none none none\n"}, "no axis has a length"),
        ("a.nrrd", {"space directions": "space directions: (nan,nan,nan) (nan,nan,nan) (nan,nan,nan)\n"}, "no axis has a length"),
        ("a.nrrd", {"space directions": "space directions: (0.7,0,0) (0,0.8,0) none\n"}, "2 of 3 axes have a length"),
        ("a.nrrd", {"space directions": "", **ALONE}, "no axis has a length"),
        ("a.nrrd", {"space directions": "spacings: nan nan nan\n", **ALONE}, "no axis has a length"),
        ("a.nrrd", {"space directions": "spacings: 0.7 0.8 NaN\n", **ALONE}, "2 of 3 axes have a length"),
        ("a.nrrd", {"space directions": "axis mins: 0 0 0\naxis maxs: 4.9 4.8 25\n", **ALONE}, "no axis has a length"),
    ],
)
def test_a_spacing_that_itk_makes_up_is_refused(tmp_path: Path, name: str, change: dict[str, str], says: str) -> None:
    path = rewritten(tmp_path / name, change)
    assert 1.0 in by_itk(path)
    for read in (read_itk_volume, read_itk_grid):
        with pytest.raises(UnreadableScan, match=says) as raised:
            read(path)
        assert "does not say how far apart its voxels are" in str(raised.value)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a.mha", {"ElementSpacing": "ElementSize = 0.7 0.8 5\n"}),
        ("a.mha", {"ElementSpacing": "ElementSpacing = 1 1 1\n"}),
        ("a.nrrd", {"space directions": "space directions: (1,0,0) (0,1,0) (0,0,1)\n"}),
        ("a.nrrd", {"space directions": "space directions: (0.7, 0, 0)  (0, 0.8, 0)  (0, 0, 5)\n"}),
        ("a.nrrd", {"space directions": "spacings: 0.7 0.8 5\n", **ALONE}),
    ],
)
def test_a_spacing_that_is_said_is_taken(tmp_path: Path, name: str, change: dict[str, str]) -> None:
    path = rewritten(tmp_path / name, change)
    assert np.allclose(np.linalg.norm(read_itk_volume(path).affine[:3, :3], axis=0), by_itk(path))


@pytest.mark.parametrize(("unit", "is_read"), [("mm", True), ("?", True), ("um", False), ("cm", False)])
def test_other_lengths_than_millimetres_are_refused(tmp_path: Path, unit: str, is_read: bool) -> None:
    path = rewritten(tmp_path / "a.mha", {"Offset": f"DistanceUnits = {unit}\nOffset = 0 0 0\n"})
    if is_read:
        assert not start_of(path).packed
    else:
        with pytest.raises(UnreadableScan, match=f"in '{unit}'; expected millimetres"):
            start_of(path)
