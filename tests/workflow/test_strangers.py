"""Who is who, decided by pixels: strangers of the same names, a run's own cases under new names, old and new ones mixed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.uid import RLELossless

import radlearn
from radlearn.errors import BadLayout, BadRunFolder, BadSetting
from radlearn.json_files import write_json
from radlearn.training.run_folder import Run, new_run
from radlearn.training.splits import contents_in_split, read_split, write_split
from radlearn.workflow.case_contents import contents_of
from radlearn.workflow.ensembles import new_ensemble
from radlearn.workflow.splits import prove_same, split_cases
from radlearn.workflow.strangers import are_strangers, tell_new_cases
from radlearn.workflow.task import Commands, Ensemble
from radlearn.workflow.task_api import TaskApi

TASK = radlearn.classification.task
find_cases = TASK.challenge.find_cases


@pytest.fixture
def asked() -> list[tuple[str, list[str], str]]:
    """What the lesson was asked for: the command, the ids of the cases, the split."""
    return []


@pytest.fixture
def api(asked: list[tuple[str, list[str], str]]) -> TaskApi:
    """Classification, whose lesson only notes what it is asked for."""

    def evaluate(run: Run, cases: Any, split: str, options: object) -> dict[str, Any]:
        asked.append(("evaluate", [case.image_id for case in cases], split))
        return {}

    def tune(run: Run, cases: Any, options: object) -> dict[str, Any]:
        asked.append(("tune", [case.image_id for case in cases], "validation"))
        return {}

    def together(runs: Any, cases: Any, options: object) -> dict[str, Any]:
        asked.append(("together", [case.image_id for case in cases], "test"))
        return {}

    nothing: Any = None
    commands: Any = Commands(nothing, evaluate, tune, nothing, nothing)
    return TaskApi(replace(TASK, commands=commands, ensemble=Ensemble(together, nothing, nothing)))


@pytest.fixture
def data(small_rsna: Path, tmp_path: Path) -> Path:
    """The X-rays that a run is trained on, to be changed at will."""
    return Path(shutil.copytree(small_rsna, tmp_path / "own"))


def trained(folder: Path, data: Path, with_contents: bool = True) -> Run:
    run = new_run(folder, TASK.name, TASK.presets["quick"], {"data": str(data)})
    cases = find_cases(data)
    subsets = {
        person: ("train", "train", "validation", "test")[number % 4] for number, person in enumerate(sorted({c.person for c in cases}))
    }
    rows = [[case.image_id for case in cases], [case.person for case in cases], [subsets[case.person] for case in cases]]
    write_split(run.folder / "split.csv", *rows, contents_of(cases) if with_contents else None)
    write_json(run.folder / "postprocessing.json", {"task": TASK.name, "postprocessing": {}})
    return run


def xrays(data: Path) -> list[Path]:
    return sorted((data / "stage_2_train_images").iterdir())


def changed(path: Path) -> None:
    """Make the X-ray another person's: other pixels under the same name, header and size."""
    dataset = pydicom.dcmread(path)
    stored = bytearray(dataset.PixelData)
    stored[len(stored) // 2] ^= 1
    dataset.PixelData = bytes(stored)
    dataset.save_as(path)


def renamed(data: Path, new: str) -> None:
    """Give every X-ray another name, in the tables, the headers and the files."""
    for table in data.glob("*.csv"):
        table.write_text(table.read_text().replace("xray-", f"{new}-").replace("person-", f"{new}-person-"))
    for xray in xrays(data):
        dataset = pydicom.dcmread(xray)
        dataset.PatientID = dataset.PatientName = xray.stem.replace("xray-", f"{new}-")
        dataset.save_as(xray.with_name(xray.name.replace("xray-", f"{new}-")))
        xray.unlink()


def other_folder(data: Path, change: Callable[[Path], object]) -> Path:
    folder = Path(shutil.copytree(data, data.with_name("other")))
    change(folder)
    return folder


def all_changed(folder: Path) -> None:
    for xray in xrays(folder):
        changed(xray)


def split_ids(run: Run, subset: str) -> list[str]:
    rows = (run.folder / "split.csv").read_text().splitlines()[1:]
    return [row.split(",")[0] for row in rows if row.split(",")[2] == subset]


def test_strangers_of_the_same_names_are_an_external_set(api: TaskApi, asked: list, data: Path, tmp_path: Path, capsys: Any) -> None:
    run = trained(tmp_path / "run", data)
    other = other_folder(data, all_changed)
    api.evaluate(run.folder, data=other)
    assert asked == [("evaluate", [case.image_id for case in find_cases(other)], "external")]
    said = capsys.readouterr().err
    assert "All 48 cases have names of this run's cases, but other pixels" in " ".join(said.split())


def test_strangers_that_share_some_names_are_an_external_set(api: TaskApi, asked: list, data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data)

    def fewer(folder: Path) -> None:
        all_changed(folder)
        kept = {case.image_id for case in find_cases(folder)[:5]}
        for table in folder.glob("*.csv"):
            header, *rows = table.read_text().splitlines()
            table.write_text("\n".join([header, *(row for row in rows if row.split(",")[0] in kept)]) + "\n")

    api.evaluate(run.folder, data=other_folder(data, fewer))
    assert [(len(ids), split) for _, ids, split in asked] == [(5, "external")]


def test_the_runs_own_xrays_under_new_names_are_not_external(api: TaskApi, data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data)
    other = other_folder(data, lambda folder: renamed(folder, "new"))
    with pytest.raises(
        BadLayout, match=r"all 48 of its cases are images of this run \(.*train.*\), such as new-000, which is xray-000 there"
    ):
        api.evaluate(run.folder, data=other)


def test_one_training_xray_among_strangers_is_found(data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data)

    def all_but_one(folder: Path) -> None:
        renamed(folder, "new")
        for xray in xrays(folder)[1:]:
            changed(xray)

    other = other_folder(data, all_but_one)
    with pytest.raises(BadLayout, match="1 of its 48 cases is an image of this run"):
        are_strangers(run, find_cases(other), other)


def test_the_moved_folder_of_the_run_is_its_own(api: TaskApi, asked: list, data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data)
    moved = Path(shutil.move(data, tmp_path / "moved"))
    api.evaluate(run.folder, data=moved)
    api.tune(run.folder, data=moved)
    assert asked == [("evaluate", split_ids(run, "test"), "test"), ("tune", split_ids(run, "validation"), "validation")]


def test_some_test_cases_that_are_others_are_neither(api: TaskApi, data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data)
    name = split_ids(run, "test")[0]
    other = other_folder(data, lambda folder: changed(folder / "stage_2_train_images" / f"{name}.dcm"))
    with pytest.raises(BadLayout, match=rf"1 of \d+ cases with the names of this run's test cases, such as {name}, is another image"):
        api.evaluate(run.folder, data=other)


def test_xrays_that_were_replaced_where_they_lie_are_not_evaluated(api: TaskApi, data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data)
    all_changed(data)
    for ask in (api.evaluate, api.tune):
        with pytest.raises(BadRunFolder, match=r"other pixels than those of the same name"):
            ask(run.folder)


@pytest.mark.parametrize("subset", ["train", "validation", "test"])
def test_a_run_is_not_resumed_on_other_xrays(data: Path, tmp_path: Path, subset: str) -> None:
    run = trained(tmp_path / "run", data)
    name = split_ids(run, subset)[0]
    items = [Item(case) for case in find_cases(data)]
    assert len(split_cases(items, 0, None, run)[subset]) == len(split_ids(run, subset))
    changed(data / "stage_2_train_images" / f"{name}.dcm")
    with pytest.raises(BadRunFolder, match=f"1 of 48 cases, such as {name}, has other pixels than those of the same name"):
        split_cases(items, 0, None, run)


class Item:
    """A prepared X-ray, as far as a split sees it."""

    def __init__(self, case: Any) -> None:
        self.case, self.label = case, bool(case.label)


def test_a_run_is_not_resumed_on_another_truth_and_it_is_said_when_it_is_evaluated(
    api: TaskApi, asked: list, data: Path, tmp_path: Path, capsys: Any
) -> None:
    run = trained(tmp_path / "run", data)
    cases = find_cases(data)
    name = next(case.image_id for case in cases if case.label and case.image_id in split_ids(run, "test"))
    moved = [replace(c, boxes_xyxy_px=((1.0, 2.0, 30.0, 40.0),)) if c.image_id == name else c for c in cases]
    with pytest.raises(BadRunFolder, match=f"such as {name}, has another truth than.*Half a training"):
        split_cases([Item(case) for case in moved], 0, None, run)
    table = data / "stage_2_train_labels.csv"
    row = next(row for row in table.read_text().splitlines() if row.startswith(name))
    table.write_text(table.read_text().replace(row, f"{name},1.0,2.0,30.0,40.0,1"))
    api.evaluate(run.folder)
    assert "has another truth than when training began" in " ".join(capsys.readouterr().err.split())
    assert asked[0][2] == "test"


def test_a_new_split_keeps_the_contents(data: Path, tmp_path: Path) -> None:
    run = new_run(tmp_path / "run", TASK.name, TASK.presets["quick"], {"data": str(data)})
    split_cases([Item(case) for case in find_cases(data)], 0, None, run)
    contents = contents_in_split(run)
    assert [contents[case.image_id] for case in find_cases(data)] == contents_of(find_cases(data))


def saved_again(folder: Path) -> None:
    """Decode every X-ray and keep it uncompressed, with everything else as it was."""
    for xray in xrays(folder):
        dataset = pydicom.dcmread(xray)
        if dataset.file_meta.TransferSyntaxUID.is_compressed:
            dataset.decompress()
        dataset.compress(RLELossless)
        dataset.save_as(xray)


def test_the_runs_own_xrays_saved_again_are_its_own(api: TaskApi, asked: list, data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data)
    api.evaluate(run.folder, data=other_folder(data, saved_again))
    assert asked == [("evaluate", split_ids(run, "test"), "test")]


def test_the_runs_own_xrays_saved_again_under_new_names_are_not_external(data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data)
    other = other_folder(data, lambda folder: (saved_again(folder), renamed(folder, "new")))
    with pytest.raises(BadLayout, match=r"all 48 of its cases are images of this run .*, such as new-000, which is xray-000 there"):
        are_strangers(run, find_cases(other), other)


def test_a_run_of_before_knows_its_own_files_and_says_that_it_cannot_know_copies(data: Path, tmp_path: Path, capsys: Any) -> None:
    run = trained(tmp_path / "run", data)
    cases = find_cases(data)
    split = read_split(run.folder / "split.csv")
    rows = [[case.image_id for case in cases], [case.person for case in cases], [split[case.image_id][1] for case in cases]]
    write_split(run.folder / "split.csv", *rows, contents_of(cases, stored=True))
    assert not are_strangers(run, cases, data)
    prove_same(cases, run)
    assert capsys.readouterr().err == ""
    other = other_folder(data, saved_again)
    assert are_strangers(run, find_cases(other), other)
    assert "Whether that is so here cannot be told: train again to be sure." in " ".join(capsys.readouterr().err.split())
    with pytest.raises(BadRunFolder, match="whether they are the same images cannot be told"):
        prove_same(find_cases(other), run)


def test_runs_on_data_of_the_same_names_are_not_evaluated_together(api: TaskApi, asked: list, data: Path, tmp_path: Path) -> None:
    from radlearn.workflow.ensembles import must_share_test_persons

    one = trained(tmp_path / "one", data)
    other = other_folder(data, all_changed)
    two = trained(tmp_path / "two", other)
    with pytest.raises(BadSetting, match="trained on different data with the same names: 48 cases"):
        must_share_test_persons([one, two])
    must_share_test_persons([one, trained(tmp_path / "three", data)])
    with pytest.raises(BadRunFolder, match=r"have other pixels than those of the same name"):
        api.evaluate([one.folder, tmp_path / "three"], data=other)
    assert asked == []
    api.evaluate([one.folder, tmp_path / "three"], data=data)
    assert [command for command, _, _ in asked] == ["together"]


def test_a_run_of_before_digests_goes_by_names_and_it_is_said(api: TaskApi, asked: list, data: Path, tmp_path: Path, capsys: Any) -> None:
    run = trained(tmp_path / "run", data, with_contents=False)
    api.evaluate(run.folder)
    assert asked == [("evaluate", split_ids(run, "test"), "test")]
    assert capsys.readouterr().err.count("older than digests of cases") == 1
    other = other_folder(data, lambda folder: renamed(folder, "new"))
    api.evaluate(run.folder, data=other)
    assert asked[1][2] == "external"
    assert capsys.readouterr().err.count("older than digests of cases") == 1


def test_blank_xrays_tell_nobody_apart(data: Path, tmp_path: Path) -> None:
    def blank(folder: Path) -> None:
        for xray in xrays(folder)[:3]:
            dataset = pydicom.dcmread(xray)
            dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
            dataset.PixelData = bytes(dataset.Rows * dataset.Columns)
            dataset["PixelData"].is_undefined_length = False
            dataset.save_as(xray)

    blank(data)
    run = trained(tmp_path / "run", data)

    def strangers(folder: Path) -> None:
        renamed(folder, "new")
        for xray in xrays(folder)[3:]:
            changed(xray)

    other = other_folder(data, strangers)
    assert are_strangers(run, find_cases(other), other)


def grown(data: Path, count: int) -> Path:
    """The data with further X-rays of further persons."""
    folder = Path(shutil.copytree(data, data.with_name("grown")))
    for number, xray in enumerate(xrays(folder)[:count]):
        name = f"further-{number}"
        copy = Path(shutil.copy(xray, xray.with_name(f"{name}.dcm")))
        dataset = pydicom.dcmread(copy)
        dataset.PatientID = dataset.PatientName = f"new-{number}"
        dataset.save_as(copy)
        changed(copy)
        with open(folder / "stage_2_train_labels.csv", "a") as labels, open(folder / "stage_2_detailed_class_info.csv", "a") as classes:
            labels.write(f"{name},,,,,0\n")
            classes.write(f"{name},Normal\n")
        if (folder / "persons.csv").exists():
            with open(folder / "persons.csv", "a") as persons:
                persons.write(f"{name},new-{number}\n")
    return folder


@pytest.mark.parametrize(("count", "amount"), [(3, "3 of the 51 cases are"), (1, "1 of the 49 cases is")])
def test_new_cases_among_a_runs_own_are_left_out_aloud(
    api: TaskApi, asked: list, data: Path, tmp_path: Path, capsys: Any, count: int, amount: str
) -> None:
    run = trained(tmp_path / "run", data)
    api.evaluate(run.folder, data=grown(data, count))
    assert asked == [("evaluate", split_ids(run, "test"), "test")]
    told = " ".join(capsys.readouterr().err.split())
    assert f"{amount} new to this run, such as further-0, and left out: of {count} person{'s' * (count > 1)} whom the run does not" in told
    assert "name a table of their cases alone with --data" in told
    api.evaluate(run.folder, data=data)
    assert "new to this run" not in capsys.readouterr().err


def test_new_cases_of_known_persons_are_told_apart(data: Path, tmp_path: Path, capsys: Any) -> None:
    run, cases = trained(tmp_path / "run", data), find_cases(data)
    known = [replace(cases[0], image_id="again"), replace(cases[1], image_id="once more")]
    tell_new_cases(run, [*cases, *known])
    assert "2 of the 50 cases are new to this run, such as again, and left out: of persons whom the run knows." in " ".join(
        capsys.readouterr().err.split()
    )
    tell_new_cases(run, [*cases, known[0], replace(cases[1], image_id="new", person="nobody yet")])
    assert "of 1 person whom the run does not know, and 1 of persons whom it knows." in " ".join(capsys.readouterr().err.split())


@pytest.fixture
def refusing() -> TaskApi:
    """Classification, whose lesson refuses what it is asked for after its first files are written."""

    def evaluate(run: Run, cases: Any, split: str, options: object) -> dict[str, Any]:
        (run.folder / f"cases-{split}.csv").write_text("half")
        raise BadLayout("The data have several labels.")

    def together(runs: Any, cases: Any, options: object) -> dict[str, Any]:
        new_ensemble(runs)
        raise BadRunFolder("The weights are damaged.")

    nothing: Any = None
    commands: Any = Commands(nothing, evaluate, nothing, nothing, nothing)
    return TaskApi(replace(TASK, commands=commands, ensemble=Ensemble(together, nothing, nothing)))


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_refused_evaluation_on_other_data_leaves_the_earlier_one_in_its_place(refusing: TaskApi, data: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "run", data)
    (run.pictures / "external").mkdir(parents=True)
    (run.pictures / "external" / "roc.png").write_bytes(b"picture")
    for name in ("report-external.html", "cases-external.csv"):
        (run.folder / name).write_text("hospital A")
    write_json(run.folder / "scores-external.json", {"content": "v2:a", "data": "a.csv"})
    before = files_in(run.folder)
    with pytest.raises(BadLayout, match="several labels"):
        refusing.evaluate(run.folder, data=other_folder(data, all_changed))
    assert files_in(run.folder) == before
    assert not (run.folder / "earlier").exists()


@pytest.mark.parametrize("same", [True, False])
def test_a_refused_evaluation_of_several_runs_leaves_the_earlier_one_in_its_place(
    refusing: TaskApi, data: Path, tmp_path: Path, same: bool
) -> None:
    runs = [trained(tmp_path / name, data) for name in ("a", "b", "c")]
    for run in runs:
        run.history_file.write_text('{"epoch": 1}\n')
    ensemble = new_ensemble(runs[:2])
    for name in ("scores.json", "cases.csv", "report.html", "postprocessing.json"):
        (ensemble.folder / name).write_text("{}")
    before = files_in(runs[0].folder)
    with pytest.raises(BadRunFolder, match="weights are damaged"):
        refusing.evaluate([run.folder for run in (runs[:2] if same else runs)])
    assert files_in(runs[0].folder) == before
    assert not (runs[0].folder / "earlier").exists()
