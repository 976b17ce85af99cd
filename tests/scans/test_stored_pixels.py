"""Files in: exact stored values for every single monochrome frame, a refusal that says why for everything else, and no third outcome."""

import csv
import io
import random
import re
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
import simplejpeg
from PIL import Image
from pydicom import uid
from pydicom.encaps import encapsulate, generate_frames

from radlearn.errors import UnreadableScan
from radlearn.scans.dicom import PixelWarning, read_header, read_radiograph, stored_values
from radlearn.scans.picture_files import is_picture
from radlearn.scans.radiograph_writer import write_radiograph

DicomFile = Callable[..., Path]
SYNTAXES = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
]


def zoo_rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "manifest.csv", newline="") as table:
        return list(csv.DictReader(table))


def pydicom_values(path: Path) -> np.ndarray | None:
    """pydicom's stored values of a Part 10 file with one monochrome frame that it decodes, with gdcm first; else None."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path)
            single = int(dataset.get("NumberOfFrames") or 1) == 1
            return dataset.pixel_array if single and dataset.PhotometricInterpretation in ("MONOCHROME1", "MONOCHROME2") else None
        except (pydicom.errors.InvalidDicomError, AttributeError, ValueError, RuntimeError, NotImplementedError):
            return None


def test_every_monochrome_xray_of_the_zoo_is_read_exactly_and_every_other_file_refused(
    shared_data: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    zoo = shared_data / "dicom_zoo"
    read = refused = 0
    for row in zoo_rows(zoo):
        path = zoo / row["file"]
        expected = pydicom_values(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            # Slices of CT and MR without a window, and an image of one bit.
            warnings.filterwarnings("ignore", "(?s).*(hardly any contrast|does it fit them|cut off to fit into fewer bits)", PixelWarning)
            capfd.readouterr()
            if expected is None:
                # A JPEG beside the DICOM files is a picture, of which there are no stored values.
                for reader in (stored_values,) if is_picture(path) else (read_radiograph, stored_values):
                    with pytest.raises(UnreadableScan, match=path.name.replace("+", r"\+")):
                        reader(path)
                refused += 1
            else:
                stored, xray = stored_values(path), read_radiograph(path)
                np.testing.assert_array_equal(stored, expected, err_msg=path.name)
                assert stored.dtype == expected.dtype, path.name
                assert xray.pixels.shape == expected.shape, path.name
                assert xray.pixels.dtype == np.float32
                assert xray.pixels.min() >= 0
                assert xray.pixels.max() <= 1
                assert read_header(path) == xray.header
                read += 1
            assert capfd.readouterr() == ("", ""), path.name
    assert read >= 27
    assert read + refused == len(zoo_rows(zoo))


# gdcm's encoders write no signed values in these; real signed files are in the zoo.
UNSIGNED_ONLY = (uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless)


@pytest.mark.parametrize(
    ("syntax", "kind", "bits"),
    [
        (syntax, kind, bits)
        for syntax in SYNTAXES
        for kind, bits in [("u1", 8), ("u2", 10), ("u2", 12), ("u2", 16), ("i2", 12), ("i2", 16)]
        if kind.startswith("u") or syntax not in UNSIGNED_ONLY
    ],
)
def test_stored_values_survive_every_encoding(dicom_file: DicomFile, syntax: str, kind: str, bits: int) -> None:
    signed = kind.startswith("i")
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    stored = np.random.default_rng(bits).integers(low, high, (40, 50), endpoint=True).astype(kind)
    path = dicom_file(stored, syntax=syntax, bits=bits)
    np.testing.assert_array_equal(stored_values(path), stored)
    np.testing.assert_allclose(read_radiograph(path).pixels, (stored.astype(float) - low) / (high - low), atol=1e-6)


def test_jpeg_baseline_decodes_as_pydicom_with_pillow_does(tmp_path: Path, ramp: np.ndarray) -> None:
    path = tmp_path / "a.dcm"
    write_radiograph(path, ramp, patient_id="a", view="PA", sex="", age="", spacing_mm=None)
    dataset = pydicom.dcmread(path)
    dataset.pixel_array_options(decoding_plugin="pillow")
    np.testing.assert_array_equal(stored_values(path), dataset.pixel_array)


def test_bits_above_the_stored_ones_are_no_part_of_the_picture(dicom_file: DicomFile) -> None:
    # Older equipment keeps overlay graphics there.
    path = dicom_file(np.uint16([[0x8000, 0x4FFF], [0x0800, 0x0000]]), bits=12)
    np.testing.assert_array_equal(stored_values(path), [[0, 0xFFF], [0x800, 0]])


def test_a_jpeg_in_several_fragments_is_one_frame(tmp_path: Path, ramp: np.ndarray) -> None:
    path = tmp_path / "a.dcm"
    write_radiograph(path, ramp, patient_id="a", view="PA", sex="", age="", spacing_mm=None)
    whole = stored_values(path)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate(list(generate_frames(dataset.PixelData, number_of_frames=1)), fragments_per_frame=3, has_bot=False)
    dataset.save_as(path)
    np.testing.assert_array_equal(stored_values(path), whole)


def test_a_missing_file_a_folder_an_empty_file_and_another_kind_of_file_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / "letter.dcm").write_text("Dear colleague, " * 20)
    (tmp_path / "short.dcm").write_bytes(b"\0" * 40)
    (tmp_path / "bare.dcm").write_bytes(b"\0" * 128 + b"DICM")
    for name, message in {
        "absent.dcm": "there is no such file",
        ".": "Is a directory",
        "empty.dcm": r"empty\.dcm: is empty",
        "letter.dcm": "has no DICOM header: expected the letters DICM after 128 bytes, found b'",
        "short.dcm": "has no DICOM header",
        "bare.dcm": "holds no image",
    }.items():
        for reader in (read_radiograph, read_header, stored_values):
            with pytest.raises(UnreadableScan, match=message):
                reader(tmp_path / name)


def test_multi_frame_colour_and_unknown_encodings_are_told_apart(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    for said, message in (
        ({"NumberOfFrames": 2}, r"xray-1\.dcm: has 2 frames"),
        (
            {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
            "is in colour: PhotometricInterpretation is 'RGB', samples per pixel 3",
        ),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "'PALETTE COLOR'"),
        ({"PhotometricInterpretation": None}, "does not declare greyscale"),
        ({"Rows": 0}, "0 rows"),
        ({"Rows": None, "Modality": "SR"}, "holds no image .Modality SR"),
        ({"Rows": 5000}, "is truncated: it holds 3,840 bytes of pixels where its header declares 400,000"),
    ):
        with pytest.raises(UnreadableScan, match=message):
            read_radiograph(dicom_file(ramp, **said))
    path = dicom_file(ramp)
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0"))
    with pytest.raises(UnreadableScan, match=r"no decoder for its transfer syntax, which is .*1\.2\.840\.10008\.9\.9\.9"):
        read_header(path)


def test_one_frame_that_says_so_is_one_frame(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    np.testing.assert_array_equal(stored_values(dicom_file(ramp, NumberOfFrames=1)), ramp)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=[syntax.keyword for syntax in SYNTAXES])
def test_a_file_cut_short_anywhere_is_refused(dicom_file: DicomFile, syntax: str) -> None:
    stored = np.random.default_rng(0).integers(0, 4095, (40, 50)).astype(np.uint16)
    path = dicom_file(stored, syntax=syntax, bits=12)
    whole = path.read_bytes()
    stored_values(path)
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        # Its last bytes may be padding.
        cuts = [len(whole) - 40]
    elif syntax in uid.UncompressedTransferSyntaxes:
        cuts = [len(whole) - 1, len(whole) - 40]
    else:
        # Without the closing delimiter (8 bytes) and an end of the image.
        cuts = [len(whole) - 12, len(whole) - 40]
    for cut in (*cuts, len(whole) // 2, 300, 140):
        path.write_bytes(whole[:cut])
        with pytest.raises(UnreadableScan, match=path.name):
            read_radiograph(path)


def test_a_jpeg_xray_cut_within_its_pixels_is_truncated_and_cut_within_its_header_no_image(tmp_path: Path, ramp: np.ndarray) -> None:
    path = tmp_path / "a.dcm"
    write_radiograph(path, ramp, patient_id="a", view="PA", sex="", age="", spacing_mm=None)
    whole = path.read_bytes()
    height, width = ramp.shape
    pixels = whole.index(b"\xe0\x7f\x10\x00")
    for cut in (pixels + 14, pixels + 30, (pixels + len(whole)) // 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(UnreadableScan, match=rf"a\.dcm: is truncated: its header declares an image of {width} × {height} px"):
            read_radiograph(path)
    path.write_bytes(whole[: whole.index(b"\x28\x00\x10\x00")])
    with pytest.raises(UnreadableScan, match=r"holds no image .*its header has no rows and columns, or ends before them"):
        read_radiograph(path)


def test_a_truncated_jpeg_inside_a_whole_file_is_refused(tmp_path: Path, ramp: np.ndarray) -> None:
    path = tmp_path / "a.dcm"
    write_radiograph(path, ramp, patient_id="a", view="PA", sex="", age="", spacing_mm=None)
    dataset = pydicom.dcmread(path)
    frame = simplejpeg.encode_jpeg(ramp[..., None], 90, "GRAY", "Gray")
    dataset.PixelData = encapsulate([frame[: len(frame) // 2]])
    dataset.save_as(path)
    for size_px in (None, 16):
        with pytest.raises(UnreadableScan, match=r"a\.dcm: is truncated: its compressed image .* has no end marker"):
            read_radiograph(path, size_px)


def damaged(whole: bytes, rng: random.Random) -> bytes:
    """The file cut at random, or with one to thirty random bytes of its header or of all of it changed."""
    if rng.random() < 0.35:
        return whole[: rng.randrange(len(whole))]
    changed = bytearray(whole)
    for _ in range(rng.choice([1, 2, 5, 30])):
        changed[rng.randrange(len(changed) if rng.random() < 0.5 else min(len(changed), 1500))] = rng.randrange(256)
    return bytes(changed)


@pytest.mark.parametrize("syntax", [*SYNTAXES, uid.JPEGBaseline8Bit], ids=[syntax.keyword for syntax in [*SYNTAXES, uid.JPEGBaseline8Bit]])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whatever_happens_to_a_file_it_is_a_picture_or_a_refusal(dicom_file: DicomFile, ramp: np.ndarray, syntax: str) -> None:
    if syntax == uid.JPEGBaseline8Bit:
        path = dicom_file(ramp).with_name("baseline.dcm")
        write_radiograph(path, ramp, patient_id="a", view="PA", sex="F", age="62", spacing_mm=(0.1, 0.1))
    else:
        path = dicom_file(
            ramp.astype(np.uint16) * 16, syntax=syntax, bits=12, WindowCenter=2000, WindowWidth=3000, RescaleSlope=2, RescaleIntercept=1
        )
    whole = path.read_bytes()
    refused = 0
    for seed in range(120):
        rng = random.Random(seed)
        path.write_bytes(damaged(whole, rng))
        size_px = rng.choice([None, 16, 100])
        try:
            xray = read_radiograph(path, size_px, rng.choice(["stretch", "pad"]))
        except UnreadableScan as refusal:
            refused += path.name in str(refusal)
            continue
        assert xray.pixels.dtype == np.float32
        assert xray.pixels.shape == ((size_px, size_px) if size_px else xray.header.size_px)
        assert np.isfinite(xray.pixels).all()
        assert xray.pixels.min() >= 0
        assert xray.pixels.max() <= 1
    assert 20 < refused < 120


def test_other_warnings_are_neither_swallowed_nor_shown_again_with_every_xray(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    path = dicom_file(ramp, PatientAge="no age", Modality="no modality" * 9)
    before = list(warnings.filters)
    shown = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            read_radiograph(path)
            warnings.warn("from elsewhere", UserWarning, stacklevel=1)
            shown.append(len(caught))
    # Once, as Python does with a warning from one line.
    assert shown == [1, 1, 1]
    assert warnings.filters == before


def test_xrays_can_be_read_in_many_threads(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    paths = [dicom_file(np.roll(ramp, shift, axis=1)) for shift in range(24)]
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        xrays = list(pool.map(stored_values, paths * 4))
    assert all((xray == np.roll(ramp, place % 24, axis=1)).all() for place, xray in enumerate(xrays))
    assert warnings.filters == before


PADDED = (uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless)


@pytest.mark.parametrize("syntax", PADDED, ids=[syntax.keyword for syntax in PADDED])
@pytest.mark.parametrize("pad", [b"\xff", b"\x5a\x00", b"\x00\x00\x07"])
def test_an_image_with_pad_bytes_after_its_end_is_read_as_gdcm_reads_it(dicom_file: DicomFile, syntax: str, pad: bytes) -> None:
    stored = np.random.default_rng(0).integers(0, 4095, (40, 50)).astype(np.uint16)
    path = dicom_file(stored, syntax=syntax, bits=12)
    dataset = pydicom.dcmread(path)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    end = frame.rindex(b"\xff\xd9") + 2
    dataset.PixelData = encapsulate([frame[:end] + pad])
    dataset.save_as(path)
    np.testing.assert_array_equal(stored_values(path), stored)
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the independent reader, is not installed")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0], stored)


def test_a_jpeg_of_12_bits_is_read_as_sitk_reads_it(dicom_file: DicomFile) -> None:
    rows, columns = np.mgrid[0:64, 0:80]
    stored = (2000 + 1500 * np.sin(rows / 9 + columns / 13)).astype(np.uint16)
    path = dicom_file(stored, bits=12, syntax=uid.JPEGExtended12Bit)
    found = stored_values(path)
    assert np.abs(found.astype(int) - stored).max() <= 2  # It is lossy
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the independent reader, is not installed")
    np.testing.assert_array_equal(found, sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0])


@pytest.mark.parametrize(
    "missing", [(one,) for one in ("PixelRepresentation", "SamplesPerPixel", "BitsStored")] + [("BitsStored", "HighBit")]
)
def test_what_a_header_does_not_say_of_its_pixels_is_taken_as_sitk_takes_it(
    dicom_file: DicomFile, ramp: np.ndarray, missing: tuple[str, ...]
) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK, the independent reader, is not installed")
    path = dicom_file(ramp, **dict.fromkeys(missing))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0], ramp)
    with pytest.warns(PixelWarning, match=f"its header does not say {missing[0]}.*; taken as {missing[0]} [018]"):
        read_radiograph(path)
    np.testing.assert_array_equal(stored_values(path), ramp)


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless])
def test_a_file_without_the_delimiter_after_its_last_fragment_is_read_as_gdcm_reads_it(
    dicom_file: DicomFile, ramp: np.ndarray, syntax: str
) -> None:
    import gdcm

    path = dicom_file(ramp, syntax=syntax)
    whole = path.read_bytes()
    assert whole.endswith(b"\xfe\xff\xdd\xe0\0\0\0\0")
    path.write_bytes(whole[:-8])
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    np.testing.assert_array_equal(stored_values(path), ramp)
    # One byte less is a fragment that is not whole.
    path.write_bytes(whole[:-9])
    with pytest.raises(UnreadableScan):
        stored_values(path)


@pytest.mark.parametrize("said", [{"Rows": 24}, {"Columns": 40}, {"Rows": 12, "Columns": 80}])
def test_many_more_pixels_than_the_header_declares_are_refused(dicom_file: DicomFile, ramp: np.ndarray, said: dict[str, int]) -> None:
    with pytest.raises(UnreadableScan, match=r"holds 3,840 bytes of pixels, [24] times as many as its header declares: Rows, Columns"):
        stored_values(dicom_file(ramp, **said))


@pytest.mark.parametrize("declared", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
@pytest.mark.parametrize("written", ["JPEG", "JPEG2000"])
@pytest.mark.parametrize("is_in_items", [True, False])
@pytest.mark.parametrize("side_px", [160, 4])
def test_compressed_pixels_of_a_header_that_calls_them_uncompressed_are_named(
    dicom_file: DicomFile, declared: str, written: str, is_in_items: bool, side_px: int
) -> None:
    # Of a larger image than its header declares there are more bytes than expected, of the others fewer.
    image = np.add.outer(np.arange(160), np.arange(160)).astype(np.uint8)
    saved = io.BytesIO()
    Image.fromarray(image).save(saved, written, **({"no_jp2": True} if written == "JPEG2000" else {}))
    frame = saved.getvalue() + b"\0" * (len(saved.getvalue()) % 2)
    path = dicom_file(image, syntax=declared, Rows=side_px, Columns=side_px)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = encapsulate([frame]) if is_in_items else frame
    dataset["PixelData"].VR = "OW" if declared == uid.ImplicitVRLittleEndian else "OB"
    dataset.save_as(path)
    with pytest.raises(UnreadableScan, match=r"begin as a compressed image does.*Correct TransferSyntaxUID") as caught:
        stored_values(path)
    assert "truncated" not in str(caught.value)


def test_a_jpeg_file_whose_transfer_syntax_alone_was_changed_is_named(tmp_path: Path, ramp: np.ndarray) -> None:
    path = tmp_path / "xray.dcm"
    write_radiograph(path, ramp, patient_id="a", view="PA", sex="F", age="62", spacing_mm=(0.2, 0.2))
    whole = path.read_bytes()
    assert whole.count(b"1.2.840.10008.1.2.4.50") == 1
    path.write_bytes(whole.replace(b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.1\0\0\0"))
    with pytest.raises(UnreadableScan, match=r"begin as a compressed image does.*Correct TransferSyntaxUID"):
        stored_values(path)


def test_values_that_look_like_the_start_of_a_compressed_image_are_values(dicom_file: DicomFile, ramp: np.ndarray) -> None:
    for start in (b"\xfe\xff\x00\xe0", b"\xff\xd8\xff\xe0", b"\xff\x4f\xff\x51"):
        stored = ramp.astype(np.uint16).copy()
        stored[0, :2] = np.frombuffer(start, "<u2")
        np.testing.assert_array_equal(stored_values(dicom_file(stored)), stored)


def test_bytes_after_the_pixels_that_fill_no_block_are_said(dicom_file: DicomFile) -> None:
    image = np.arange(150 * 100, dtype=np.uint16).reshape(150, 100)
    with pytest.warns(PixelWarning, match="10,000 bytes follow its pixels, and are left out: are Rows and Columns right"):
        read_radiograph(dicom_file(image, Rows=100))


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_jpeg_of_8_bits_in_a_header_of_16_is_read_as_8(dicom_file: DicomFile, ramp: np.ndarray, syntax: str, bits: int) -> None:
    frame = simplejpeg.encode_jpeg(np.ascontiguousarray(ramp)[..., None], 95, "GRAY", "Gray")
    path = dicom_file(ramp.astype(np.uint16), bits=bits)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)
    by_pillow = np.asarray(Image.open(io.BytesIO(frame)))
    np.testing.assert_array_equal(stored_values(path), by_pillow)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.testing.assert_allclose(read_radiograph(path).pixels, by_pillow / 255, atol=1e-6)
    assert any("has 8 bits a pixel, which are taken as its range" in str(one.message) for one in caught) == (bits > 8)
    dataset.PixelRepresentation = 1
    dataset.save_as(path)
    with pytest.raises(UnreadableScan, match=r"its JPEG has 8 bits and no sign\. Correct BitsAllocated, BitsStored, HighBit and PixelRep"):
        stored_values(path)


@pytest.mark.parametrize("allocated", [8, 16])
@pytest.mark.parametrize("bits", [4, 6, 7, 8, 12])
@pytest.mark.parametrize(
    "said", [{}, {"PhotometricInterpretation": "MONOCHROME1"}, {"PixelPaddingValue": 0}, {"WindowCenter": 128, "WindowWidth": 256}]
)
def test_a_jpeg_of_8_bits_is_shown_over_its_own_range_whatever_bits_are_stored(
    dicom_file: DicomFile, ramp: np.ndarray, allocated: int, bits: int, said: dict[str, object]
) -> None:
    frame = simplejpeg.encode_jpeg(np.ascontiguousarray(ramp)[..., None], 95, "GRAY", "Gray")
    path = dicom_file(ramp.astype(f"u{allocated // 8}"), bits=bits, **said)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = uid.JPEGBaseline8Bit
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(path)
    by_pillow = np.asarray(Image.open(io.BytesIO(frame))) / 255
    expected = 1 - by_pillow if "PhotometricInterpretation" in said else by_pillow
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.testing.assert_allclose(read_radiograph(path).pixels, expected, atol=1e-6)
    assert any(f"BitsStored is {bits}, but its compressed image has 8 bits" in str(one.message) for one in caught) == (bits != 8)


def test_what_a_library_says_of_damage_is_no_word_for_people(dicom_file: DicomFile, tmp_path: Path, ramp: np.ndarray) -> None:
    stored = np.random.default_rng(0).integers(0, 4095, (40, 50)).astype(np.uint16)
    said = []
    for syntax in (uid.JPEG2000Lossless, uid.RLELossless, uid.JPEGLSLossless, uid.DeflatedExplicitVRLittleEndian):
        whole = dicom_file(stored, syntax=syntax, bits=12).read_bytes()
        for place in range(len(whole) // 3, len(whole), 97):
            (tmp_path / "a.dcm").write_bytes(whole[:place] + bytes(40) + whole[place + 40 :])
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    read_radiograph(tmp_path / "a.dcm")
            except UnreadableScan as error:
                said.append(str(error))
    assert said
    assert not [one for one in said if re.search(r"Error|Exception|broadcast|buffer|object|NoneType", one)]


@pytest.mark.parametrize("emptied", ["removed", "of length 0"])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian])
def test_a_file_of_which_only_the_header_was_kept_is_called_that(
    dicom_file: DicomFile, ramp: np.ndarray, emptied: str, syntax: str
) -> None:
    path = dicom_file(ramp, syntax=syntax)
    dataset = pydicom.dcmread(path)
    if emptied == "removed":
        del dataset.PixelData
    else:
        dataset.PixelData = b""
    dataset.save_as(path)
    with pytest.raises(UnreadableScan, match="holds no pixels: its header declares an image of 80 × 48 px") as caught:
        read_radiograph(path)
    assert "truncated" not in str(caught.value)


@pytest.mark.parametrize("name", ["x.dcm", "x.png", "x.nii.gz", "x.mha"])
def test_a_link_to_nothing_in_a_folder_of_xrays_is_named_with_where_it_points(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("/mnt/archive/" + name)
    with pytest.raises(UnreadableScan, match=f"{name}: is a link to /mnt/archive/{name}, which is not there"):
        read_radiograph(tmp_path / name)
