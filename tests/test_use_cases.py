"""The registry: what is named there exists, and naming it loads nothing heavy."""

import subprocess
import sys

import pytest

from radlearn.use_cases import USE_CASES, UseCase, challenges


def test_challenges_are_loaded_without_torch() -> None:
    code = (
        "import sys; from radlearn.use_cases import challenges\n"
        "print(sorted(challenges()), [name for name in ('torch', 'monai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{sorted(challenges())} []"


def test_what_is_kept_of_each_case_is_loaded_without_torch() -> None:
    code = (
        "import sys; from radlearn.use_cases import USE_CASES\n"
        "kept = [len(one.load_case_format().scores) for one in USE_CASES.values()]\n"
        "print(kept, [name for name in ('torch', 'monai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[8, 7, 8, 5] []"
    assert UseCase("", "radlearn.challenges.rsna", "?").load_case_format() is None


def test_every_lesson_has_its_folder_with_a_readme() -> None:
    for name, use_case in USE_CASES.items():
        assert (use_case.folder / "README.md").is_file(), name
        assert (use_case.folder / f"{use_case.lesson.rpartition('.')[2]}.py").is_file(), name


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        _ = UseCase("radlearn.nowhere", "radlearn.challenges.challenge", "?").folder
