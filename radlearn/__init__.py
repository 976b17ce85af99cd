"""radlearn: readable training pipelines for medical computer vision, with synthetic patients built in.

Each task's commands in Python: `radlearn.classification.train(preset="quick", epochs=5)`. Nothing heavy is imported before a task is
named. For learning and research; not for clinical use.
"""

import os
from typing import Any

# Idle threads that spin make two-thread torch stall, up to fifty times slower, as soon as anything else runs on the cores. OpenMP reads
# this when torch is imported; whoever has chosen otherwise keeps it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    from radlearn.use_cases import USE_CASES

    if name not in USE_CASES:
        raise AttributeError(f"module 'radlearn' has no attribute {name!r}; its tasks are {', '.join(USE_CASES)}")
    from radlearn.progress import waiting

    with waiting("Loading the packages that the lesson uses"):
        from radlearn.workflow.task_api import TaskApi

        task = USE_CASES[name].load_task()
    # Found at once the next time, without a call of this function.
    globals()[name] = TaskApi(task)
    return globals()[name]
