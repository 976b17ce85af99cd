"""CTs and their masks in a table."""

from pathlib import Path

import pytest

from radlearn.challenges import covid19
from radlearn.challenges.ct_case import Case
from radlearn.challenges.tables.ct_table import audit, find_cases, is_ct_table
from radlearn.errors import BadLayout


def table_of(folder: Path, text: str) -> Path:
    for name in ("a.nii.gz", "b.nii.gz", "masks/a.nii.gz", "masks/b.nii.gz", "series/1.dcm", "c.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    (folder / "cases.csv").write_text(text)
    return folder / "cases.csv"


def test_scans_and_masks_make_cases_in_the_order_of_the_table(tmp_path: Path) -> None:
    text = "path,mask,person,site\nb.nii.gz,masks/b.nii.gz,p,N\nseries,masks/a.nii.gz,q,S\n"
    path = table_of(tmp_path, text)
    assert covid19.find_cases(path) == [
        Case("b", tmp_path / "b.nii.gz", tmp_path / "masks" / "b.nii.gz", "p", tmp_path, None, (("site", "N"),)),
        Case("series", tmp_path / "series", tmp_path / "masks" / "a.nii.gz", "q", tmp_path, None, (("site", "S"),)),
    ]
    assert covid19.layout_folder(path) == path
    assert find_cases(path)[0].folder == tmp_path


BAD = {
    "path,mask\na.nii.gz,\n": "line 2, column mask: is empty; a CT without a lesion has a mask of zeros.",
    "path,mask\na.nii.gz,none.nii.gz\n": "line 2, column mask: is 'none.nii.gz', and there is no such file",
    "path,mask\na.nii.gz,./a.nii.gz\n": "line 2, column mask: is the CT itself; expected its mask.",
    "path,mask\na.nii.gz,c.png\n": "line 2, column mask: is 'c.png'; expected a volume: .nii.gz, .nii, .mha or .nrrd",
    "path,mask\na.nii.gz,masks/a.nii.gz\nb.nii.gz,masks/a.nii.gz\n": "line 3, column mask: is the mask of line 2 too",
    "path,mask\na.nii.gz,masks/a.nii.gz\na.nii.gz,masks/b.nii.gz\n": "line 3, column path: is the CT of line 2 again",
    "path,seg\na.nii.gz,masks/a.nii.gz\n": "expected also mask. Is seg the mask? Then call it so.",
}  # fmt: skip


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_bad_table_names_row_column_value_and_rule(tmp_path: Path, text: str) -> None:
    path = table_of(tmp_path, text)
    assert any(BAD[text] in trouble for trouble in audit(path)[0].troubles), audit(path)[0].troubles
    with pytest.raises(BadLayout, match=r"cases\.csv: "):
        covid19.find_cases(path)


def test_a_table_of_labels_is_none_of_cts(tmp_path: Path) -> None:
    assert not is_ct_table(table_of(tmp_path, "path,label\na.nii.gz,1\n"))
    assert covid19.layout_folder(tmp_path / "cases.csv") is None
