"""What killed processes left is removed; what somebody is writing, and what is another's, stays."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from radlearn import files
from radlearn.challenges.rsna import CHALLENGE as RSNA
from radlearn.leftovers import remove_leftovers, remove_leftovers_of, remove_unfinished, unfinished_beside
from radlearn.outputs import NOTHING_REPLACED, prove_output
from radlearn.workflow import data_source
from radlearn.workflow.table_command import write_first_table


def killed_while_it_writes(path: Path) -> None:
    child = os.fork()
    if child == 0:
        with files.written_whole(path):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def test_what_a_killed_writer_left_is_removed_and_what_is_being_written_and_what_is_anothers_stays(tmp_path: Path) -> None:
    killed_while_it_writes(tmp_path / "overlays" / "IM0001.png")
    assert len(list((tmp_path / "overlays").iterdir())) == 1
    (tmp_path / ".hidden-notes.txt").write_text("mine")
    (tmp_path / ".gitignore").touch()
    with files.written_whole(tmp_path / "masks" / "a.nii.gz") as temporary:
        temporary.write_bytes(b"half")
        remove_leftovers(tmp_path)
        assert temporary.exists()
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [".gitignore", ".hidden-notes.txt", "a.nii.gz"]


@pytest.mark.parametrize("name", ["sent.zip", "masks.nii.gz", "cases", "a.b.csv", f"{'long' * 12}.csv"])
def test_of_one_file_only_what_was_begun_of_it_is_removed(name: str, tmp_path: Path) -> None:
    others = (f"other-{name}", f"{name}.png", "kept.zip", f"sub/{name}")
    for one in (name, *others):
        killed_while_it_writes(tmp_path / one)
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert len(left) == 1 + len(others)
    with files.written_whole(tmp_path / name) as temporary:
        temporary.write_bytes(b"half")
        remove_leftovers_of(tmp_path / name)
        assert temporary.read_bytes() == b"half"
    assert sum(path.exists() for path in left) == len(others)
    assert len(list(tmp_path.glob("sub/.*"))) == 1


COMMANDS: list[Callable[[Path], object]] = [
    lambda out: prove_output(out, [], NOTHING_REPLACED, "a submission"),
    lambda out: write_first_table("classification", RSNA, out.parent / "images", out),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_removes_what_a_killed_one_began_of_the_same_file(
    command: Callable[[Path], object], tmp_path: Path, small_rsna: Path
) -> None:
    (tmp_path / "images").symlink_to(small_rsna)
    killed_while_it_writes(tmp_path / "sent.csv")
    killed_while_it_writes(tmp_path / "mine.csv")
    command(tmp_path / "sent.csv")
    assert [path.name.split("-")[0] for path in tmp_path.glob(".*.part.csv")] == [".mine"]


def test_folders_that_were_begun_are_those_of_the_same_name(tmp_path: Path) -> None:
    for name in (".rsna-unfinished-ab12cd34", ".rsna-unfinished-mine", ".other-unfinished-ab12cd34", "rsna-unfinished-ab12cd34"):
        (tmp_path / name / "stage_2_train_images").mkdir(parents=True)
    assert [path.name for path in unfinished_beside(tmp_path / "rsna")] == [".rsna-unfinished-ab12cd34"]
    remove_unfinished(tmp_path / "rsna")
    assert len(list(tmp_path.iterdir())) == 3
    assert unfinished_beside(tmp_path / "nowhere" / "rsna") == []


def test_built_in_patients_that_were_begun_in_the_cache_are_removed_before_they_are_made(
    own_cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []

    def write(folder: Path, count: int, seed: int) -> None:
        seen.append([path.name for path in unfinished_beside(folder)])
        folder.mkdir()

    monkeypatch.setattr("radlearn.digital_thorax.cohort.write_rsna", write)
    folder = data_source.built_in_folder(RSNA, 5, 0)
    begun = folder.parent / f".{folder.name}-unfinished-ab12cd34"
    begun.mkdir()
    # What is whole is not made again, and another process may be making the next.
    assert data_source.built_in_folder(RSNA, 5, 0) == folder
    assert begun.exists()
    folder.rmdir()
    assert data_source.built_in_folder(RSNA, 5, 0) == folder
    assert seen == [[], []]
