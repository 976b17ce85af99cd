"""The pages are true: every cell of a lesson runs, and every file, symbol and command that a page names exists."""

import ast
import importlib
import re
import shutil
import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jupytext
import matplotlib.pyplot as plt
import nibabel
import numpy as np
import pydicom
import pytest
import torch

import radlearn
from radlearn import cli
from radlearn.challenges.challenge import Challenge
from radlearn.challenges.rsna import CHALLENGE as RSNA
from radlearn.challenges.tables import ct_table, own_table, xray_table
from radlearn.demo import demo
from radlearn.errors import BadRunFolder
from radlearn.json_files import read_json
from radlearn.use_cases import USE_CASES
from radlearn.workflow.commands import COMMANDS
from radlearn.workflow.data_source import built_in_folder
from radlearn.workflow.ood import OOD_COLUMNS
from radlearn.workflow.task import Commands, Task
from tools import knobs
from tools.lesson_pages import GUIDES, MEDICINE, MEDICINE_PAGES
from tools.lesson_pages import TASK_PAGES as LESSONS
from tools.lessons import NOT_RUN, output_of, pictures_after, run_cells, shown, with_outputs

PROJECT = Path(__file__).resolve().parents[2]
COARSER: dict[str, dict[str, Any]] = {
    "classification": {"size_px": 96},
    "detection": {"size_px": 128},
    "segmentation": {"spacing_mm": (4.0, 4.0, 6.0), "patch_voxels": (48, 48, 32)},
    "ultrasound": {"size_px": 64},
}
THORAX = PROJECT / "radlearn" / "digital_thorax" / "README.md"
PAGES = [
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "radlearn/GLOSSARY.md")),
    *GUIDES.values(),
    *LESSONS.values(),
    MEDICINE / "README.md",
    *MEDICINE_PAGES.values(),
    THORAX,
    *(page.parent / "data" / "README.md" for page in LESSONS.values()),
]
# What lessons name that is not theirs: columns, scores, schedules, and classes of the libraries.
# The letter is the ending of MONAI's transforms of dictionaries.
ELSEWHERE = {
    "d",
    "patientId",
    "one_cycle",
    "within_view_auroc_score",
    "DataLoader",
    "tv_tensors",
    "backward",
    "__getitem__",
    "folder",
    "FINDINGS",
    "random_state",
    "bootstrap_interval",
    "pooled_share",
    "pylibjpeg",
    "disagreement",
    "volume_sd_ml",
    "nerve_disagreement",
    "nerve_percent_sd",
    "disagreement_nerve",
    "percent_sd_nerve",
    "nan",
    "image",
}
# Of the tables of predictions, and what they say there.
# Values of DICOM headers, what a score file holds, and what a cell defines.
ELSEWHERE |= {
    "CR",
    "DX",
    "CT",
    "OT",
    "PA",
    "AP",
    "pointing_score",
    "chance_share",
    "probability",
    "calibrated_probability",
    "items",
    "boxes",
    "collate_fn",
    "nearest",
    "radlearn",
}
# Columns of a table of one's own, and what may stand in them.
ELSEWHERE |= {"path", "person", "split", "site", "label", "mask", "classes", "validation", "test"}
ELSEWHERE |= {"possible", "notes", "lesion_ml", "lung_ml", "volume_low_ml", "volume_high_ml", *OOD_COLUMNS, "yes"}


def _few(found: re.Match[str]) -> str:
    return f"{found[1]} {7 if 'cts' in found[1] else 48}, 1"


def _cells(page: Path) -> list[str]:
    return [cell.source for cell in jupytext.read(page).cells if cell.cell_type == "code"]


@pytest.fixture(autouse=True)
def tidy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pages' cells write, runs and temporary files, goes where pytest removes it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def coarser_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `quick` presets look at images of half the size: what is tested is that everything runs."""
    for task, changes in COARSER.items():
        presets = importlib.import_module(USE_CASES[task].lesson).PRESETS
        monkeypatch.setitem(presets, "quick", replace(presets["quick"], **changes))


@pytest.mark.slow
@pytest.mark.parametrize("task", LESSONS)
def test_every_cell_of_a_lesson_runs(task: str, coarser_images: None) -> None:
    page = LESSONS[task].read_text()
    # The same lesson with fewer patients and one epoch: what is tested is that it runs.
    shorter, times = re.subn(r"((?:xrays|cts|images)_to_make, epochs =) \d+, \d+", _few, page)
    assert times == 1
    # Among so few X-rays a finding would be missing from a part, which the program for three labels refuses.
    shorter = shorter.replace("int((case.image_id, finding) in known)", "(number >> findings.index(finding)) % 2")
    shorter = shorter.replace("FEWEST_PEOPLE = 3", "FEWEST_PEOPLE = 1")
    space: dict[str, object] = {}
    cells = list(run_cells(shorter, space, str(LESSONS[task])))
    assert len(cells) == len(_cells(LESSONS[task])) >= 6
    for cell, output in cells:
        assert len(pictures_after(shorter, cell)) >= len(output.figures), f"a picture for {cell['code']}"
        # `make lessons` was run since the cell was written.
        assert ("```text" in cell[0]) == bool(output.text), f"output below {cell['code']}"
    assert space["scores"]["split"] == "test"  # type: ignore[index]
    assert (space["run"].folder / "report.html").exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("labels", "says"), [("0", "0 people with it"), ("1", "0 without it")])
def test_three_labels_stop_where_a_part_lacks_a_finding(labels: str, says: str, tmp_path: Path) -> None:
    program = next(cell for cell in _cells(LESSONS["classification"]) if "def train_network" in cell)
    rows = [f"{number}.dcm,p{number},{number % 2},{(number // 2) % 2},{labels}" for number in range(200)]
    (tmp_path / "findings.csv").write_text("\n".join(["path,person,effusion,cardiomegaly,oedema", *rows]))
    # No image exists: the program stops before it looks for one.
    with pytest.raises(SystemExit, match=rf"oedema: .*{says}.* in the training part; at least 3 of each are needed. Add people"):
        exec(program, {"folder": tmp_path})


@pytest.mark.parametrize("label", ["-1", "yes", "0.5"])
def test_three_labels_refuse_what_is_neither_0_nor_1_nor_empty(label: str, tmp_path: Path) -> None:
    program = next(cell for cell in _cells(LESSONS["classification"]) if "def train_network" in cell)
    (tmp_path / "findings.csv").write_text(f"path,person,effusion,cardiomegaly,oedema\n1.dcm,p1,0,1,\n2.dcm,p2,0,{label},1\n")
    with pytest.raises(SystemExit, match=f"2.dcm: the labels {{'{label}'}} are not 0, 1 or empty"):
        exec(program, {"folder": tmp_path})


@pytest.mark.slow
def test_the_plain_program_learns_nothing_from_validation_xrays_and_its_file_gives_the_same_boxes() -> None:
    page = re.sub(r"(xrays_to_make, epochs =) \d+, \d+", _few, LESSONS["detection"].read_text())
    program = next(cell for cell in _cells(LESSONS["detection"]) if "load_file(" in cell)
    space: dict[str, Any] = {}
    for cell, _ in run_cells(page, space, "detection"):
        if cell["code"].strip() == program.strip():
            break
    plain = page[page.index("## A complete program") : page.index("## 1. Settings")]
    assert "radlearn" not in "".join(re.findall(r"^```python\n(.*?)^```", plain, flags=re.DOTALL | re.MULTILINE))
    trained, loaded, loaders = (space[name] for name in ("detector", "loaded", "loaders"))
    # A norm counts the batches whose statistics it takes up.
    steps = len(loaders["train"]) * (space["epoch"] + 1)
    assert len(loaders["validation"]) > 0
    assert {int(norm.num_batches_tracked) for norm in space["norms"]} == {steps}
    persons = [{space["person_of"][name] for name in names} for names in space["names"].values()]
    assert not set.intersection(*persons)
    assert not loaded.training
    trained.eval()
    with torch.inference_mode():
        (again,) = trained.to("cpu")([space["image"]])
    assert torch.equal(again["boxes"], space["found"]["boxes"])
    assert torch.equal(again["scores"], space["found"]["scores"])


@pytest.mark.slow
@pytest.mark.parametrize("name", MEDICINE_PAGES)
def test_every_cell_of_a_lesson_of_medicine_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = MEDICINE_PAGES[name].read_text()
    # In the cell, not in the table of what to try.
    shorter, times = re.subn(r"^(xrays_to_make, epochs =) \d+, \d+", r"\1 48, 1", page, flags=re.MULTILINE)
    assert times == 1
    # The patients of the lesson's cells above, and no second cohort.
    shorter = shorter.replace("for seed in (0, 1):", "for seed in (0,):")
    # Built-in X-rays without their truth stand for real ones.
    real = tmp_path / "real"
    shutil.copytree(built_in_folder(RSNA, 48, seed=0), real)
    (real / "truth.csv").unlink()
    monkeypatch.setenv("RADLEARN_DATA", str(real))
    space: dict[str, Any] = {}
    cells = list(run_cells(shorter, space, name))
    assert len(cells) == len(_cells(MEDICINE_PAGES[name])) >= 5
    for cell, output in cells:
        assert len(pictures_after(shorter, cell)) >= len(output.figures), f"a picture for {cell['code']}"
        assert not output.text.startswith(NOT_RUN)
        # A picture whose cell prints where it cannot draw has an output only there.
        if output.text:
            assert "```text" in cell[0], f"output below {cell['code']}"
            assert not cell["output"].startswith(NOT_RUN), "the page was made without real X-rays"
    if name == "phantom":
        monkeypatch.setenv("RADLEARN_DATA", str(tmp_path / "nowhere"))
        needing = [cell["code"] for cell, _ in cells if "have_real" in cell["code"]]
        assert len(needing) >= 4
        assert all(output_of(code, space, name).text.startswith(NOT_RUN) for code in needing)


@pytest.mark.slow
def test_the_demo_goes_from_nothing_to_a_report_and_on_where_it_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], coarser_images: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    # The patients of the lessons' cells above, so that they are not made again.
    asked: dict[str, Any] = {"share": 0.06, "epochs": 1, "out": tmp_path / "runs"}
    with monkeypatch.context() as patch:
        patch.setattr(radlearn.detection, "train_with", stopped)
        with pytest.raises(KeyboardInterrupt):
            demo(**asked)
    assert not (tmp_path / "runs" / "demo.html").exists()
    first = tmp_path / "runs" / "classification"
    weights, scores = ((first / name).stat().st_mtime_ns for name in ("best/model.safetensors", "scores.json"))
    capsys.readouterr()
    demo(**asked)
    said = capsys.readouterr().err
    assert "classification was trained and evaluated before this demo was stopped" in " ".join(said.split())
    assert [(first / name).stat().st_mtime_ns for name in ("best/model.safetensors", "scores.json")] == [weights, scores]
    for task in USE_CASES:
        assert (tmp_path / "runs" / task / "report.html").stat().st_size > 10_000
    for expected in (
        "AUROC of view only",
        "Dice of threshold baseline",
        "not comparable with a leaderboard",
        "report.html",
        "demo.html",
        "What to type next",
        "predict",
        "the scores say only that everything runs",
        "--epochs 5 --data",
        "radlearn compare",
    ):
        assert expected in said
    assert not (tmp_path / "runs" / "demo.unfinished.json").exists()
    # Once it is done, its runs are not taken for those of another demo.
    with pytest.raises(BadRunFolder, match="classification"):
        demo(**asked)


@pytest.mark.slow
def test_the_page_on_ones_own_data_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, space = (PROJECT / "docs" / "your_own_data.md").read_text(encoding="utf-8"), dict[str, Any]()
    for cell in re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE):
        exec(compile(cell, "your_own_data.md", "exec"), space)
    said = capsys.readouterr().out
    assert "48 X-rays of" in said
    assert "(('site', 'South'),)" in said
    assert "column label: is 'yes'; expected 0 or 1. Write 1." in said
    assert "The mean is over effusion, cardiomegaly, oedema" in said
    # Every column that the page names is known, and every one that is known is named.
    columns = set(re.findall(r"`([a-z_0-9]+)`", page))
    assert {*own_table.SHARED_COLUMNS, *xray_table.KNOWN, ct_table.MASK} <= columns


@pytest.mark.slow
def test_the_page_on_adding_a_use_case_runs_and_every_command_does_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    page, space = GUIDES["add_a_use_case"].read_text(encoding="utf-8"), dict[str, Any]()
    # Its cells write two modules and import them.
    monkeypatch.setattr(sys, "path", [*sys.path])
    try:
        cells = list(run_cells(page, space, "add_a_use_case.md"))
    finally:
        for module in ("vessel_challenge", "find_vessels"):
            sys.modules.pop(module, None)
    for cell, output in cells:
        assert len(pictures_after(page, cell)) >= len(output.figures), f"a picture for {cell['code']}"
        assert bool(cell["output"]) == bool(output.text), f"output below {cell['code']}"
        assert "Traceback" not in output.text
    said = "".join(output.text for _, output in cells)
    assert "its weights are the same" in said
    assert space["scores"]["scores"]["auroc_score"]["value"] > space["scores"]["baselines"]["variation_auroc_score"]["value"] > 0.5
    for found in (
        "Next: python ./find_vessels.py evaluate narrow",
        "Synthetic patients: not comparable with a leaderboard",
        "patch,probability,vessel\npatch-000,0.",
        "sent.csv against others",
        "the layout of the vessel patches: 240 labelled patches",
        "channels is 65; it must be from 1 to 64",
        "expected a person, and 0 or 1 as vessel",
        "has other pixels than those of the same name",
    ):
        assert found in said, found
        # What stands on the page was said by the same cells.
        assert found in page, found


def test_the_page_on_adding_a_use_case_explains_every_field() -> None:
    page = GUIDES["add_a_use_case"].read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+)`", re.sub(r"^```.*?^```", "", page, flags=re.DOTALL | re.MULTILINE)))
    for kind in (Challenge, Commands, Task):
        assert {field.name for field in fields(kind)} <= named, kind


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_file_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text())
    for link in links:
        if "://" not in link:
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
    assert page.read_text().startswith(("#", "---"))


@pytest.mark.parametrize("task", LESSONS)
def test_every_symbol_a_lesson_names_exists(task: str) -> None:
    lesson = importlib.import_module(USE_CASES[task].lesson)
    prose = re.sub(r"```.*?```", "", LESSONS[task].read_text(), flags=re.DOTALL)
    # What is linked to the documentation of its library is not the lesson's own.
    named = set(re.findall(r"`([A-Za-z_]+)`", re.sub(r"\[`\w+`\]\(https://[^)]+\)", "", prose)))
    api = {"train", "evaluate", "predict", "submit"}
    known = set(dir(lesson)) | set(lesson.Settings.__dataclass_fields__) | set(lesson.PRESETS) | api
    # Fields of DICOM headers.
    known |= {name for name in named if pydicom.datadict.tag_for_keyword(name) is not None}
    assert named - known - ELSEWHERE == set()
    flags = {flag.removeprefix("no-") for flag in re.findall(r"`--([a-z][a-z-]*)", prose)} - {"data"}
    assert len(flags) >= 5
    assert {flag.replace("-", "_") for flag in flags} <= set(lesson.Settings.__dataclass_fields__)


@pytest.mark.parametrize("task", LESSONS | MEDICINE_PAGES)
def test_every_name_that_a_cell_imports_or_takes_from_the_lesson_exists(task: str) -> None:
    lesson = importlib.import_module(USE_CASES[task if task in LESSONS else "classification"].lesson)
    nodes = [node for cell in _cells((LESSONS | MEDICINE_PAGES)[task]) for node in ast.walk(ast.parse(cell))]
    imported = {(node.module, name.name) for node in nodes if isinstance(node, ast.ImportFrom) for name in node.names}
    assert ("radlearn.workflow.data_source", "built_in_folder") in imported
    assert [pair for pair in imported if not hasattr(importlib.import_module(str(pair[0])), pair[1])] == []
    taken = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "lesson"}
    assert taken - set(dir(lesson)) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_command_on_a_page_exists(page: Path) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    written = [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", prose)
    named = [found for line in written if (found := re.match(r"(?:\.venv/bin/)?radlearn ([a-z]\w*)(?: ([a-z]\w*))?", line))]
    if page == PROJECT / "README.md":
        assert {found[1] for found in named} >= {*USE_CASES, *cli.COMMANDS}
    for found in named:
        assert found[1] in USE_CASES or found[1] in cli.COMMANDS, f"{page.name} names radlearn {found[1]}"
        assert found[1] not in USE_CASES or found[2] in COMMANDS, f"{page.name} names {found[0]}"


@pytest.mark.slow
def test_the_page_about_built_in_patients_says_what_its_cells_say() -> None:
    notebook = jupytext.read(THORAX)
    space: dict[str, Any] = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, str(THORAX), "exec"), space)
    assert [round(100 * np.exp(-100 * space["tissues"][name])) for name in ("muscle", "fat", "lung")] == [13, 16, 68]
    places = space["front_and_back_mm"]
    for view, as_wide in (("PA", (1.05, 1.15)), ("AP", (1.31, 1.12))):
        geometry = space["xray_attenuation"](space["replace"](space["plan"], view=view), 64)[1]
        assert geometry.project(places)[2] == pytest.approx(as_wide, abs=0.01)
    thin, thick = ({name: space[name][space[part]].mean() for name in ("scattered_share", "grain")} for part in ("thin", "thick"))
    assert thin["scattered_share"] == pytest.approx(0.1, abs=0.02)
    assert thick["scattered_share"] == pytest.approx(0.3, abs=0.03)
    assert thick["grain"] / thin["grain"] == pytest.approx(3.75, abs=0.25)
    assert space["opacity"].readers == 3
    exact, (drawn,) = space["opacity"].exact_box_xyxy_px, space["xray"].boxes_xyxy_px
    assert (drawn[2] - drawn[0]) / (exact[2] - exact[0]) == pytest.approx(1.07, abs=0.01)
    # The ball behind the heart adds as much as the others, and shows less.
    healthy, added = space["xrays_with"].pop("healthy"), {place: space["ball"](centre) for place, centre in space["balls"].items()}
    shown = {place: (xray - healthy)[added[place] > 0.8 * added[place].max()].mean() for place, xray in space["xrays_with"].items()}
    densest = [ball.max() for ball in added.values()]
    assert max(densest) < 1.05 * min(densest)
    assert shown["in free lung"] == pytest.approx(83, abs=4)
    assert shown["behind the heart"] == pytest.approx(24, abs=3)
    assert space["inside"] > 0.6
    assert space["ct"].lesion_ml > 10


@pytest.mark.slow
def test_what_the_page_about_built_in_patients_proposes_to_try_can_be_tried() -> None:
    page = THORAX.read_text()
    tries = re.findall(r"^\| `([^`]+)` \|", page, flags=re.MULTILINE)
    assert len(tries) >= 5
    space: dict[str, Any] = {}
    for cell in jupytext.read(THORAX).cells:
        # Up to where a CT is made: the rest is not needed for any of them.
        if cell.cell_type == "code" and "render_ct" not in cell.source:
            exec(compile(cell.source, str(THORAX), "exec"), space)
        elif cell.cell_type == "code":
            exec(compile(cell.source.split("voxel_mm =")[0], str(THORAX), "exec"), space)
    for code in tries:
        assert eval(code, space) is not None, code


def test_the_pictures_of_a_page_are_small() -> None:
    pictures = [
        picture
        for page in (*LESSONS.values(), *MEDICINE_PAGES.values(), THORAX, *GUIDES.values())
        for picture in (page.parent / "images").glob("*")
    ]
    assert len(pictures) >= 6
    for picture in pictures:
        assert picture.suffix == ".webp"
        assert picture.stat().st_size <= 120_000, picture


def test_outputs_are_written_below_their_cells_and_replaced_when_they_change() -> None:
    page = "Text.\n\n```python\n1 + 1\n```\n\nMore.\n\n```python\nx = 2\n```\n\n```text\nof before\n```\n\nEnd.\n"
    once = with_outputs(page, ["2\n", ""])
    assert once == "Text.\n\n```python\n1 + 1\n```\n\n```text\n2\n```\n\nMore.\n\n```python\nx = 2\n```\n\nEnd.\n"
    assert with_outputs(once, ["2\n", ""]) == once
    assert with_outputs(once, ["3\n", ""]) == once.replace("2\n```\n\nMore", "3\n```\n\nMore")


def test_what_was_not_run_here_keeps_its_output() -> None:
    page = "```python\nx\n```\n\n```text\n0.81 of real X-rays\n```\n\n![A picture](images/a.webp)\n"
    assert with_outputs(page, [f"{NOT_RUN}: no real X-rays.\n"]) == page
    assert "0.79" in with_outputs(page, ["0.79 of real X-rays\n"])
    never_run = with_outputs("```python\nx\n```\n", [f"{NOT_RUN}: no real X-rays.\n"])
    assert f"```text\n{NOT_RUN}: no real X-rays.\n```" in never_run


def test_a_cell_shows_what_a_notebook_would_show() -> None:
    space: dict[str, Any] = {}
    assert output_of("x = 3\nprint('so')\nx + 1", space, "page").text == "so\n4\n"
    assert output_of("x = 5", space, "page").text == ""
    assert output_of("{'b': 1, 'a': [None]}", space, "page").text == "{'b': 1, 'a': [None]}\n"
    drawn = output_of("import matplotlib.pyplot as plt\nplt.plot([1, 2])", space, "page")
    assert drawn.text == ""
    assert len(drawn.figures) == 1
    assert drawn.figures[0].width > 100


def test_a_fault_in_a_cell_names_the_line_of_the_page() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        list(run_cells("# A page\n\n```python\nx = 0\n1 / x\n```\n", {}, "page.md"))
    assert [(entry.path, entry.lineno + 1) for entry in raised.traceback][-1] == ("page.md", 5)


def test_long_outputs_are_cut_and_say_so() -> None:
    assert shown("".join(f"{number}\n" for number in range(100))).splitlines()[-1] == "… (71 more lines)"
    assert len(shown("".join(f"{number}\n" for number in range(100))).splitlines()) == 30
    assert shown(f"in {Path.home()}/runs  \n") == "in ~/runs\n"


@pytest.mark.parametrize("axes", ["LPS", "RAS", "SLP"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_the_dozen_lines_of_the_front_page_show_files_upright_and_no_negatives(
    axes: str, photometric: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    xray = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
    xray.ViewPosition, xray.PhotometricInterpretation = "PA", photometric
    xray.WindowCenter, xray.WindowWidth = [40, 400], [400, 2000]
    xray.save_as(tmp_path / "XRAY.dcm")
    # Bone at the patient's right, in front; the axes of the array run to right, front and head.
    upright = np.full((4, 6, 3), -850, np.int16)
    upright[3, 5] = 1000
    scan = nibabel.Nifti1Image(upright, np.diag([2.0, 2, 5, 1]))
    turned = nibabel.orientations.ornt_transform(
        nibabel.orientations.axcodes2ornt("RAS"),  # type: ignore[no-untyped-call]
        nibabel.orientations.axcodes2ornt(axes),  # type: ignore[no-untyped-call]
    )
    nibabel.save(scan.as_reoriented(turned), tmp_path / "SCAN.nii.gz")
    blocks = re.findall(r"^```python\n(.*?)^```", (PROJECT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    shown = []

    def show() -> None:
        (image,) = plt.gca().images
        shown.append(image.to_rgba(image.get_array())[..., 0])
        plt.close("all")

    monkeypatch.setattr(plt, "show", show)
    space: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), space)
    as_picture, of_scan = shown
    hounsfield = xray.pixel_array * float(xray.RescaleSlope) + float(xray.RescaleIntercept)
    dense, air = as_picture[hounsfield > 240].mean(), as_picture[hounsfield < -160].mean()
    assert (dense, air) == ((0, 1) if photometric == "MONOCHROME1" else (1, 0))
    assert of_scan.shape == (6, 4)
    # The patient's right is at the left of a picture.
    assert np.argwhere(of_scan == 1).tolist() == [[0, 0]]
    assert str(tuple(axes)) in capsys.readouterr().out


@pytest.mark.parametrize("task", LESSONS)
def test_what_changes_of_settings_do_was_measured_for_todays_preset_and_stands_on_the_page(task: str) -> None:
    preset = importlib.import_module(USE_CASES[task].lesson).PRESETS["quick"]
    for knob in knobs.KNOBS[task]:
        changed = knobs.settings_of(preset, knob.flags)
        assert (changed == preset) == (not knob.flags), knob.flags
    if knobs.file_of(task).exists():
        assert read_json(knobs.file_of(task))["preset"] == knobs.preset_of(task), "run `make knobs` again"
        assert set(knobs.known_of(task)) <= {knob.flags for knob in knobs.KNOBS[task]}
    page = LESSONS[task].read_text()
    assert knobs.with_table(page, knobs.table(task, knobs.known_of(task), knobs.costs_of(task))) == page


def test_a_table_of_changes_gives_mean_worst_and_best_of_those_that_were_measured() -> None:
    known = {
        "": {"0": {"score": 0.9, "minutes": 4.0}, "1": {"score": 0.8, "minutes": 4.0}},
        "--window-hu -160 240": {"0": {"score": 0.7, "minutes": 4.0}},
    }
    asked, *_ = rows = knobs.table("segmentation", known, {"": 600.0, "--window-hu -160 240": 450.0}).splitlines()
    assert asked == "`--window-hu -160 240`."
    assert "| none | 0.850 (0.800 to 0.900) | 2 | 12 | the preset |" in rows
    (changed,) = (row for row in rows if row.startswith("| `--window-hu -160 240` | 0.700, one run"))
    assert "| 1 | 9 |" in changed
    assert rows.index("<details><summary>What came out</summary>") < rows.index("</details>")


@pytest.mark.parametrize("known", [{}, {"--lesion-share 0": {}}], ids=["nothing", "a row without a seed"])
def test_a_change_that_was_not_measured_is_neither_asked_for_nor_listed(known: dict[str, Any]) -> None:
    preset = {"": {"0": {"score": 0.9, "minutes": 4.0}}}
    assert knobs.table("segmentation", known) == ""
    # Of the preset alone there is nothing to guess.
    head, line, *rows = knobs.table("segmentation", known | preset).splitlines()
    assert head.startswith("| change | Dice")
    assert line == "|---|---|---|---|---|"
    assert rows == ["| none | 0.900, one run, so a part of it is luck | 1 | – | the preset |"]


def test_a_table_is_written_between_the_comments_of_a_page_and_taken_away_again() -> None:
    empty = knobs.with_table(f"Before.\n\n{knobs.BEGIN}\n\nold\n\n{knobs.END}\n\nAfter.\n", "")
    assert empty == f"Before.\n\n{knobs.BEGIN}\n\n{knobs.END}\n\nAfter.\n"
    assert knobs.with_table(knobs.with_table(empty, "| new |"), "") == empty
    assert f"{knobs.BEGIN}\n\n| new |\n\n{knobs.END}" in knobs.with_table(empty, "| new |")
    with pytest.raises(ValueError, match="has no"):
        knobs.with_table("a page without the comments", "")
