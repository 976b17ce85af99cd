"""Audit what radlearn is made of: weaknesses and licences of the packages in its lock, and calls in its code that run what a file says.

`make audit` asks PyPI's database of weaknesses through pip-audit, which uv fetches, so it needs a connection. A package that could not be
asked for is said to be so; it never counts as sound.
"""

import ast
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, distributions
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from radlearn.amounts import counted
from radlearn.progress import say

PROJECT = Path(__file__).resolve().parents[1]
PIP_AUDIT = "pip-audit==2.10.1"
LOCKED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)
COPYLEFT = re.compile(r"\bA?GPL|GNU (?:Affero )?(?:General )?Public", re.IGNORECASE)
OTHERWISE = {
    "cuda-toolkit": "holds no code: it names NVIDIA's libraries, which say their licence themselves",
    "docutils": "its parser and writers are in the public domain; a mode for the editor Emacs and one writer are under the GPL; not used",
}
"Packages that say no licence, or the GPL for a part that is not used."

RUNS = "runs code that its file holds"
# What does so, by the name under which its module is known.
UNSAFE_NAMES = {
    "eval", "exec", "os.system", "os.popen", "runpy.run_path", "yaml.full_load", "yaml.load", "yaml.unsafe_load",
    "joblib.load", "pandas.read_pickle", "torch.hub.load", "torch.jit.load", "torch.load",
}  # fmt: skip
# All that these are for is to do so.
UNSAFE_MODULES = {"cloudpickle", "dill", "marshal", "pickle", "shelve"}
UNSAFE_METHODS = {
    "exec_module": RUNS,
    "extract": "writes where an archive says",
    "extractall": "writes where an archive says",
    "unpack_archive": "writes where an archive says",
}
# What is harmless with one value only, and what it does with another.
SAFE_WORDS = {
    "allow_pickle": ("False", "reads a pickle"),
    "shell": ("False", "hands a line to a shell"),
    "trust_remote_code": ("False", "runs code of another server"),
    "weights_only": ("True", RUNS),
}


class Call(NamedTuple):
    """A call in the code that may run what a file says."""

    place: str
    name: str
    why: str


def locked_packages(lock: str) -> dict[str, list[str]]:
    """Return the versions of each package of a lock; there are several where Python or system decide which is installed.

    >>> locked_packages("numpy==2.1 ; python_version < '3.12' \\\\\\n    --hash=sha256:0\\nnumpy==2.2\\n# a note\\nrich==14.0\\n")
    {'numpy': ['2.1', '2.2'], 'rich': ['14.0']}
    """
    versions: dict[str, list[str]] = {}
    for name, version in LOCKED.findall(lock):
        versions.setdefault(_plain(name), []).append(version)
    return versions


def unsafe_calls(source: str, place: str) -> Iterator[Call]:
    """Yield the calls in Python source that may run code of a file, or write where an archive says.

    >>> [(call.place, call.why) for call in unsafe_calls("from torch import load\\nload('x.pt')", "a.py")]
    [('a.py:2', 'runs code that its file holds')]
    >>> list(unsafe_calls("import torch; torch.load('x.pt', weights_only=True); model.eval()", "a.py"))
    []
    """
    tree = ast.parse(source)
    meant = _imported_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        first, dot, rest = called.partition(".")
        name = f"{meant.get(first, first)}{dot}{rest}"
        method = node.func.attr if isinstance(node.func, ast.Attribute) else name.rpartition(".")[2]
        said = {word.arg: ast.unparse(word.value) for word in node.keywords if word.arg in SAFE_WORDS}
        whys = [why for word, (safe, why) in SAFE_WORDS.items() if said.get(word, safe) != safe]
        is_safe = name == "torch.load" and said.get("weights_only") == "True"
        if (name in UNSAFE_NAMES and not is_safe) or name.partition(".")[0] in UNSAFE_MODULES:
            whys = whys or [RUNS]
        elif method in UNSAFE_METHODS:
            whys.append(UNSAFE_METHODS[method])
        elif name == "numpy.load" and len(node.args) > 2:
            whys.append(SAFE_WORDS["allow_pickle"][1])
        yield from (Call(f"{place}:{node.lineno}", called, why) for why in whys)


def _imported_names(tree: ast.Module) -> dict[str, str]:
    """Return what names of the source stand for: `np` for `numpy`, `load` for `torch.load`."""
    meant = dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            meant |= {one.asname: one.name for one in node.names if one.asname}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            meant |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    return meant


def own_calls(package: Path = PROJECT / "radlearn") -> list[Call]:
    """Return the unsafe calls in the Python files of a package."""
    sources = sorted(package.rglob("*.py"))
    return [call for one in sources for call in unsafe_calls(one.read_text(encoding="utf-8"), one.relative_to(package.parent).as_posix())]


def copyleft(packages: Collection[str], installed: Sequence[Distribution]) -> list[str]:
    """Return a line for each of the packages that is under the GPL or AGPL, or that is installed and says no licence."""
    found = []
    for one in installed:
        name = _plain(one.metadata["Name"])
        if name not in packages or name in OTHERWISE:
            continue
        # Some write the whole text of the licence into the field.
        said = [one.metadata["License-Expression"] or "", (one.metadata["License"] or "").split("\n")[0]]
        said += [line for line in one.metadata.get_all("Classifier") or [] if line.startswith("License ::")]
        if not any(said):
            found.append(f"{name} says no licence")
        elif any(COPYLEFT.search(line) for line in said):
            found.append(f"{name} is under {'; '.join(filter(None, said))}")
    return found


def weaknesses(report: Any, asked: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return a line for each known weakness in a report of pip-audit, and those of the packages asked for of which it knows nothing."""
    known, answered = [], set()
    for package in report["dependencies"]:
        if "skip_reason" in package:
            continue
        answered.add(_plain(package["name"]))
        for one in package["vulns"]:
            mended = ", ".join(one["fix_versions"]) or "no version yet"
            known.append(f"{package['name']} {package['version']}: {one['id']}, mended in {mended}")
    return known, [f"{name} {version}" for name, version in asked.items() if name not in answered]


def main() -> int:
    """Audit; 0 if all is well, 1 if something was found, 2 if packages could not be asked for."""
    packages = locked_packages((PROJECT / "requirements.lock").read_text(encoding="utf-8"))
    found = [f"{call.place}: {call.name} {call.why}" for call in own_calls()]
    say(f"own code: {counted(len(found), 'calls')} that may run what a file says")
    licences = copyleft(packages, list(distributions()))
    say(f"licences: {len(licences)} of {counted(len(packages), 'packages')} under the GPL or AGPL, or without one")
    known, unasked = list[str](), list[str]()
    count = sum(map(len, packages.values()))
    # pip-audit takes one version of a package at a time.
    for versions in zip_longest(*packages.values()):
        asked = {name: version for name, version in zip(packages, versions, strict=True) if version is not None}
        some_known, some_unasked = _asked(asked)
        known, unasked = known + some_known, unasked + some_unasked
    say(f"weaknesses: {len(known)} known in {counted(count - len(unasked), 'versions of packages')}")
    if unasked:
        some = ", ".join(unasked[:5]) + " …" * (len(unasked) > 5)
        say(f"{counted(len(unasked), 'versions of packages')} could not be asked for ({some}): is pypi.org reached from here?")
    for line in found + licences + known:
        say(line, style="bold red")
    return 1 if found or licences or known else 2 if unasked else 0


def _asked(asked: Mapping[str, str]) -> tuple[list[str], list[str]]:
    uv, flags = Path(sys.executable).with_name("uv"), ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
    with tempfile.TemporaryDirectory() as folder:
        # Without their markers, which pip-audit would follow for the Python that it runs in.
        file = Path(folder) / "requirements.txt"
        file.write_text("".join(f"{name}=={version}\n" for name, version in asked.items()), encoding="utf-8")
        done = subprocess.run([uv, "tool", "run", PIP_AUDIT, "--requirement", file, *flags], capture_output=True, text=True)
    try:
        return weaknesses(json.loads(done.stdout), asked)
    except (ValueError, KeyError, TypeError):
        say(done.stderr.strip()[-500:])
        return weaknesses({"dependencies": []}, asked)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
