"""Values that were wrapped into fewer bits than they need are told; sound images, text and noise are not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from radlearn.scans.dicom import PixelWarning, read_radiograph
from radlearn.scans.wrapped_values import wrapped_words

DicomFile = Callable[..., Path]
RNG = np.random.default_rng(0)
SMOOTH = gaussian_filter(RNG.random((300, 260)), 20)
GREY = (SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH)
TWELVE = np.clip(GREY * 3800 + 100 + RNG.normal(0, 6, GREY.shape), 0, 4095).astype(np.uint16)


@pytest.mark.parametrize(
    ("stored", "bits"),
    [
        (TWELVE.astype(np.uint8), 8),
        ((TWELVE // 4).astype(np.uint8), 8),
        ((TWELVE * 8) % 4096, 12),
        ((TWELVE.astype(np.int16) - 1900).view(np.uint16), 16),
        ((TWELVE * 16).view(np.int16), 16),
    ],
    ids=["12 in 8", "10 in 8", "15 in 12", "signed as unsigned", "unsigned as signed"],
)
def test_what_was_wrapped_is_told_with_its_bits(stored: np.ndarray, bits: int) -> None:
    assert f"wrapped into {bits} bits" in wrapped_words(stored)


def with_text(values: np.ndarray, white: int) -> np.ndarray:
    marked = values.copy()
    marked[20:60, 20:80] = np.where(RNG.random((40, 60)) > 0.6, white, marked[20:60, 20:80])
    return marked


@pytest.mark.parametrize(
    "stored",
    [
        TWELVE,
        (TWELVE // 16).astype(np.uint8),
        (TWELVE.astype(np.int16) - 2000),
        with_text(TWELVE, 65535),
        with_text((TWELVE // 16).astype(np.uint8), 255),
        np.where(TWELVE > 2000, 255, 0).astype(np.uint8),
        RNG.integers(0, 256, (200, 200)).astype(np.uint8),
        GREY.astype(np.float32),
        np.full((200, 200), np.nan),
        np.zeros((200, 200), np.uint8),
        np.arange(20, dtype=np.uint8).reshape(4, 5) * 50,
    ],
    ids=["12 bits", "8 bits", "signed", "text of 16", "text of 8", "mask", "noise", "shares", "nan", "nothing", "few pixels"],
)
def test_what_was_not_wrapped_is_not_told(stored: np.ndarray) -> None:
    assert wrapped_words(stored) == ""


@pytest.mark.parametrize("name", ["x.png", "x.tif", "x.bmp", "x.jpg", "x.dcm"])
def test_it_is_a_note_whatever_kind_of_file_it_is(name: str, tmp_path: Path, dicom_file: DicomFile) -> None:
    wrapped = (TWELVE // 4).astype(np.uint8)
    path = dicom_file(wrapped, bits=8) if name == "x.dcm" else tmp_path / name
    if name != "x.dcm":
        Image.fromarray(wrapped).save(path)
    with pytest.warns(PixelWarning, match="seem to be wrapped into 8 bits"):
        assert any("wrapped into 8 bits" in note for note in read_radiograph(path).notes)


def test_of_real_xrays_none_is_called_wrapped(shared_data: Path) -> None:
    for path in sorted((shared_data / "nih_multilabel_sample").rglob("*.png")):
        assert wrapped_words(np.asarray(Image.open(path).convert("L"))) == "", path
