"""What a header declares decides whether its pixels are read: bounds of sizes, spellings of greys, and one decoder for each syntax."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom import uid

from radlearn.errors import UnreadableScan
from radlearn.scans.decodable import MOST_PIXELS, PLUGIN_OF, photometric_of, refuse_absurd_size


def test_an_image_has_at_least_one_pixel_and_at_most_so_many() -> None:
    refuse_absurd_size(Path("a.dcm"), 1, 1)
    refuse_absurd_size(Path("a.dcm"), 1 << 13, MOST_PIXELS >> 13)
    for rows, columns in ((0, 512), (512, 0), (-1, 512)):
        with pytest.raises(UnreadableScan, match=f"declares {rows} rows and {columns} columns"):
            refuse_absurd_size(Path("a.dcm"), rows, columns)
    with pytest.raises(UnreadableScan, match=r"8,192 × 16,385 px \(width × height\); radlearn reads images of up to 134,217,728 pixels"):
        refuse_absurd_size(Path("a.dcm"), 16385, 8192)


@pytest.mark.parametrize("written", ["MONOCHROME1", "monochrome1", " MONOCHROME1 ", "MONOCHROME1\0"])
def test_the_photometric_interpretation_is_read_however_it_is_spelt(written: str) -> None:
    assert photometric_of({"PhotometricInterpretation": written}) == "MONOCHROME1"
    assert photometric_of(SimpleNamespace(get=lambda _: None)) == ""


def test_video_and_private_syntaxes_have_no_decoder() -> None:
    assert uid.JPEGLosslessSV1 in PLUGIN_OF
    assert not {uid.MPEG2MPML, uid.HEVCMP51, uid.UID("1.2.840.113619.5.2")} & PLUGIN_OF.keys()
