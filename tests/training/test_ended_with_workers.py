"""A batch system ends a job by a signal to all its processes: a training with workers says that it was stopped, and how it goes on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from radlearn.errors import RadlearnError
from radlearn.training.checkpoint import load_tensors
from radlearn.training.run_folder import open_run

# A child, because a signal to its group must not reach the tests.
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
import tiny_task
from radlearn.endings import ended
sys.exit(ended(lambda: tiny_task.train(Path({folder!r}), workers=2, save_every_seconds=0.0, epochs=100_000)))
"""


def workers_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def started(folder: Path) -> subprocess.Popen[str]:
    code = CHILD.format(here=str(Path(__file__).parent), folder=str(folder))
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 60
    while not (list(folder.glob("last/*.safetensors")) and len(workers_of(child.pid)) >= 2):
        assert time.monotonic() < until
        time.sleep(0.05)
    return child


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks the system for child processes")
@pytest.mark.parametrize("first", ["all at once", "the workers first", "the workers first, then twice"])
def test_a_job_that_is_ended_with_its_workers_says_how_it_goes_on(tmp_path: Path, first: str) -> None:
    child = started(tmp_path / "run")
    if first != "all at once":
        for worker in workers_of(child.pid):
            os.kill(worker, signal.SIGTERM)
        time.sleep(0.05)
    for _ in range(2 if "twice" in first else 1):
        os.killpg(child.pid, signal.SIGTERM)
    said = child.communicate(timeout=60)[1]
    assert "Stopped by SIGTERM, saved after step" in said
    assert " resume " in said
    assert "killed" not in said
    assert "Traceback" not in said
    assert child.returncode == 130
    step = load_tensors(open_run(tmp_path / "run").last_checkpoint)[1]["step"]
    assert f"saved after step {step:,} of" in said


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks the system for child processes")
def test_a_worker_that_is_killed_alone_is_named_with_how_to_go_on(tmp_path: Path) -> None:
    child = started(tmp_path / "run")
    os.kill(workers_of(child.pid)[0], signal.SIGKILL)
    said = child.communicate(timeout=60)[1]
    assert "background worker that loads cases was killed" in said
    assert "Use fewer workers" in said
    assert "The training is saved after step" in said
    assert " resume " in said
    assert "Traceback" not in said
    assert child.returncode == RadlearnError.exit_code
