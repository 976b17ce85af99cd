"""An entry on the disk: the same arrays as were made, as maps, and nothing where the file is damaged."""

import json
import mmap
import pickle
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays_of
from safetensors.numpy import load_file, save_file

from radlearn.entry_files import TYPES, Entry, Made, opened_entry, write_entry
from radlearn.errors import BadSetting, CacheTrouble

SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
ARRAYS = some.sampled_from(sorted(TYPES.values())).flatmap(lambda kind: arrays_of.arrays(kind, SHAPES))


def written(folder: Path, **arrays: Any) -> Entry:
    path = folder / "entry.safetensors"
    write_entry(path, Made(arrays, {"said": 1}, {"more": [2]}))
    entry = opened_entry(path)
    assert entry is not None
    return entry


@given(some.dictionaries(some.text(max_size=5), ARRAYS, max_size=4))
def test_every_array_comes_back_with_its_type_shape_and_bits(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Any]) -> None:
    arrays.pop("__metadata__", None)
    path = tmp_path_factory.mktemp("entry") / "entry.safetensors"
    write_entry(path, Made(arrays))
    entry = opened_entry(path)
    assert entry is not None
    assert sorted(entry.names) == sorted(arrays)
    for name, found in entry.arrays().items():
        assert (found.dtype, found.shape) == (arrays[name].dtype, arrays[name].shape)
        assert found.tobytes() == arrays[name].tobytes()


def test_the_file_is_one_that_the_safetensors_library_reads(tmp_path: Path) -> None:
    entry = written(tmp_path, x=np.arange(6).reshape(2, 3), y=np.array(True))
    found = load_file(entry.path)
    np.testing.assert_array_equal(found["x"], [[0, 1, 2], [3, 4, 5]])
    assert found["y"].shape == ()


@pytest.mark.parametrize(
    "array",
    [np.arange(12).reshape(3, 4).T, np.arange(12)[::-2], np.arange(5, dtype=">i4"), np.asfortranarray(np.ones((2, 3))), np.float32(3)],
)
def test_a_view_and_the_other_byte_order_come_back_by_value(tmp_path: Path, array: Any) -> None:
    found = written(tmp_path, x=np.asarray(array)).array("x")
    np.testing.assert_array_equal(found, array)
    assert found.shape == np.shape(array)
    assert found.dtype == np.asarray(array).dtype.newbyteorder("<")


def test_arrays_are_maps_and_writing_to_one_changes_neither_the_file_nor_another_map(tmp_path: Path) -> None:
    entry = written(tmp_path, x=np.arange(10), y=np.zeros(3, np.uint8))
    before = entry.path.read_bytes()
    arrays = entry.arrays()
    assert isinstance(arrays["x"].base, mmap.mmap)
    assert arrays["x"].base is arrays["y"].base
    arrays["x"][:] = -1
    assert entry.path.read_bytes() == before
    np.testing.assert_array_equal(entry.array("x"), np.arange(10))


def test_an_entry_without_arrays_is_whole_too(tmp_path: Path) -> None:
    entry = written(tmp_path)
    assert (entry.names, entry.arrays(), entry.about, entry.details()) == ([], {}, {"said": 1}, {"more": [2]})


def test_what_was_said_comes_back_and_no_name_is_in_the_way(tmp_path: Path) -> None:
    about = {"about": 1, "detail about": {"deep": [None, "ä\ud800", 1e300]}}
    details = {"about": [True], "detail x": "y", "": 0}
    write_entry(tmp_path / "x.safetensors", Made({"about": np.zeros(1)}, about, details))
    entry = opened_entry(tmp_path / "x.safetensors")
    assert entry is not None
    assert (entry.about, entry.details()) == (about, details)
    assert entry.details("detail x", "about", "none") == {"detail x": "y", "about": [True]}


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([1j]), np.array([None]), np.zeros(2, "M8[s]"), np.zeros(2, "i4,f4")])
def test_an_array_of_a_type_that_the_format_lacks_is_refused_by_name(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(BadSetting, match=r"^image: an array of .* cannot be kept"):
        write_entry(tmp_path / "x.safetensors", Made({"image": array}))
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_is_not_json_is_refused_before_a_file_is_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_entry(tmp_path / "x.safetensors", Made({}, {"x": float("nan")}))
    assert list(tmp_path.iterdir()) == []


def test_an_array_that_an_entry_lacks_is_a_key_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="mask"):
        written(tmp_path, x=np.zeros(1)).array("mask")


def test_a_file_that_was_removed_or_cut_while_in_use_is_said(tmp_path: Path) -> None:
    entry = written(tmp_path, x=np.arange(10))
    entry.path.write_bytes(entry.path.read_bytes()[:-8])
    with pytest.raises(CacheTrouble, match=r"was removed or changed while it was in use"):
        entry.arrays()
    entry.path.unlink()
    for look in (entry.arrays, entry.details):
        with pytest.raises(CacheTrouble, match=r"entry\.safetensors: was removed .* Start again: it is then made anew"):
            look()


def test_an_entry_is_equal_by_its_file_and_small_when_sent(tmp_path: Path) -> None:
    entry = written(tmp_path, x=np.arange(100_000))
    again = opened_entry(entry.path)
    assert entry == again
    assert len({entry, again}) == 1
    sent = pickle.dumps(entry)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent).array("x"), np.arange(100_000))


def header_of(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])


def rewritten(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Write the header anew, with the checksum that it then has, so that only what it says is wrong."""

    def damage(path: Path) -> None:
        content = path.read_bytes()
        length = struct.unpack("<Q", content[:8])[0]
        said = header_of(path)
        said = change(said) or said
        known = isinstance(said, dict) and isinstance(said.get("__metadata__"), dict) and "checksum" in said["__metadata__"]
        if known:
            said["__metadata__"]["checksum"] = "00000000"
        text = json.dumps(said, separators=(",", ":")).encode()
        whole = struct.pack("<Q", len(text)) + text + content[8 + length :]
        checksum = f"{zlib.crc32(whole):08x}".encode()
        path.write_bytes(whole.replace(b'"checksum":"00000000"', b'"checksum":"' + checksum + b'"', 1) if known else whole)

    return damage


def said_of_x(**changes: Any) -> Callable[[Path], None]:
    return rewritten(lambda said: said["x"].update(changes))


def cut_at(length: int) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes()[:length])


def with_length(length: int) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])


def test_a_header_written_anew_is_read(tmp_path: Path) -> None:
    """So it is what a header says, below, that is found out."""
    entry = written(tmp_path, x=np.arange(6).reshape(2, 3))
    said_of_x(shape=[6])(entry.path)
    again = opened_entry(entry.path)
    assert again is not None
    np.testing.assert_array_equal(again.array("x"), np.arange(6))


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink, cut_at(0), cut_at(5), cut_at(8), cut_at(30), cut_at(-1), with_length(0), with_length(2**63), with_length(7),
        lambda path: path.write_bytes(path.read_bytes() + b"\0"), lambda path: path.write_bytes(bytes(len(path.read_bytes()))),
        said_of_x(shape=[3, 3]), said_of_x(shape=[-2, -3]), said_of_x(shape=[1e400]), said_of_x(shape=None), said_of_x(dtype="F128"),
        said_of_x(dtype="I32"), said_of_x(data_offsets=[-8, 40]), said_of_x(data_offsets=[0]), said_of_x(data_offsets="ab"),
        rewritten(lambda said: {"x": said["x"]}), rewritten(lambda said: [1]),
        rewritten(lambda said: said["__metadata__"].update(about="[]")), rewritten(lambda said: said["__metadata__"].update(about="{")),
        rewritten(lambda said: said["__metadata__"].pop("about")), rewritten(lambda said: said["__metadata__"].pop("checksum")),
        rewritten(lambda said: said.update(__metadata__={})), rewritten(lambda said: said.update(__metadata__=7)),
        rewritten(lambda said: said.update(x=3)),
    ],
)  # fmt: skip
def test_what_is_damaged_counts_as_nothing(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    entry = written(tmp_path, x=np.arange(6).reshape(2, 3))
    damage(entry.path)
    assert opened_entry(entry.path) is None


@pytest.mark.parametrize("at", [3, 60, -1, -20, -40])
@pytest.mark.parametrize("bit", [1, 128])
def test_one_flipped_bit_makes_an_entry_damaged(tmp_path: Path, at: int, bit: int) -> None:
    """In the length, the header, the first and the last number: none of them can be seen from shapes and sizes."""
    entry = written(tmp_path, x=np.arange(6, dtype=np.float64))
    content = bytearray(entry.path.read_bytes())
    content[at] ^= bit
    entry.path.write_bytes(content)
    assert opened_entry(entry.path) is None
    content[at] ^= bit
    entry.path.write_bytes(content)
    assert opened_entry(entry.path) is not None


def test_an_entry_can_be_read_by_its_owner_alone(tmp_path: Path) -> None:
    entry = written(tmp_path, x=np.arange(6))
    assert entry.path.stat().st_mode & 0o077 == 0


def test_the_checksum_is_that_of_the_file_with_noughts_in_its_place(tmp_path: Path) -> None:
    entry = written(tmp_path, x=np.arange(6))
    said = header_of(entry.path)["__metadata__"]["checksum"]
    content = entry.path.read_bytes()
    assert int(said, 16) == zlib.crc32(content.replace(f'"checksum":"{said}"'.encode(), b'"checksum":"00000000"'))


def test_a_file_of_another_program_is_no_entry(tmp_path: Path) -> None:
    save_file({"x": np.zeros(3)}, tmp_path / "x.safetensors")
    assert opened_entry(tmp_path / "x.safetensors") is None
    assert opened_entry(tmp_path) is None
