"""The error for a folder that is not in the RSNA layout gives the advice that fits."""

from pathlib import Path

import pytest

from radlearn.challenges.folders import describe_folder
from radlearn.challenges.rsna_folder import missing_layout
from tests.challenges.test_folders import with_files

EXPECTED = ("images", "labels.csv")


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        ((), "Put the challenge's files there"),
        (("rsna.zip",), "Unpack rsna.zip in that folder first"),
        (("labels.csv",), "The table is there, its X-rays are not. Put them into images/"),
        (("images/a.dcm",), "The X-rays are there, but not labels.csv"),
        (("a.dcm",), "The X-rays are there, but not labels.csv"),
        (("holiday.jpg",), "Put the challenge's files there"),
    ],
)
def test_the_advice_fits_what_is_there(tmp_path: Path, names: tuple[str, ...], advice: str) -> None:
    words = str(missing_layout(with_files(tmp_path, *names), EXPECTED))
    assert words.startswith(f"{tmp_path}: {describe_folder(tmp_path)}. Expected labels.csv and images/")
    assert advice in words
