"""X-rays as pictures: PNG, JPEG, TIFF and BMP, read with Pillow as grey values in [0, 1].

A picture has no header, so nothing says who, when, how large or which end of the scale is dense: bright is taken for dense, as it is in
nearly all public data sets. What does exist is not guessed at: 16 bits stay 16 bits, an EXIF orientation is followed, colours are refused.
"""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from radlearn.errors import UnreadableScan
from radlearn.file_kinds import kind_of
from radlearn.files import read_whole
from radlearn.scans.file_names import PICTURE_SUFFIXES

MOST_PIXELS = 1 << 28
"A hundred times a large X-ray. A small file can unpack to any number."
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
ALIKE = 3
"So far apart, of 255, the channels of a grey JPEG may be."
ORIENTATION, PHOTOMETRIC = 274, 262
WHITE_IS_ZERO = 0


class Picture(NamedTuple):
    """Grey values float32 (height, width) in [0, 1], the bits of the file, and what was done that a person should know."""

    pixels: np.ndarray
    bits: int
    notes: tuple[str, ...]


def is_picture(path: str | Path) -> bool:
    """Tell whether a file is called like a picture."""
    return str(path).lower().endswith(PICTURE_SUFFIXES)


def read_picture(path: str | Path) -> Picture:
    """Read a picture. Values of up to 8 bits are shares of 255; of more bits they are shares of the range that they have, which is noted.

    Raises:
        UnreadableScan: the file is missing, no picture, damaged, too large, of several pages, or coloured.
    """
    path = Path(path)
    content = _content(path)
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise UnreadableScan(
                    f"{path}: is {width:,} × {height:,} px (width × height); expected an X-ray of at most {MOST_PIXELS:,} pixels."
                )
            if (pages := getattr(image, "n_frames", 1)) > 1:
                raise UnreadableScan(f"{path}: holds {pages} pages; expected one X-ray. Save each page as a file of its own.")
            inverted = image.format == "TIFF" and _tag(image, PHOTOMETRIC) == WHITE_IS_ZERO and image.mode.startswith("I;16")
            turned = image.getexif().get(ORIENTATION, 1) not in (0, 1)
            image.load()
            upright = ImageOps.exif_transpose(image) if turned else image
            values, bits, notes = _grey(path, upright)
    except UnreadableScan:
        raise
    except UnidentifiedImageError:
        kind = kind_of(content)
        what = f"is {kind}" if kind and "picture" not in kind else "is no picture that can be read, or is damaged"
        raise UnreadableScan(f"{path}: {what}. Expected {', '.join(FORMATS)}, or DICOM in a file called .dcm.") from None
    except Image.DecompressionBombError:
        raise UnreadableScan(f"{path}: holds more pixels than any X-ray has; it was not read.") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        raise UnreadableScan(f"{path}: is damaged or cut short ({error}). Copy it again.") from None
    notes += ["turned as its EXIF orientation says"] if turned else []
    if inverted:
        values, notes = 1 - values, [*notes, "inverted, because its TIFF header says that 0 is white"]
    return Picture(np.ascontiguousarray(values, dtype=np.float32), bits, tuple(notes))


def _content(path: Path) -> bytes:
    try:
        content = read_whole(path)
    except FileNotFoundError:
        raise UnreadableScan(f"{path}: there is no such file.") from None
    except OSError as error:
        raise UnreadableScan(f"{path}: cannot be opened ({error.strerror or error}).") from None
    if not content:
        raise UnreadableScan(f"{path}: is empty.")
    return content


def _tag(image: Any, number: int) -> Any:
    return getattr(image, "tag_v2", {}).get(number)


def _grey(path: Path, image: Image.Image) -> tuple[np.ndarray, int, list[str]]:
    """Return the grey values of an image in [0, 1], its bits, and notes."""
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"), np.float32) / 255, 8, []
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _shares_of_range(path, np.asarray(image, np.float64), 32 if image.mode in ("I", "F") else 16)
    if image.mode not in ("LA", "P", "PA", "RGB", "RGBA"):
        raise UnreadableScan(f"{path}: is a picture of the colours {image.mode}; expected grey. Use the file that it was made of.")
    channels = np.asarray(image.convert("RGBA"), np.int16)
    if (channels[..., 3] < 255).any():
        raise UnreadableScan(f"{path}: is transparent in places; expected grey values everywhere. Save it without an alpha channel.")
    colours = channels[..., :3]
    if int((colours.max(axis=2) - colours.min(axis=2)).max()) > ALIKE:
        hint = "A photograph of a screen, or marks drawn on it in colour, are no X-ray for this"
        raise UnreadableScan(f"{path}: is coloured; expected grey values. {hint}. Use the file that it was made of.")
    return colours[..., 1].astype(np.float32) / 255, 8, ["stored in colour, though it is grey"]


def _shares_of_range(path: Path, values: np.ndarray, bits: int) -> tuple[np.ndarray, int, list[str]]:
    if not np.isfinite(values).all():
        raise UnreadableScan(f"{path}: holds values that are no numbers.")
    low, high = float(values.min()), float(values.max())
    shares = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return shares, bits, [f"its values, {low:g} to {high:g}, are shown from black to white, because a picture of {bits} bits has no window"]
