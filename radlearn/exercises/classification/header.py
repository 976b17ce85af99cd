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


def _transposed() -> dict[str, float]:
    values = _rescaled(_stored())
    value = float(values[COLUMN, ROW])
    return {"value": value, "grey": float((values.max() - value) / (values.max() - values.min()))}


def _negative() -> float:
    values = _rescaled(_stored())
    return float(values.max() + values.min() - values[ROW, COLUMN])


def _letters(view: str) -> str:
    return "".join(filter(str.isalpha, view)).upper()


_CODES = ("AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO")
"""The terms that DICOM defines for ViewPosition (PS3.3, C.8.1.1, CR series)."""

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
    expects=Fields({"view": Name(), "value": Number(within=1e-3), "grey": Number(within=0.0015, share=True)}),
    right=lambda: {"view": "AP", "value": float(_rescaled(_stored())[ROW, COLUMN]), "grey": _grey()},
    mistakes=(
        Mistake(
            lambda: {"view": "PA"},
            "The description of the series says p.a., but that is text that somebody typed. ViewPosition is the field.",
        ),
        Mistake(
            lambda: {"view": "Thorax p.a."},
            "This is the description of the series, which somebody typed. The field for the view is another one.",
            fits=lambda given: given["view"] != "PA" and _letters(given["view"]) in ("PA", "THORAXPA"),
        ),
        Mistake(
            lambda: {"view": "from behind"},
            "The view is asked for as the file says it: ViewPosition holds a code in capital letters, such as LL for a side view.",
            fits=lambda given: given["view"] not in _CODES,
        ),
        Mistake(
            lambda: {"view": "LL"},
            "The file does not say this. Print the dataset and look for ViewPosition.",
            fits=lambda given: given["view"] in _CODES[2:],
        ),
        Mistake(_transposed, "This is the pixel in the other order: the first index of pixel_array goes down, the second to the right."),
        Mistake(
            lambda: {"value": float(_stored()[ROW, COLUMN])},
            "This is the stored number. The value is stored × RescaleSlope + RescaleIntercept; pydicom's pixel_array does not apply them.",
        ),
        Mistake(
            lambda: {"value": float(_rescaled(_stored())[COLUMN, ROW])},
            "This is the pixel in the other order: pixel_array is [row, column], the first index goes down.",
        ),
        Mistake(
            lambda: {"value": float(_rescaled(_stored())[ROW - 1, COLUMN - 1])},
            "This is the value of the pixel above and to the left: rows and columns are counted from 0.",
        ),
        Mistake(
            lambda: {"value": float(_stored()[ROW, COLUMN]) * SLOPE},
            "The slope is applied, the intercept is not: add RescaleIntercept.",
        ),
        Mistake(
            lambda: {"value": float(_stored()[ROW, COLUMN]) + INTERCEPT},
            "The intercept is added, the slope is not applied: multiply the stored number with RescaleSlope.",
        ),
        Mistake(
            lambda: {"value": (float(_stored()[ROW, COLUMN]) + INTERCEPT) * SLOPE},
            "The intercept was multiplied, too: stored × slope first, then + intercept.",
        ),
        Mistake(
            lambda: {"value": (float(_stored()[ROW, COLUMN]) - INTERCEPT) / SLOPE},
            "This is the way back, from a rescaled value to a stored number: multiply with the slope, then add the intercept.",
        ),
        Mistake(
            lambda: {"value": _negative()},
            "The value is inverted here. MONOCHROME1 says how bright a value is shown; the value itself stays as it is.",
        ),
        Mistake(
            lambda: {"grey": float(_rescaled(_stored())[ROW, COLUMN])}, "This is the rescaled value; its brightness, 0 to 1, was asked for."
        ),
        Mistake(
            lambda: {"grey": 255 * _grey()},
            "This is a grey level of 0 to 255; 0 to 1 was asked for.",
            fits=lambda given: given["grey"] > 1 and abs(given["grey"] / 255 - _grey()) < 0.003,
        ),
        Mistake(
            lambda: {"grey": 255 * (1 - _grey())},
            "This is a grey level of 0 to 255, and not yet inverted: 0 to 1 was asked for, and in a MONOCHROME1 image the lowest value is "
            "white.",
            fits=lambda given: given["grey"] > 1 and abs(given["grey"] / 255 - (1 - _grey())) < 0.003,
        ),
        Mistake(lambda: {"grey": 1 - _grey()}, "In a MONOCHROME1 image the lowest value is white: the brightness is the other way round."),
        Mistake(
            lambda: {"grey": float(_stored()[ROW, COLUMN]) / 4095},
            "This divides by the largest number of 12 bits, and does not mind that the image is MONOCHROME1, where the lowest value is "
            "white.",
        ),
        Mistake(
            lambda: {"grey": 1 - float(_stored()[ROW, COLUMN]) / 4095},
            "This divides by the largest number of 12 bits. Black and white are the lowest and the highest value of this image.",
        ),
        Mistake(
            lambda: {"grey": float(_rescaled(_stored())[ROW, COLUMN] / _rescaled(_stored()).max())},
            "This divides by the highest value: neither is the lowest value taken off, nor MONOCHROME1 minded, where the lowest is white.",
        ),
        Mistake(
            lambda: {"grey": 1 - float(_rescaled(_stored())[ROW, COLUMN] / _rescaled(_stored()).max())},
            "The lowest value is not taken off: linear between the lowest and the highest value of the image.",
        ),
        Mistake(
            lambda: {"grey": float((_rescaled(_stored()).max() - _rescaled(_stored())[COLUMN, ROW]) / np.ptp(_rescaled(_stored())))},
            "This is the brightness of the pixel in the other order: pixel_array is [row, column].",
        ),
        Mistake(
            lambda: {"grey": float(_stored()[ROW, COLUMN]) / 65535},
            "This divides by the largest number of 16 bits. Black and white are the lowest and the highest value of this image.",
        ),
        Mistake(
            lambda: {"grey": float(_stored()[ROW, COLUMN]) / 255},
            "This divides by 255, as if the pixels had 8 bits. Black and white are the lowest and the highest value of this image.",
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
