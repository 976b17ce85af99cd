"""Damaged JPEG pictures, which Pillow decodes without a word, are refused; whole ones of every kind are read."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from radlearn.errors import UnreadableScan
from radlearn.scans.jpeg_pictures import MOST_SCANS, jpeg_trouble
from radlearn.scans.picture_files import read_picture


def film() -> np.ndarray:
    y, x = np.mgrid[:240, :200]
    noise = np.random.default_rng(0).normal(0, 12, (240, 200))
    return np.clip(60 + 80 * np.sin(x / 23) ** 2 + 60 * np.cos(y / 31) ** 2 + noise, 0, 255).astype(np.uint8)


def jpeg(mode: str = "L", **options: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(film()).convert(mode).save(content, "JPEG", **options)
    return content.getvalue()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"quality": 5},
        {"quality": 100, "optimize": True},
        {"progressive": True},
        {"progressive": True, "quality": 30, "mode": "RGB"},
        {"restart_marker_rows": 2},
        {"mode": "RGB", "subsampling": 2},
        {"mode": "RGB", "subsampling": 0, "progressive": True, "optimize": True},
        {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", "comment": b"from \xff\xda a scanner"},
    ],
)
def test_whole_pictures_are_read(tmp_path: Path, options: dict[str, Any]) -> None:
    content = jpeg(**options)
    assert jpeg_trouble(content) == ""
    (tmp_path / "a.jpg").write_bytes(content)
    mean = np.asarray(Image.open(io.BytesIO(content)).convert("L")).mean()
    assert read_picture(tmp_path / "a.jpg").pixels.mean() * 255 == pytest.approx(mean, abs=1)


def damaged() -> dict[str, bytes]:
    plain, restarts = jpeg(quality=92), jpeg(quality=92, restart_marker_rows=4)
    half, other = len(plain) // 2, len(restarts) // 2
    height = plain.index(b"\xff\xc0") + 5
    progressive = jpeg(progressive=True)
    scans = [place for place in range(len(progressive)) if progressive.startswith(b"\xff\xda", place)]
    return {
        "a lost sector": plain[:half] + bytes(4096) + plain[half + 4096 :],
        "a hole": plain[:half] + plain[half + 4000 :],
        "the lower half lost, the end there": plain[:half] + b"\xff\xd9",
        "a hole between restarts": restarts[:other] + restarts[other + 4000 :],
        "taller in its header": plain[:height] + (480).to_bytes(2, "big") + plain[height + 2 :],
        "one scan of a progressive one": progressive[: scans[1]] + b"\xff\xd9",
        "three scans of a progressive one": progressive[: scans[3]] + b"\xff\xd9",
        "all scans but the last": progressive[: scans[-1]] + b"\xff\xd9",
        "no end": plain[:half],
    }


@pytest.mark.parametrize("what", damaged())
def test_damaged_pictures_are_refused(tmp_path: Path, what: str) -> None:
    (tmp_path / "a.jpg").write_bytes(damaged()[what])
    with pytest.raises(UnreadableScan, match=r"damaged or cut short|without its last scans"):
        read_picture(tmp_path / "a.jpg")


def test_bytes_before_a_marker_are_harmless() -> None:
    content = jpeg()
    assert jpeg_trouble(content[:-2] + b"\0\0\0" + content[-2:]) == ""


def test_thousands_of_scans_are_not_unpacked() -> None:
    content = jpeg(progressive=True)
    last = content.rindex(b"\xff\xda")
    assert "more than 500 scans" in jpeg_trouble(content[:last] + content[last:-2] * (MOST_SCANS + 1) + b"\xff\xd9")
