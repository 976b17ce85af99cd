"""What the reports of all tasks share: file names, the frame of the page, training curves and settings."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from matplotlib.figure import Figure

from radlearn.pictures import curves
from radlearn.pictures.report import SYNTHETIC, Block, Headline, Picture, Section, Table, write_report
from radlearn.pictures.style import save_png
from radlearn.progress import progress_bar, say
from radlearn.training.run_folder import Run

INTERVALS = "Intervals hold 95 %: a bootstrap over persons, each drawn with all their images."


class SaveFigure(Protocol):
    """Saves a figure as NAME.png and returns it as a picture of the page."""

    def __call__(self, name: str, figure: Figure, caption: str, alt: str, wide: bool = False) -> Picture: ...


@dataclass(frozen=True)
class Place:
    """Paths of a report and of its pictures in the run folder."""

    page: Path
    pictures: Path


def place_of(run: Run, split: str) -> Place:
    """Return `report.html` and `pictures` for the split "test"; `report-SPLIT.html` and `pictures/SPLIT` for any other."""
    if split == "test":
        return Place(run.folder / "report.html", run.pictures)
    return Place(run.folder / f"report-{split}.html", run.pictures / split)


@contextmanager
def saved_figures(place: Place, pictures: int) -> Iterator[SaveFigure]:
    """Provide a function that saves pictures beside the report, with a progress bar for about `pictures` of them."""
    with progress_bar("writing the report", pictures, "pictures") as bar:

        def picture(name: str, figure: Figure, caption: str, alt: str, wide: bool = False) -> Picture:
            path = save_png(figure, place.pictures / f"{name}.png")
            bar.advance()
            return Picture(path, caption, alt, wide)

        yield picture


def write_run_report(
    run: Run, place: Place, found: Mapping[str, Any], title: str, subtitle: str, headline: Sequence[Headline], sections: Sequence[Section]
) -> Path:
    """Write the report of an evaluated run and return its path. `found` is the content of its score file."""
    write_report(
        place.page,
        title,
        subtitle,
        headline,
        sections,
        ribbon=SYNTHETIC if found["synthetic"] else "",
        facts=[
            ("run", run.folder.name),
            ("evaluated on", found["split"]),
            ("network", str(run.settings.get("network", ""))),
            ("trained on", run.about["data"]),
        ],
        footers=[INTERVALS],
    )
    say(f"Report: {place.page}")
    return place.page


def training_blocks(
    run: Run, scores: Sequence[str], best_by: str, picture: SaveFigure, labels: Mapping[str, str] | None = None
) -> list[Block]:
    """Return the training curves and the table of settings.

    Args:
        scores: validation scores to draw, including `best_by`.
        best_by: the score that selected the weights.
        labels: names for people of scores that only one challenge has.
    """
    figure = curves.history_figure(run.history, scores, best_by, labels)
    rows = [[name, str(value)] for name, value in run.settings.items()]
    return [
        picture(
            "history", figure, "The weights of the best epoch were kept.", "Training loss and validation scores over the epochs.", wide=True
        ),
        Table(["setting", "value"], rows, "The settings of this run.", folded=True),
    ]
