"""radlearn: three readable training pipelines for medical computer vision, with the patients built in.

The commands of the command line, in Python: `radlearn.classification.train(preset="quick", epochs=5)`. Nothing heavy is imported before a
task is named. For learning and research; not for clinical use.
"""

import os
from typing import Any

# Idle threads that spin make two-thread torch stall, up to fifty times slower, as soon as anything else runs on the cores. OpenMP reads
# this when torch is imported; whoever has chosen otherwise keeps it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

# Task → its lesson, and what it asks.
LESSONS = {
    "classification": (
        "radlearn.rsna_pneumonia_classification.classify_pneumonia",
        "is there a lung opacity suspicious for pneumonia? (chest X-ray, MONAI)",
    ),
    "detection": (
        "radlearn.rsna_pneumonia_detection.detect_pneumonia",
        "where is the lung opacity? (chest X-ray boxes, plain PyTorch)",
    ),
    "segmentation": (
        "radlearn.covid19_ct_segmentation.segment_lesions",
        "which voxels are COVID-19 lesions? (chest CT in three dimensions, MONAI)",
    ),
}


def __getattr__(name: str) -> Any:
    if name not in LESSONS:
        raise AttributeError(f"module 'radlearn' has no attribute {name!r}; its tasks are {', '.join(LESSONS)}")
    from radlearn.progress import waiting

    with waiting("Loading what the lesson stands on"):
        import importlib

        from radlearn.workflow.task_api import TaskApi

        lesson = importlib.import_module(LESSONS[name][0])
    # Found at once the next time, without a call of this function.
    globals()[name] = TaskApi(lesson)
    return globals()[name]
