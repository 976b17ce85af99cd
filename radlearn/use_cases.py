"""The registry of use cases: one line each. A new use case is a folder with one `.py` and a README, and a line here.

Nothing heavy is imported: modules are named, not loaded. `radlearn.NAME` and `radlearn NAME …` load the lesson when it is asked for.
"""

import importlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple


class UseCase(NamedTuple):
    """A lesson and the challenge that it is about, by the names of their modules."""

    # Exports TASK, a `radlearn.workflow.task.Task`.
    lesson: str
    # Exports CHALLENGE, a `radlearn.challenges.challenge.Challenge`, and imports neither torch nor MONAI.
    challenge: str
    # What the task answers, in one line of `radlearn --help`.
    question: str
    # Exports case_format(challenge) -> `radlearn.workflow.cases_file.CaseFormat`, and imports neither torch nor MONAI; "" where runs
    # cannot be compared.
    cases: str = ""

    @property
    def folder(self) -> Path:
        """The lesson's folder, found without importing the lesson."""
        spec = find_spec(self.lesson)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{self.lesson}: there is no such module, though the registry names it.")
        return Path(spec.origin).parent

    def load_challenge(self) -> Any:
        """Import the challenge, which is quick."""
        return importlib.import_module(self.challenge).CHALLENGE

    def load_case_format(self, run: Any = None) -> Any:
        """Import what the task keeps of each evaluated case, which is quick; None where it keeps nothing.

        `run`: one whose cases are meant, where the module also exports case_format_of(challenge, run): runs of it may have other columns.
        """
        if not self.cases:
            return None
        module = importlib.import_module(self.cases)
        if run is not None and hasattr(module, "case_format_of"):
            return module.case_format_of(self.load_challenge(), run)
        return module.case_format(self.load_challenge())

    def load_task(self) -> Any:
        """Import the lesson, which takes as long as importing torch and MONAI."""
        return importlib.import_module(self.lesson).TASK


USE_CASES: dict[str, UseCase] = {
    "classification": UseCase(
        "radlearn.rsna_pneumonia_classification.classify_pneumonia",
        "radlearn.challenges.rsna",
        "is there a lung opacity suspicious for pneumonia? (chest X-ray, MONAI)",
        "radlearn.tasks.classification.case_scores",
    ),
    "detection": UseCase(
        "radlearn.rsna_pneumonia_detection.detect_pneumonia",
        "radlearn.challenges.rsna",
        "where is the lung opacity? (chest X-ray boxes, plain PyTorch)",
        "radlearn.tasks.detection.case_scores",
    ),
    "segmentation": UseCase(
        "radlearn.covid19_ct_segmentation.segment_lesions",
        "radlearn.challenges.covid19",
        "which voxels are COVID-19 lesions? (chest CT in three dimensions, MONAI)",
        "radlearn.tasks.segmentation.case_scores",
    ),
    "ultrasound": UseCase(
        "radlearn.ultrasound_nerve_segmentation.segment_nerves",
        "radlearn.challenges.ultrasound",
        "where is the nerve? (ultrasound, MONAI in two dimensions)",
        "radlearn.tasks.segmentation.label_maps.case_scores",
    ),
}


def register(name: str, use_case: UseCase) -> None:
    """Add a use case from another package: `radlearn NAME …` and `radlearn.NAME` then exist for it in this process."""
    USE_CASES[name] = use_case


def challenges() -> dict[str, Any]:
    """Return the challenges of all use cases by their names, each once."""
    found = {use_case.challenge: use_case.load_challenge() for use_case in USE_CASES.values()}
    return {challenge.name: challenge for challenge in found.values()}
