"""What the reports of all tasks share: where they stand, whom they are about, how the run was trained."""

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


class Draw(Protocol):
    """Saves a figure under a name, and gives it to the page with its words."""

    def __call__(self, name: str, figure: Figure, caption: str, alt: str, wide: bool = False) -> Picture: ...


@dataclass(frozen=True)
class Place:
    """Where a report and its pictures stand in the run folder; those on other data than the run's own test people stand apart."""

    page: Path
    pictures: Path


def place_of(run: Run, split: str) -> Place:
    """Return `report.html` and `pictures` for the split "test"; `report-SPLIT.html` and `pictures/SPLIT` for any other."""
    if split == "test":
        return Place(run.folder / "report.html", run.pictures)
    return Place(run.folder / f"report-{split}.html", run.pictures / split)


@contextmanager
def drawing(place: Place, pictures: int) -> Iterator[Draw]:
    """Give what saves pictures beside the report, with a bar that counts to about so many of them."""
    with progress_bar("writing the report", pictures, "pictures") as bar:

        def picture(name: str, figure: Figure, caption: str, alt: str, wide: bool = False) -> Picture:
            path = save_png(figure, place.pictures / f"{name}.png")
            bar.advance()
            return Picture(path, caption, alt, wide)

        yield picture


def write_run_report(
    run: Run, place: Place, found: Mapping[str, Any], title: str, subtitle: str, headline: Sequence[Headline], sections: Sequence[Section]
) -> Path:
    """Write the page of an evaluated run, its score file being `found`, and return its path; synthetic patients are said to be such."""
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
        footers=["Intervals hold 95 %: a bootstrap over people, each drawn with all their X-rays."],
    )
    say(f"Report: {place.page}")
    return place.page


def training_blocks(run: Run, scores: Sequence[str], best_by: str, picture: Draw, labels: Mapping[str, str] | None = None) -> list[Block]:
    """Return how loss and scores went over the epochs, and the settings.

    Args:
        scores: those of the validation that are drawn, `best_by` among them.
        best_by: the one by which the weights were kept.
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
