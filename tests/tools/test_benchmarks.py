"""`make benchmarks`: figures of several benchmarks come onto one page with their aims and limits; a miss and a failure are said."""

import json
import re
from pathlib import Path

import pytest

import benchmarks.__main__ as every
from benchmarks.figures import FILE, Figure, keep, kept

FAST = Figure("ours, beside the peer", 9.5, "times as fast", 8, 20.0, "decoding alone")
SLOW = Figure("the loop", 1.2, "times its time", 1.05, 1.0, "the bare loop", higher_is_better=False)


def test_figures_are_kept_in_order_and_only_where_somebody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FILE, raising=False)
    keep(FAST)
    monkeypatch.setenv(FILE, str(tmp_path / "figures.jsonl"))
    assert kept(tmp_path / "figures.jsonl") == []
    keep(FAST)
    keep(SLOW)
    assert kept(tmp_path / "figures.jsonl") == [FAST, SLOW]


@pytest.mark.parametrize(
    ("value", "aim", "higher", "reached"),
    [(8.0, 8, True, True), (7.9, 8, True, False), (1.0, 1.05, False, True), (1.1, 1.05, False, False)],
)
def test_an_aim_is_reached_from_its_own_side(value: float, aim: float, higher: bool, reached: bool) -> None:
    assert Figure("x", value, "s", aim, higher_is_better=higher).reached is reached
    assert Figure("x", value, "s", higher_is_better=higher).reached


def test_the_page_holds_every_figure_its_limit_and_why_an_aim_was_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(every, "EXPLAINED", {"the loop": "checkpoints are written twice in a run that is so short."})
    found = [
        every.Measured("reading", "X-rays/s 99", [FAST], 2.0, 1.5, False),
        every.Measured("training", "Traceback", [SLOW], 1.0, 1.0, True),
    ]
    page = every.page(found, 0.1)
    assert "| reading | ours, beside the peer | 9.5 times as fast | ≥ 8 | 20 | decoding alone |" in page
    assert "| training | the loop | 1.2 times its time (missed) | ≤ 1.05 | 1 | the bare loop |" in page
    assert "- the loop: checkpoints are written twice" in page
    assert "failed, 1.0 min" in page
    assert "X-rays/s 99" in page


def test_benchmarks_run_alone_and_a_failure_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package, own = tmp_path / "benchmarks", Path(every.__file__).parent
    package.mkdir()
    (package / "__init__.py").touch()
    line = json.dumps({"what": "made", "value": 3.0, "unit": "a second", "aim": 2.0})
    (package / "sound.py").write_text(f"import os\nopen(os.environ[{FILE!r}], 'a').write({line!r} + '\\n')\nprint('measured 3')\n")
    (package / "large.py").write_text(f"import os, sys\nsys.path.append({str(own)!r})\nimport figures\nheld = bytes([1]) * (400 << 20)\n")
    (package / "broken.py").write_text("raise SystemExit('no such file')\n")
    monkeypatch.setattr(
        every, "BENCHMARKS", {name: every.Benchmark((name,), f"How fast is {name}?") for name in ("sound", "broken", "large")}
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert every.benchmarks(("sound",), tmp_path / "R.md") == 0
    assert "| sound | made | 3 a second | ≥ 2 | – | – |" in (tmp_path / "R.md").read_text()
    # What this process holds is not counted as theirs.
    held = bytes([1]) * (800 << 20)
    assert every.benchmarks((), tmp_path / "R.md") == 1
    assert len(held) == 800 << 20
    page = (tmp_path / "R.md").read_text()
    assert "measured 3" in page
    assert "no such file" in page
    (peak,) = re.findall(r"([\d.]+) GiB at most in one process", page)
    # 400 MiB are 0.39 GiB; the interpreter is a little more.
    assert 0.39 <= float(peak) < 0.6
    assert every.benchmarks(("other",), tmp_path / "R.md") == 2
    assert "They are: sound, broken, large." in " ".join(capsys.readouterr().err.split())


def test_each_benchmark_exists() -> None:
    folder = Path(every.__file__).parent
    assert all((folder / f"{benchmark.arguments[0]}.py").exists() for benchmark in every.BENCHMARKS.values())


@pytest.mark.slow
def test_the_benchmark_of_built_in_xrays_names_parts_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks import thorax
    from radlearn.digital_thorax import detector, xray

    # What it wraps is put back afterwards.
    for module, names in ((xray, thorax.PARTS), (detector, thorax.PARTS_OF_DETECTOR)):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(thorax, "on_all_cores", lambda xrays: None)
    monkeypatch.setenv(FILE, str(tmp_path / "figures.jsonl"))
    thorax.main(1)
    (figure,) = kept(tmp_path / "figures.jsonl")
    assert figure.value > 0
    said = capsys.readouterr().err
    assert all(name.strip("_") in said for name in (*thorax.PARTS, *thorax.PARTS_OF_DETECTOR))
