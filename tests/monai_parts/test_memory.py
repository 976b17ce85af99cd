"""Free memory, as the machine and a container's limit say."""

from pathlib import Path

import pytest
import torch

from radlearn.monai_parts import memory
from radlearn.monai_parts.memory import free_bytes, is_out_of_memory

CPU = torch.device("cpu")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GB free, in no container."""
    (tmp_path / "meminfo").write_text("MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    8000000 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "GROUP", tmp_path / "group")
    return tmp_path


def in_a_container(machine: Path, most: str, held: int, cached: int) -> None:
    (machine / "group").mkdir()
    (machine / "group/memory.max").write_text(f"{most}\n")
    (machine / "group/memory.current").write_text(f"{held}\n")
    (machine / "group/memory.stat").write_text(f"anon 5\ninactive_file {cached}\n")


def test_what_the_machine_says_is_available_is_free(machine: Path) -> None:
    assert free_bytes(CPU) == 8_000_000 * 1024


def test_a_containers_limit_counts_if_it_is_nearer_and_cached_files_are_free(machine: Path) -> None:
    in_a_container(machine, "4000000000", 3_000_000_000, 500_000_000)
    assert free_bytes(CPU) == 1_500_000_000


@pytest.mark.parametrize("most", ["max", "99000000000000", "nonsense"])
def test_no_limit_a_distant_one_or_one_that_says_nothing_changes_nothing(machine: Path, most: str) -> None:
    in_a_container(machine, most, 1000, 0)
    assert free_bytes(CPU) == 8_000_000 * 1024


def test_nothing_is_left_where_more_is_held_than_may_be(machine: Path) -> None:
    in_a_container(machine, "1000", 2000, 0)
    assert free_bytes(CPU) == 0


def test_without_a_word_from_the_machine_there_is_a_guess(machine: Path) -> None:
    (machine / "meminfo").unlink()
    assert free_bytes(CPU) > 100_000_000


def test_here_something_is_free() -> None:
    assert free_bytes(CPU) > 0


def caused(by: Exception) -> Exception:
    error = RuntimeError("patch size (1, 2, 3)")
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (caused(torch.OutOfMemoryError("CUDA out of memory")), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
        (None, False),
    ],
)
def test_an_error_that_memory_caused_is_told_from_others(error: Exception | None, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
