"""Writes an X-ray as in the 2018 pneumonia challenge: JPEG Baseline in a DICOM Secondary Capture, with the same header fields."""

from pathlib import Path

import numpy as np
import pydicom
import simplejpeg
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.tag import Tag
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, JPEGBaseline8Bit, SecondaryCaptureImageStorage, generate_uid

from radlearn import files
from radlearn.errors import BadSetting


def write_radiograph(
    path: str | Path, pixels: np.ndarray, *, patient_id: str, view: str, sex: str, age: str, spacing_mm: tuple[float, float] | None,
    photometric: str = "MONOCHROME2", quality: int = 90, instance: str = "",
) -> None:  # fmt: skip
    """Write one X-ray atomically.

    Args:
        path: of the file, usually `<patient_id>.dcm`; its folder is created.
        pixels: uint8 (height, width), bright = dense whatever `photometric` is: MONOCHROME1 is stored inverted and reads back the same.
        patient_id: PatientID and PatientName; in the 2018 pneumonia challenge it identifies the image.
        view: PA, AP, …
        sex: M, F, O or "".
        age: as written in the header, for example `62` (not a valid age string), `062Y` or "".
        spacing_mm: (row, column) distance between pixel centres; None omits it.
        photometric: MONOCHROME1 or MONOCHROME2.
        quality: of the JPEG, 1 to 100.
        instance: distinguishes X-rays of one `patient_id`. The UIDs depend only on both, so the same call writes the same bytes.

    Raises:
        BadSetting: pixels that are not uint8 (height, width), an unknown photometric interpretation or quality.
    """
    pixels = np.asarray(pixels)
    if pixels.dtype != np.uint8 or pixels.ndim != 2 or not pixels.size or max(pixels.shape) > 65535:
        raise BadSetting(f"{path}: pixels are {pixels.dtype} {pixels.shape}; expected uint8 (height, width) up to 65,535.")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise BadSetting(f"{path}: photometric is {photometric!r}; expected MONOCHROME1 or MONOCHROME2.")
    if not 1 <= quality <= 100:
        raise BadSetting(f"{path}: quality is {quality}; expected 1 to 100.")
    stored = pixels if photometric == "MONOCHROME2" else 255 - pixels
    frame = simplejpeg.encode_jpeg(np.ascontiguousarray(stored)[..., None], quality, "GRAY", "Gray")
    dataset = _header(patient_id, view, sex, age, spacing_mm, instance)
    dataset.PhotometricInterpretation = photometric
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.LossyImageCompressionRatio = f"{pixels.size / len(frame):.4g}"
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    with files.written_whole(Path(path)) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)


def _header(patient_id: str, view: str, sex: str, age: str, spacing_mm: tuple[float, float] | None, instance: str) -> pydicom.Dataset:
    """Return the header with the fields of the 2018 pneumonia challenge."""
    uids = {level: generate_uid(entropy_srcs=["radlearn film", level, patient_id, instance]) for level in ("study", "series", "film")}
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = uids["film"]
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.file_meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    # Otherwise pydicom writes its version, and an update would change every file.
    dataset.file_meta.ImplementationVersionName = "RADLEARN"
    said = {
        "SpecificCharacterSet": "ISO_IR 192", "SOPClassUID": SecondaryCaptureImageStorage, "SOPInstanceUID": uids["film"],
        "StudyDate": "19010101", "StudyTime": "000000.00", "AccessionNumber": "", "Modality": "CR",
        "ConversionType": "WSD", "ReferringPhysicianName": "", "SeriesDescription": f"view: {view}",
        "PatientName": patient_id, "PatientID": patient_id, "PatientBirthDate": "", "PatientSex": sex, "PatientAge": age,
        "BodyPartExamined": "CHEST", "ViewPosition": view, "StudyInstanceUID": uids["study"],
        "SeriesInstanceUID": uids["series"], "StudyID": "", "SeriesNumber": "1", "InstanceNumber": "1",
        "PatientOrientation": "", "SamplesPerPixel": 1, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
        "PixelRepresentation": 0, "LossyImageCompression": "01", "LossyImageCompressionMethod": "ISO_10918_1",
    }  # fmt: skip
    if spacing_mm is not None:
        said["PixelSpacing"] = [f"{distance:.6g}" for distance in spacing_mm]
    for keyword, value in said.items():
        tag = Tag(keyword)
        # Not validated, because ages of the set ('62') are not valid age strings.
        dataset.add(DataElement(tag, pydicom.datadict.dictionary_VR(tag), value, validation_mode=IGNORE))
    return dataset
