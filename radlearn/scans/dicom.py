"""Chest X-rays in DICOM, read as an image in [0, 1], bright where dense, and the header.

`stored_pixels` opens and decodes the file, `display` maps its numbers to grey values, `resize` changes the size. A file called .png, .jpg,
.tif or .bmp, or .nii, .nii.gz, .mha or .nrrd, is read as an image without a header: `plain_images`.
"""

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from radlearn.errors import BadSetting, RadlearnWarning, UnreadableScan
from radlearn.file_names import called, readable
from radlearn.files import nothing_there, opened_to_read
from radlearn.folder_walks import walked
from radlearn.scans.body_parts import CODED, OF_EXAMINATION, OF_SERIES, other_part_in
from radlearn.scans.decodable import photometric_of
from radlearn.scans.display import Display, display_of, polarity_contradiction
from radlearn.scans.file_names import DICOM_SUFFIXES
from radlearn.scans.header_texts import age_in_years, meanings_in, orientation_in, text_in, view_in
from radlearn.scans.jpeg import smallest_eighths, smallest_whole_eighths
from radlearn.scans.misfits import fitted, has_two_values, without_contrast
from radlearn.scans.pixel_spacing import MEASURABLE, pixel_spacing_of, spacing_in
from radlearn.scans.plain_images import holds_one_slice, is_plain_image, is_volume_file, read_plain_image
from radlearn.scans.radiograph_writer import write_radiograph as write_radiograph
from radlearn.scans.resize import Shape, centred_in_square, fitted_px, resized
from radlearn.scans.stored_pixels import Xray, decoded, decoded_pixels, open_xray, parsing
from radlearn.scans.views import lateral_in
from radlearn.scans.wrapped_values import wrapped_words


class ForProcessingWarning(RadlearnWarning):
    """The X-ray is raw detector data (PresentationIntentType FOR PROCESSING), which looks different from X-rays made for reading."""


class PolarityWarning(RadlearnWarning):
    """The header contradicts itself about which end of the grey scale is black."""


class PixelWarning(RadlearnWarning):
    """The header says something of the pixels that cannot be, and what was done instead: a window, a look-up table, unused bits."""


@dataclass(frozen=True)
class RadiographHeader:
    """The header of an X-ray; None or "" where a value is missing. Nothing is guessed."""

    view: str | None  # PA or AP, however it is written; LL, …: ViewPosition, else SeriesDescription `view: PA`, else ViewCodeSequence
    sex: str | None  # M, F or O
    age_years: float | None  # In any notation (`62`, `062Y`, `18M`, `3W`, `10D`); None above 110 or where it is unreadable
    spacing_mm: tuple[float, float] | None
    """(row, column): PixelSpacing, else ImagerPixelSpacing (at the detector, some 5–15 % larger than in the patient). In the
    2018 pneumonia challenge it is wrong: it belongs to the images before they were resized to 1024². See `measurable_spacing_mm`."""
    patient_id: str
    study_uid: str
    series_uid: str
    sop_uid: str
    modality: str
    photometric: str
    size_px: tuple[int, int]  # (height, width) as stored
    stored_bits: int
    sop_class: str = ""  # The kind of object: computed radiography, digital X-ray, secondary capture …
    spacing_in_patient_mm: tuple[float, float] | None = None  # (row, column), as `pixel_spacing` derives it; None where it cannot
    spacing_from: str = ""  # The fields that `spacing_in_patient_mm` comes from
    body_part: str = ""  # BodyPartExamined
    described_view: str = ""  # The word by which a description says that it is lateral, where nothing else names a view
    described_part: str = ""  # Another part of the body than the chest that a description names: see `body_parts`
    orientation: str = ""  # PatientOrientation, as in L\\F: where the rows lead (to the patient's left) and the columns (to the feet)

    @property
    def measurable_spacing_mm(self) -> tuple[float, float] | None:
        """`spacing_in_patient_mm` where lengths may be measured with it: on original X-rays.

        A secondary capture (as in the 2018 pneumonia challenge) may have been cropped or stretched after its spacing was written, and an
        X-ray without a SOP class might be one.
        """
        return self.spacing_in_patient_mm if self.sop_class in MEASURABLE else None


@dataclass(frozen=True)
class Radiograph:
    """An X-ray: `pixels` float32 (height, width) in [0, 1], bright = dense, its `header`, and what is doubtful about it, if anything."""

    pixels: np.ndarray
    header: RadiographHeader
    notes: tuple[str, ...] = ()
    has_two_values: bool = False
    """Whether it has no more than two grey values, as a mask has, at the size at which it was decoded."""


def read_radiograph(path: str | Path, size_px: int | None = None, shape: Shape = "stretch") -> Radiograph:
    """Read one X-ray as an image.

    Rescale (or Modality LUT); VOI LUT, else the first window, else the range of the stored bits (of the data themselves above 16 bits and
    in floating point); inverted for MONOCHROME1 or PresentationLUTShape INVERSE; padding pixels black.

    Args:
        path: of a DICOM file with one monochrome frame of 1 to 64 bits, compressed or not; of a grey picture; or of a NIfTI, MetaImage or
            NRRD file of one slice.
        size_px: side of the square; None keeps the X-ray's own size. Downsampling averages areas, upsampling is bilinear.
        shape: "stretch" resizes the X-ray to the square, as the 2018 pneumonia challenge did; "pad" keeps its aspect ratio between black
            borders.

    Raises:
        UnreadableScan: the file is missing, empty, not DICOM, truncated, damaged, multi-frame, colour, no image, or has no decoder.
        BadSetting: a size below 1 or an unknown shape.

    Warns:
        ForProcessingWarning: raw detector data.
        PolarityWarning: MONOCHROME1 with IDENTITY, or MONOCHROME2 with INVERSE; shown inverted.
        PixelWarning: a window or look-up table that cannot be used, pixels that are not square, bits beyond those that are stored.
    """
    if size_px is not None and size_px < 1:
        raise BadSetting(f"size_px is {size_px}; expected at least 1, or None for the X-ray's own size.")
    if shape not in ("stretch", "pad"):
        raise BadSetting(f"shape is {shape!r}; expected 'stretch' or 'pad'.")
    if is_plain_image(path):
        whole_picture = _of_picture(Path(path))
        return whole_picture if size_px is None else _at_size(whole_picture, size_px, shape)
    xray = open_xray(Path(path))
    header, display = _header_of(xray), display_of(xray)
    if size_px is None:
        pixels, note = _shown(xray, display)
        return Radiograph(pixels, header, _warn(xray, display, note), has_two_values(pixels))
    fitted = fitted_px(*header.size_px, size_px, shape)
    # Only where averaging before the mapping gives the same image as after it.
    eighths = smallest_eighths(header.size_px, fitted) if xray.jpeg is not None and display.is_straight() else 8
    height, width = header.size_px
    whole, note = _shown(xray, display, eighths)
    pixels = np.clip(resized(whole, *fitted, covered_px=(height * eighths / 8, width * eighths / 8)), 0, 1)
    pixels = pixels if shape == "stretch" else centred_in_square(pixels, size_px)
    return Radiograph(pixels, header, _warn(xray, display, note), has_two_values(whole))


def read_reduced(path: str | Path, at_least_px: int | None = None) -> Radiograph:
    """Read one X-ray at its own size, or decoded directly to a smaller one, so that resizing it afterwards has little to do.

    It is n/8 of its size, with the smallest n for which both sides are whole and at least `at_least_px`. That takes a JPEG Baseline whose
    grey values are linear in its pixels; any other file, and any file where `at_least_px` is None, is read at its own size.

    Errors and warnings as `read_radiograph`.
    """
    if at_least_px is not None and at_least_px < 1:
        raise BadSetting(f"at_least_px is {at_least_px}; expected at least 1, or None for the X-ray's own size.")
    if is_plain_image(path):
        return _of_picture(Path(path))
    xray = open_xray(Path(path))
    header, display = _header_of(xray), display_of(xray)
    eighths = 8
    if at_least_px is not None and xray.jpeg is not None and display.is_straight():
        eighths = smallest_whole_eighths(header.size_px, at_least_px)
    pixels, note = _shown(xray, display, eighths)
    return Radiograph(pixels, header, _warn(xray, display, note), has_two_values(pixels))


def read_frame(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Read one grey DICOM frame of any modality as `read_radiograph` does, and notes on all but its size; nothing is warned of.

    Errors as `read_radiograph`.
    """
    xray = open_xray(path)
    display = display_of(xray)
    pixels, note = _shown(xray, display)
    return pixels, tuple(doubt.note for doubt in _doubts(xray, display, note))


def read_header(path: str | Path) -> RadiographHeader:
    """Read the header without the pixels; errors as `read_radiograph`, except for those in the pixels."""
    return _of_picture(Path(path)).header if is_plain_image(path) else _header_of(open_xray(Path(path), with_pixels=False))


def stored_values(path: str | Path) -> np.ndarray:
    """Return the stored numbers before any mapping: (height, width), of the stored integer or float type; errors as `read_radiograph`."""
    return decoded(open_xray(Path(path)))


def is_dicom(path: str | Path) -> bool:
    """Whether the file exists and has DICOM's preamble: `DICM` after 128 bytes."""
    try:
        with opened_to_read(path) as opened:
            return opened.read(132)[128:] == b"DICM"
    except OSError:
        return False


def find_xrays(paths: str | Path | Iterable[str | Path], pictures: bool = False) -> list[Path]:
    """Return the files that look like X-rays, sorted, each once.

    Args:
        paths: files, which are always kept (reading reports errors), and folders, searched recursively for files that end in `.dcm` or
            `.dicom`, or have DICOM's preamble. Hidden files and folders and DICOMDIR indexes are skipped.
        pictures: also take the pictures of a folder that holds no DICOM file, and its volume files of one slice; beside DICOM they are
            taken for something else. Where there are such slices, volume files that cannot be read are taken too: reading says why.

    Raises:
        UnreadableScan: a path that does not exist.
    """
    found: dict[tuple[str, str], Path] = {}
    visited: set[str] = set()
    for path in [Path(paths)] if isinstance(paths, str | Path) else map(Path, paths):
        if not path.exists():
            raise UnreadableScan(f"{path}: {nothing_there(path, 'file or folder')}.")
        if not path.is_dir():
            found.setdefault((os.path.realpath(path.parent), path.name), path)
            continue
        before, seen = len(found), dict[tuple[str, str], Path]()
        for place, names in walked(path, visited):
            real = os.path.realpath(place)
            xrays = (name for name in names if name.upper() != "DICOMDIR" and _is_xray(place, name))
            found |= {(real, name): place / name for name in xrays if (real, name) not in found}
            seen |= {(real, name): place / name for name in names if pictures and is_plain_image(name)}
        if len(found) == before:
            found |= _without_volumes(seen)
    return sorted(found.values())


def _without_volumes(files: dict[tuple[str, str], Path]) -> dict[tuple[str, str], Path]:
    slices = {key: holds_one_slice(path) for key, path in files.items() if is_volume_file(path)}
    left_out = (False,) if any(slices.values()) else (False, None)
    return {key: path for key, path in files.items() if slices.get(key, True) not in left_out}


def _is_xray(place: Path, name: str) -> bool:
    # By its name first: opening 26,684 files is slow.
    return name.lower().endswith(DICOM_SUFFIXES) or is_dicom(place / name)


def _of_picture(path: Path) -> Radiograph:
    # The spacing of a volume file is not taken: nothing says whether it is that of the detector or of the patient.
    picture = read_plain_image(path).picture
    size = (int(picture.pixels.shape[0]), int(picture.pixels.shape[1]))
    # A picture says nothing of what a header says.
    header = RadiographHeader(None, None, None, None, "", "", "", "", "", "MONOCHROME2", size, picture.bits)
    notes = (*picture.notes, *filter(None, [without_contrast(picture.pixels)]))
    for note in notes:
        warnings.warn(PixelWarning(readable(note), readable(called(Path(path)))), stacklevel=3)
    return Radiograph(picture.pixels, header, notes, has_two_values(picture.pixels))


def _at_size(xray: Radiograph, size_px: int, shape: Shape) -> Radiograph:
    pixels = np.clip(resized(xray.pixels, *fitted_px(*xray.header.size_px, size_px, shape)), 0, 1)
    return replace(xray, pixels=pixels if shape == "stretch" else centred_in_square(pixels, size_px))


def _shown(xray: Xray, display: Display, eighths: int = 8) -> tuple[np.ndarray, str]:
    """Return the pixels as they are shown, padding black, and a note on what is odd about the stored ones."""
    cleaned = decoded_pixels(xray, eighths)
    pixels, misfit = fitted(display, cleaned.values, display(cleaned.values))
    note = "; ".join(filter(None, [xray.note, cleaned.note, wrapped_words(cleaned.values), misfit]))
    return (pixels if cleaned.padding is None else np.where(cleaned.padding, np.float32(0), pixels)), note


def _warn(xray: Xray, display: Display, of_pixels: str) -> tuple[str, ...]:
    """Warn of what is doubtful about an X-ray, and return it as sentences that do not name the file."""
    doubts = _doubts(xray, display, of_pixels)
    with parsing(xray.path):
        spacing = pixel_spacing_of(xray.said)
    doubts += [PixelWarning(spacing.note)] if spacing.note else []
    for doubt in doubts:
        warnings.warn(type(doubt)(readable(doubt.note), readable(called(xray.path))), stacklevel=3)
    return tuple(doubt.note for doubt in doubts)


def _doubts(xray: Xray, display: Display, of_pixels: str) -> list[RadlearnWarning]:
    """Return what is doubtful about a frame but for its size, without its file."""
    doubts: list[RadlearnWarning] = []
    with parsing(xray.path):
        intent = str(xray.said.get("PresentationIntentType") or "").strip().upper()
    if intent == "FOR PROCESSING":
        text = "is marked FOR PROCESSING: raw detector data, not an X-ray made for reading. Prefer FOR PRESENTATION"
        doubts.append(ForProcessingWarning(text))
    if contradiction := polarity_contradiction(xray):
        doubts.append(PolarityWarning(contradiction))
    return doubts + [PixelWarning(note) for note in (*display.notes, of_pixels) if note]


def _header_of(xray: Xray) -> RadiographHeader:
    said = xray.said
    with parsing(xray.path):
        spacing = pixel_spacing_of(said)
        of_series, of_examination = ([text_in(said, word) for word in words] for words in (OF_SERIES, OF_EXAMINATION))
        coded = meanings_in(said, CODED)
        return RadiographHeader(
            view=(view := view_in(said)),
            sex=sex if (sex := text_in(said, "PatientSex").upper()) in ("M", "F", "O") else None,
            age_years=age_in_years(text_in(said, "PatientAge")),
            spacing_mm=spacing_in(said, "PixelSpacing") or spacing_in(said, "ImagerPixelSpacing"),
            patient_id=text_in(said, "PatientID"),
            study_uid=text_in(said, "StudyInstanceUID"),
            series_uid=text_in(said, "SeriesInstanceUID"),
            sop_uid=text_in(said, "SOPInstanceUID"),
            modality=text_in(said, "Modality").upper(),
            photometric=photometric_of(said),
            size_px=(int(said.get("Rows")), int(said.get("Columns"))),
            stored_bits=int(said.get("BitsStored") or said.get("BitsAllocated")),
            sop_class=text_in(said, "SOPClassUID"),
            spacing_in_patient_mm=spacing.mm,
            spacing_from=spacing.source,
            body_part=text_in(said, "BodyPartExamined"),
            # The study's own names all views that were taken.
            described_view="" if view else lateral_in(of_series, [*of_examination[:-1], *coded]),
            described_part=other_part_in([*of_series, *of_examination, *coded]),
            orientation=orientation_in(said),
        )
