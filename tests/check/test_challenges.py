"""`check` goes by the registry: no file of the library but a few names a challenge, and a challenge needs no audit of its own."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import radlearn
from radlearn import use_cases
from radlearn.challenges.challenge import Challenge
from radlearn.check.audit import audit_folder
from radlearn.errors import BadLayout
from tests.check.phantom import write_case

LIBRARY = Path(radlearn.__file__).parent
# The writers of the thorax and its command, which names the folders of both.
ALLOWED = ("challenges", "digital_thorax", "built_in_patients.py", *(use_case.folder.name for use_case in use_cases.USE_CASES.values()))
# Not the "rsName" of "OperatorsName".
NAMES = re.compile(r"(?<![a-z])rsna|covid19", re.IGNORECASE)


def test_only_challenges_lessons_the_thorax_and_the_registry_name_a_challenge() -> None:
    files = [
        path.relative_to(LIBRARY)
        for path in sorted(LIBRARY.rglob("*.py"))
        if path.relative_to(LIBRARY).parts[0] not in ALLOWED and path.name != "use_cases.py"
    ]
    assert [f"{path.as_posix()}: {found[0]}" for path in files if (found := NAMES.findall((LIBRARY / path).read_text()))] == []


@dataclass(frozen=True)
class Toy:
    image_id: str
    path: Path
    person: str
    folder: Path


def find_toys(folder: Path) -> list[Toy]:
    if (folder / "broken").exists():
        raise BadLayout(f"{folder}: a.nii.gz is broken.")
    return [Toy(path.name, path, path.name, folder) for path in sorted(folder.glob("*_ct.nii.gz"))]


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of a challenge that has no audit."""
    toy = Challenge(
        "toy", "Toy Challenge", "scan", "scans", lambda folder: folder if (folder / "toy").exists() else None, find_toys, find_toys
    )
    monkeypatch.setattr("radlearn.use_cases.challenges", lambda: {"toy": toy})
    (tmp_path / "toy").touch()
    write_case(tmp_path, "a", 1)
    return tmp_path


def test_a_challenge_without_an_audit_is_recognised_and_its_cases_are_counted(toys: Path) -> None:
    audit = audit_folder(toys, workers=1)
    assert audit.kinds == ["the layout of Toy Challenge: 1 labelled scan"]
    assert audit.labelled == {"toy": 1}
    assert [one.job.case for one in audit.volumes] == ["a_ct.nii.gz"]
    assert not audit.must_be_mended
    assert not audit.synthetic


def test_what_its_find_cases_refuses_is_a_finding(toys: Path) -> None:
    (toys / "broken").touch()
    audit = audit_folder(toys, workers=1)
    assert [(one.rule, one.found) for one in audit.findings if one.severity == "error"] == [("table", "a.nii.gz is broken.")]
    assert audit.labelled == {"toy": 0}


def test_synthetic_is_what_holds_the_exact_truth(toys: Path) -> None:
    (toys / "truth.csv").touch()
    assert audit_folder(toys, workers=1).synthetic
