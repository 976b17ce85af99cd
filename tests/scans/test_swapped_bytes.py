"""Pixels whose two bytes are exchanged are refused; nothing else of 16 bits is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import read_radiograph
from radlearn.scans.picture_files import read_picture
from radlearn.scans.swapped_bytes import has_swapped_bytes

DicomFile = Callable[..., Path]


def film(dtype: str = "u2", most: int = 4000) -> np.ndarray:
    y, x = np.mgrid[:300, :260]
    noise = np.random.default_rng(1).normal(0, 0.02, (300, 260))
    shares = 0.5 + 0.3 * np.sin(x / 40) * np.cos(y / 55) + noise
    return np.clip(shares * most, 0, most).astype(dtype)


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i2"])
@pytest.mark.parametrize("most", [900, 4000, 30000])
def test_an_image_and_the_same_with_swapped_bytes(dtype: str, most: int) -> None:
    image = film(dtype, most)
    assert not has_swapped_bytes(image)
    assert has_swapped_bytes(image.byteswap())


@pytest.mark.parametrize(
    "image",
    [
        np.random.default_rng(0).integers(0, 1 << 16, (200, 200)).astype(np.uint16),
        np.random.default_rng(0).integers(0, 1 << 12, (200, 200)).astype(np.uint16),
        film(most=255) * 256,
        film(most=255),
        np.zeros((50, 50), np.uint16),
        np.full((50, 50), 40000, np.uint16),
        np.where(np.indices((80, 80)).sum(0) % 2, 60000, 0).astype(np.uint16),
        film("u1", 255),
        np.zeros((5, 1), np.uint16),
    ],
    ids=["noise", "noise of 12 bits", "8 bits shifted", "8 bits", "black", "one value", "a chessboard", "bytes", "one column"],
)
def test_what_is_no_swapped_image_is_left_alone(image: np.ndarray) -> None:
    assert not has_swapped_bytes(image)


@pytest.mark.parametrize("bits", [12, 16])
def test_a_dicom_with_swapped_bytes_is_refused(dicom_file: DicomFile, bits: int) -> None:
    image = film(most=(1 << bits) - 1)
    sound = dicom_file(image, bits=bits)
    assert np.corrcoef(read_radiograph(sound).pixels.ravel(), image.ravel())[0, 1] > 0.99
    swapped = dicom_file(image.byteswap(), bits=bits)
    with pytest.raises(UnreadableScan, match="wrong order"):
        read_radiograph(swapped)


def test_a_picture_with_swapped_bytes_is_refused(tmp_path: Path) -> None:
    Image.fromarray(film(most=60000)).save(tmp_path / "a.png")
    assert read_picture(tmp_path / "a.png").bits == 16
    Image.fromarray(film(most=60000).byteswap()).save(tmp_path / "b.png")
    with pytest.raises(UnreadableScan, match="wrong order"):
        read_picture(tmp_path / "b.png")


def test_no_real_file_of_two_bytes_is_taken_for_one(shared_data: Path) -> None:
    looked_at = 0
    for path in [*(shared_data / "dicom_zoo").glob("*.dcm"), *sorted((shared_data / "ct_dicom_real_sample").rglob("*.dcm"))[:10]]:
        try:
            pixels = pydicom.dcmread(path).pixel_array
        # Many files of the zoo are damaged, or of kinds that pydicom does not decode.
        except Exception:
            continue
        if pixels.dtype.itemsize == 2 and pixels.ndim == 2:
            looked_at += 1
            assert not has_swapped_bytes(pixels), path
    assert looked_at > 10
