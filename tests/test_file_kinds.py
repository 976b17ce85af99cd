"""What a file is by its first bytes, whatever it is called."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from radlearn.errors import UnreadableScan
from radlearn.file_kinds import kind_of
from radlearn.scans.dicom import read_radiograph
from radlearn.scans.nifti import read_volume


def saved(format: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(buffer, format)
    return buffer.getvalue()


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr(name, "some text")
    return buffer.getvalue()


KNOWN = [
    (gzip.compress(b"some text"), "packed with gzip. Unpack it first"),
    (zipped("a.csv"), "a zip archive. Unpack it first"),
    (zipped("[Content_Types].xml"), "an Excel workbook"),
    (saved("PNG"), "a PNG picture"),
    (saved("JPEG"), "a JPEG picture"),
    (saved("TIFF"), "a TIFF picture"),
    (b"\n <!DOCTYPE html>\n<html>", "an HTML page, as a failed download leaves it"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a Git LFS pointer"),
    (json.dumps([{"a": 1}]).encode(), "JSON"),
]


@pytest.mark.parametrize(("content", "words"), KNOWN)
def test_a_file_of_another_kind_is_named_by_every_reader(tmp_path: Path, content: bytes, words: str) -> None:
    assert kind_of(content).startswith(words)
    xray, volume = tmp_path / "a.dcm", tmp_path / "a.nii"
    for path in (xray, volume):
        path.write_bytes(content)
    with pytest.raises(UnreadableScan, match=words):
        read_radiograph(xray)
    if not words.startswith("packed with gzip"):
        with pytest.raises(UnreadableScan, match=words):
            read_volume(volume)


def test_a_nifti_called_dcm_is_named() -> None:
    header = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4)).to_bytes()
    assert kind_of(header).startswith("NIfTI")


@pytest.mark.parametrize("content", [b"", b"patientId,probability\na,0.5\n", bytes(600), b"some text", b"PatientID;x\n"])
def test_tables_and_unknown_bytes_are_no_other_kind(content: bytes) -> None:
    assert kind_of(content) == ""


@pytest.mark.parametrize(
    ("name", "remark"), [("a.mhd", ""), ("a.nhdr", ""), ("a.mhd", "long"), ("a.nhdr", "long"), ("a.mha", ""), ("a.nrrd", "")]
)
def test_the_header_of_a_pair_is_told_how_it_becomes_one_file(tmp_path: Path, name: str, remark: str) -> None:
    image = SimpleITK.GetImageFromArray(np.arange(210, dtype=np.int16).reshape(5, 6, 7))
    if remark:
        image.SetMetaData("0008|103e", remark * 200)
    SimpleITK.WriteImage(image, str(tmp_path / name))
    alone = name.endswith(("mha", "nrrd"))
    (tmp_path / "b.nii").write_bytes((tmp_path / name).read_bytes())
    with pytest.raises(UnreadableScan) as raised:
        read_volume(tmp_path / "b.nii")
    assert ("voxels lie in another file" in str(raised.value)) is not alone
    assert ("Name it ." in str(raised.value)) is alone
    if not alone:
        advice = str(raised.value).partition("Make one file of the two: ")[2].partition(", or remove")[0]
        for word in ("'NAME.mhd'", "'NAME.nhdr'", "'NAME.nii.gz'"):
            place = tmp_path / (name if "hd" in word else "one.nii.gz")
            advice = advice.replace(word, repr(str(place)))
        exec(advice, {"SimpleITK": SimpleITK})
        assert np.array_equal(read_volume(tmp_path / "one.nii.gz").voxels, SimpleITK.GetArrayFromImage(image).T)
