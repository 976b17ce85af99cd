"""Images and their label maps in a table."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from radlearn.challenges import covid19, ultrasound
from radlearn.challenges.tables.ct_table import is_ct_table
from radlearn.challenges.tables.label_map_table import audit, find_cases, is_label_map_table
from radlearn.challenges.ultrasound_case import UltrasoundCase
from radlearn.errors import BadLayout


def table_of(folder: Path, text: str) -> Path:
    for name in ("a.png", "b.dcm", "masks/a.png", "masks/b.tif", "c.jpg", "v.nii.gz"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / "cases.csv").write_text(text)
    return folder / "cases.csv"


def test_images_and_label_maps_make_cases_in_the_order_of_the_table(tmp_path: Path) -> None:
    text = "path,mask,person,probe,split,classes\nb.dcm,masks/b.tif,p,linear,,nerve|vessel\na.png,masks/a.png,q,curved,,nerve|vessel\n"
    path = table_of(tmp_path, text.replace(",split", "").replace(",,", ","))
    assert ultrasound.find_cases(path) == [
        UltrasoundCase("b", tmp_path / "b.dcm", tmp_path / "masks/b.tif", "p", tmp_path, None, (("probe", "linear"),), ("nerve", "vessel")),
        UltrasoundCase("a", tmp_path / "a.png", tmp_path / "masks/a.png", "q", tmp_path, None, (("probe", "curved"),), ("nerve", "vessel")),
    ]
    assert ultrasound.layout_folder(path) == path
    assert find_cases(path)[0].truth == (tmp_path / "masks" / "b.tif",)


def test_without_names_classes_have_none(tmp_path: Path) -> None:
    assert find_cases(table_of(tmp_path, "path,mask\na.png,masks/a.png\n"))[0].class_names == ()


def test_a_table_is_of_volumes_or_of_images_never_both(tmp_path: Path) -> None:
    volumes = table_of(tmp_path, "path,mask\na.png,v.nii.gz\n")
    assert (is_ct_table(volumes), is_label_map_table(volumes)) == (True, False)
    assert ultrasound.layout_folder(volumes) is None
    images = table_of(tmp_path, "path,mask\na.png,masks/a.png\n")
    assert (is_ct_table(images), is_label_map_table(images)) == (False, True)
    assert covid19.layout_folder(images) is None
    assert not is_label_map_table(table_of(tmp_path, "path,label\na.png,1\n"))
    assert not is_label_map_table(tmp_path / "none.csv")


def test_label_maps_in_volume_files_of_one_slice_are_known_by_their_headers(tmp_path: Path) -> None:
    flat, deep = np.zeros((20, 30), np.uint8), np.zeros((4, 20, 30), np.uint8)
    for name, array in (("i.nii.gz", flat), ("m.nii.gz", flat), ("n.mha", flat[None]), ("ct.nii.gz", deep), ("seg.nii.gz", deep)):
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(array), str(tmp_path / name))
    images = table_of(tmp_path, "path,mask\ni.nii.gz,m.nii.gz\na.png,n.mha\n")
    assert (is_ct_table(images), is_label_map_table(images)) == (False, True)
    assert [case.mask_path for case in find_cases(images)] == [tmp_path / "m.nii.gz", tmp_path / "n.mha"]
    volumes = table_of(tmp_path, "path,mask\nct.nii.gz,seg.nii.gz\n")
    assert (is_ct_table(volumes), is_label_map_table(volumes)) == (True, False)
    mixed = table_of(tmp_path, "path,mask\ni.nii.gz,m.nii.gz\na.png,n.mha\nct.nii.gz,seg.nii.gz\n")
    with pytest.raises(BadLayout, match=r"line 4, column mask: is 'seg\.nii\.gz'; expected a picture, .*, or a file of one slice"):
        find_cases(mixed)


BAD = {
    "path,mask\na.png,\nb.dcm,masks/b.tif\n": "line 2, column mask: is empty; an image on which nothing is seen has a label map of zeros.",
    "path,mask\na.png,none.png\n": "line 2, column mask: is 'none.png', and there is no such file",
    "path,mask\na.png,./a.png\n": "line 2, column mask: is the image itself; expected its label map.",
    "path,mask\na.png,c.jpg\n": "line 2, column mask: is 'c.jpg'; a JPEG changes the values",
    "path,mask\na.png,v.nii.gz\nb.dcm,masks/b.tif\nc.jpg,masks/a.png\n": "line 2, column mask: is 'v.nii.gz'; expected a picture",
    "path,mask\na.png,masks/a.png\nb.dcm,masks/a.png\n": "line 3, column mask: is the label map of line 2 too",
    "path,mask\na.png,masks/a.png\na.png,masks/b.tif\n": "line 3, column path: is the image of line 2 again",
    "path,mask,classes\na.png,masks/a.png,x\nb.dcm,masks/b.tif,y\n": "line 3, column classes: is 'y' here and 'x' in line 2",
    "path,mask,classes\na.png,masks/a.png,x|\n": "line 2, column classes: is 'x|'; expected a name of its own for each class",
    "path,mask,classes\na.png,masks/a.png,nerve;vessel\n": "is 'nerve;vessel'; names are joined by |, not by ;. Write nerve|vessel.",
    'path,mask,classes\na.png,masks/a.png,"nerve, vessel"\n': "is 'nerve, vessel'; names are joined by |, not by ,. Write nerve|vessel.",
    "path,mask,classes\na.png,masks/a.png,background|nerve|vessel\n": "the first name is that of class 1. Write nerve|vessel, if",
    "path,mask,classes\na.png,masks/a.png,BG|nerve\n": "Write nerve, if BG is what 0 stands for.",
    "path,mask,classes\na.png,masks/a.png,nerve|Hintergrund\n": "Write nerve, if Hintergrund is what 0 stands for.",
    "path,mask,classes\na.png,masks/a.png,none\n": "Write the names of classes 1, 2, … alone, if none is what 0",
    "path,mask,classes\na.png,masks/a.png,x|X\n": "line 2, column classes: is 'x|X'; expected a name of its own",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_table_names_row_column_value_and_rule(tmp_path: Path, text: str) -> None:
    path = table_of(tmp_path, text)
    assert any(BAD[text] in trouble for trouble in audit(path)[0].troubles), audit(path)[0].troubles
    with pytest.raises(BadLayout, match=r"cases\.csv: "):
        ultrasound.find_cases(path)
