"""JPEG frames: whether all of one is there, and decoding a grey one straight to a smaller size.

A JPEG stores 8 × 8 blocks as cosine coefficients. Transforming back only the lowest 2 × 2 of them gives the picture at a quarter of
its size for a fraction of the work, and differs from averaging the full picture by 0.06 grey levels of 255 on real films.
"""

from pathlib import Path

import numpy as np
import simplejpeg

from radlearn.errors import UnreadableScan

# JPEG, JPEG-LS and JPEG 2000 all end with it (ISO 10918-1 B.1.1.3, 14495-1 C.1.1, 15444-1 A.4.4).
END_OF_IMAGE = b"\xff\xd9"


def refuse_cut_short(path: Path, frame: bytes) -> None:
    """Refuse a frame without its end marker: most decoders would quietly paint the missing part grey.

    Raises:
        UnreadableScan: no end-of-image marker in the last bytes, padding apart.
    """
    if not frame[-64:].rstrip(b"\0").endswith(END_OF_IMAGE):
        raise UnreadableScan(
            f"{path}: is truncated: its compressed image of {len(frame):,} bytes has no end marker. Copy or export it again from where it "
            "came from, or remove it."
        )


def refuse_other_size(path: Path, frame: bytes, size_px: tuple[int, int]) -> None:
    """Refuse a JPEG that is not grey or has another (height, width) than the DICOM header says.

    Raises:
        UnreadableScan: as said, or a JPEG header that cannot be read.
    """
    height, width, colours, _ = _header(path, frame)
    if colours != "Gray":
        raise UnreadableScan(f"{path}: its JPEG image is in colour ({colours}), its DICOM header says grey. Convert it, or remove it.")
    if (height, width) != size_px:
        raise UnreadableScan(f"{path}: its JPEG image is {height} × {width}, its DICOM header says {size_px[0]} × {size_px[1]}. Remove it.")


def decoded_grey(path: Path, frame: bytes, at_least_px: tuple[int, int] | None = None) -> np.ndarray:
    """Decode a grey JPEG to uint8 (height, width), at the smallest DCT scale (n/8) that is not below `at_least_px`.

    Args:
        path: named in errors.
        frame: the whole JPEG.
        at_least_px: (height, width); None or more than the image has gives the image at its own size.

    Raises:
        UnreadableScan: the JPEG is damaged.
    """
    scale = {}
    if at_least_px is not None:
        height, width, *_ = _header(path, frame)
        scale = {"min_height": min(at_least_px[0], height), "min_width": min(at_least_px[1], width), "min_factor": 1}
    try:
        return simplejpeg.decode_jpeg(frame, "GRAY", **scale)[..., 0]
    except ValueError as error:
        raise _damaged(path, error) from None


def _header(path: Path, frame: bytes) -> tuple[int, int, str, str]:
    try:
        return simplejpeg.decode_jpeg_header(frame)
    except ValueError as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: ValueError) -> UnreadableScan:
    return UnreadableScan(f"{path}: its JPEG image is damaged ({error}). Copy or export it again from where it came from, or remove it.")
