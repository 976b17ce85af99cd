"""X-rays, ultrasound images, pictures and label maps."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.dataset import FileMetaDataset

from radlearn.scans.radiograph_writer import write_radiograph
from tools.fuzz_targets.target import SIZE_PX, Target, each_its_own, made_pixels, must_be_finite


def made_dataset(stored: np.ndarray, syntax: str, **elements: Any) -> pydicom.Dataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = uid.DigitalXRayImageStorageForPresentation, uid.UID("1.2.3.4")
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset = pydicom.Dataset()
    dataset.file_meta = meta
    bits = 8 * stored.dtype.itemsize
    header = {
        "SOPClassUID": meta.MediaStorageSOPClassUID, "SOPInstanceUID": "1.2.3.4", "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.5",
        "Modality": "DX", "PatientID": "somebody", "PatientSex": "F", "PatientAge": "045Y", "ViewPosition": "PA",
        "BodyPartExamined": "CHEST",
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "Rows": stored.shape[0], "Columns": stored.shape[1],
        "BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1, "PixelRepresentation": int(stored.dtype.kind == "i"),
        "PixelSpacing": [0.4, 0.4], "WindowCenter": "128", "WindowWidth": "256",
    }  # fmt: skip
    for keyword, value in (header | elements).items():
        setattr(dataset, keyword, value)
    dataset.set_pixel_data(stored, dataset.PhotometricInterpretation, dataset.BitsStored, generate_instance_uid=False)
    if syntax in (uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian):
        meta.TransferSyntaxUID = uid.UID(syntax)
    elif syntax != uid.ExplicitVRLittleEndian:
        dataset.compress(syntax, generate_instance_uid=False)
    return dataset


def _xrays(folder: Path) -> Mapping[Path, Path]:
    sixteen = made_pixels().astype(np.uint16) * 13
    lut = pydicom.Dataset()
    lut.LUTDescriptor, lut.LUTData = [256, 0, 16], (np.arange(256, dtype="<u2") * 200).tobytes()
    lut["LUTDescriptor"].VR, lut["LUTData"].VR = "US", "OW"
    made = {
        "explicit": made_dataset(made_pixels(), uid.ExplicitVRLittleEndian),
        "implicit": made_dataset(sixteen, uid.ImplicitVRLittleEndian, BitsStored=12, HighBit=11, RescaleSlope=1, RescaleIntercept=-10),
        "deflated": made_dataset(made_pixels(1), uid.DeflatedExplicitVRLittleEndian, PhotometricInterpretation="MONOCHROME1"),
        "rle": made_dataset(sixteen, uid.RLELossless, WindowCenter=["900", "1000"], WindowWidth=["2000", "3000"]),
        "jpeg-2000": made_dataset(made_pixels(2), uid.JPEG2000Lossless),
        "table": made_dataset(made_pixels(3), uid.ExplicitVRLittleEndian, VOILUTSequence=[lut], WindowCenter=None, WindowWidth=None),
    }
    paths = []
    for name, dataset in made.items():
        paths.append(folder / f"{name}.dcm")
        dataset.save_as(paths[-1], enforce_file_format=True)
    paths.append(folder / "jpeg.dcm")
    write_radiograph(paths[-1], made_pixels(4), patient_id="x", view="AP", sex="M", age="61", spacing_mm=(0.2, 0.2))
    return each_its_own(paths)


def _read_xray(path: Path) -> None:
    from radlearn.scans.dicom import read_header, read_radiograph

    read_header(path)
    must_be_finite(read_radiograph(path, 32).pixels)


def _ultrasound_dicom(folder: Path) -> Mapping[Path, Path]:
    region = pydicom.Dataset()
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = SIZE_PX, SIZE_PX
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.02
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    of_ultrasound = {"Modality": "US", "SOPClassUID": uid.UltrasoundImageStorage, "SequenceOfUltrasoundRegions": [region]}
    colours = np.stack([made_pixels()] * 3, axis=-1)
    made = {
        "grey": made_dataset(made_pixels(), uid.ExplicitVRLittleEndian, **of_ultrasound),
        "rgb": made_dataset(
            colours, uid.ExplicitVRLittleEndian, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0, **of_ultrasound
        ),
    }
    for name, dataset in made.items():
        dataset.save_as(folder / f"{name}.dcm", enforce_file_format=True)
    return each_its_own([folder / f"{name}.dcm" for name in made])


def _read_ultrasound(path: Path) -> None:
    from radlearn.scans.ultrasound_images import read_ultrasound

    must_be_finite(read_ultrasound(path).pixels)


def _pictures(folder: Path) -> Mapping[Path, Path]:
    grey = Image.fromarray(made_pixels())
    exif = Image.Exif()
    exif[0x0112] = 6
    grey.save(folder / "grey.png")
    Image.fromarray(made_pixels().astype(np.uint16) * 200).save(folder / "deep.png")
    grey.quantize(8).save(folder / "palette.png")
    grey.convert("LA").save(folder / "opacity.png")
    grey.save(folder / "grey.jpg", exif=exif)
    grey.save(folder / "packed.tif", compression="tiff_lzw")
    grey.save(folder / "plain.tif")
    grey.save(folder / "grey.bmp")
    return each_its_own(sorted(folder.iterdir()))


def _read_picture(path: Path) -> None:
    from radlearn.scans.picture_files import read_picture

    must_be_finite(read_picture(path).pixels)


def _label_maps(folder: Path) -> Mapping[Path, Path]:
    labels = (made_pixels() // 90).astype(np.uint8)
    image = Image.fromarray(labels)
    image.save(folder / "numbers.png")
    Image.fromarray(np.where(labels > 1, 255, 0).astype(np.uint8)).save(folder / "mask.tif", compression="tiff_adobe_deflate")
    palette = Image.fromarray(labels, mode="P")
    palette.putpalette([0, 0, 0, 200, 30, 30, 30, 200, 30])
    palette.save(folder / "palette.png")
    Image.fromarray(labels > 1).save(folder / "bits.png")
    return each_its_own(sorted(folder.iterdir()))


def _read_label_map(path: Path) -> None:
    from radlearn.scans.label_map_files import read_label_map

    must_be_finite(read_label_map(path).labels)


def _pages(folder: Path) -> Mapping[Path, Path]:
    pages = [Image.fromarray(made_pixels(number)) for number in range(3)]
    pages[0].save(folder / "pages.tif", save_all=True, append_images=pages[1:])
    pages[0].save(folder / "packed.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    return each_its_own(sorted(folder.iterdir()))


def _read_pages(path: Path) -> None:
    from radlearn.scans.picture_files import read_picture
    from radlearn.scans.tiff_pages import page_file, pages_in

    for page in range(1, min(pages_in(path), 4) + 1):
        must_be_finite(read_picture(page_file(path, page)).pixels)


TARGETS = (
    Target("xray", _xrays, _read_xray),
    Target("ultrasound", _ultrasound_dicom, _read_ultrasound),
    Target("picture", _pictures, _read_picture),
    Target("label-map", _label_maps, _read_label_map),
    Target("pages", _pages, _read_pages),
)
