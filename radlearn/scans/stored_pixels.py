"""From a DICOM file to the numbers that lie in it, or a refusal that says why not.

pydicom parses; a named decoder unpacks. Named, because pydicom's own choice changes with what happens to be installed, and
installing python-gdcm makes it three times slower on JPEG Baseline. Nothing here knows what the numbers mean: `display` does.
"""

import io
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import error as StructError
from typing import Any

import numpy as np
import pydicom
from pydicom import uid
from pydicom.errors import BytesLengthException, InvalidDicomError

from radlearn.errors import UnreadableScan
from radlearn.scans import jpeg

# What pydicom and the decoders raise on damaged bytes is nearly any built-in error, depending on which byte it was.
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    StructError,
    TypeError,
    ValueError,
    zlib.error,
)

MEND = "Copy or export it again from where it came from, or remove it."

# pylibjpeg here is pylibjpeg-openjpeg (MIT; pylibjpeg-libjpeg is GPL): it decodes to the same values as gdcm, and refuses damage with an
# error where gdcm writes to the terminal. gdcm decodes what nothing else does.
PLUGIN_OF = {
    uid.ImplicitVRLittleEndian: "",
    uid.ExplicitVRLittleEndian: "",
    uid.ExplicitVRBigEndian: "",
    uid.DeflatedExplicitVRLittleEndian: "",
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "gdcm",
    uid.JPEGLSNearLossless: "gdcm",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
}

PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# Only these are parsed: a film may carry hundreds of private elements, and damage in them is none of ours.
KEYWORDS = [
    *("SpecificCharacterSet", "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesDescription"),
    *("PatientID", "PatientSex", "PatientAge", "ViewPosition", "PresentationIntentType", "PresentationLUTShape"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns", "PixelSpacing"),
    *("ImagerPixelSpacing", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit", "DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("ExtendedOffsetTable", "ExtendedOffsetTableLengths", *PIXEL_KEYWORDS),
]

# The warning filters belong to the whole process: two threads that set and restore them by turns could leave them set for good.
_one_thread = threading.RLock()


@dataclass(frozen=True)
class Film:
    """An opened file that holds one monochrome frame. Look into `dataset` inside `parsing`."""

    path: Path
    dataset: pydicom.Dataset
    is_baseline_grey: bool
    "Unsigned 8-bit JPEG Baseline, which `jpeg` decodes at any scale."


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Let pydicom work in silence, and turn what it raises on damaged bytes into an `UnreadableScan` that names the file."""
    with _one_thread, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except DAMAGE as error:
            raise UnreadableScan(f"{path}: is damaged or incomplete ({type(error).__name__}: {_first_line(error)}). {MEND}") from error


def open_film(path: Path, with_pixels: bool = True) -> Film:
    """Parse a file and make sure that it holds one monochrome frame.

    Args:
        path: of one DICOM Part 10 file.
        with_pixels: False stops before the pixels, for reading headers fast.

    Raises:
        UnreadableScan: missing, empty, headerless, damaged, cut short, not an image, multi-frame, colour, no decoder.
    """
    try:
        with open(path, "rb") as opened:
            start = opened.read(132)
            if not start:
                raise UnreadableScan(f"{path}: is empty (0 bytes). {MEND}")
            if start[128:] != b"DICM":
                raise UnreadableScan(
                    f"{path}: has no DICOM header: expected the letters DICM after 128 bytes, found {start[128:]!r}. It is another kind of "
                    "file, or DICOM without its header. Export it as DICOM Part 10, or remove it."
                )
            opened.seek(0)
            # Whole, because pydicom asks for a few bytes at a time.
            source = io.BytesIO(opened.read()) if with_pixels else opened
            with parsing(path):
                dataset = pydicom.dcmread(source, specific_tags=list(KEYWORDS), stop_before_pixels=not with_pixels)
                _refuse_what_is_no_film(path, dataset, with_pixels)
                is_baseline_grey = (
                    dataset.file_meta.TransferSyntaxUID == uid.JPEGBaseline8Bit
                    and int(dataset.BitsAllocated) == 8
                    and not dataset.get("PixelRepresentation")
                )
    except FileNotFoundError:
        raise UnreadableScan(f"{path}: there is no such file.") from None
    except OSError as error:
        raise UnreadableScan(f"{path}: cannot be opened ({error.strerror or error}); expected a DICOM file.") from None
    return Film(path, dataset, is_baseline_grey)


def decoded(film: Film, eighths: int = 8) -> np.ndarray:
    """Return the stored values (height, width), exactly; of a `film.is_baseline_grey`, at fewer eighths of its size when asked.

    Args:
        film: from `open_film`.
        eighths: below 8 only for a film that `is_baseline_grey` and whose `Display` is straight: otherwise averaging first and mapping
            afterwards gives another picture.

    Raises:
        UnreadableScan: damaged or cut short.
    """
    path, dataset = film.path, film.dataset
    with parsing(path):
        size_px = (int(dataset.Rows), int(dataset.Columns))
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax.is_encapsulated:
            frame = pydicom.encaps.get_frame(dataset.PixelData, 0, number_of_frames=1)
            if syntax != uid.RLELossless:
                jpeg.refuse_damaged(path, frame, size_px, int(dataset.BitsAllocated))
        else:
            _refuse_missing_bytes(path, dataset, size_px)
    if film.is_baseline_grey:
        return jpeg.decoded_grey(path, frame, size_px, eighths)
    with parsing(path):
        if PLUGIN_OF[syntax] == "gdcm":
            _silence_gdcm()
        dataset.pixel_array_options(decoding_plugin=PLUGIN_OF[syntax])
        stored = dataset.pixel_array
    if stored.shape != size_px:
        raise UnreadableScan(f"{path}: decodes to an array of {stored.shape}, but its header says {size_px}. {MEND}")
    return stored


def _refuse_what_is_no_film(path: Path, dataset: pydicom.Dataset, with_pixels: bool) -> None:
    """Raise an `UnreadableScan` unless the header promises one monochrome frame that can be decoded."""
    kind = _kind(dataset)
    pixels = next((keyword for keyword in PIXEL_KEYWORDS if dataset.get(keyword)), None)
    if dataset.get("Rows") is None or dataset.get("BitsAllocated") is None:
        raise UnreadableScan(f"{path}: holds no image ({kind}); expected an X-ray film. Leave such files out of the folder.")
    if int(dataset.get("NumberOfFrames") or 1) > 1:
        raise UnreadableScan(
            f"{path}: has {dataset.NumberOfFrames} frames ({kind}); radlearn reads single films. Split it into single frames, or remove it."
        )
    photometric = str(dataset.get("PhotometricInterpretation", "")).strip()
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples > 1 or photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnreadableScan(
            f"{path}: PhotometricInterpretation is {photometric!r}, {samples} per pixel, which is colour; radlearn reads MONOCHROME1 and "
            "MONOCHROME2. Convert it to grey, or remove it."
        )
    if not int(dataset.Rows) > 0 or not int(dataset.Columns) > 0:
        raise UnreadableScan(f"{path}: its header says {dataset.Rows} rows and {dataset.Columns} columns. {MEND}")
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax not in PLUGIN_OF:
        found = f"{syntax.name} ({syntax})" if syntax else "not said"
        raise UnreadableScan(
            f"{path}: there is no decoder for its transfer syntax, which is {found}. Convert it, for example with 'gdcmconv --raw IN OUT'."
        )
    if with_pixels and pixels is None:
        raise UnreadableScan(
            f"{path}: is truncated: its header promises {dataset.Rows} × {dataset.Columns} pixels, but the file ends before them. {MEND}"
        )


def _refuse_missing_bytes(path: Path, dataset: pydicom.Dataset, size_px: tuple[int, int]) -> None:
    """Uncompressed pixels must be all there."""
    expected = -(-size_px[0] * size_px[1] * int(dataset.BitsAllocated) // 8)
    found = len(next(dataset[keyword].value for keyword in PIXEL_KEYWORDS if dataset.get(keyword)))
    if found < expected:
        raise UnreadableScan(f"{path}: is truncated: it holds {found:,} bytes of pixels where its header promises {expected:,}. {MEND}")


def _kind(dataset: pydicom.Dataset) -> str:
    """Say what sort of DICOM object it is, for messages."""
    modality = dataset.get("Modality") or "none"
    sop_class = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    return f"Modality {modality}, {sop_class.name}" if sop_class else f"Modality {modality}"


def _silence_gdcm() -> None:
    """gdcm writes to the terminal by itself; what it has to say comes back as an error too."""
    import gdcm

    gdcm.Trace.WarningOff()
    gdcm.Trace.ErrorOff()
    gdcm.Trace.DebugOff()


def _first_line(error: Any) -> str:
    return (str(error).strip() or "no more is known").splitlines()[0][:200]
