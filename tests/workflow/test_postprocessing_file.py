"""A recipe comes back as it was kept; one that was damaged is refused with how to choose it again."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from radlearn.errors import BadRunFolder, BadSetting
from radlearn.training.run_folder import Run
from radlearn.workflow.postprocessing_file import read_recipe, write_recipe


@dataclass(frozen=True)
class Cut:
    """A number that must be above 0."""

    at: float

    def __post_init__(self) -> None:
        if not self.at > 0:
            raise BadSetting("at must be above 0.")


def test_a_recipe_comes_back_with_how_it_was_found(tmp_path: Path) -> None:
    run = Run(tmp_path, "segmentation")
    with pytest.raises(BadRunFolder, match="has not come to its end"):
        read_recipe(run, Cut)
    write_recipe(run, Cut(0.25), {"worth": [1, 2]})
    assert read_recipe(run, Cut) == (Cut(0.25), {"worth": [1, 2]})


@pytest.mark.parametrize(
    "content", ["{}", "[]", '{"recipe": {"cut": 0.5}}', '{"recipe": {"at": "half"}}', '{"recipe": {"at": -1}}', '{"recipe": 3}']
)
def test_a_damaged_recipe_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "recipe.json").write_text(content)
    with pytest.raises(BadRunFolder, match="radlearn segmentation resume"):
        read_recipe(Run(tmp_path, "segmentation"), Cut)
