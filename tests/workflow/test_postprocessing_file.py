"""A postprocessing is read as it was written; a damaged one is refused with the command to choose it again."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_postprocessing, write_postprocessing


@dataclass(frozen=True)
class Cut:
    """A number that must be above 0."""

    at: float

    def __post_init__(self) -> None:
        if not self.at > 0:
            raise BadSetting("at must be above 0.")


def test_a_postprocessing_is_read_with_the_values_about_its_choice(tmp_path: Path) -> None:
    run = Run(tmp_path, "segmentation")
    with pytest.raises(BadRunFolder, match=r"has not finished\. To continue: radlearn segmentation resume"):
        read_postprocessing(run, Cut)
    write_postprocessing(run, Cut(0.25), {"ablation": [1, 2]})
    assert read_postprocessing(run, Cut) == (Cut(0.25), {"ablation": [1, 2]})


@pytest.mark.parametrize(
    "content",
    [
        "{}",
        "[]",
        '{"postprocessing": {"cut": 0.5}}',
        '{"postprocessing": {"at": "half"}}',
        '{"postprocessing": {"at": -1}}',
        '{"postprocessing": 3}',
    ],
)
def test_a_damaged_postprocessing_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "postprocessing.json").write_text(content)
    with pytest.raises(BadRunFolder, match="radlearn segmentation resume"):
        read_postprocessing(Run(tmp_path, "segmentation"), Cut)


def test_the_postprocessing_of_another_task_is_refused_though_its_numbers_would_fit(tmp_path: Path) -> None:
    write_postprocessing(Run(tmp_path, "detection"), Cut(0.25), {})
    with pytest.raises(BadRunFolder, match=r"task is 'detection'; expected 'segmentation'.*radlearn segmentation resume"):
        read_postprocessing(Run(tmp_path, "segmentation"), Cut)
