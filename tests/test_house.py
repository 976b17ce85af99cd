"""Rules of the house that hold for every file: each module has a test, the tasks stand apart, cheap things stay cheap."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from radlearn.use_cases import USE_CASES

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "radlearn"
TASKS = ("classification", "detection", "segmentation")
SEGMENTS = ["# %% 1. Settings", "# %% 2. Data", "# %% 3. Model", "# %% 4. Training", "# %% 5. Evaluation"]


def module_name(source: Path) -> str:
    return ".".join(source.relative_to(PROJECT).with_suffix("").parts)


def named_modules(source: Path) -> Iterator[str]:
    """Yield every dotted name that a file imports, or that its strings begin with, such as the target of a monkeypatch."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("radlearn."):
            words = node.value.split()[0].split(".")
            yield from (".".join(words[:count]) for count in range(2, len(words) + 1))


def test_every_module_has_a_test_that_names_it() -> None:
    named = {name for test in (PROJECT / "tests").rglob("*.py") for name in named_modules(test)}
    modules = [module_name(source) for source in sorted(PACKAGE.rglob("*.py")) if source.name not in ("__init__.py", "__main__.py")]
    missing = [name for name in modules if name not in named]
    assert not missing, "no test names " + ", ".join(missing)


def test_no_path_of_a_user_is_resolved_so_that_links_in_a_circle_end_the_program() -> None:
    found = [
        f"{module_name(source)}: {line.strip()}"
        for source in sorted(PACKAGE.rglob("*.py"))
        for line in source.read_text(encoding="utf-8").splitlines()
        if ".resolve()" in line and "__file__" not in line
    ]
    assert not found, "use folder_walks.real_path: " + "; ".join(found)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_imports_nothing_of_another(task: str) -> None:
    others = tuple(f"radlearn.tasks.{other}" for other in TASKS if other != task)
    crossed = [
        f"{module_name(source)} names {name}"
        for source in sorted((PACKAGE / "tasks" / task).rglob("*.py"))
        for name in named_modules(source)
        if any(name == other or name.startswith(f"{other}.") for other in others)
    ]
    assert not crossed, "\n".join(crossed)


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


def test_every_file_with_segments_is_a_registered_lesson() -> None:
    cut = [module_name(source) for source in PACKAGE.rglob("*.py") if f"\n{SEGMENTS[0]}\n" in source.read_text(encoding="utf-8")]
    assert sorted(cut) == sorted(case.lesson for case in USE_CASES.values() if case.lesson.startswith("radlearn."))


@pytest.mark.parametrize("task", USE_CASES)
def test_importing_a_lesson_does_nothing_and_its_segments_are_five(task: str) -> None:
    spec = find_spec(USE_CASES[task].lesson)
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("# %%")] == SEGMENTS
    *module, last = ast.parse(text).body
    assert isinstance(last, ast.If)
    assert ast.unparse(last.test) == "__name__ == '__main__'"
    declarations = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.FunctionDef | ast.ClassDef
    others = [node for node in module if not isinstance(node, declarations)]
    # Docstrings are left.
    assert [ast.unparse(node) for node in others if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))] == []


def test_every_promise_of_security_md_names_tests_that_are_there() -> None:
    text = (PROJECT / "SECURITY.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:tests/[\w/]+/)?test_\w+\.py", text))
    there = {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "tests").rglob("test_*.py")}
    assert len(named) > 15
    assert {name for name in named if not any(path == name or ("/" not in name and path.endswith(f"/{name}")) for path in there)} == set()
