"""Look-up tables as they stand in headers; what they do to an X-ray is in `test_display`."""

import numpy as np
import pydicom
import pytest

from radlearn.scans.lookup_tables import lut_in


def header(entries: np.ndarray, bits: int, count: int | None = None) -> pydicom.Dataset:
    item, said = pydicom.Dataset(), pydicom.Dataset()
    item.LUTDescriptor = [len(entries) if count is None else count, 0, bits]
    item.LUTData = entries.astype("<u2").tobytes()
    said.VOILUTSequence = [item]
    said.set_original_encoding(False, True)
    return said


@pytest.mark.parametrize(
    ("highest", "bits", "range_ends"), [(4095, 16, 4095), (4095, 12, 4095), (2100, 12, 4095), (255, 16, 255), (60_000, 16, 65_535)]
)
def test_the_range_is_that_of_the_bits_that_the_entries_use(highest: int, bits: int, range_ends: int) -> None:
    notes: list[str] = []
    lut, trouble = lut_in(header(np.linspace(0, highest, 300).round(), bits), "VOILUTSequence", 4095, notes)
    assert lut is not None
    assert (lut.highest, trouble, bool(notes)) == (range_ends, "", range_ends != (1 << bits) - 1)
    assert lut(np.array([-5, 0, 299, 1000])).tolist() == [0, 0, highest, highest]


def test_a_table_that_is_not_whole_is_none_and_said() -> None:
    assert lut_in(header(np.arange(10), 12, count=11), "VOILUTSequence", 4095, []) == (
        None,
        "VOILUTSequence has 10 entries of 12 bits; its descriptor says 11",
    )
    assert lut_in(pydicom.Dataset(), "VOILUTSequence", 4095, []) == (None, "")


def test_a_table_of_zeros_only_keeps_its_bits() -> None:
    lut, _ = lut_in(header(np.zeros(10), 12), "VOILUTSequence", 4095, [])
    assert lut is not None
    assert lut.highest == 4095
