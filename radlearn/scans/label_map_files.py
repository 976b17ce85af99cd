"""Label maps of images as pictures, or as volume files of one slice: which class each pixel belongs to, 0 being the background.

What the values of such a file mean is said by nothing in it. So only what is certain is taken: indices of a palette, whatever its colours;
whole numbers from 0 on; 0 and one value for white, which is a mask of one class. Colours are never read as classes: two programs give the
same class two colours. Black and white are none: where a palette or a header says that 0 is white, a mask is read as it is shown. An EXIF
orientation is followed, as that of the image is.
"""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageSequence, UnidentifiedImageError

from radlearn.amounts import counted
from radlearn.errors import BadSetting, UnreadableScan
from radlearn.files import nothing_there, read_whole, written_whole
from radlearn.scans.picture_files import ORIENTATION, PAGES, TURNS
from radlearn.scans.plain_images import is_volume_file, notes_on_axes
from radlearn.scans.tiff_kinds import BITS, PHOTOMETRIC
from radlearn.scans.volume_files import read_slice

MOST_CLASSES = 31
"Besides the background. A grey image has more values than that, and no data set of images has so many classes."
FORMATS = ("PNG", "TIFF", "BMP", "GIF")
"JPEG is not among them: it changes values."
WHITES = (255, 65535)
BLACK_AND_WHITE = {(0, 0, 0), (255, 255, 255)}
TURNED = "turned as its EXIF orientation says"
SHOWN = "stored with 0 for white: what is shown white counts as class 1"
SHOWN_NOTE = f"the mask is {SHOWN}"
PALETTE = (
    (0, 0, 0), (53, 214, 242), (255, 166, 43), (122, 210, 90), (230, 110, 190), (245, 226, 75), (140, 150, 255), (235, 80, 60),
)  # fmt: skip
"Colours of the background and of classes 1, 2, …, red, green and blue from 0 to 255; the classes' begin again after the last."


class LabelMap(NamedTuple):
    """Classes uint8 (rows, columns), 0 being the background, and what was decided to read them."""

    labels: np.ndarray
    notes: tuple[str, ...] = ()
    as_white: bool = False
    "Whether class 1 is what is white, and not what has the number 1."

    @property
    def highest(self) -> int:
        """The highest class that is there."""
        return int(self.labels.max())


def colour_of(number: int) -> tuple[int, int, int]:
    """Return the colour of a class, red, green and blue from 0 to 255; 0 is the background.

    >>> colour_of(1) == colour_of(len(PALETTE))
    True
    """
    return PALETTE[0] if number == 0 else PALETTE[1 + (number - 1) % (len(PALETTE) - 1)]


def read_label_map(path: str | Path) -> LabelMap:
    """Read a label map.

    Raises:
        UnreadableScan: the file is missing, damaged, of several pages or slices, a JPEG, coloured without a palette, transparent in places,
            or holds values that are not those of classes.
    """
    path = Path(path)
    if is_volume_file(path):
        found = read_slice(path)
        read = _classes(path, found.values if found.values.ndim == 2 else _of_channels(path, found.values, 2**found.bits - 1), None)
        return read._replace(notes=(*read.notes, *notes_on_axes(found.affine)))
    try:
        content = read_whole(path)
        if content.startswith(b"\xff\xd8"):
            raise UnreadableScan(f"{path}: is a JPEG, which changes values at every border. Save label maps as PNG or TIFF.")
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if (pages := getattr(image, "n_frames", 1)) > 1:
                raise UnreadableScan(f"{path}: holds {counted(pages, 'pages')}; expected one label map. {PAGES}")
            # Before the pixels of a TIFF are there: Pillow then has brought them upright, and taken the orientation away.
            turned = image.getexif().get(ORIENTATION, 1) in TURNS
            image.load()
            values = _values(path, image)
            turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    except FileNotFoundError:
        raise UnreadableScan(f"{path}: {nothing_there(path)}.") from None
    except UnidentifiedImageError:
        raise UnreadableScan(f"{path}: is no picture that can be read. Save label maps as PNG or TIFF.") from None
    except Image.DecompressionBombError:
        raise UnreadableScan(f"{path}: holds more pixels than any image has; it was not read.") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError) as error:
        raise UnreadableScan(f"{path}: is damaged or cut short. Copy it again from its source.") from error
    read = _classes(path, values.numbers, values.shown)
    upright = read.labels if turn is None else np.ascontiguousarray(turn(read.labels))
    return read._replace(labels=upright, notes=(*read.notes, *([TURNED] if turned else [])))


def write_label_map(path: str | Path, labels: np.ndarray) -> Path:
    """Write a label map as a PNG with a palette, whose indices are the classes, and read it back to verify that.

    Args:
        labels: uint8 (rows, columns), up to `MOST_CLASSES`.

    Returns:
        the path.

    Raises:
        BadSetting: it is not such an array.
        UnreadableScan: the file reads back differently: a full or failing disk.
    """
    if labels.dtype != np.uint8 or labels.ndim != 2 or labels.max(initial=0) > MOST_CLASSES:
        found = f"{labels.dtype} of shape {labels.shape} up to {labels.max(initial=0)}"
        raise BadSetting(f"{path}: the label map is {found}; expected uint8 (rows, columns) up to {MOST_CLASSES}.")
    image = Image.fromarray(labels).convert("P")
    image.putpalette([part for number in range(MOST_CLASSES + 1) for part in colour_of(number)])
    with written_whole(Path(path)) as temporary:
        image.save(temporary, "png")
    with Image.open(path) as written:
        if written.mode != "P" or not np.array_equal(np.asarray(written), labels):
            raise UnreadableScan(f"{path}: reads back differently from what was written. Is the disk full or failing? Write it again.")
    return Path(path)


def write_class_probabilities(path: str | Path, probability: np.ndarray) -> Path:
    """Write the probabilities of classes 1, 2, … as a TIFF, a page of 32-bit floats for each, and read it back to verify that.

    Args:
        probability: (classes, rows, columns), float in [0, 1]; that of the background is what is missing to 1.

    Returns:
        the path.

    Raises:
        BadSetting: it is not such an array.
        UnreadableScan: the file reads back differently: a full or failing disk.
    """
    if probability.dtype.kind != "f" or probability.ndim != 3 or not len(probability):
        raise BadSetting(
            f"{path}: the probability is {probability.dtype} of shape {probability.shape}; expected float (classes, rows, columns)."
        )
    low, high = float(probability.min()), float(probability.max())
    if not 0 <= low <= high <= 1:
        raise BadSetting(f"{path}: the values lie from {low:.7g} to {high:.7g}; a probability is from 0 to 1.")
    values = probability.astype(np.float32, copy=False)
    first, *others = (Image.fromarray(page) for page in values)
    with written_whole(Path(path)) as temporary:
        first.save(temporary, "tiff", save_all=True, append_images=others, compression="tiff_adobe_deflate")
    with Image.open(path) as written:
        pages = [np.asarray(page) for page in ImageSequence.Iterator(written)]
    if not np.array_equal(np.stack(pages), values):
        raise UnreadableScan(f"{path}: reads back differently from what was written. Is the disk full or failing? Write it again.")
    return Path(path)


def refuse_another_size(path: str | Path, labels: tuple[int, ...], image: tuple[int, ...], image_name: str) -> None:
    """Raise an UnreadableScan where a label map has another size than its image; both are (rows, columns)."""
    if tuple(labels) != tuple(image):
        found = f"{labels[0]} × {labels[1]} pixels, and its image {image_name} {image[0]} × {image[1]} (rows × columns)"
        raise UnreadableScan(f"{path}: the label map has {found}. It may belong to another image, or have been resized. Save it anew.")


class _Values(NamedTuple):
    """The numbers of a file (rows, columns), and how bright they are shown, from 0 to 255, where 0 is shown white."""

    numbers: np.ndarray
    shown: np.ndarray | None = None


def _values(path: Path, image: Image.Image) -> _Values:
    """Return what is stored."""
    if image.mode == "P":
        _refuse_transparent(path, np.asarray(image.convert("RGBA"))[..., 3])
        return _by_palette(image)
    if image.mode == "1":
        return _Values(np.asarray(image.convert("L")))
    tags = getattr(image, "tag_v2", {})
    if image.mode == "L" and tags.get(PHOTOMETRIC) == 0 and tags.get(BITS) == (8,):
        # Pillow has inverted them.
        return _Values(255 - np.asarray(image), np.asarray(image))
    if image.mode == "L" or image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _Values(np.asarray(image))
    if image.mode not in ("LA", "RGB", "RGBA"):
        raise UnreadableScan(f"{path}: is a picture of the colours {image.mode}; expected grey values or a palette.")
    return _Values(_of_channels(path, np.asarray(image.convert("RGBA")), 255))


def _of_channels(path: Path, channels: np.ndarray, opaque: int) -> np.ndarray:
    """Return the numbers of channels (rows, columns, 3 or 4) that are alike."""
    if channels.shape[2] > 3:
        _refuse_transparent(path, channels[..., 3], opaque)
    if (channels[..., :3] != channels[..., :1]).any():
        colours = len(np.unique(channels[..., :3].reshape(-1, 3), axis=0))
        raise UnreadableScan(
            f"{path}: has {counted(colours, 'colours')}, and no palette that numbers them; which class a colour is, is not guessed. Save "
            "the numbers of the classes, in grey or with a palette."
        )
    return channels[..., 0]


def _by_palette(image: Image.Image) -> _Values:
    indices, parts = np.asarray(image), image.getpalette() or []
    colours = [tuple(parts[place : place + 3]) for place in range(0, len(parts), 3)]
    if not colours or colours[0] != (255, 255, 255):
        return _Values(indices)
    used = [colours[index] for index in np.unique(indices) if index < len(colours)]
    # Two classes of one colour are told apart by their indices alone.
    if set(colours) == BLACK_AND_WHITE and len(set(used)) == len(used):
        shown = np.asarray(image.convert("L"))
        return _Values(shown, shown)
    falling = colours == [(255 - index,) * 3 for index in range(256)]
    return _Values(indices, np.asarray(image.convert("L")) if falling else None)


def _refuse_transparent(path: Path, opacity: np.ndarray, opaque: int = 255) -> None:
    if (opacity < opaque).any():
        raise UnreadableScan(f"{path}: is transparent in places. Save the label map without an alpha channel, 0 being the background.")


def _classes(path: Path, values: np.ndarray, shown: np.ndarray | None = None) -> LabelMap:
    found = np.unique(values)
    if not np.array_equal(found, np.rint(found)):
        raise UnreadableScan(f"{path}: holds {found[found != np.rint(found)][0]:g}; expected the whole numbers of classes.")
    high = float(found[-1])
    if found[0] >= 0 and high <= MOST_CLASSES:
        return LabelMap(values.astype(np.uint8))
    # After the classes, because their numbers are also saved on a scale on which 0 is white.
    if shown is not None and set(np.unique(shown).tolist()) <= {0, 255}:
        return LabelMap((shown > 0).astype(np.uint8), (SHOWN_NOTE,), True)
    if high in WHITES and set(found.tolist()) <= {0, high}:
        return LabelMap((values > 0).astype(np.uint8), (f"the mask holds 0 and {high:g}; {high:g} counts as class 1",), True)
    said = ", ".join(f"{value:g}" for value in found[:8]) + (", …" if len(found) > 8 else "")
    raise UnreadableScan(
        f"{path}: holds the values {said}; expected 0 for the background and classes from 1 to {MOST_CLASSES}, or 0 and 255 for a single "
        "class. Save the numbers of the classes; a picture that was resized smoothly or saved with loss has others in between."
    )
