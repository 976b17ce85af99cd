"""What a run records about the machine and the software."""

import re
import sys
from pathlib import Path

from radlearn.json_files import read_json
from radlearn.training import environment
from radlearn.training.run_folder import new_run
from radlearn.training.settings import TrainingSettings


def test_the_environment_is_written_down_without_importing_anything_heavy(tmp_path: Path) -> None:
    heavy = {"monai", "torchvision"} - set(sys.modules)
    run = new_run(tmp_path / "run", "detection", TrainingSettings())
    written = read_json(run.folder / "environment.json")
    assert written["python"].startswith("3.")
    assert re.match(r"\d+\.\d+", written["torch"])
    assert written.keys() == environment.environment().keys() >= set(environment.PACKAGES)
    assert not heavy & set(sys.modules)
