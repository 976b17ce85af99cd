"""X-rays as pictures: PNG, JPEG, TIFF and BMP, read with Pillow as grey values in [0, 1].

A picture has no header, so nothing says who, when, how large or which end of the scale is dense: bright is taken for dense, as it is in
nearly all public data sets. What does exist is not guessed at: 16 bits stay 16 bits, an EXIF orientation is followed, colours are refused,
unless their luminance is asked for, because ultrasound machines tint their images. `tiff_kinds` helps Pillow with kinds of numbers that it
does not know.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from radlearn.amounts import counted, verb_of
from radlearn.errors import UnreadableScan
from radlearn.file_kinds import image_kind, kind_of, picture_advice
from radlearn.files import nothing_there, read_whole
from radlearn.scans.deep_channels import deep_channels, has_deep_channels
from radlearn.scans.file_names import PICTURE_SUFFIXES
from radlearn.scans.jpeg_pictures import jpeg_trouble
from radlearn.scans.pixel_order import lost_rows
from radlearn.scans.swapped_bytes import SWAPPED, has_swapped_bytes
from radlearn.scans.tiff_kinds import GreyTiff, grey_tiff, unread_kind
from radlearn.scans.tiff_pages import without_previews
from radlearn.scans.wrapped_values import wrapped_words

MOST_PIXELS = 1 << 28
"A hundred times a large X-ray. A small file can unpack to any number."
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
LUMINANCE = np.array([0.299, 0.587, 0.114])
"Of red, green and blue (ITU-R BT.601)."
ALIKE = 3
"So far apart, of 255, the channels of a grey JPEG may be."
PAGES = "Name the page in the column page of a table, or save each as a file of its own."
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ONE_NUMBER = "Save it in grey of 8 or 16 bits, with one number a pixel."
ORIENTATION = 274
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr, 3: lambda grey: np.rot90(grey, 2), 4: np.flipud, 5: np.transpose, 6: lambda grey: np.rot90(grey, -1),
    7: lambda grey: np.rot90(grey, 2).T, 8: np.rot90,
}  # fmt: skip
"How an image is brought upright whose EXIF orientation is this (TIFF 6.0, tag 274)."


Colours = Literal["refused", "luminance", "kept"]
"What becomes of a picture whose channels differ: an error, their luminance (ITU-R BT.601, as in Pillow), or all three (height, width, 3)."


class Picture(NamedTuple):
    """Grey values float32 (height, width) in [0, 1], the bits of the file, and what was done that a person should know."""

    pixels: np.ndarray
    bits: int
    notes: tuple[str, ...]


class Stored(NamedTuple):
    """The numbers in a picture (height, width), upright, and what they mean."""

    values: np.ndarray
    bits: int
    # Whether they are shares of 255; else they have no range but their own.
    of_255: bool = False
    white_is_zero: bool = False
    in_colour: bool = False
    turned: bool = False
    # How far the channels of a pixel lie apart at most, of 255.
    apart: int = 0
    # What is odd about where the numbers lie in the file, and what else lies there.
    order: str = ""


def is_picture(path: str | Path) -> bool:
    """Tell whether a file is called like a picture."""
    return str(path).lower().endswith(PICTURE_SUFFIXES)


def read_picture(path: str | Path, colours: Literal["refused", "luminance"] = "refused") -> Picture:
    """Read a picture. Values of up to 8 bits are shares of 255; of more bits they are shares of the range that they have, which is noted.

    Args:
        colours: what becomes of a picture whose channels differ.

    Raises:
        UnreadableScan: the file is missing, no picture, damaged, too large, of several pages, or coloured.
    """
    path = Path(path)
    return picture_of(path, read_stored(path, colours))


def picture_of(path: Path, stored: Stored) -> Picture:
    """Return the numbers of an image without a header that explains them as grey values; `path` is for messages.

    Raises:
        UnreadableScan: values that are not finite, or have their two bytes exchanged.
    """
    notes = ["stored in colour, though it is grey"] if stored.in_colour else []
    if stored.apart > ALIKE:
        notes = [f"tinted or coloured: its channels lie up to {stored.apart} of 255 apart; their luminance is used"]
    if stored.of_255:
        shares = stored.values.astype(np.float32) / 255
    else:
        shares, note = _shares_of_range(path, stored.values.astype(np.float64), stored.bits)
        notes.append(note)
    if stored.white_is_zero:
        shares = 1 - shares
        notes.append("inverted, because its TIFF header says that 0 is white")
    notes += ["turned as its EXIF orientation says"] if stored.turned else []
    notes += filter(None, [stored.order, wrapped_words(stored.values)])
    return Picture(np.ascontiguousarray(shares, dtype=np.float32), stored.bits, tuple(notes))


def read_stored(path: str | Path, colours: Colours = "refused") -> Stored:
    """Read the numbers in a picture; errors as `read_picture`."""
    path = Path(path)
    content, left_out = without_previews(_content(path))
    tiff = grey_tiff(content)
    try:
        with _opened(content if tiff is None else tiff.content) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise UnreadableScan(
                    f"{path}: is {width:,} × {height:,} px (width × height); expected an image of at most {MOST_PIXELS:,} pixels."
                )
            if (pages := getattr(image, "n_frames", 1)) > 1:
                raise UnreadableScan(f"{path}: holds {counted(pages, 'pages')}; expected one image. {PAGES}")
            if image.format == "JPEG" and (trouble := jpeg_trouble(content)):
                raise UnreadableScan(f"{path}: {trouble}. Copy it again from its source.")
            # Before anything looks for an orientation, for which a PNG is decoded.
            channels = deep_channels(lambda: _opened(content)) if has_deep_channels(image) else None
            orientation = image.getexif().get(ORIENTATION, 1) if tiff is None else tiff.orientation
            image.load()
            # Of a TIFF Pillow brings the pixels upright by itself, and takes the orientation away.
            turn = TURNS.get(image.getexif().get(ORIENTATION, 1) if tiff is None else orientation)
            if tiff is not None:
                stored = _numbers(path, tiff, np.asarray(image))
            elif channels is not None:
                stored = grey_of_channels(path, channels[..., :3], channels[..., 3], 65535, colours)
            else:
                stored = _grey(path, image, colours)
            # What is packed is refused where its end is missing.
            is_plain = image.format == "BMP" or (image.format == "TIFF" and image.info.get("compression") == "raw")
            if is_plain and stored.values.ndim == 2:
                stored = stored._replace(order=lost_rows(stored.values, last_first=image.format == "BMP"))
    except UnreadableScan:
        raise
    except UnidentifiedImageError:
        raise UnreadableScan(f"{path}: {_unidentified(content)}") from None
    except Image.DecompressionBombError:
        raise UnreadableScan(f"{path}: holds more pixels than any image has; it was not read.") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        words = unread_kind(content) if tiff is None else ""
        found = f"{words}. {ONE_NUMBER}" if words else "is damaged or cut short. Copy it again from its source."
        raise UnreadableScan(f"{path}: {found}") from error
    order = "; ".join(filter(None, [stored.order, left_out]))
    return stored._replace(values=_turned(stored.values, turn), turned=orientation in TURNS, order=order)


def _turned(values: np.ndarray, turn: Callable[[np.ndarray], np.ndarray] | None) -> np.ndarray:
    if turn is None:
        return values
    return turn(values) if values.ndim == 2 else np.stack([turn(channel) for channel in np.moveaxis(values, 2, 0)], axis=2)


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=FORMATS)


def _unidentified(content: bytes) -> str:
    """Return what a file is that Pillow does not open, and what to do."""
    if content.startswith(TIFF_STARTS):
        if words := unread_kind(content):
            return f"{words}. {ONE_NUMBER}"
        return "is a TIFF that is damaged, or of a kind that radlearn does not read. Save it in grey of 8 or 16 bits, without layers."
    kind = kind_of(content)
    if image_kind(content) == "DICOM":
        return f"is DICOM, and no picture. {kind.partition('. ')[2]}."
    if "does not read" in (known := picture_advice(content)):
        return f"is {known}."
    what = f"is {kind}" if kind and "picture" not in kind else "is no picture that can be read, or is damaged"
    return f"{what}. Expected {', '.join(FORMATS)}, or DICOM in a file called .dcm."


def _content(path: Path) -> bytes:
    try:
        content = read_whole(path)
    except FileNotFoundError:
        raise UnreadableScan(f"{path}: {nothing_there(path)}.") from None
    except OSError as error:
        raise UnreadableScan(f"{path}: cannot be opened ({error.strerror or error}).") from None
    if not content:
        raise UnreadableScan(f"{path}: is empty.")
    return content


def _numbers(path: Path, tiff: GreyTiff, decoded: np.ndarray) -> Stored:
    """Return the numbers of a TIFF that Pillow decoded with help."""
    numbers = tiff.numbers(decoded)
    if tiff.samples == 2:
        _refuse_transparent(path, numbers[..., 1], np.iinfo(tiff.kind).max)
    return Stored(numbers[..., 0], 8 * tiff.kind.itemsize, white_is_zero=tiff.white_is_zero)


def _grey(path: Path, image: Image.Image, colours: Colours) -> Stored:
    """Return the grey numbers of an image."""
    if image.mode in ("1", "L"):
        return Stored(np.asarray(image.convert("L")), 8, of_255=True)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Stored(np.asarray(image), 32 if image.mode in ("I", "F") else 16)
    if image.mode not in ("LA", "P", "PA", "RGB", "RGBA"):
        raise UnreadableScan(f"{path}: is a picture of the colours {image.mode}; expected grey. Use the file that it was made of.")
    channels = np.asarray(image.convert("RGBA"), np.int16)
    return grey_of_channels(path, channels[..., :3], channels[..., 3], 255, colours)


def grey_of_channels(path: Path, channels: np.ndarray, opacity: np.ndarray, white: int, colours: Colours) -> Stored:
    """Return the grey numbers of an image in channels (height, width, 3) of 8 or 16 bits, or what else is asked for where they differ."""
    _refuse_transparent(path, opacity, white)
    # Of 16 bits often only the lower 12 are in use, of which 3 in 255 is less.
    alike = ALIKE if white == 255 else ALIKE / 255 * float(channels.max())
    apart = int((channels.max(axis=2) - channels.min(axis=2)).max())
    if apart > alike and colours == "refused":
        hint = "A photograph of a screen, or marks drawn on it in colour, are no X-ray for this"
        raise UnreadableScan(f"{path}: is coloured; expected grey values. {hint}. Use the file that it was made of.")
    if apart <= alike:
        return Stored(channels[..., 1], 8 if white == 255 else 16, of_255=white == 255, in_colour=True)
    values = channels if colours == "kept" else channels @ LUMINANCE
    # More than `ALIKE` also where these are few of 65,535.
    return Stored(values, 8 if white == 255 else 16, white == 255, in_colour=True, apart=max(round(apart * 255 / white), ALIKE + 1))


def _refuse_transparent(path: Path, opacity: np.ndarray, white: int) -> None:
    if (opacity < white).any():
        raise UnreadableScan(f"{path}: is transparent in places; expected grey values everywhere. Save it without an alpha channel.")


def _shares_of_range(path: Path, values: np.ndarray, bits: int) -> tuple[np.ndarray, str]:
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        where = f"{count:,} of {values.size:,} pixels {verb_of(count, 'are')} NaN or infinite"
        raise UnreadableScan(f"{path}: {where}. Write the value of black there, and save the picture again.")
    if bits == 16 and has_swapped_bytes(values.astype(np.int64).astype(np.uint16)):
        raise UnreadableScan(f"{path}: {SWAPPED}.")
    low, high = float(values.min()), float(values.max())
    shares = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return shares, f"its values, {low:g} to {high:g}, are shown from black to white, because a picture of {bits} bits has no window"
