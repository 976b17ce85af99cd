"""What a pass writes down on the way: readable after a kill at any byte, refused where it is another pass's."""

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from radlearn.errors import BadLayout, BadSetting, CannotWrite, Interrupted
from radlearn.files import write_text
from radlearn.workflow.partial_answers import PARTIAL, TABLE, PartialAnswers, answers_beside, kept_when_stopped, what_predicts

ABOUT = {"runs": ["a"], "columns": ["path"]}


def image(folder: Path, name: str = "a.dcm") -> Path:
    (folder / name).write_bytes(b"pixels")
    return folder / name


def test_an_answer_is_given_back_as_it_was_however_the_file_ends(tmp_path: Path) -> None:
    paths = [image(tmp_path, name) for name in ("a.dcm", os.fsdecode(b"b\xff.dcm"))]
    answers = PartialAnswers(tmp_path / "out", ABOUT)
    for number, path in enumerate(paths):
        answers.add(path, {"row": ["x", f"{number}"], "exact": 1 / 3})
    whole = (tmp_path / "out" / PARTIAL).read_bytes()
    first, second = (len(b"".join(whole.splitlines(keepends=True)[:count])) for count in (1, 2))
    for length in range(len(whole) + 1):
        (tmp_path / "out" / PARTIAL).write_bytes(whole[:length])
        again = PartialAnswers(tmp_path / "out", ABOUT)
        known = [again.known(path) for path in paths]
        assert known == [
            {"row": ["x", "0"], "exact": 1 / 3} if length >= second else None,
            {"row": ["x", "1"], "exact": 1 / 3} if length == len(whole) else None,
        ]
        # What is added next stands on a line of its own.
        again.add(paths[0], {"row": ["y"]})
        assert PartialAnswers(tmp_path / "out", ABOUT).known(paths[0]) == {"row": ["y"]}
    assert first < second < len(whole)


def test_an_image_that_changed_and_a_file_that_is_gone_are_not_known(tmp_path: Path) -> None:
    path = image(tmp_path)
    answers = PartialAnswers(tmp_path / "out", ABOUT)
    (tmp_path / "out" / "a.png").touch()
    answers.add(path, {"row": ["x"]}, [tmp_path / "out" / "a.png"])
    assert PartialAnswers(tmp_path / "out", ABOUT).known(path) == {"row": ["x"]}
    (tmp_path / "out" / "a.png").unlink()
    assert PartialAnswers(tmp_path / "out", ABOUT).known(path) is None
    answers.add(path, {"row": ["x"]})
    path.write_bytes(b"other pixels")
    assert PartialAnswers(tmp_path / "out", ABOUT).known(path) is None
    path.unlink()
    assert PartialAnswers(tmp_path / "out", ABOUT).known(path) is None


@pytest.mark.parametrize("content", [b'{"format": 99, "about": {}}\n', b'{"about": 3}\n', b'{"format": 1, "about": {"runs": ["b"]}}\n'])
def test_what_is_of_another_pass_or_version_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / PARTIAL).write_bytes(content)
    with pytest.raises(BadSetting, match=r"predictions\.partial\.jsonl: .*(remove the file|Go on with the command)"):
        PartialAnswers(tmp_path / "out", ABOUT)
    assert (tmp_path / "out" / PARTIAL).read_bytes() == content


def test_a_finished_table_is_not_written_over_and_the_partial_file_goes_when_it_is_there(tmp_path: Path) -> None:
    PartialAnswers(tmp_path / "out", ABOUT).finished()
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "out" / TABLE).touch()
    with pytest.raises(BadSetting, match="already exists"):
        PartialAnswers(tmp_path / "out", ABOUT)


def test_a_disk_that_is_full_from_the_start_leaves_no_folder(tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, before[1]))
    try:
        with pytest.raises(CannotWrite, match=r"Nothing was predicted.*predictions\.partial\.jsonl: File too large"):
            PartialAnswers(tmp_path / "new" / "out", ABOUT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_do_not_predict_into_one_folder(tmp_path: Path) -> None:
    ready = os.pipe()
    child = os.fork()
    if child == 0:
        held = PartialAnswers(tmp_path / "out", ABOUT)
        os.write(ready[1], b"1")
        signal.pause()
        os._exit(0 if held else 1)
    try:
        os.read(ready[0], 1)
        with pytest.raises(BadSetting, match="another process is predicting into it"):
            PartialAnswers(tmp_path / "out", ABOUT)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    # A process that ended, however it did, holds nothing.
    PartialAnswers(tmp_path / "out", ABOUT)


@pytest.mark.parametrize("answers", [0, 2])
def test_a_pass_that_is_refused_touches_nothing_of_the_one_whose_folder_it_is(
    answers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    first = PartialAnswers(out, ABOUT)
    (out / "overlays").mkdir()
    (out / "overlays" / "a.png").write_bytes(b"drawn")
    for number in range(answers):
        first.add(image(tmp_path, f"{number}.dcm"), {"row": [str(number)]}, [out / "overlays" / "a.png"])
    written = (out / PARTIAL).read_bytes()
    with pytest.raises(BadSetting, match="holds the beginning of other predictions"), kept_when_stopped(out):
        PartialAnswers(out, {**ABOUT, "runs": ["b"]})
    assert (out / PARTIAL).read_bytes() == written
    assert (out / "overlays" / "a.png").read_bytes() == b"drawn"
    assert "the same command goes on" not in capsys.readouterr().err


def test_leftovers_of_a_killed_pass_are_cleared_away(tmp_path: Path) -> None:
    from radlearn.files import written_whole

    child = os.fork()
    if child == 0:
        with written_whole(tmp_path / "out" / "overlays" / "a.png"):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(list((tmp_path / "out" / "overlays").iterdir())) == 1
    PartialAnswers(tmp_path / "out", ABOUT)
    assert list((tmp_path / "out" / "overlays").iterdir()) == []


@pytest.mark.parametrize("error", [BadLayout("no gate"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full", "x"), ZeroDivisionError()])
def test_a_pass_that_fails_before_its_first_answer_leaves_nothing(error: BaseException, tmp_path: Path) -> None:
    def fail() -> None:
        with kept_when_stopped(tmp_path / "new" / "out"):
            PartialAnswers(tmp_path / "new" / "out", ABOUT)
            raise error

    with pytest.raises((type(error), CannotWrite)):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_is_said_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(error: BaseException) -> None:
        with kept_when_stopped(tmp_path / "out"):
            PartialAnswers(tmp_path / "out", ABOUT).add(image(tmp_path), {"row": []})
            raise error

    kept = r"1 answer is kept in .*predictions\.partial\.jsonl: the same command goes on"
    with pytest.raises(Interrupted, match=kept):
        fail(KeyboardInterrupt())
    (tmp_path / "out" / PARTIAL).unlink()
    with pytest.raises(CannotWrite, match=rf"a\.png: No space left on device\. Free some space.*{kept}"):
        fail(OSError(errno.ENOSPC, "No space left on device", "a.png"))
    (tmp_path / "out" / PARTIAL).unlink()
    with pytest.raises(BadLayout, match=r"^no gate$"):
        fail(BadLayout("no gate"))
    assert "1 answer is kept" in capsys.readouterr().err


def test_a_submission_is_not_written_over_a_folder_and_its_own_folder_goes(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="is a folder; expected the file to write"), answers_beside(tmp_path):
        pass
    with answers_beside(tmp_path / "submission.csv") as folder:
        PartialAnswers(folder, ABOUT)
        assert folder == tmp_path / "submission.csv.unfinished"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"Nothing was predicted"), answers_beside(tmp_path / "file" / "submission.csv") as folder:
        PartialAnswers(folder, ABOUT)


def test_what_is_interrupted_once_the_submission_is_written_leaves_nothing_beside_it(tmp_path: Path) -> None:
    out = tmp_path / "submission.csv"

    def submitted(text: str | None) -> None:
        with answers_beside(out) as folder:
            PartialAnswers(folder, ABOUT).add(image(tmp_path), {"probability": 0.5})
            if text is not None:
                write_text(out, text)
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"1 answer is kept in .*: the same command goes on with the rest"):
        submitted(None)
    with pytest.raises(KeyboardInterrupt):
        submitted("patientId,PredictionString\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dcm", "submission.csv"]
    # One that was there before is none of this pass.
    with pytest.raises(Interrupted, match="1 answer is kept"):
        submitted(None)
    assert (tmp_path / "submission.csv.unfinished" / PARTIAL).exists()


def test_a_disk_that_fills_up_names_the_file_and_keeps_the_answers_before(tmp_path: Path) -> None:
    import resource

    path = image(tmp_path)
    answers = PartialAnswers(tmp_path / "out", ABOUT)
    answers.add(path, {"row": ["kept"]})
    size = (tmp_path / "out" / PARTIAL).stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            answers.add(path, {"row": ["lost"]})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.filename == str(tmp_path / "out" / PARTIAL)
    assert PartialAnswers(tmp_path / "out", ABOUT).known(path) == {"row": ["kept"]}


def test_what_predicts_follows_the_content_of_the_runs_files(tmp_path: Path) -> None:
    from radlearn.training.run_folder import Run

    run = Run(tmp_path / "run", "classification")
    (run.folder / "best").mkdir(parents=True)
    seen = [what_predicts([run], ["path"], gate=None)["runs"]]
    for name in ("settings.json", "postprocessing.json", "feature_distance.safetensors", "best/model.safetensors"):
        (run.folder / name).write_bytes(b"1")
        seen.append(what_predicts([run], ["path"])["runs"])
    assert len({str(one) for one in seen}) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line["answer"].pop("row"),
        lambda line: line["answer"]["row"].__setitem__(0, "9999.000"),
        lambda line: line.pop("stamps"),
        lambda line: line.pop("check"),
        lambda line: line.update(check="0"),
        lambda line: line.update(files=3),
        lambda line: line.update(path=7),
        lambda line: line.update(further=1),
    ],
)
def test_an_answer_that_was_changed_is_not_known(change: Callable[[dict], object], tmp_path: Path) -> None:
    path = image(tmp_path)
    answers = PartialAnswers(tmp_path / "out", ABOUT)
    answers.add(path, {"row": ["12.500"], "overlay": True})
    partial = tmp_path / "out" / PARTIAL
    first, second = partial.read_text().splitlines()
    assert PartialAnswers(tmp_path / "out", ABOUT).known(path) == {"row": ["12.500"], "overlay": True}
    line = json.loads(second)
    change(line)
    partial.write_text(f"{first}\n{json.dumps(line)}\n")
    assert PartialAnswers(tmp_path / "out", ABOUT).known(path) is None


def test_a_mask_that_was_cut_short_is_made_again(tmp_path: Path) -> None:
    path, mask = image(tmp_path), tmp_path / "out" / "a.nii.gz"
    answers = PartialAnswers(tmp_path / "out", ABOUT)
    mask.write_bytes(b"0123456789")
    answers.add(path, {"row": ["x"]}, [mask])
    assert PartialAnswers(tmp_path / "out", ABOUT).known(path) == {"row": ["x"]}
    mask.write_bytes(b"01234")
    assert PartialAnswers(tmp_path / "out", ABOUT).known(path) is None


def test_a_submission_takes_the_place_of_no_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for out in (Path("/dev/null"), tmp_path / "pipe"):
        with pytest.raises(CannotWrite, match="is a pipe or a device, not a file"), answers_beside(out):
            pytest.fail("nothing may be predicted for it")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("is_new", [True, False])
def test_pictures_of_an_image_that_has_no_answer_go_with_a_folder_that_was_made_for_them(is_new: bool, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if not is_new:
        (out / "masks").mkdir(parents=True)
        (out / "mine.nii.gz").touch()

    def stopped_early() -> None:
        with kept_when_stopped(out):
            PartialAnswers(out, ABOUT)
            (out / "masks").mkdir(exist_ok=True)
            (out / "masks" / "a.nii.gz").touch()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(out / "overlays" / "a.png"))

    with pytest.raises(CannotWrite, match="No space left"):
        stopped_early()
    assert out.exists() is not is_new
    assert is_new or [path.name for path in out.iterdir()] == ["mine.nii.gz"]
    # So the same command can be given again.
    with kept_when_stopped(out):
        PartialAnswers(out, ABOUT)


@pytest.mark.parametrize("name", ["boxes.csv", "overlays/IM1.png", "masks/a.nii.gz", "probabilities/a.nii.gz"])
def test_what_lies_beside_a_table_that_was_renamed_is_not_replaced(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("of Monday")
    (tmp_path / "monday.csv").write_text("the table, renamed")
    with pytest.raises(BadSetting, match=rf"{name.split('/')[0]}: is there, though neither .*another folder with --out"):
        PartialAnswers(tmp_path, ABOUT)
    assert (tmp_path / name).read_text() == "of Monday"
    assert not (tmp_path / PARTIAL).exists()
