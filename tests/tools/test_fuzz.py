"""Damaged files of every kind are read or refused in words; and what looks for more is shown faults that it must find."""

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from radlearn.errors import BadLayout
from tools import fuzz
from tools.fuzz import Bench, Finding, fuzzed, fuzzed_apart
from tools.fuzz_mutations import damaged
from tools.fuzz_targets import TARGETS
from tools.fuzz_targets.target import Target, must_be_finite

# Over all kinds of files 2,000; `make fuzz` tries a hundred times as many, with other numbers.
EACH = 100


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused_in_words(name: str) -> None:
    found = fuzzed(TARGETS[name], range(EACH))
    assert not found, "\n\n".join(f"number {one.number}, {one.file}: {one.error}" for one in found)


def one_file(folder: Path) -> Mapping[Path, Path]:
    path = folder / "numbers.json"
    path.write_text(json.dumps({"numbers": list(range(40))}))
    return {path: path}


def planted(error: type[BaseException]) -> Target:
    def read(path: Path) -> None:
        try:
            json.loads(path.read_bytes())
        except ValueError:
            raise error("it is damaged") from None

    return Target("planted", one_file, read)


def test_an_error_that_is_not_ours_is_a_finding_and_one_of_ours_is_none() -> None:
    found = fuzzed(planted(KeyError), range(60))
    assert 10 < len(found) <= 60
    assert all("KeyError" in one.error and one.file == "numbers.json" for one in found)
    assert fuzzed(planted(BadLayout), range(60)) == []


def test_a_traceback_inside_of_our_own_message_is_a_finding() -> None:
    def read(path: Path) -> None:
        if path.read_bytes()[:1] != b"{":
            raise BadLayout("Traceback (most recent call last): …")

    assert fuzzed(Target("planted", one_file, read), range(60))


def test_an_image_with_values_that_are_none_is_a_finding(tmp_path: Path) -> None:
    def read(path: Path) -> None:
        if path.read_bytes() != sound:
            must_be_finite([1.0, np.nan])

    sound = next(iter(one_file(tmp_path))).read_bytes()
    assert any("not finite" in one.error for one in fuzzed(Target("planted", one_file, read), range(5)))


def test_what_is_done_depends_on_seed_and_number_alone(tmp_path: Path) -> None:
    bench = Bench(planted(BadLayout), tmp_path)
    [path] = bench.sound
    first = [bench.damaged_file(number) for number in range(20)]
    assert first == [bench.damaged_file(number) for number in range(20)]
    assert len({content for _, content in first}) > 15
    assert first != [bench.damaged_file(number, seed=1) for number in range(20)]
    bench.tried(3)
    assert path.read_bytes() == bench.sound[path]


@pytest.mark.parametrize("name", ["a.csv", "a.dcm", "a.nii", "a.nii.gz", "a.png"])
def test_files_of_every_length_are_damaged(name: str) -> None:
    import gzip

    for content in (b"", b"x", b"1,2\n3,4\n" * 9):
        # What is no DICOM file has no elements.
        if name != "a.dcm":
            sound = gzip.compress(content) if name.endswith(".gz") else content
            changed = [damaged(sound, name, np.random.default_rng(number)) for number in range(50)]
            assert any(one != sound for one in changed)


def test_a_process_that_is_killed_is_a_finding_and_the_next_file_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> None:
        if not path.read_bytes().startswith(b'{"numbers"'):
            os.kill(os.getpid(), signal.SIGKILL)

    target = Target("killed", one_file, read)
    monkeypatch.setitem(TARGETS, "killed", target)
    found = fuzzed_apart("killed", range(12))
    assert found
    assert all(one == Finding("killed", one.number, "", f"the process ended with {-signal.SIGKILL}") for one in found)
    monkeypatch.setitem(TARGETS, "killed", planted(KeyError))
    assert {one.number for one in found} < set(range(12))


def test_an_answer_that_takes_too_long_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path) -> None:
        while not path.read_bytes().startswith(b'{"numbers"'):
            pass

    monkeypatch.setitem(TARGETS, "slow", Target("slow", one_file, read))
    monkeypatch.setattr(fuzz, "MOST_SECONDS", 1)
    found = fuzzed_apart("slow", range(4))
    assert found
    assert all("longer than 1 s" in one.error for one in found)
