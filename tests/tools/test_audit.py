"""`make audit`: planted weaknesses are found, what could not be asked for never counts as sound, and radlearn's own code has none."""

import subprocess
from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path
from typing import Any

import pytest

from tools import audit
from tools.audit import PROJECT, copyleft, locked_packages, own_calls, unsafe_calls, weaknesses

PLANTED = {
    "import pickle; pickle.load(file)": "runs code",
    "import pickle as p\nreader = p.Unpickler(file)": "runs code",
    "from pickle import loads as read\nread(content)": "runs code",
    "from torch import load\nload(path)": "runs code",
    "import torch as t; t.load(path, weights_only=False)": "runs code",
    "import torch; torch.load(path, weights_only=chosen)": "runs code",
    "import yaml; yaml.load(text, Loader=yaml.Loader)": "runs code",
    "import pandas as pd; pd.read_pickle(path)": "runs code",
    "eval(cell)": "runs code",
    "spec.loader.exec_module(module)": "runs code",
    "import numpy as np; np.load(path, allow_pickle=True)": "reads a pickle",
    "import numpy as np; np.load(path, None, True)": "reads a pickle",
    "archive.extractall(folder)": "writes where an archive says",
    "import shutil; shutil.unpack_archive(path)": "writes where an archive says",
    "subprocess.run(line, shell=True)": "a shell",
    "import os; os.system(line)": "runs code",
}
HARMLESS = [
    "import torch; torch.load(path, weights_only=True)",
    "import yaml; yaml.safe_load(text)",
    "import numpy as np; np.load(path); np.load(path, allow_pickle=False)",
    "subprocess.run([program, path], shell=False)",
    "model.eval(); json.load(file); load(path)",
]


class Made(Distribution):
    """An installed package that says what a test wants."""

    def __init__(self, said: str) -> None:
        self.said = said

    def read_text(self, filename: str) -> str | None:
        return self.said if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        raise FileNotFoundError(path)


def made(name: str, *said: str) -> Made:
    return Made("\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1", *said]) + "\n")


@pytest.mark.parametrize("source", PLANTED)
def test_a_call_that_may_run_what_a_file_says_is_found(source: str) -> None:
    (call,) = unsafe_calls(f"import subprocess\n{source}", "a.py")
    assert PLANTED[source] in call.why
    assert call.place == f"a.py:{1 + len(source.splitlines())}"


@pytest.mark.parametrize("source", HARMLESS)
def test_a_call_that_cannot_is_left_alone(source: str) -> None:
    assert list(unsafe_calls(source, "a.py")) == []


def test_no_module_of_radlearn_has_such_a_call(tmp_path: Path) -> None:
    assert own_calls() == []
    # The search reaches into folders.
    (tmp_path / "package" / "deep").mkdir(parents=True)
    (tmp_path / "package" / "deep" / "a.py").write_text("exec(text)")
    assert [call.place for call in own_calls(tmp_path / "package")] == ["package/deep/a.py:1"]


def test_packages_under_the_gpl_and_packages_without_a_licence_are_named() -> None:
    installed = [
        made("By.Classifier", "License :: no header", "Classifier: License :: OSI Approved :: GNU Affero General Public License v3"),
        made("by_expression", "License-Expression: GPL-3.0-or-later"),
        made("by-text", "License: GNU GENERAL PUBLIC LICENSE"),
        made("silent"),
        made("lesser", "Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"),
        made("free", "License: MIT"),
        made("not-of-the-lock", "License: GPL"),
    ]
    asked = ["by-classifier", "by-expression", "by-text", "silent", "lesser", "free"]
    found = copyleft(asked, installed)
    assert [line.split()[0] for line in found] == ["by-classifier", "by-expression", "by-text", "silent"]
    assert found[-1] == "silent says no licence"


def test_no_package_of_the_lock_is_under_the_gpl_or_agpl() -> None:
    packages = locked_packages((PROJECT / "requirements.lock").read_text())
    installed = [one for one in distributions() if isinstance(one, PathDistribution)]
    assert len(packages) > 100
    assert copyleft(packages, installed) == []


REPORT = {
    "dependencies": [
        {"name": "sound", "version": "1", "vulns": []},
        {"name": "weak", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1", "3"]}, {"id": "PYSEC-2", "fix_versions": []}]},
        {"name": "unknown", "skip_reason": "Dependency not found on PyPI"},
    ]
}


def test_a_report_gives_its_weaknesses_and_names_what_it_does_not_answer() -> None:
    known, unasked = weaknesses(REPORT, {"sound": "1", "weak": "2", "unknown": "3", "missing": "4"})
    assert known == ["weak 2: PYSEC-1, mended in 2.1, 3", "weak 2: PYSEC-2, mended in no version yet"]
    assert unasked == ["unknown 3", "missing 4"]


@pytest.fixture
def only_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs no connection is tested above."""
    monkeypatch.setattr(audit, "own_calls", list)
    monkeypatch.setattr(audit, "copyleft", lambda packages, installed: [])


@pytest.mark.usefixtures("only_asked")
def test_every_version_of_the_lock_is_asked_for_whatever_its_marker(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[tuple[str, str]]()
    monkeypatch.setattr(audit, "_asked", lambda some: asked.extend(some.items()) or ([], []))
    assert audit.main() == 0
    lines = [line for line in (PROJECT / "requirements.lock").read_text().splitlines() if "==" in line and line[0] not in " #"]
    assert len(asked) == len(set(asked)) == len(lines)


@pytest.mark.usefixtures("only_asked")
@pytest.mark.parametrize("answer", ["", "no JSON", "[]", "{}", '{"dependencies": []}', '{"dependencies": [{"name": "numpy"}]}'])
def test_a_machine_that_cannot_ask_says_so_and_does_not_end_well(
    answer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1, answer, "no route to host"))
    assert audit.main() == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "weaknesses: 0 known in 0 versions of packages" in said
    assert "could not be asked for" in said
    assert "is pypi.org reached from here?" in said


@pytest.mark.usefixtures("only_asked")
def test_a_weakness_ends_with_1_even_where_other_packages_could_not_be_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "_asked", lambda asked: (["weak 2: PYSEC-1, mended in 3"], ["unknown 3"]))
    assert audit.main() == 1
    assert "weak 2: PYSEC-1" in capsys.readouterr().err
