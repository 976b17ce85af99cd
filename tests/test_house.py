"""The house keeps its own rules: tests mirror the rooms, levels hold, cheap things stay cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "radlearn"
LESSONS = sorted(path for path in PACKAGE.glob("*/*.py") if "\n# %% 1. Settings\n" in path.read_text())


def test_every_file_of_the_package_has_its_test_file() -> None:
    missing = []
    for source in sorted(PACKAGE.rglob("*.py")):
        relative = source.relative_to(PACKAGE)
        if source.name in ("__init__.py", "__main__.py"):
            continue
        mirror = PROJECT / "tests" / relative.parent / f"test_{source.name}"
        if not mirror.exists():
            missing.append(f"{relative} has no {mirror.relative_to(PROJECT)}")
    assert not missing, "\n".join(missing)


def test_every_test_file_has_its_source() -> None:
    orphans = []
    for test in sorted((PROJECT / "tests").rglob("test_*.py")):
        relative = test.relative_to(PROJECT / "tests")
        if relative.parts[0] in ("journeys", "test_house.py"):
            continue
        source = PACKAGE / relative.parent / test.name.removeprefix("test_")
        if not source.exists():
            orphans.append(f"tests/{relative} tests {source.relative_to(PROJECT)}, which does not exist")
    assert not orphans, "\n".join(orphans)


def test_the_lock_holds_no_address_and_every_package_a_hash() -> None:
    lock = (PROJECT / "requirements.lock").read_text()
    assert "://" not in lock
    entries = [entry for entry in lock.replace("\\\n", " ").splitlines() if "==" in entry and not entry.lstrip().startswith("#")]
    assert len(entries) > 50
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_top_of_the_package_imports_nothing_heavy() -> None:
    code = "import sys, radlearn.cli, radlearn.files, radlearn.progress; print([m for m in ('torch', 'monai') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_there_are_three_lessons() -> None:
    assert [path.stem for path in LESSONS] == ["segment_lesions", "classify_pneumonia", "detect_pneumonia"]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_importing_a_lesson_does_nothing_and_its_segments_are_five(lesson: Path) -> None:
    text = lesson.read_text()
    assert [line for line in text.splitlines() if line.startswith("# %%")] == [
        "# %% 1. Settings",
        "# %% 2. Data",
        "# %% 3. Model",
        "# %% 4. Training",
        "# %% 5. Evaluation",
    ]
    *module, last = ast.parse(text).body
    assert isinstance(last, ast.If)
    assert ast.unparse(last.test) == "__name__ == '__main__'"
    said = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.ClassDef
    doing = [ast.unparse(one) for one in module if not isinstance(one, said)]
    # Left are docstrings, and the table of what settings may be.
    assert [line for line in doing if not line.startswith(("'", '"', "LIMITS |=", "LIMITS.update("))] == []
