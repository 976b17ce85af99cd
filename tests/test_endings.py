"""How a command ends."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from radlearn import endings
from radlearn.errors import BadRunFolder, BadSetting, Interrupted, RadlearnWarning


def raising(error: BaseException) -> None:
    raise error


def test_a_command_that_is_done_ends_with_zero() -> None:
    assert endings.ended(lambda: None) == 0


@pytest.mark.parametrize(("error", "code"), [(BadSetting("epochs is 0"), 2), (Interrupted("saved"), 130), (KeyboardInterrupt(), 130)])
def test_a_clear_message_and_its_exit_code(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert endings.ended(lambda: raising(error)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(error) in captured.err
    assert "Traceback" not in captured.err


def test_a_warning_of_ours_is_a_sentence_that_is_said_once_and_those_of_others_stay(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        for _ in range(2):
            warnings.warn(RadlearnWarning("the view is LL", "a.dcm"), stacklevel=1)
            warnings.warn(RadlearnWarning("the view is LL", "a.dcm"), stacklevel=2)
        with pytest.warns(UserWarning, match="of another library"):
            warnings.warn("of another library", UserWarning, stacklevel=1)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert endings.ended(command) == 0
    assert capsys.readouterr().err.splitlines() == ["a.dcm: the view is LL."]


def test_a_full_disk_is_the_users_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    assert endings.ended(lambda: raising(OSError(errno.ENOSPC, "No space left on device", "model.safetensors"))) == 2
    assert "model.safetensors: No space left on device" in capsys.readouterr().err


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        endings.ended(lambda: raising(ZeroDivisionError()))


def test_json_is_one_object_and_nan_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    endings.print_json({"auroc_score": float("nan"), "name": "ö"})
    assert json.loads(capsys.readouterr().out) == {"auroc_score": None, "name": "ö"}


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "Free some space, or choose a place on another disk"),
        (errno.EDQUOT, "Free some space"),
        (errno.EFBIG, "Free some space"),
        (errno.EROFS, "Choose a place that can be written"),
        (errno.ENAMETOOLONG, "Choose a shorter or simpler name"),
        (errno.ENOTDIR, "A file lies where a folder is expected"),
        (errno.EIO, "The disk or its connection fails"),
        (errno.EMFILE, "Allow more open files"),
    ],
)
def test_an_error_of_the_system_says_where_and_what_to_do_and_promises_nothing(
    number: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert endings.ended(lambda: raising(OSError(number, os.strerror(number), "runs/one/history.jsonl"))) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said.startswith(f"radlearn: runs/one/history.jsonl: {os.strerror(number)}. {words}")
    assert "not lost" not in said


def test_a_file_of_ours_that_is_missing_keeps_its_traceback() -> None:
    with pytest.raises(FileNotFoundError):
        endings.ended(lambda: raising(FileNotFoundError(errno.ENOENT, "No such file or directory", "report.html")))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_each_signal_that_ends_a_command_lets_it_clear_up(name: str, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from radlearn.endings import ended; from radlearn.files import written_whole\n"
        # Under nohup the tests' own hang-up is ignored, and so would be the child's.
        "signal.signal(getattr(signal, sys.argv[2]), signal.SIG_DFL)\n"
        "def command():\n"
        "    with written_whole(Path(sys.argv[1]) / 'a.txt'):\n"
        "        os.kill(os.getpid(), getattr(signal, sys.argv[2]))\n"
        "        signal.pause()\n"
        "code = ended(command)\n"
        "print(code, os.listdir(sys.argv[1]), signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path), name], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["130", "[]", "True"]
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr


def _instead_of_the_interrupt(name: str, error: BaseException) -> None:
    try:
        os.kill(os.getpid(), getattr(signal, name))
        # The system may deliver it to another thread, a moment later.
        time.sleep(10)
    except KeyboardInterrupt:
        raise error from None


@pytest.fixture
def heeded_signals() -> Iterator[None]:
    """Ctrl-C ends this process, also where the tests were started in the background, whose processes ignore it."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "error",
    [
        SystemError("AST constructor recursion depth mismatch"),
        RuntimeError("callback"),
        OSError(errno.EINTR, "Interrupted"),
        # The reader of weights, in Rust, raises an error of its own, and what reads a run calls the file damaged.
        BadRunFolder("model.safetensors: is damaged (could not determine the shape)."),
    ],
    ids=str,
)
def test_an_error_that_took_the_place_of_an_interrupt_is_one(
    name: str, error: Exception, capsys: pytest.CaptureFixture[str], heeded_signals: None
) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    assert endings.ended(lambda: _instead_of_the_interrupt(name, error)) == 130
    said = capsys.readouterr().err
    assert "interrupted" in said
    assert str(error) not in said
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_a_command_says_of_its_own_interruption_is_kept(capsys: pytest.CaptureFixture[str], heeded_signals: None) -> None:
    error = Interrupted("Stopped. To continue: …")
    assert endings.ended(lambda: _instead_of_the_interrupt("SIGTERM", error)) == error.exit_code
    assert "Stopped. To continue" in capsys.readouterr().err


def test_a_command_under_nohup_outlives_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert endings.ended(lambda: os.kill(os.getpid(), signal.SIGHUP)) == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(
    "environment", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}]
)
def test_what_is_not_ascii_ends_no_command_on_a_terminal_that_knows_no_more(environment: dict[str, str]) -> None:
    code = (
        "import os, sys; from radlearn.endings import ended, print_json; from radlearn.progress import say\n"
        "def command():\n"
        "    name = os.fsdecode(b'M\\xfcller')\n"
        "    say('R\\u00f6ntgen \\u80f8 ' + name)\n"
        "    print('R\\u00f6ntgen \\u2026 ' + name)\n"
        "    print_json({'name': 'R\\u00f6ntgen ' + name})\n"
        "sys.exit(ended(command))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env={**os.environ, **environment}, timeout=120)
    assert done.returncode == 0, done.stderr
    assert os.fsencode(json.loads(done.stdout.splitlines()[-1])["name"]).endswith(b"M\xfcller")
    assert b"M\\xfcller" in done.stderr


def test_json_stays_json_where_standard_output_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii", write_through=True))
    assert endings.ended(lambda: endings.print_json({"name": "Müller …"})) == 0
    assert json.loads(written.getvalue()) == {"name": "Müller …"}


@pytest.mark.parametrize("error", [MemoryError(), MemoryError("Unable to allocate 32.0 GiB"), BrokenProcessPool("terminated abruptly")])
def test_memory_that_ran_out_is_no_fault_of_the_program(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert endings.ended(lambda: raising(error)) == 2
    assert "memory" in capsys.readouterr().err


PRINTING = """
import sys
from radlearn.endings import ended, print_json
sys.exit(ended(lambda: print_json({"text": "x" * int(sys.argv[1])})))
"""


@pytest.mark.parametrize("amount", [1, 1_000_000])
def test_a_full_disk_under_standard_output_is_said(amount: int) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", PRINTING, str(amount)], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        "radlearn: standard output: No space left on device. Free some space, or choose a place on another disk, then try again."
    ]


@pytest.mark.parametrize("amount", [1, 1_000_000])
def test_a_reader_that_has_seen_enough_is_no_error(amount: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", PRINTING, str(amount)], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_pipe_to_a_worker_that_broke_is_no_success() -> None:
    # An exit code of 0 would say that all is done.
    with pytest.raises(BrokenPipeError):
        endings.ended(lambda: raising(BrokenPipeError(errno.EPIPE, "Broken pipe")))


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_standard_streams_that_are_closed_are_no_trouble_and_no_file_takes_their_place(closed: str, tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from radlearn.endings import ended, print_out\n"
        "def work():\n"
        "    with open(sys.argv[1], 'w') as opened:\n"
        "        assert opened.fileno() > 2\n"
        "        print_out('printed')\n"
        "        os.write(1, b'printed')\n"
        "        opened.write('kept')\n"
        "sys.exit(ended(work))\n"
    )
    line = f'exec "$0" -c "$1" "$2" {closed}'
    done = subprocess.run(["bash", "-c", line, sys.executable, code, str(tmp_path / "out")], capture_output=True, check=False)
    assert (done.returncode, (tmp_path / "out").read_text()) == (0, "kept")


def test_a_current_folder_that_was_removed_is_said(tmp_path: Path) -> None:
    code = "import os, sys; from radlearn.endings import ended; sys.exit(ended(os.getcwd))"
    line = f'cd {tmp_path}; mkdir gone; cd gone; rmdir ../gone; exec "$0" -c "$1"'
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(["bash", "-c", line, sys.executable, code], capture_output=True, check=False, env=environment)
    assert done.returncode == 2
    assert "the current folder is no longer there" in " ".join(done.stderr.decode().split())


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_another_library_prints_into_a_closed_pipe_ends_in_silence(stream: str, unbuffered: str, tmp_path: Path) -> None:
    program = f"""
import sys
from radlearn.endings import ended
def command():
    for _ in range(3000):
        print("x" * 100, file=sys.{stream}, flush=True)
sys.exit(ended(command))
"""
    reading, writing = os.pipe()
    os.close(reading)
    with open(tmp_path / "other", "w") as other:
        streams = {"stdout": other, "stderr": other} | {stream: writing}
        code = subprocess.run(
            [sys.executable, "-c", program], check=False, env={**os.environ, "PYTHONUNBUFFERED": unbuffered}, **streams
        ).returncode
    os.close(writing)
    assert code == (0 if stream == "stdout" else 2)
    assert (tmp_path / "other").read_text() == ""


def test_a_broken_pipe_of_another_kind_keeps_its_traceback() -> None:
    with pytest.raises(BrokenPipeError):
        endings.ended(lambda: raising(BrokenPipeError(errno.EPIPE, "Broken pipe")))
