"""The tiny task, for every test of the loop."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """`tiny_task.py` beside this file, which is also a script of its own."""
    name = "radlearn_tests_tiny_task"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("tiny_task.py"))
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
