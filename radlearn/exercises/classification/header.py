"""What is in the file: a DICOM header, read with pydicom."""

from functools import cache
from pathlib import Path

import numpy as np

from radlearn import files
from radlearn.digital_thorax.ct_of_xray import xray_attenuation
from radlearn.digital_thorax.planning import plan_xrays
from radlearn.exercises.answers import Fields, Mistake, Name, Number
from radlearn.exercises.exercise import Exercise

ROW, COLUMN = 20, 44
SLOPE, INTERCEPT = 0.5, 100.0


@cache
def _stored() -> np.ndarray:
    """Return the pixels of the file, uint16 (64, 64): a built-in patient, stored as MONOCHROME1, so that dense tissue has low numbers."""
    attenuation = xray_attenuation(plan_xrays(3, seed=33)[0], 64)[0]
    grey = (attenuation - attenuation.min()) / (attenuation.max() - attenuation.min())
    return np.asarray(np.rint(4000 - 3600 * grey), np.uint16)


def _written() -> Path:
    """Write the X-ray into the cache folder and return its path."""
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    uid = generate_uid(entropy_srcs=["radlearn exercise", "header"])
    dataset = pydicom.Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    dataset.file_meta.MediaStorageSOPInstanceUID = uid
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = DigitalXRayImageStorageForPresentation, uid
    dataset.Modality, dataset.BodyPartExamined, dataset.ViewPosition = "DX", "CHEST", "AP"
    dataset.PatientID, dataset.PatientName, dataset.PatientAge = "exercise", "Nobody", "047Y"
    # Such text is typed by hand and often wrong; the field for it is ViewPosition.
    dataset.SeriesDescription = "Thorax p.a."
    dataset.Rows, dataset.Columns = _stored().shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME1"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = str(SLOPE), str(INTERCEPT), "US"
    dataset.PixelSpacing = [6.5, 6.5]
    dataset.PixelData = _stored().astype("<u2").tobytes()
    path = files.cache_folder() / "exercises" / "header.dcm"
    with files.written_whole(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)
    return path


def _rescaled(stored: np.ndarray) -> np.ndarray:
    return stored.astype(float) * SLOPE + INTERCEPT


def _grey() -> float:
    values = _rescaled(_stored())
    return float((values.max() - values[ROW, COLUMN]) / (values.max() - values.min()))


q3 = Exercise(
    lesson="classification",
    number=3,
    title="What does this DICOM file say, and how bright is this pixel?",
    task=f"""
        Open the file with pydicom. Find from which side the patient was imaged, the rescaled value of the pixel in row {ROW}, column
        {COLUMN} (both from 0), and how bright it is on a monitor: 0 black, 1 white, linear between the lowest and the highest value of
        the image.
    """,
    about_given={"path": "the path of a DICOM file"},
    answer="a dictionary {'view': text, 'value': the rescaled value, 'grey': brightness, 0 to 1, to three digits}",
    why="a negative of a chest has black bones and white lungs: a model that was trained on the other kind sees pneumonia everywhere.",
    given=lambda: {"path": _written()},
    expects=Fields({"view": Name(), "value": Number(within=1e-3), "grey": Number(within=0.0015)}),
    right=lambda: {"view": "AP", "value": float(_rescaled(_stored())[ROW, COLUMN]), "grey": _grey()},
    mistakes=(
        Mistake(
            lambda: {"view": "PA"},
            "The description of the series says p.a., but that is text that somebody typed. ViewPosition is the field.",
        ),
        Mistake(
            lambda: {"value": float(_stored()[ROW, COLUMN])},
            "This is the stored number. The value is stored × RescaleSlope + RescaleIntercept; pydicom's pixel_array does not apply them.",
        ),
        Mistake(
            lambda: {"value": float(_rescaled(_stored())[COLUMN, ROW])},
            "This is the pixel in the other order: pixel_array is [row, column], the first index goes down.",
        ),
        Mistake(lambda: {"grey": 1 - _grey()}, "In a MONOCHROME1 image the lowest value is white: the brightness is the other way round."),
        Mistake(
            lambda: {"grey": float(_stored()[ROW, COLUMN]) / 4095},
            "This divides by the largest number of 12 bits, and does not mind that the image is MONOCHROME1, where the lowest value is "
            "white.",
        ),
    ),
    hints=(
        "`dataset = pydicom.dcmread(path)`; print it and read every line. Which say something about grey values?",
        "ViewPosition; RescaleSlope and RescaleIntercept; PhotometricInterpretation, which is MONOCHROME1: the lowest value is white.",
    ),
    code=f"""
        import pydicom

        dataset = pydicom.dcmread(q3.data()["path"])
        values = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        grey = (values - values.min()) / (values.max() - values.min())
        if dataset.PhotometricInterpretation == "MONOCHROME1":
            grey = 1 - grey
        answer = {{"view": dataset.ViewPosition, "value": values[{ROW}, {COLUMN}], "grey": grey[{ROW}, {COLUMN}]}}
    """,
    learned="pixel_array gives the numbers as they are stored. Slope, intercept and MONOCHROME1 are yours to apply; radlearn's "
    "RadiographReader "
    "does it for you.",
)
