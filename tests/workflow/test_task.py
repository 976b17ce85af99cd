"""A task as an object."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from radlearn.training.settings import TrainingSettings
from radlearn.workflow.task import NoOptions, Task


@dataclass(frozen=True)
class Settings(TrainingSettings):
    depth: int = 3


def test_the_class_of_the_settings_is_that_of_the_presets(tmp_path: Path) -> None:
    nothing: Any = None
    task = Task("toy", tmp_path, nothing, {"quick": Settings(), "deep": Settings(depth=9)}, (), "TOY", nothing, NoOptions, NoOptions)
    assert task.settings is Settings
    assert task.ensemble is None
    assert task.options() == NoOptions()
    assert not fields(task.tune_options)
