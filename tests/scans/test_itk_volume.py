"""MetaImage and NRRD, written by SimpleITK, read as nibabel reads the same scan."""

import gzip
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from monai.transforms import Compose, LoadImaged

from radlearn.challenges.covid19 import CHALLENGE
from radlearn.errors import UnreadableScan
from radlearn.monai_parts.ct_reader import CTReader, MaskReader
from radlearn.scans import volume_files
from radlearn.scans.geometry import same_grid
from radlearn.scans.itk_header import AXES_UNKNOWN
from radlearn.scans.itk_volume import is_itk_file, read_itk_grid, read_itk_volume
from radlearn.scans.mask_files import read_mask

KINDS = ("plain.mha", "packed.mha", "plain.nrrd", "packed.nrrd", "LARGE.NRRD")


def scan(dtype: type = np.int16) -> SimpleITK.Image:
    """Return 7 × 6 × 5 voxels with different spacings, turned by 20° and mirrored."""
    image = SimpleITK.GetImageFromArray(np.random.default_rng(0).integers(0, 120, (5, 6, 7)).astype(dtype))
    image.SetSpacing((0.7, 0.8, 5.0))
    image.SetOrigin((-120.5, 33.25, 900.0))
    c, s = np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))
    image.SetDirection((c, -s, 0, s, c, 0, 0, 0, -1))
    return image


def written(path: Path, image: SimpleITK.Image | None = None) -> Path:
    SimpleITK.WriteImage(scan() if image is None else image, str(path), "packed" in path.name)
    return path


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int32, np.float32, np.float64])
def test_voxels_and_place_are_those_of_the_same_scan_as_nifti(tmp_path: Path, name: str, dtype: type) -> None:
    image = scan(dtype)
    SimpleITK.WriteImage(image, str(tmp_path / "same.nii.gz"))
    same = volume_files.read_volume(tmp_path / "same.nii.gz")
    found = volume_files.read_volume(written(tmp_path / name, image))
    assert np.array_equal(found.voxels, same.voxels)
    assert found.voxels.dtype == (np.float32 if dtype == np.float64 else dtype)
    assert np.allclose(found.affine, same.affine, atol=1e-4)
    assert same_grid(volume_files.read_grid(tmp_path / name), same.grid)
    assert found.notes == ()
    # A corner of it, by ITK itself: its points are LPS.
    point = np.array(image.TransformIndexToPhysicalPoint((6, 5, 4))) * (-1, -1, 1)
    assert found.affine @ (6, 5, 4, 1) == pytest.approx([*point, 1])


def test_a_mask_may_be_another_kind_of_file_than_its_scan(tmp_path: Path) -> None:
    inside = SimpleITK.Cast(scan() > 60, SimpleITK.sitkUInt8)
    inside.CopyInformation(scan())
    mask = read_mask(written(tmp_path / "packed.nrrd", inside), read_itk_volume(written(tmp_path / "ct.mha")))
    assert np.array_equal(mask.voxels, SimpleITK.GetArrayFromImage(scan()).T > 60)
    turned = SimpleITK.Flip(inside, (True, False, False))
    with pytest.raises(UnreadableScan, match="another grid"):
        read_mask(written(tmp_path / "turned.mha", turned), read_itk_volume(tmp_path / "ct.mha"))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("lost", [1, 20, 150])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str, lost: int, capfd: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / name)
    path.write_bytes(path.read_bytes()[:-lost])
    with pytest.raises(UnreadableScan, match=r"truncated|damaged") as raised:
        volume_files.read_volume(path)
    assert str(raised.value).startswith(f"{path}: ")
    # ITK prints to the terminal on its own.
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["packed.mha", "packed.nrrd"])
def test_no_flipped_bit_of_packed_voxels_is_believed(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    good, true = path.read_bytes(), SimpleITK.GetArrayFromImage(scan()).T
    begins = good.index(b"\n\n") if name.endswith("nrrd") else good.index(b"LOCAL\n")
    refused = 0
    for place in range(begins + 20, len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        try:
            assert np.array_equal(read_itk_volume(path).voxels, true)
        except UnreadableScan:
            refused += 1
    # A few bits of a packed file mean nothing, as the time in gzip's header.
    assert refused > 0.9 * (len(good) - begins - 20)


@pytest.mark.parametrize("byte_order", ["little", "big"])
@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("declared", ["0.97", "12345", "1", "99999999", "-5", "none"])
def test_packed_voxels_are_those_of_the_stream_whatever_size_a_header_gives_them(
    tmp_path: Path, declared: str, kind: type, byte_order: str, capfd: pytest.CaptureFixture[str]
) -> None:
    # The stream is made by hand: what ITK reads of it is in doubt.
    image = scan(kind)
    header = written(tmp_path / "packed.mha", image).read_bytes().partition(b"ElementDataFile = LOCAL\n")
    true = SimpleITK.GetArrayFromImage(image)
    packed = zlib.compress(true.astype(np.dtype(kind).newbyteorder("<" if byte_order == "little" else ">")).tobytes())
    size = {"0.97": f"CompressedDataSize = {int(0.97 * len(packed))}\n", "none": ""}.get(declared, f"CompressedDataSize = {declared}\n")
    lines = re.sub(rb"CompressedDataSize = \d+\n", size.encode(), header[0])
    lines = lines.replace(b"ByteOrderMSB = False", b"ByteOrderMSB = " + str(byte_order == "big").encode())
    path = tmp_path / "wrong.mha"
    path.write_bytes(lines + header[1] + packed)
    found = read_itk_volume(path).voxels
    assert np.array_equal(found, true.T)
    assert found.dtype == (np.float32 if kind == np.float64 else kind)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["packed.nrrd", "packed.mha"])
def test_packed_voxels_of_either_byte_order_and_of_gzip_are_read_as_itk_reads_them(tmp_path: Path, name: str) -> None:
    head, mark, _ = written(tmp_path / name).read_bytes().partition(b"\n\n" if name.endswith("nrrd") else b"LOCAL\n")
    head = head.replace(b"endian: little", b"endian: big").replace(b"ByteOrderMSB = False", b"ByteOrderMSB = True")
    packed = gzip.compress(SimpleITK.GetArrayFromImage(scan()).astype(">i2").tobytes())
    head = re.sub(rb"CompressedDataSize = \d+", f"CompressedDataSize = {len(packed)}".encode(), head)
    (tmp_path / name).write_bytes(head + mark + packed)
    by_itk = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / name))).T
    assert np.array_equal(read_itk_volume(tmp_path / name).voxels, by_itk)
    assert np.array_equal(by_itk, SimpleITK.GetArrayFromImage(scan()).T)


@pytest.mark.parametrize("name", ["a.mha", "a.nrrd"])
def test_a_little_padding_after_the_voxels_is_no_slice(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    path.write_bytes(path.read_bytes() + bytes(7 * 6 * 2 - 1))
    assert np.array_equal(read_itk_volume(path).voxels, SimpleITK.GetArrayFromImage(scan()).T)


def with_lines(path: Path, change: dict[bytes, bytes]) -> Path:
    content = path.read_bytes()
    for old, new in change.items():
        assert old in content
        content = content.replace(old, new, 1)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("a.mha", {b"ElementDataFile = LOCAL": b"ElementDataFile = ../secret.raw"}, "another file"),
        ("a.mha", {b"ElementDataFile = LOCAL": b"ElementDataFile = LIST"}, "another file"),
        ("a.mha", {b"BinaryData = True": b"BinaryData = False"}, "as text"),
        ("a.mha", {b"DimSize = 7 6 5": b"DimSize = 7 6 500000"}, "truncated"),
        ("a.mha", {b"DimSize = 7 6 5": b"DimSize = 70000 60000 50000"}, "no scan"),
        ("a.mha", {b"ElementSpacing = 0.6": b"ElementSpacing = 0 0 0 0.6"}, "span no volume|header cannot be read"),
        ("packed.mha", {b"DimSize = 7 6 5": b"DimSize = 7 6 4"}, "more voxels"),
        ("packed.nrrd", {b"sizes: 7 6 5": b"sizes: 7 6 4"}, "more voxels"),
        ("a.mha", {b"DimSize = 7 6 5": b"DimSize = 7 6 3"}, "2 more slices than the 3 that its header declares"),
        ("a.nrrd", {b"sizes: 7 6 5": b"sizes: 7 6 4"}, "1 more slice than the 4"),
        ("a.nrrd", {b"encoding: raw": b"encoding: gzip"}, "damaged"),
        ("packed.nrrd", {b"encoding: gzip": b"encoding: raw"}, "truncated"),
        ("packed.mha", {b"CompressedData = True": b"CompressedData = False"}, "truncated"),
        ("a.nrrd", {b"encoding: raw": b"encoding: ascii"}, "encoding 'ascii'"),
        ("a.nrrd", {b"encoding: raw": b"encoding: raw\ndata file: /etc/hostname"}, "another file"),
        ("a.nrrd", {b"encoding: raw": b"encoding: raw\nbyte skip: 12"}, "skipped"),
        ("a.nrrd", {b"encoding: raw": b'encoding: raw\nspace units: "um" "um" "um"'}, "'um'"),
        ("a.nrrd", {b"sizes: 7 6 5": b"sizes: 7 6 50000"}, "truncated"),
        ("a.nrrd", {b"NRRD0004": b"MRRD0004"}, "not an NRRD file"),
    ],
)
def test_what_is_odd_is_refused_in_one_sentence(tmp_path: Path, name: str, change: dict[bytes, bytes], says: str) -> None:
    path = with_lines(written(tmp_path / name), change)
    with pytest.raises(UnreadableScan, match=says) as raised:
        read_itk_volume(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "line"),
    [("a.mha", b"TransformMatrix"), ("a.nrrd", b"space directions")],
)
def test_a_file_without_directions_is_read_with_a_note(tmp_path: Path, name: str, line: bytes) -> None:
    path = written(tmp_path / name)
    lines = path.read_bytes().split(b"\n")
    without = [one for one in lines if not one.startswith((line, b"AnatomicalOrientation", b"space", b"kinds"))]
    if name.endswith(".nrrd"):
        without.insert(without.index(b"sizes: 7 6 5") + 1, b"spacings: 0.7 0.8 5")
    path.write_bytes(b"\n".join(without))
    found = read_itk_volume(path)
    assert found.notes == (AXES_UNKNOWN,)
    assert np.allclose(np.abs(found.affine[:3, :3]), np.diag([0.7, 0.8, 5]))


def test_more_than_one_number_a_voxel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match="3 values a voxel"):
        read_itk_volume(written(tmp_path / "colour.mha", SimpleITK.Compose(scan(), scan(), scan())))
    with pytest.raises(UnreadableScan, match="2 axes"):
        read_itk_volume(written(tmp_path / "flat.nrrd", scan()[:, :, 2]))
    with pytest.raises(UnreadableScan, match="4 axes"):
        read_itk_volume(written(tmp_path / "series.nrrd", SimpleITK.JoinSeries(scan(), scan())))


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    voxels = np.zeros((5, 6, 7), np.float32)
    voxels[0, 0, :3] = np.nan, np.inf, -np.inf
    for name in ("a.mha", "packed.nrrd"):
        with pytest.raises(UnreadableScan, match="3 of 210 voxels are not finite"):
            read_itk_volume(written(tmp_path / name, SimpleITK.GetImageFromArray(voxels)))


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    # 3 GB of zeros in a few MB, as its header says, and a header that says less than there is.
    header = b"NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 1000 1000 1500\n"
    header += (
        b"space directions: (1,0,0) (0,1,0) (0,0,1)\nkinds: domain domain domain\nendian: little\nencoding: gzip\nspace origin: (0,0,0)\n\n"
    )
    bomb = tmp_path / "bomb.nrrd"
    bomb.write_bytes(header + gzip.compress(bytes(50_000_000)))
    with pytest.raises(UnreadableScan, match="no scan"):
        read_itk_volume(bomb)
    bomb.write_bytes(header.replace(b"1000 1000 1500", b"10 10 15") + gzip.compress(bytes(50_000_000)))
    with pytest.raises(UnreadableScan, match="more voxels than its header declares"):
        read_itk_volume(bomb)


def test_what_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableScan, match="there is no such file"):
        read_itk_grid(tmp_path / "no.mha")
    (tmp_path / "empty.nrrd").touch()
    with pytest.raises(UnreadableScan, match="is empty"):
        read_itk_grid(tmp_path / "empty.nrrd")
    assert is_itk_file(tmp_path / "a.NRRD")
    assert not is_itk_file(tmp_path / "a.mhd")


def test_the_lesson_takes_them_in_a_table_and_in_a_folder(tmp_path: Path) -> None:
    inside = SimpleITK.Cast(scan() > 60, SimpleITK.sitkUInt8)
    inside.CopyInformation(scan())
    (tmp_path / "cts").mkdir()
    (tmp_path / "masks").mkdir()
    for person in "ab":
        written(tmp_path / "cts" / f"{person}.mha")
        written(tmp_path / "masks" / f"packed-{person}.nrrd", inside)
    table = tmp_path / "cases.csv"
    table.write_text("path,mask,person\n" + "".join(f"cts/{one}.mha,masks/packed-{one}.nrrd,{one}\n" for one in "ab"))
    cases = CHALLENGE.find_cases(table)
    assert [(case.image_id, case.mask_path.name if case.mask_path else "") for case in cases] == [
        ("a", "packed-a.nrrd"),
        ("b", "packed-b.nrrd"),
    ]
    assert [case.image_id for case in CHALLENGE.find_images(tmp_path / "cts")] == ["a", "b"]
    loaded = Compose([LoadImaged("image", reader=CTReader()), LoadImaged("mask", reader=MaskReader())])(
        {"image": cases[0].path, "mask": cases[0].mask_path}
    )
    assert np.array_equal(loaded["image"].numpy(), SimpleITK.GetArrayFromImage(scan()).T)
    assert np.array_equal(loaded["mask"].numpy() > 0, SimpleITK.GetArrayFromImage(inside).T > 0)
    assert np.allclose(loaded["image"].affine.numpy(), read_itk_grid(cases[0].path).affine)
