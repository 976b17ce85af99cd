"""What is to be known of an X-ray, gathered in one look: whether it can be read, what its header says, what it looks like in the small.

Everything that the audit says of an X-ray follows from these facts, so that each file is opened once, on all cores, and only a
kilobyte of it is kept.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
from scipy.ndimage import uniform_filter

from radlearn.check.headers import identifying, told
from radlearn.errors import UnreadableScan
from radlearn.file_names import called
from radlearn.files import read_whole
from radlearn.progress import in_parallel
from radlearn.scans.chest_look import NEGATIVE, look_doubts
from radlearn.scans.chest_xray import VOLUME_MODALITIES, modality_refusal, refusal
from radlearn.scans.decodable import SURPLUS_WORDS
from radlearn.scans.dicom import ForProcessingWarning, PixelWarning, PolarityWarning, RadiographHeader, read_header, read_radiograph
from radlearn.scans.dicom_parsing import parsed
from radlearn.scans.look_alikes import thumbnail_of
from radlearn.scans.pixel_order import CUT_END, CUT_PART, OTHER_ROWS
from radlearn.scans.plain_images import BY_AFFINE, is_plain_image
from radlearn.scans.stored_pixels import parsing
from radlearn.scans.wrapped_values import WRAPPED

LOOKED_AT_PX = 128
XRAYS_PER_JOB = 32
EDGE_SHARE = 0.12
"How far from its border an X-ray is searched for marks."

CAUSES = (
    ("is empty", "file-empty"),
    ("has no DICOM header", "not-dicom"),
    ("holds no image", "file-no-image"),
    ("is truncated", "image-truncated"),
    ("holds no pixels", "image-truncated"),
    (" frames (", "image-frames"),
    (" px (columns × rows), as a CT", "image-frames"),
    ("is in colour", "image-colour"),
    ("is coloured", "picture-colour"),
    ("picture of the colours", "picture-colour"),
    ("is transparent in places", "picture-colour"),
    (" pages; ", "image-frames"),
    ("no decoder", "image-no-decoder"),
)
"Words of `scans` for what keeps an X-ray from being read, and the rule each belongs to; everything else is damage."

OF_CONTRAST = ("of the grey scale", "pixels pure white", "hardly any contrast", "cannot be used; the whole range")
"Words of `scans` for a window, a look-up table or a range that does not fit its pixels."

LOOK = "image-look"
INVERTED = ("image-inverted", "picture-inverted")
"The rule of DICOM files, which say themselves what is bright, and that of pictures, which do not."

OF_PIXELS = (
    *((words, "image-window") for words in (*OF_CONTRAST, WRAPPED)),
    (BY_AFFINE, "image-axes"),
    (OTHER_ROWS, "image-sheared"),
    (SURPLUS_WORDS, "image-sheared"),
    *((words, "image-cut") for words in (CUT_END, CUT_PART)),
)
"Words of `scans` for what is told of pixels, and the rule each belongs to; what else is said of them is mostly harmless."


@dataclass
class XrayFacts:
    """One file. Where it cannot be read, `rule` and `trouble` say why, and the rest is empty."""

    path: Path
    rule: str = ""
    trouble: str = ""
    digest: bytes = b""
    "Of the file's bytes."
    header: RadiographHeader | None = None
    told: dict[str, str] = field(default_factory=dict)
    "Header fields that may go with the label, keyword to text."
    identifying: tuple[str, ...] = ()
    "What in the header may tell who somebody is, in words that do not tell it."
    remarks: tuple[tuple[str, str], ...] = ()
    "(rule, what was found) that reading it brought up."
    refused: str = ""
    "Why training takes it for no chest X-ray, though it can be read."
    looks: dict[str, float] = field(default_factory=dict)
    "Simple statistics of the picture."
    thumbnail: np.ndarray | None = None
    "uint8 (32, 32), the X-ray shrunk, spread to its own darkest and brightest."

    @property
    def is_slice(self) -> bool:
        """Whether this is no X-ray but a slice of a volume."""
        return self.header is not None and self.header.modality in VOLUME_MODALITIES


def facts_of(paths: Sequence[Path], workers: int | None = None) -> list[XrayFacts]:
    """Return the facts of DICOM files in the order of their paths, read by `workers` processes; by all cores if None."""
    jobs = [paths[start : start + XRAYS_PER_JOB] for start in range(0, len(paths), XRAYS_PER_JOB)]
    batches = in_parallel(_looked_at, jobs, "X-rays", "files", workers, total=len(paths))
    found = {facts.path: facts for batch in batches for facts in batch}
    return [found[path] for path in paths]


def looked_at(path: Path) -> XrayFacts:
    """Look at one file."""
    try:
        # First, because a pipe and a file without end are refused by it.
        digest = blake2b(read_whole(path), digest_size=16).digest()
        with warnings.catch_warnings():
            # Said of the pixels below, in the findings.
            warnings.simplefilter("ignore")
            facts = XrayFacts(path, digest=digest, header=(header := read_header(path)))
        if not is_plain_image(path):
            with parsing(path), open(path, "rb") as opened:
                dataset = parsed(opened, stop_before_pixels=True)
                facts.told, facts.identifying = told(dataset), identifying(dataset)
        if facts.is_slice:
            facts.refused = modality_refusal(header)
            return facts
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            xray = read_radiograph(path, LOOKED_AT_PX)
    except UnreadableScan as error:
        trouble = str(error).removeprefix(f"{path}: ")
        rule = next((rule for words, rule in CAUSES if words in trouble), "image-damaged")
        return XrayFacts(path, rule, trouble)
    except OSError as error:
        return XrayFacts(path, "image-damaged", f"cannot be opened ({error.strerror or error}).")
    except MemoryError as error:
        return XrayFacts(path, "image-damaged", f"needs more memory than there is ({error or 'MemoryError'}).")
    facts.remarks = tuple(_remarks(caught, path))
    facts.remarks += tuple(_look_remarks(xray.pixels, facts))
    facts.refused = refusal(xray)
    facts.looks = looks_of(xray.pixels) | {"bytes a pixel": path.stat().st_size / (header.size_px[0] * header.size_px[1])}
    facts.thumbnail = thumbnail_of(xray.pixels)
    return facts


def looks_of(pixels: np.ndarray) -> dict[str, float]:
    """Return simple statistics of an X-ray, float (128, 128) in [0, 1], by their names for people."""
    edge = round(EDGE_SHARE * len(pixels))
    inner = pixels[edge:-edge, edge:-edge]
    rim = (pixels.sum() - inner.sum()) / (pixels.size - inner.size)
    half = pixels.shape[1] // 2
    return {
        "mean brightness": float(pixels.mean()),
        "contrast": float(pixels.std()),
        "brightness of the rim": float(rim),
        "left half brighter than the right": float(pixels[:, :half].mean() - pixels[:, -half:].mean()),
        "share of pure black": float((pixels <= 1 / 255).mean()),
        "share of pure white": float((pixels >= 254 / 255).mean()),
        "sharpness": float(np.abs(np.diff(pixels, axis=1)).mean()),
        "bright marks near the border": _marks(pixels, edge),
    }


def _marks(pixels: np.ndarray, edge: int) -> float:
    """Return the share of pixels near the border that are nearly white where their surroundings are not: letters, mostly."""
    around = uniform_filter(pixels, size=13)
    marked = (pixels > 0.8) & (pixels > around + 0.25)
    marked[edge:-edge, edge:-edge] = False
    return float(marked.mean())


def _looked_at(paths: Sequence[Path]) -> list[XrayFacts]:
    return [looked_at(path) for path in paths]


def _remarks(caught: Sequence[warnings.WarningMessage], path: Path) -> Iterator[tuple[str, str]]:
    for one in caught:
        for kind, rule in ((ForProcessingWarning, "image-raw"), (PolarityWarning, "image-polarity")):
            if issubclass(one.category, kind):
                yield rule, str(one.message).removeprefix(f"{called(path)}: ")
        if issubclass(one.category, PixelWarning):
            rules = dict.fromkeys(rule for words, rule in OF_PIXELS if words in str(one.message))
            yield from ((rule, str(one.message).removeprefix(f"{called(path)}: ")) for rule in rules)


def _look_remarks(pixels: np.ndarray, facts: XrayFacts) -> Iterator[tuple[str, str]]:
    for doubt in look_doubts(pixels):
        if not doubt.startswith(NEGATIVE):
            yield LOOK, doubt
        # A header that says two things of black and white has been named for it.
        elif "image-polarity" not in dict(facts.remarks):
            yield INVERTED[is_plain_image(facts.path)], doubt
