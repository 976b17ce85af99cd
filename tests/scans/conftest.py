"""DICOM files made to order, for every test that reads one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag

DicomFile = Callable[..., Path]
WRITTEN_BY_GDCM = {
    uid.JPEGLossless: gdcm.TransferSyntax.JPEGLosslessProcess14,
    uid.JPEGLosslessSV1: gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    uid.JPEGLSLossless: gdcm.TransferSyntax.JPEGLSLossless,
    uid.JPEGExtended12Bit: gdcm.TransferSyntax.JPEGExtendedProcess2_4,
}


@pytest.fixture
def dicom_file(tmp_path: Path) -> DicomFile:
    """`dicom_file(stored, syntax=…, bits=…, VR_OF={…}, WindowCenter=…, …)` writes an X-ray whose stored values are `stored`.

    `bits` are those stored (all of the type's by default). A keyword set to None is left out; `vr` gives the value representation where
    the dictionary leaves a choice. Values are written unchecked.
    """
    written = 0

    def write(
        stored: np.ndarray,
        syntax: str = uid.ExplicitVRLittleEndian,
        bits: int | None = None,
        vr: dict[str, str] | None = None,
        **elements: Any,
    ) -> Path:
        nonlocal written
        written += 1
        path = tmp_path / f"xray-{written}.dcm"
        allocated = 8 * stored.dtype.itemsize
        bits = bits or allocated
        dataset = pydicom.Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = uid.SecondaryCaptureImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if syntax not in uid.UncompressedTransferSyntaxes else syntax
        header = {
            "SOPClassUID": uid.SecondaryCaptureImageStorage,
            "SOPInstanceUID": "1.2.3.4",
            "Modality": "CR",
            "PatientID": "somebody",
            "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2",
            "Rows": stored.shape[0],
            "Columns": stored.shape[1],
            "BitsAllocated": allocated,
            "BitsStored": bits,
            "HighBit": bits - 1,
            "PixelRepresentation": int(stored.dtype.kind == "i"),
        }
        if stored.dtype.kind == "f":
            header |= {"BitsStored": None, "HighBit": None, "PixelRepresentation": None}
        choices = {"PixelPaddingValue": "SS" if stored.dtype.kind == "i" else "US"}
        choices |= {"PixelPaddingRangeLimit": choices["PixelPaddingValue"]} | (vr or {})
        for keyword, value in (header | elements).items():
            if value is not None:
                tag = Tag(keyword)
                dataset.add(DataElement(tag, choices.get(keyword, dictionary_VR(tag)), value, validation_mode=IGNORE))
        order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
        if stored.dtype.kind == "f":
            keyword = "FloatPixelData" if allocated == 32 else "DoubleFloatPixelData"
            setattr(dataset, keyword, stored.astype(f"<f{allocated // 8}").tobytes())
        else:
            raw = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
            dataset.add(DataElement(Tag("PixelData"), "OB" if allocated == 8 else "OW", raw + b"\0" * (len(raw) % 2)))
        if syntax in (uid.RLELossless, uid.JPEG2000Lossless):
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path, enforce_file_format=True)
        if syntax in WRITTEN_BY_GDCM:
            _rewrite_with_gdcm(path, WRITTEN_BY_GDCM[syntax])
        return path

    return write


def _rewrite_with_gdcm(path: Path, syntax: int) -> None:
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


@pytest.fixture(scope="session")
def ramp() -> np.ndarray:
    """uint8 (48, 80): smooth in both directions, with all of 0 … 255 in it, and no symmetry that a flip could hide behind."""
    rows, columns = np.mgrid[0:48, 0:80]
    return (np.abs(np.sin(rows / 9.0 + columns / 31.0)) * 200 + rows * 55 / 47).clip(0, 255).astype(np.uint8)
