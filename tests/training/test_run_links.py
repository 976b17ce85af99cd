"""A run folder of somebody else leads nowhere: links to other folders are refused, and links to other files are replaced."""

from pathlib import Path

import pytest

from radlearn.errors import BadRunFolder
from radlearn.json_files import write_json
from radlearn.training.run_folder import Run
from radlearn.training.run_links import refuse_links_out


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "run" / "best").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "scores.json").write_text("mine")
    return Run(tmp_path / "run", "classification")


@pytest.mark.parametrize("name", ["pictures", "tuning", "ensemble", "last", "best/deeper"])
@pytest.mark.parametrize("leads", ["{}/elsewhere", "../elsewhere", "../../elsewhere", "/"])
def test_a_folder_that_leads_out_is_named_with_where_it_leads(name: str, leads: str, run: Run) -> None:
    link = run.folder / name
    link.symlink_to(leads.format(run.folder.parent))
    if link.is_dir() and not link.resolve().is_relative_to(run.folder):
        with pytest.raises(BadRunFolder, match=rf"{name}: is a link to /.*, outside of the run folder\. Nothing is written through it"):
            refuse_links_out(run)
    else:
        refuse_links_out(run)


def test_links_within_the_folder_and_a_link_to_it_are_no_matter(run: Run, tmp_path: Path) -> None:
    (run.folder / "pictures").symlink_to("best")
    (tmp_path / "called").symlink_to(run.folder)
    refuse_links_out(run)
    refuse_links_out(Run(tmp_path / "called", "classification"))


def test_a_link_in_the_place_of_a_file_is_replaced_and_its_target_stays(run: Run, tmp_path: Path) -> None:
    (run.folder / "scores.json").symlink_to(tmp_path / "elsewhere" / "scores.json")
    refuse_links_out(run)
    write_json(run.folder / "scores.json", {"a": 1})
    assert (tmp_path / "elsewhere" / "scores.json").read_text() == "mine"
    assert not (run.folder / "scores.json").is_symlink()
